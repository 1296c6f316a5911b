/*
 * layers.h - a network's weights on the device, as the kernels read them (kernels/params.h).
 */
#ifndef MIEN_CUDA_LAYERS_H
#define MIEN_CUDA_LAYERS_H

#include "cuda/device.h"
#include "engine/net.h"

/* One node's arrays, in device memory; NULL where it has none. */
struct cuda_layer {
    /* CONV with one group: struct cuda_conv; others: struct cuda_gconv */
    int type; /* KERN_F32, KERN_F16, or KERN_U8, which stands for int8_t */
    int taps, across, depth, depth_pad, k_pad;
    int kh, kw, stride, dilation, groups, cin, cout, bias_classes;
    char *weights;
    char *dense;          /* for vendor.h, which wants no padding: the same as [cout][kh][kw][c], c
                             all of a pixel where the layer reads a picture; it may be weights */
    float *bias;          /* [bias_classes][cout] */
    float *acc_scale;     /* [cout], where products are integers */
    float *scale, *shift; /* AFFINE: [c] */
    float *slope;         /* PReLU of this ACT node: [c] */
    float *stored;        /* [c], scale of a value kept as bytes */
    float *inverse;       /* [c], one over it */
};

/* All layers of a network, in one piece of memory. */
struct cuda_layers {
    struct cuda_layer *layers; /* [count], a node each */
    int count, dense;
    CUdeviceptr region;
    size_t bytes;
};

/* What plans are made by (plan.h), on which a layer's packing depends. */
extern const struct plan_rules cuda_plan_rules;

/* Packs and uploads, for vendor.h as well where wanted; MIEN_EWEIGHTS where a weight is not finite.
 * Call between cuda_enter() and cuda_leave(), as cuda_layers_free(). */
int cuda_layers_load(const struct cuda_device *dev, const struct net *net, int dense,
                     struct cuda_layers *out);
void cuda_layers_free(const struct cuda_device *dev, struct cuda_layers *l);

/* The slopes of a fused PReLU, which are its own node's. */
const float *cuda_slope(const struct cuda_layers *l, const struct net *net,
                        const struct blob_tensor *slope);

#endif
