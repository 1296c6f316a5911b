/*
 * hit.h - what a search finds, and what it may find.
 */
#ifndef MIEN_GALLERY_HIT_H
#define MIEN_GALLERY_HIT_H

#include <stdint.h>

/* The group of what is in none. */
#define GROUP_NONE INT64_MIN

/* What may be found. Functions are called from several threads at once, and answer the same for a
 * row all through a search. */
struct index_filter {
    float least;                                 /* the least score of a hit: -2 is any */
    int (*allow)(void *context, int64_t id);     /* NULL: every row */
    int64_t (*group)(void *context, int64_t id); /* of a group only the best row is a hit; NULL:
                                                  * each row is its own */
    void *context;
};

struct index_hit {
    int64_t id;
    float score;
};

#endif
