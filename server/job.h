/*
 * job.h - what a request does to a picture: decode, detect, align, embed, age and gender,
 * classify; the same steps as the tool's, over the batcher.
 *
 * A picture is begun (decoded, its networks asked for) and ended (faces looked closer at), so that
 * a request of several has more than one under way.
 */
#ifndef MIEN_SERVER_JOB_H
#define MIEN_SERVER_JOB_H

#include "common/faces.h"
#include "server/batch.h"
#include "server/request.h"

enum job_wants {
    JOB_FACES = 1,
    JOB_AGES = 2,
    JOB_EMBEDDINGS = 4,
    JOB_CLASSES = 8,
    JOB_ALL_PIXELS = 16 /* faces are looked for in all of them even where nothing else is wanted */
};

struct job_options {
    unsigned wants; /* of enum job_wants; what has no network is left out */
    mien_detect_options detect;
    int top;             /* classes, at most the classifier's */
    enum face_pick pick; /* which faces are kept */
    int aligned;         /* the picture is an aligned face of 112x112 */
};

struct job {
    struct request *request;
    const struct job_options *options;
    mien_image *image;
    size_t budget;     /* bytes taken of the server's memory for pictures */
    int width, height; /* of the upright original */
    int nfaces;
    mien_face *faces;      /* [nfaces] */
    mien_age_gender *ages; /* [nfaces], or NULL */
    float *embeddings;     /* [nfaces][embedding_size], or NULL */
    int embedding_size;
    mien_class *classes; /* [top], or NULL */
    double seconds[STAGES];
    double begun, took; /* seconds; stages overlap, so that their sum may be more */

    /* Why it failed: an HTTP status, 0 where it did not. */
    int status;
    const char *code;
    char why[256];
    int is_over; /* given up: the request's deadline has come or its client has gone */

    struct batch_group group;
    struct batch_item detect, classify, embed, age_gender;
};

/* Decodes bytes[0..size-1] and asks for faces and classes. *p need not be initialised; options must
 * stay valid until job_free(). Where the pictures of other requests take all memory it waits,
 * unless `holds` says that this request has pictures under way, which must be ended first: then it
 * returns -1 and nothing was begun. */
int job_begin(struct job *p, struct request *r, const struct job_options *options,
              const uint8_t *bytes, size_t size, int holds);
/* Waits for what was begun, looks at the faces, and lets go of the pixels. */
void job_end(struct job *p);
/* A picture that could not even be read. */
void job_refuse(struct job *p, struct request *r, const struct job_options *options, int status,
                const char *code, const char *why);
void job_free(struct job *p);

/* 0 where the networks for `wants` are there; -1 after replying 404. Ages are left out silently. */
int jobs_check(struct request *r, unsigned wants);

/* Runs n pictures of a request; at: [n]. Where one fails and keep_bad is 0, the request is answered
 * with its error and -1 returned; so it is where the request is over. */
struct uploads;
int jobs_run(struct request *r, const struct job_options *options, const struct uploads *uploads,
             struct job *at, int keep_bad);

#endif
