/*
 * calibrate.h - the ranges of a network's values, measured while it runs in fp32.
 *
 * A calibration watches runs as their observer and keeps a histogram of every channel of every
 * stored value. The range it gives to 256 steps is the one with the smallest mean squared error
 * over what it saw: rounding within the range against clipping beyond it (Choukroun et al.,
 * "Low-bit Quantization of Neural Networks for Efficient Inference", 2019), never wider than what
 * was seen. What is made of the ranges is precision.h's business.
 */
#ifndef MIEN_ENGINE_CALIBRATE_H
#define MIEN_ENGINE_CALIBRATE_H

#include "engine/backend.h"
#include "engine/net.h"

struct calibration;

int calibration_new(const struct net *net, struct calibration **out);
void calibration_free(struct calibration *c);
/* What a backend's run is to be told; it may be told by several threads at once. */
const struct backend_observer *calibration_observer(const struct calibration *c);
/* Writes a copy of the net's blob with the ranges (precision.h) to path. MIEN_EINVAL where nothing
 * was seen, and blob_save's errors. */
int calibration_save(const struct calibration *c, const char *path);

#endif
