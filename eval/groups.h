/*
 * groups.h - the groups figures are told of: by one, two and three columns of the samples.
 *
 * Results that are right on the whole may be wrong of some people: so each figure is told of every
 * race, gender and age, and of their combinations, where the data say them.
 */
#ifndef MIEN_EVAL_GROUPS_H
#define MIEN_EVAL_GROUPS_H

#include "eval/report.h"
#include "eval/samples.h"

enum { GROUP_VALUES_MAX = 1000 };

struct group_column {
    const char *name;
    int nvalues;
    const char *values[GROUP_VALUES_MAX]; /* in the order they are told */
    int *value;                           /* [samples] position in values; -1: not known */
};

struct groups {
    int n;
    struct group_column *at; /* [n] */
};

/* FairFace's groups of age, which years are divided into: their names and first years. */
enum { AGE_GROUPS = 9 };
extern const char *const AGE_GROUP_NAMES[AGE_GROUPS];
extern const double AGE_GROUP_FIRST[AGE_GROUPS];

/* by: names of columns with commas between them; NULL: those of race, gender and age that there
 * are. MIEN_EINVAL where there is no such column, or it has too many values. */
int groups_make(struct groups *g, const struct samples *samples, const char *by,
                char why[EVAL_WHY]);
void groups_free(struct groups *g);

/* Calls visit for each combination of 0, 1, 2 and 3 columns that samples have: member[samples] is
 * 1 for those in it. visit returns a MIEN_E code, and so does this. */
int groups_each(const struct groups *g, int samples,
                int (*visit)(void *context, int n, const char *const *by, const char *const *value,
                             const unsigned char *member),
                void *context);

#endif
