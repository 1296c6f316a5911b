/*
 * precision.h - how each value of a network is stored, and with that, how each layer computes.
 *
 * A layer multiplies in the type its input is stored in, so choosing the types of the values chooses
 * everything. fp32: all values are floats. bf16: all but the outputs are bf16. int8: values between
 * layers are bytes; the picture and what the last layers (heads, fully connected ones) read stay in
 * the better type, and outputs are floats.
 *
 * Bytes are affine, one scale and zero point a value: x = scale (stored - zero). The ranges behind
 * them were measured by a calibration (calibrate.h) and stand in the blob's metadata `int8`:
 * {"ranges": {"<node> <name>": [low, high], ...}, ...}.
 */
#ifndef MIEN_ENGINE_PRECISION_H
#define MIEN_ENGINE_PRECISION_H

#include "engine/net.h"
#include "mien.h"

/* What a backend multiplies well. */
struct precision_support {
    int bf16, u8;
};

/* Sets type, scale and zero of every node of a folded net. A precision the backend does not have
 * becomes fp32, which is never less exact. calibration: the blob's metadata `int8`, or NULL.
 * MIEN_EUNSUPPORTED where int8 is wanted and there is none, MIEN_EWEIGHTS where it does not fit. */
int precision_assign(struct net *net, enum mien_precision precision,
                     const struct precision_support *support, const char *calibration);

/* The key of a value's range in the metadata: "<node> <name>". key: [size] */
void precision_key(const struct net *net, int node, char *key, size_t size);

#endif
