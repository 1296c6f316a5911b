/*
 * detectors.h - what the blobs of two published detectors say of their outputs.
 */
#ifndef MIEN_TESTS_DETECTORS_H
#define MIEN_TESTS_DETECTORS_H

#include "vision/anchors.h"

extern const char detectors_mnet_v2[], detectors_biubug6[];

/* Fails the running test where that is not to be understood. */
struct anchor_spec detectors_spec(const char *arch, const char *variant);

#endif
