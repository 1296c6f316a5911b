/*
 * rekognition.h - what the operations of Amazon Rekognition have in common: its errors, the members
 * of its requests, pictures, faces.
 *
 * Names, limits and types are those of botocore's description of the service (rekognition
 * 2016-06-27). A collection is one of the gallery's, a user a person with a name, a face a sample:
 * one that is no user's is a person without a name. Functions that return an int return 0, or -1
 * after replying.
 */
#ifndef MIEN_SERVER_APIS_REKOGNITION_H
#define MIEN_SERVER_APIS_REKOGNITION_H

#include "recognition/identify.h"
#include "recognition/person.h"
#include "recognition/scale.h"
#include "server/apis/collection.h"
#include "server/apis/enrolment.h"
#include "server/apis/uuid.h"
#include "server/picture.h"

/* Scores are percents; 80 is the usual threshold. */
extern const struct scale REKOGNITION_SCALE;

/* Operations, by files: ended by one without a name. */
struct rekognition_op {
    const char *name;
    void (*handle)(struct request *r);
};
extern const struct rekognition_op REKOGNITION_PICTURES[], REKOGNITION_COLLECTIONS[],
    REKOGNITION_FACES[], REKOGNITION_SEARCHES[], REKOGNITION_USERS[];

/* type: "InvalidParameterException", ... */
void rekognition_error(struct request *r, int status, const char *type, const char *message);
void rekognition_reply(struct request *r, json_t *object, int failed);

/* Members of a request. A text has letters, digits and what `more` says. */
int rekognition_text(struct request *r, const char *name, int required, const char *more, int most,
                     const char **text);
int rekognition_number(struct request *r, const char *name, double least, double most, double *v);
int rekognition_int(struct request *r, const char *name, int least, int most, int *v);
/* The value of QualityFilter; *filter is `otherwise` without one. */
int rekognition_filter(struct request *r, const char *otherwise, const char **filter);
/* The face ids of a list of 1 to `most`, as they were given. */
int rekognition_ids(struct request *r, int most, const json_t **list);
/* The pictures of these members, n of them; *in is the caller's to free in any case. */
int rekognition_images(struct request *r, const char *const *names, int n, struct uploads *in);
/* Which attributes are asked for: added to the options. */
int rekognition_attributes(struct request *r, const char *name, struct analysis_options *o,
                           int *all);
/* A picture's analysis, or NULL after replying. */
struct pictures *rekognition_look(struct request *r, const struct uploads *in,
                                  struct analysis_options *options, unsigned results);

/* Faces. */
json_t *rekognition_box(const struct analysis *a, const mien_face *face, int *failed);
/* all: with its attributes, not only place, pose, quality. */
json_t *rekognition_detail(const struct picture *p, int i, int all, int *failed);
/* Why face i is not good enough to be kept or searched for: a list of reasons, or NULL where it is.
 * filter: QualityFilter, NULL for none. */
json_t *rekognition_reasons(const struct analysis *a, int i, const char *filter, int *failed);
/* The faces by falling area, [nfaces], for free(). NULL after replying. */
int *rekognition_order(struct request *r, const struct analysis *a);
double rekognition_score(const struct request *r, double similarity);
double rekognition_similarity(const struct request *r, double score);

/* A face that is kept: what a list tells of it. */
struct rekognition_face {
    int64_t id, person, contract;
    float *values; /* its embedding, [dims], where it was asked for; for free() */
    int dims;
    json_t *json; /* without its user */
};
/* Copies a sample; a function for those that list. Returns 0, or MIEN_ENOMEM. */
int rekognition_copy(struct rekognition_face *face, const mien_gallery_sample *s, int with_values);
void rekognition_forget(struct rekognition_face *face);
/* The face of an id in the call's collection; 0, 1 where there is none, or -1 after replying. */
int rekognition_find(struct collection_call *call, const char *text, int with_values,
                     struct rekognition_face *face);
/* Takes the JSON of a face, with whose it is. */
json_t *rekognition_take(struct collection_call *call, struct rekognition_face *face, int *failed);

/* The collection of a request, and its turn. */
int rekognition_begin(struct request *r, enum gallery_use use, struct collection_call *call);
/* The user of UserId: *person, 0 where there is none and that may be. */
int rekognition_user(struct collection_call *call, const char *id, int may_miss, int64_t *person);
void rekognition_set_model(json_t *object, const struct request *r, int *failed);

/* Tokens of pages: an id, hidden from nobody but checked. *after is 0 without one. */
int rekognition_read_token(struct request *r, int64_t *after);
void rekognition_set_token(json_t *object, int64_t after, int *failed);

#endif
