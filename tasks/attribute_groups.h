/*
 * attribute_groups.h - a number that a network tells as probabilities of groups ("20-29"): what it
 * is likeliest to be, and between which two numbers it lies.
 *
 * Groups have edges, and within each nothing is known, so that the density is flat there. A network
 * learns how common groups were in its training, too; dividing by that (or by some power of it,
 * since it is not all prejudice) gives what the picture itself says.
 */
#ifndef MIEN_TASKS_ATTRIBUTE_GROUPS_H
#define MIEN_TASKS_ATTRIBUTE_GROUPS_H

struct groups {
    int n;
    double *edges; /* [n + 1], rising */
    double *means; /* [n] what a group is on average */
    double *prior; /* [n] by which probabilities are divided: all 1 where there is none */
    double interval;
};

enum {
    GROUPS_MOST = 256,
    GROUPS_ENDS = 3 /* values before the probabilities: the number, low, high */
};

/* share: [n] probabilities. out: [GROUPS_ENDS]. */
void groups_number(const struct groups *g, const float *share, float *out);

#endif
