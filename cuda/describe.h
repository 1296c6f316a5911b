/*
 * describe.h - a plan's tensors and convolutions as the parameters of kernels, before anybody has
 * chosen a kernel for them.
 */
#ifndef MIEN_CUDA_DESCRIBE_H
#define MIEN_CUDA_DESCRIBE_H

#include "cuda/algorithm.h"
#include "cuda/layers.h"
#include "cuda/vendor.h"
#include "engine/plan.h"

/* A plan, its weights, and the memory a run of it has. */
struct cuda_run {
    const struct cuda_device *device;
    struct cuda_machine machine;
    const struct plan_graph *graph;
    const struct cuda_layers *layers;
    const struct cuda_vendor_plan *vendor; /* who does some of the steps, or NULL */
    const struct cuda_algorithm
        *algorithms; /* [graph->nsteps] of convolutions; NULL: all CUDA_PLAIN */
    int in_turn;     /* no launch begins before the one in front has ended */
    CUstream stream;
    char *arena;       /* graph->arena_bytes */
    float *partial;    /* for what several blocks sum together */
    unsigned *arrived; /* zeros */
    char *workspace;   /* of vendor */
    float *input;      /* [batch][height][width][3]; NULL: there are only pictures */
    float *output;     /* all outputs, contiguous, one after the other */
};

/* value: the node whose scales those of a tensor of bytes are; -1 where it has none. */
struct cuda_view cuda_describe_view(const struct cuda_run *run, const struct plan_view *v,
                                    int value);
struct cuda_epilogue cuda_describe_epilogue(const struct cuda_run *run, const struct plan_step *s);
/* Convolutions: of one group; any other; a 1x1 together with the depthwise one in front of it. */
struct cuda_conv cuda_describe_conv(const struct cuda_run *run, const struct plan_step *s);
struct cuda_gconv cuda_describe_gconv(const struct cuda_run *run, const struct plan_step *s);
struct cuda_separable cuda_describe_separable(const struct cuda_run *run,
                                              const struct plan_step *s);

#endif
