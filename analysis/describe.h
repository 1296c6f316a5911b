/*
 * describe.h - what attributes say of a face, in the few words of a label.
 */
#ifndef MIEN_ANALYSIS_DESCRIBE_H
#define MIEN_ANALYSIS_DESCRIBE_H

#include "analysis/analysis.h"

/* "female 31": the likeliest label of each distribution, then each value, in the networks' order;
 * what there is no room for is left out. Empty where nothing is told of faces. Returns out. */
char *describe_face(const struct analysis *a, int i, char *out, size_t room);

#endif
