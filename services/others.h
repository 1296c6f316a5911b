/*
 * others.h - the services a picture goes through, asked one after the other over gRPC.
 */
#ifndef MIEN_SERVICES_OTHERS_H
#define MIEN_SERVICES_OTHERS_H

#include "common/trace.h"
#include "server/service.h"

#include <stddef.h>
#include <time.h>

struct others;

struct others_asked {
    const char *image_id;
    const void *image;
    size_t size;
    struct timespec read;      /* when it was */
    const struct trace *trace; /* each call is a span of it */
};

enum others_outcome {
    OTHERS_DONE,   /* the result is on the disk; where */
    OTHERS_FAILED, /* the picture is at fault */
    OTHERS_AGAIN   /* one of them is, or what they kept is gone: all is to be asked again */
};

/* 0 where `also` is such a list (docs/services.md); -1 with a sentence. */
int others_check(const char *also, char *why, size_t room);
/* max_bytes: of a picture. NULL with a sentence. */
struct others *others_new(const struct service_config *c, size_t max_bytes, char *why, size_t room);
/* Takes a picture through all of them, with a sentence of how it ended. Any number of threads. */
enum others_outcome others_ask(struct others *o, const struct others_asked *asked, char *why,
                               size_t room);
/* Asks that are under way have so many seconds, the others none. Returns when they have ended. */
void others_end(struct others *o, double seconds);
void others_free(struct others *o);

#endif
