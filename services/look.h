/*
 * look.h - what services that look at a picture have in common: who asks about which picture, its
 * analysis, its result into Redis, and the answer.
 *
 * What is wrong with a picture is an answer (`success` is false, and a sentence), for asking again
 * will not mend it; what is wrong with the service, or with Redis, is an error.
 */
#ifndef MIEN_SERVICES_LOOK_H
#define MIEN_SERVICES_LOOK_H

#include "server/picture.h"
#include "services/results.h"
#include "services/services.h"

struct look {
    struct request *request;
    const char *image_id;
    char key[RESULTS_KEY];
    char room[256];
};

/* Reads what is asked: 0, or -1 after replying. */
int look_begin(struct look *look, struct request *r);
/* Options of an analysis as the tool's `analyze` has them, of these results of networks. */
struct analysis_options look_options(const struct request *r, unsigned results);
/* Analyses the picture; NULL after replying. pictures_free() it. */
struct pictures *look_run(struct look *look, const struct analysis_options *options);
/* Keeps a field of the picture's results, which it takes over, and replies. */
void look_end(struct look *look, const char *field, json_t *value, int failed);
/* Replies that the picture is at fault. */
void look_refuse(struct look *look, const char *why);

/* Of services whose only state is a store: start and free of `struct service`. */
int look_start(struct server *s, char *why, size_t room);
void look_free(struct server *s);

#endif
