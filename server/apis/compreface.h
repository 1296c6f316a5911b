/*
 * compreface.h - what the paths of CompreFace have in common: its errors, the parameters of its
 * requests, its faces, and the collection its keys are for.
 */
#ifndef MIEN_SERVER_APIS_COMPREFACE_H
#define MIEN_SERVER_APIS_COMPREFACE_H

#include "recognition/scale.h"
#include "server/apis/api.h"
#include "server/apis/collection.h"
#include "server/apis/enrolment.h"
#include "server/picture.h"
#include "server/uploads.h"

/* Its codes of errors (CommonExceptionCode.java, and those of subjects and examples). */
enum compreface_code {
    COMPREFACE_UNDEFINED = 0,
    COMPREFACE_WRONG_KEY = 10,
    COMPREFACE_NO_PICTURE = 11,
    COMPREFACE_NO_KEY = 20,
    COMPREFACE_VALIDATION = 26,
    COMPREFACE_NO_FACE = 28,
    COMPREFACE_MANY_FACES = 31,
    COMPREFACE_FAILED = 41,
    COMPREFACE_NO_SUBJECT = 42,
    COMPREFACE_SUBJECT_EXISTS = 43,
    COMPREFACE_NO_EMBEDDING = 44
};

/* Similarities are shares; 0.5 is the usual threshold. */
extern const struct scale COMPREFACE_SCALE;

/* Replies {"message", "code"}. */
void compreface_error(struct request *r, int status, enum compreface_code code,
                      const char *message);
/* struct api's. */
void compreface_write_error(struct request *r, int status, const char *code, const char *message);

/* What is told of faces besides their boxes. */
enum compreface_plugin {
    PLUGIN_AGE,
    PLUGIN_GENDER,
    PLUGIN_LANDMARKS,
    PLUGIN_CALCULATOR,
    PLUGIN_MASK,
    PLUGIN_POSE,
    COMPREFACE_PLUGINS
};

/* A request's parameters. */
struct compreface_asked {
    int limit;        /* the largest faces so many; 0: all */
    int count;        /* subjects a face */
    int status;       /* times and networks are told, too */
    unsigned plugins; /* bits 1 << PLUGIN_AGE, ... */
    struct analysis_options options;
};

/* Reads them, for networks that give these results (bits 1 << enum mien_result): 0, or -1 after
 * replying. */
int compreface_read(struct request *r, unsigned results, struct compreface_asked *asked);
/* The faces of an analysis to be told of, [*n], for free(): by falling score, or where there is a
 * limit the largest. NULL after replying: where there are none that is an error here. */
int *compreface_choose(struct request *r, const struct compreface_asked *asked,
                       const struct analysis *a, int *n);
/* Face i: its box, what plugins tell, and times. failed: as result_json.h. */
json_t *compreface_face(const struct compreface_asked *asked, const struct picture *p, int i,
                        int *failed);
/* Adds `plugins_versions` where they were asked for. */
void compreface_add_versions(json_t *object, const struct request *r,
                             const struct compreface_asked *asked, int *failed);
/* Replies {"result": list}, and the versions. Takes list over. */
void compreface_reply(struct request *r, const struct compreface_asked *asked, json_t *list,
                      int failed);
json_t *compreface_score(const struct request *r, double similarity);

/* collection_begin() of the collection the request's key is for, where it may be used so. */
int compreface_begin(struct request *r, enum gallery_use use, struct collection_call *call);
/* The sample of an image id, a copy of its embedding under the server's contract for
 * free(), and whose it is; values or person may be NULL. -1 after replying. */
int compreface_find_image(struct collection_call *call, const char *text, int64_t *sample,
                          float **values, int64_t *person);

#endif
