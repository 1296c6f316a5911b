/*
 * precision.h - how each value of a network is stored, and with that, how each layer computes.
 *
 * A layer multiplies in the type its input is stored in, so choosing the types of the values
 * chooses everything. fp32: all values are floats. bf16: only the outputs are. fp16: those, and
 * what the model's file says would cost too much exactness (net_exact). int8:
 * values between layers are bytes; the picture, what the last layers (heads, fully connected ones)
 * read and what is of one pixel because of a global pool stay in the better type, and outputs are
 * floats.
 *
 * Bytes are affine: x = scale[channel] (stored - zero). What a calibration measured stands in the
 * blob (ranges.h).
 *
 * A scale a channel costs nothing where the reader computes in floats (depthwise layers, sums), and
 * otherwise moves difficulty from the activations into the weights that read them: the scales are
 * a geometric mean of the channel's own and the largest one (Xiao et al., "SmoothQuant", 2023).
 */
#ifndef MIEN_ENGINE_PRECISION_H
#define MIEN_ENGINE_PRECISION_H

#include "engine/net.h"
#include "mien.h"

/* What a backend multiplies well. */
struct precision_support {
    int bf16, f16, u8;
};

/* Sets type, scale and zero of every node of a folded net. A precision the backend does not have
 * becomes fp32, which is never less exact, and int8 the better type in what reads another
 * network's features and was not calibrated. MIEN_EUNSUPPORTED where int8 is wanted and any other
 * blob was not calibrated, MIEN_EWEIGHTS where its calibration is not this network's. */
int precision_assign(struct net *net, enum mien_precision precision,
                     const struct precision_support *support);

/* MIEN_EWEIGHTS where a node that is needed is stored in bytes and its range was not measured. */
int precision_check(const struct net *net, int node);

#endif
