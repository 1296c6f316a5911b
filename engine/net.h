/*
 * net.h - a network as a list of operations, and the builder the model files are written with.
 *
 * A model file (models/<family>.c) calls these functions in the order of the paper's figure and
 * names the tensors of its blob. Nothing here knows about batch, picture size or hardware: a net is
 * built once a blob, folded once (fold.h), and planned for every size it is run at (plan.h).
 *
 * Errors are sticky: the first one is kept, every later call does nothing, and net_finish reports
 * it, so model files need no checks of their own.
 */
#ifndef MIEN_ENGINE_NET_H
#define MIEN_ENGINE_NET_H

#include "engine/blob.h"
#include "engine/gather.h"
#include "kernels/kern.h"

#include <stddef.h>

typedef int net_value; /* index of the node that makes the value */

enum net_op {
    NET_INPUT,
    NET_CONV,     /* convolution; also fully connected layers (a kernel as large as the map) */
    NET_AFFINE,   /* scale and shift a channel: batch norm, normalisation */
    NET_ACT,      /* activation alone */
    NET_ADD,      /* sum of two values; a map of one pixel counts for all of the other's */
    NET_MUL,      /* their product */
    NET_POOL,     /* max or average */
    NET_UPSAMPLE, /* nearest neighbour, factor 2, cropped to the size of in[1] */
    NET_CONCAT,   /* along channels */
    NET_SLICE,    /* neighbouring channels, where they are: nothing is copied */
    NET_GATHER,   /* pixels and channels copied, or between pixels (gather.h); a second input only
                     lends its size */
    NET_NORM,     /* to a mean of 0 and a variance of 1 */
    NET_SOFTMAX,  /* over the channels of each pixel */
    NET_MATMUL    /* of two values, matrices that are counted out in one pixel's channels */
};

enum net_pad {
    NET_PAD_EXPLICIT,
    NET_PAD_SAME /* TensorFlow: the odd pixel at the bottom, right */
};

enum net_side { NET_TOP, NET_LEFT, NET_BOTTOM, NET_RIGHT, NET_SIDES };

struct net_window { /* of a convolution or pool */
    int kh, kw, stride;
    enum net_pad mode;
    int pad;             /* NET_PAD_EXPLICIT: on all four sides */
    int more[NET_SIDES]; /* NET_PAD_EXPLICIT: pixels beyond pad on one side */
    int dilation;        /* convolution: pixels from tap to tap; 0 is 1 */
    int count_padding;   /* average pool: what lies outside counts as zeros; not with ceil */
    int ceil;            /* pool: a window that starts inside counts, even where it ends outside */
    int global;          /* pool: the window is the whole map */
    int average;         /* pool: average of the pixels inside the map, not their maximum */
};

/* May the window reach beyond the map? */
static inline int net_padded(const struct net_window *w) {
    return w->mode == NET_PAD_SAME || w->pad > 0 ||
           (w->more[NET_TOP] | w->more[NET_LEFT] | w->more[NET_BOTTOM] | w->more[NET_RIGHT]);
}

static inline int net_dilation(const struct net_window *w) {
    return w->dilation > 1 ? w->dilation : 1;
}

/* Pixels that k taps of a window reach over. */
static inline int net_reach(const struct net_window *w, int k) {
    return (k - 1) * net_dilation(w) + 1;
}

enum { NET_MAX_INPUTS = 4, NET_MAX_KERNEL = 32 };

/* A convolution's weights as the blob has them, and what folding put around them: the engine packs
 *   w'[o][i][ky][kx] = out_scale[o] w[o][i][ky][kx] in_scale[i]
 * and keeps a bias that holds everything else. Vectors are NULL where they would be all one or
 * zero. */
struct net_weights {
    const struct blob_tensor *w;    /* [cout][cin/groups][kh][kw] */
    const struct blob_tensor *bias; /* [cout] or NULL */
    double *out_scale, *out_shift;  /* [cout], owned */
    double *in_scale, *in_shift;    /* [cin], owned */
    int difference;                 /* two logits a score: output o is row 2o+1 minus row 2o */
    int reverse_input;              /* the network was trained on BGR: input channel i is cin-1-i */
};

/* How a value is stored (precision.h): bytes stand for scale[channel] (byte - zero). */
struct net_storage {
    enum kern_type type;
    float *scale; /* [channels], owned; NULL unless KERN_U8 with a known range */
    float *mean;  /* [channels], owned, of the values themselves; NULL with scale */
    int zero;
};

/* Over what values are normalised: groups of neighbouring channels. */
struct net_norm {
    int groups, pixels; /* pixels: of each pixel alone, else of the whole map */
    float epsilon;      /* added to the variance */
};

/* Products of `batch` pairs of matrices: [rows][inner] by the transpose of [columns][inner]. */
struct net_matmul {
    int batch, rows, inner, columns;
};

struct net_node {
    enum net_op op;
    char *name; /* of the tensors, for messages and plans; owned */
    int in[NET_MAX_INPUTS], inputs;
    int channels;
    struct net_window window; /* CONV, POOL */
    int groups;               /* CONV */
    int vector;               /* CONV that is a fully connected layer: its map is 1x1 */
    struct net_weights weights;
    double *scale, *shift;           /* AFFINE, [channels], owned */
    enum kern_act act;               /* ACT */
    float alpha, beta;               /* ACT, where its formula has them (kern.h) */
    struct net_gather gather;        /* SLICE: its channels; GATHER */
    struct net_norm norm;            /* NORM */
    struct net_matmul matmul;        /* MATMUL */
    const struct blob_tensor *slope; /* ACT prelu, [channels] */
    int exact;                       /* a network in fp16 keeps it in fp32 (net_exact) */
    int number; /* what the model file knew it as: folding moves nodes, calibrations stay */
    /* CONV: heads over one input are computed as one convolution (fold_siblings); -1: none */
    int next_sibling;  /* whose outputs follow this one's */
    int first_sibling; /* that computes this one; -1: the node itself */
    struct net_storage stored;
};

struct net_output {
    char *name;
    net_value value;
};

struct net {
    const struct blob *blob; /* outlives the net */
    struct net_node *nodes;
    int count, capacity;
    int numbers; /* how many the model file made */
    struct net_output *outputs;
    int noutputs;
    int features; /* the input is no picture but a value of another network: its channels; else 0 */
    int input_width, input_height; /* default size, pixels */
    int min_stride;   /* sizes must be a multiple of this where the network demands one; else 1 */
    int dynamic_size; /* any input size may be run */
    float *input_border; /* [channels] what stands around the input for padded convolutions; owned,
                            NULL: zeros. Set by folding the normalisation */
    int keep_values;     /* plans store every value a calibration wants to see */
    int half_weights;    /* fully connected layers may keep their weights in bf16 */
    unsigned char *used; /* [blob tensors] which tensors the builder has taken */
    int error;
};

int net_new(const struct blob *blob, struct net **out);
void net_free(struct net *net);
/* Ends building: reports the sticky error, and a tensor of the blob that no layer took. */
int net_finish(struct net *net);
/* Records a model file's own complaint as the sticky error. */
void net_fail(struct net *net, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* MIEN_EWEIGHTS where t holds a NaN or an infinity. Vectors have been checked when the net is
 * built; a backend checks a convolution's weights when it packs them. */
int net_check_finite(const struct net *net, const struct blob_tensor *t);

/* Does the blob have this tensor? name is a printf format. */
int net_has(const struct net *net, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Size of a tensor's dimension, 0 where there is no such tensor. */
int64_t net_dim(const struct net *net, int dim, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int net_channels(const struct net *net, net_value x);

/* The picture: c channels, normalised as the blob's `input` metadata says. Values are RGB 0..255;
 * channel order and normalisation become part of the first convolution. Or a value of another
 * network, as it is, where the metadata says FEATURES. Sets the default size. */
net_value net_input(struct net *net);

/* X.weight and X.bias where it exists. k comes from the weights, groups from channels and weights.
 */
net_value net_conv(struct net *net, net_value x, const char *name, int stride, int pad);
/* Any window: stride, padding and dilation; its size is the weights'. */
net_value net_conv_window(struct net *net, net_value x, const char *name, struct net_window window);
net_value net_conv_same(struct net *net, net_value x, const char *name, int stride);
/* TensorFlow's separable convolution, stride 1: X.depthwise.weight, X.pointwise.weight, X.bias. */
net_value net_separable_same(struct net *net, net_value x, const char *name);
/* Two class logits an anchor (background, face) become one that sigmoid turns into the softmax
 * probability of the second: softmax(a, b)[1] = sigmoid(b - a). */
net_value net_conv_difference(struct net *net, net_value x, const char *name, int stride, int pad);
/* Fully connected: X.weight [out][c*h*w] over a map of h x w, flattened C,H,W; X.bias where it
 * exists. */
net_value net_fc(struct net *net, net_value x, const char *name, int h, int w);
/* Batch norm X.{weight,bias,running_mean,running_var}; x itself where the blob has none of them
 * (the publisher folded it). */
net_value net_bn(struct net *net, net_value x, const char *name);
/* X.weight [c] times x plus X.bias [c]; one that the blob does not have is left out. */
net_value net_affine(struct net *net, net_value x, const char *name);
net_value net_relu(struct net *net, net_value x);
/* Any activation of kern.h but PReLU; of two parameters: net_act_with. */
net_value net_act(struct net *net, net_value x, enum kern_act act, float alpha);
net_value net_act_with(struct net *net, net_value x, enum kern_act act, float alpha, float beta);
/* PReLU with slopes X.weight. */
net_value net_prelu(struct net *net, net_value x, const char *name);
/* Sum and product of two values of one number of channels. Sizes are the same, or one is 1x1
 * and counts for every pixel of the other, as a squeeze-and-excitation gate does. */
net_value net_add(struct net *net, net_value a, net_value b);
net_value net_mul(struct net *net, net_value a, net_value b);
net_value net_pool(struct net *net, net_value x, struct net_window window);
net_value net_global_average(struct net *net, net_value x);
/* x at twice its size, cropped to that of like. */
net_value net_upsample(struct net *net, net_value x, net_value like);
net_value net_concat(struct net *net, int n, const net_value *x);
/* Pixels and channels of x as g says. like: whose size the result has, where g says so; else -1. */
net_value net_gather(struct net *net, net_value x, net_value like, const struct net_gather *g);
/* Normalised by its own mean and variance, as instance, group and layer norms are. */
net_value net_norm(struct net *net, net_value x, struct net_norm norm);
net_value net_softmax(struct net *net, net_value x);
/* Channels [batch][rows][inner] of a and [batch][columns][inner] of b, both of one pixel, to
 * [batch][rows][columns]. */
net_value net_matmul(struct net *net, net_value a, net_value b, int batch, int inner);
/* Has networks in fp16 store x in fp32, and multiply it as that: for values whose differences
 * matter more than they do. */
void net_exact(struct net *net, net_value x);
void net_output(struct net *net, net_value x, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Is the value a picture as it comes in? */
static inline int net_is_picture(const struct net *net, net_value x) {
    return net->nodes[x].op == NET_INPUT && !net->features;
}

/* Inputs of a node whose values it reads: some only lend their size. */
static inline int net_reads(const struct net_node *n) {
    return n->op == NET_UPSAMPLE || n->op == NET_GATHER ? 1 : n->inputs;
}

/* flat[i], for each node: is its value one that was counted anew (PLACES_FLAT), or made of such
 * without a convolution? Such have as many channels as a map has values, each with a range of its
 * own, so they are neither calibrated nor stored in bytes. */
void net_find_flat(const struct net *net, unsigned char *flat);

/* The PReLU node these slopes are of; -1: none, as for NULL. */
int net_slope_node(const struct net *net, const struct blob_tensor *slope);

/* The node that the builder returned as `number`; -1: it was folded into another, or never was. */
int net_numbered(const struct net *net, int number);
/* Frees what a node owns. */
void net_node_free(struct net_node *n);

#endif
