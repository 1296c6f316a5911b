/*
 * best.h - what one thread has seen of the rows that may be among the k best for a query.
 *
 * Of each row only bounds of its score are known. The k largest lower bounds are kept: a row whose
 * upper bound is below all of them is worse than k others, whatever the scores turn out to be, and
 * is none of the k best; all others are candidates. Where rows are grouped, of each group the
 * largest lower bound counts, and k is of groups.
 */
#ifndef MIEN_GALLERY_BEST_H
#define MIEN_GALLERY_BEST_H

#include <stddef.h>
#include <stdint.h>

struct candidate {
    double upper, lower;
    int64_t id, group;
    uint32_t slot;
};

struct best {
    int k, n, grouped;
    double floor; /* what no hit's score is below */
    struct best_lower {
        double lower;
        int64_t group;
    } * lowers; /* [n] of [k], a heap, the least first */
    struct candidate *candidates;
    size_t n_candidates, room;
};

/* floor: the score a hit must have. 0, or -1 without memory. */
int best_open(struct best *b, int k, int grouped, double floor);
void best_close(struct best *b);
/* The upper bound a row must have to be a candidate. */
double best_limit(const struct best *b);
/* Takes up a row whose upper bound is not below the limit; 0, or -1 without memory. */
int best_offer(struct best *b, const struct candidate *c);
/* Takes up all that another thread has seen; 0, or -1 without memory. */
int best_merge(struct best *b, const struct best *other);
/* Forgets the candidates that are none any more, and sorts the others, the largest upper bound
 * first. */
void best_sort(struct best *b);

#endif
