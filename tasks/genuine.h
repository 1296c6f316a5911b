/*
 * genuine.h - how alike the faces of one person are, and what a similarity thereby says.
 *
 * Of a face and the mean of n faces of the same person, similarities are spread about a mean with a
 * deviation, both of which go with 1 / n from those of one face to those of very many. Faces that
 * are much less alike are rarer, but not as rare as of a normal distribution: a Student
 * distribution of six degrees of freedom keeps count of them.
 */
#ifndef MIEN_TASKS_GENUINE_H
#define MIEN_TASKS_GENUINE_H

#include "tasks/impostors.h"

struct genuine {
    float one_mean, one_deviation, many_mean, many_deviation;
};

/* ln of how many times likelier a similarity to the mean of n faces is of one person's than of
 * different people's. It rises with the similarity. */
double genuine_log_ratio(const struct genuine *g, const float impostors[IMPOSTOR_POINTS], int n,
                         double similarity);

#endif
