/*
 * describe.h - what attributes say of a face, in the few words of a label.
 */
#ifndef MIEN_ANALYSIS_DESCRIBE_H
#define MIEN_ANALYSIS_DESCRIBE_H

#include "analysis/analysis.h"

/* "female 0.93, age 32": the likeliest label of each distribution with its probability, cut to two
 * places, then each value, in the networks' order; "gender unsure" and "too small to judge" where
 * judge.h says so. What there is no room for is left out. Empty where nothing is told of faces.
 * Returns out. */
char *describe_face(const struct analysis *a, int i, char *out, size_t room);

/* A probability or score as people are shown it: cut to two places, because 0.996 is not certain.
 */
double describe_share(float share);

#endif
