/*
 * steps.h - a plan's steps as launches.
 */
#ifndef MIEN_CUDA_STEPS_H
#define MIEN_CUDA_STEPS_H

#include "cuda/layers.h"
#include "cuda/rival.h"
#include "engine/plan.h"

/* A plan, its weights, and the memory a run of it has. */
struct cuda_run {
    const struct cuda_device *device;
    struct cuda_machine machine;
    const struct plan_graph *graph;
    const struct cuda_layers *layers;
    const struct cuda_rival_plan *rival; /* who does some of the steps, or NULL */
    const struct cuda_way *ways; /* [graph->nsteps] of convolutions; NULL: CUDA_BY_MODEL, all */
    int in_turn;                 /* no launch begins before the one in front has ended */
    CUstream stream;
    char *arena;       /* graph->arena_bytes */
    float *partial;    /* for what several blocks sum together */
    unsigned *arrived; /* zeros */
    char *workspace;   /* of rival */
    float *input;      /* [batch][height][width][3]; NULL: there are only pictures */
    float *output;     /* all outputs, contiguous, one after the other */
};

/* The most that steps want of partial, arrived and workspace, bytes. Looks at the shapes in run, at
 * the alignment of its pointers and at nothing they point to. */
struct cuda_scratch {
    size_t partial, arrived, workspace;
};
void cuda_steps_scratch(const struct cuda_run *run, struct cuda_scratch *out);

/* Offers all convolutions of a plan to NVIDIA's libraries. A context is current. */
void cuda_steps_offer(const struct cuda_run *run, struct cuda_rival_plan *rival);
/* Loads all kernels that these launch. */
int cuda_steps_ready(const struct cuda_run *run);

/* Puts the input into run->stream: run->input, or pictures, [batch] in memory of the device. */
int cuda_input_launch(const struct cuda_run *run);
int cuda_pictures_launch(const struct cuda_run *run, const struct cuda_picture *pictures);

/* The ways to compute step `step`, the most promising first: how many; 0 where there is no choice.
 * Steps of the same signature are the same to them. */
int cuda_step_ways(const struct cuda_run *run, int step, struct cuda_way out[CUDA_MOST_WAYS],
                   uint64_t *signature);
/* The ways to compute it and its producer, a depthwise convolution, together:
 * how many, 0 where that cannot be. */
int cuda_pair_ways(const struct cuda_run *run, int step, struct cuda_way out[CUDA_MOST_WAYS],
                   uint64_t *signature);
/* One step alone, in the way run->ways says: its shape; loading its kernel; launching it, which may
 * be captured. pair: it and its producer, in one launch or two. */
void cuda_step_shape(const struct cuda_run *run, int step, struct cuda_launch *out);
int cuda_step_ready(const struct cuda_run *run, int step, int pair);
int cuda_step_launch(const struct cuda_run *run, int step, int pair, int early);

/* Puts all steps and the outputs into it. These are the same for every run, and may be captured. */
int cuda_steps_launch(const struct cuda_run *run);

/* The kernel a step runs as; "inside the next" where the one that reads it does it, too. */
const char *cuda_step_kernel(const struct cuda_run *run, int step);

/* Values of all outputs together, and where output i begins among them. */
size_t cuda_output_values(const struct plan_graph *g);
size_t cuda_output_at(const struct plan_graph *g, int i);

#endif
