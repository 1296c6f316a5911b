/*
 * precision.h - how each value of a network is stored, and with that, how each layer computes.
 *
 * A layer multiplies in the type its input is stored in, so choosing the types of the values
 * chooses everything. fp32: all values are floats. bf16: only the outputs are. fp16: those, and
 * what the model's file says would cost too much exactness (net_exact). int8:
 * values between layers are bytes; the picture and what the last layers (heads, fully connected
 * ones) read stay in the better type, and outputs are floats.
 *
 * Bytes are affine: x = scale[channel] (stored - zero). What was measured by a calibration
 * (calibrate.h) stands in the blob as tensors "int8.<number> <name>" of shape [3][channels]: the
 * lowest and the highest value worth representing, and the mean. The tensor "int8.exempt" holds
 * numbers (net_node.number) of nodes whose values cost more exactness in bytes than they save time:
 * they stay in the better type (tools/exempt.py chooses them).
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
 * becomes fp32, which is never less exact. MIEN_EUNSUPPORTED where int8 is wanted and the blob was
 * not calibrated, MIEN_EWEIGHTS where its calibration is not this network's. */
int precision_assign(struct net *net, enum mien_precision precision,
                     const struct precision_support *support);

/* MIEN_EWEIGHTS where a node that is needed is stored in bytes and its range was not measured. */
int precision_check(const struct net *net, int node);

/* The name of a value's tensor of ranges. name: [PRECISION_NAME] */
#define PRECISION_PREFIX "int8."
#define PRECISION_EXEMPT PRECISION_PREFIX "exempt"
enum { PRECISION_NAME = 160 };
void precision_tensor_name(const struct net_node *n, char *name);
/* Is the tensor one of these, and not one of the network's? */
int precision_range(const struct blob_tensor *t);
/* Does the blob have any? */
int precision_calibrated(const struct blob *blob);

#endif
