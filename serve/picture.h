/*
 * picture.h - what a request does to a picture: decode, detect, align, embed, age and gender,
 * classify; the same steps as the tool's, over the batcher.
 *
 * A picture is begun (decoded, its networks asked for) and ended (faces looked closer at), so that a
 * request of several has more than one under way.
 */
#ifndef MIEN_SERVE_PICTURE_H
#define MIEN_SERVE_PICTURE_H

#include "serve/batch.h"
#include "serve/request.h"

enum picture_wants {
    PICTURE_FACES = 1,
    PICTURE_AGES = 2,
    PICTURE_EMBEDDINGS = 4,
    PICTURE_CLASSES = 8
};
enum face_pick { FACE_ALL, FACE_LARGEST, FACE_CENTRE };

struct picture_options {
    unsigned wants; /* of enum picture_wants; what has no network is left out */
    mien_detect_options detect;
    int top;             /* classes, at most the classifier's */
    enum face_pick pick; /* which faces are kept */
    int aligned;         /* the picture is an aligned face of 112x112 */
};

struct picture {
    struct request *request;
    const struct picture_options *options;
    mien_image *image;
    size_t budget;     /* bytes taken of the server's memory for pictures */
    int width, height; /* of the upright original */
    int nfaces;
    mien_face *faces;       /* [nfaces] */
    mien_age_gender *ages;  /* [nfaces], or NULL */
    float *embeddings;      /* [nfaces][embedding_size], or NULL */
    int embedding_size;
    mien_class *classes; /* [top], or NULL */
    double seconds[STAGES];

    /* Why it failed: an HTTP status, 0 where it did not. */
    int status;
    const char *code;
    char why[256];
    int is_over; /* given up: the request's deadline has come or its client has gone */

    struct batch_group group;
    struct batch_item detect, classify, embed, age_gender;
};

/* Decodes bytes[0..size-1] and asks for faces and classes. *p need not be initialised; options must
 * stay valid until picture_free(). Where the pictures of other requests take all memory it waits,
 * unless `holds` says that this request has pictures under way, which must be ended first: then it
 * returns -1 and nothing was begun. */
int picture_begin(struct picture *p, struct request *r, const struct picture_options *options,
                  const uint8_t *bytes, size_t size, int holds);
/* Waits for what was begun, looks at the faces, and lets go of the pixels. */
void picture_end(struct picture *p);
/* A picture that could not even be read. */
void picture_refuse(struct picture *p, struct request *r, const struct picture_options *options,
                    int status, const char *code, const char *why);
void picture_free(struct picture *p);

/* 0 where the networks for `wants` are there; -1 after replying 404. Ages are left out silently. */
int pictures_check(struct request *r, unsigned wants);

/* Runs n pictures of a request; at: [n]. Where one fails and keep_bad is 0, the request is answered
 * with its error and -1 returned; so it is where the request is over. */
struct inputs;
int pictures_run(struct request *r, const struct picture_options *options,
                 const struct inputs *inputs, struct picture *at, int keep_bad);

#endif
