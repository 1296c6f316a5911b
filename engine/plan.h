/*
 * plan.h - a network made concrete: one batch, one size, one flat list of steps.
 *
 * Planning infers shapes, fuses activations and sums into the operation before them, gives every
 * tensor its place in one arena, and knows nothing of how a backend computes a step. Running a plan
 * is a walk over an array; all decisions are taken here.
 *
 * Layout: NHWC. A tensor read by a padded convolution carries a halo of pixels around it, zero (or,
 * around the input, the colour that normalises to zero), so that convolutions have no edge code.
 * The parts of a concatenation are channel slices of one buffer, so that concatenating costs
 * nothing.
 */
#ifndef MIEN_ENGINE_PLAN_H
#define MIEN_ENGINE_PLAN_H

#include "engine/net.h"

#include <stddef.h>
#include <stdint.h>

/* A tensor in the arena. Distances are in elements. */
struct plan_view {
    size_t offset; /* bytes from the arena's start to channel 0 of pixel 0,0 of image 0 */
    ptrdiff_t image, row, px; /* distance between images, rows, pixels */
    enum kern_type type;
    const float *scale;           /* [c], KERN_U8: the net's */
    int zero;                     /* KERN_U8: what stands for 0 */
    int h, w, c;                  /* of one image, without the halo */
    int top, left, bottom, right; /* halo, pixels */
};

enum plan_kind {
    PLAN_CONV,
    PLAN_AFFINE,    /* scale and shift, then the epilogue */
    PLAN_POINTWISE, /* the epilogue alone: activation, sum or both */
    PLAN_POOL,
    PLAN_UPSAMPLE,
    PLAN_GATHER,
    PLAN_NORM,
    PLAN_SOFTMAX,
    PLAN_MATMUL
};

/* A depthwise convolution fused into the 1x1, or the maximum of windows side by side, that alone
 * reads it: computed a few rows at a time, its result never leaves the cache. */
struct plan_fused {
    int node, value; /* -1: none; the node with its weights, and the value it ends with */
    enum kern_act act;
    float alpha, beta;
    const struct blob_tensor *slope;
    int pad_top, pad_left;
    struct plan_view out; /* shape and type; it has no place in the arena */
};

struct plan_step {
    enum plan_kind kind;
    int node;                /* first node of the fused group; its weights and window count */
    struct plan_fused fused; /* CONV, POOL: what is done to `in` first */
    int producer, consumer;  /* where depthwise convolutions are steps of their own: the one that
                                makes what this step alone reads; of such a step, the one that reads
                                it; -1: none. A producer's input is still there for its consumer. */
    struct plan_view in, out;
    /* What is added or multiplied with, where has_res, or MATMUL's second matrix. A map of one
     * pixel that counts for all of out's has distances of 0 from one to the next. */
    struct plan_view res;
    int has_res, res_after, res_mul, res_shift; /* as struct kern_epi and kern_epilogue_fn */
    enum kern_act act;
    float alpha, beta;
    const struct blob_tensor *slope;
    int pad_top,
        pad_left;  /* CONV, POOL: rows and columns of the window above and left of the map */
    uint64_t macs; /* for the whole batch */
    int in_value, out_value, res_value; /* node indices, for printing */
};

struct plan_buffer {
    int h, w, c; /* c: channels of all slices */
    int px;      /* elements from pixel to pixel, at least c */
    int top, left, bottom, right;
    enum kern_type type;
    size_t bytes, offset; /* offset from the arena's start */
    int first, last;      /* steps */
};

struct plan_graph {
    const struct net *net;
    int batch, width, height;
    struct plan_step *steps;
    int nsteps;
    struct plan_buffer *buffers;
    int nbuffers;
    struct plan_view input;
    struct plan_view *outputs; /* [noutputs] floats, but for values that are no output of the net */
    int *output_values;        /* [noutputs] their nodes */
    int noutputs;
    size_t arena_bytes, no_reuse_bytes;
    uint64_t macs;
};

/* What a device wants of a plan; zeros are what a processor wants. */
struct plan_rules {
    int pixel_align; /* bytes, a power of two: the pitch of pixels is a multiple of it, or of the
                        next power of two where a pixel is smaller; 0: pixels have no gaps */
    int separate_depthwise; /* a depthwise convolution is a step of its own: plan_step.producer */
};

enum { PLAN_MOST_VALUES = 8 };

/* What a plan's runs hand out: the net's outputs, all of them or none, then values of its nodes,
 * which keep the type they are stored in. Only what that needs is computed. */
struct plan_want {
    int no_outputs;
    int nvalues, values[PLAN_MOST_VALUES];
};

/* Plans net at this batch and size; rules may be NULL. MIEN_EINVAL where the network cannot run at
 * it. */
int plan_make(const struct net *net, const struct plan_rules *rules, int batch, int width,
              int height, struct plan_graph **out);
/* The same for more than the outputs, or less. */
int plan_make_part(const struct net *net, const struct plan_rules *rules,
                   const struct plan_want *want, int batch, int width, int height,
                   struct plan_graph **out);
void plan_free(struct plan_graph *g);
/* Shape of output i at a size, without a plan. */
int plan_output_shape(const struct net *net, int i, int width, int height, int *h, int *w, int *c);

/* The same of any node's value. */
int plan_value_shape(const struct net *net, int value, int width, int height, int *h, int *w,
                     int *c);

/* Pixels of each node's output at the network's default size, for choices made when weights are
 * packed. pixels: [net->count], filled. */
int plan_pixels(const struct net *net, int *pixels);

#endif
