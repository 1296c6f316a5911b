/*
 * plan.h - what the CUDA backend is made of: the device, a network's weights, a plan, and what each
 * of its runs has to itself. backend.c opens and closes, plan.c makes plans, run.c runs them.
 */
#ifndef MIEN_CUDA_PLAN_H
#define MIEN_CUDA_PLAN_H

#include "cuda/faces.h"
#include "cuda/pictures.h"
#include "cuda/shelf.h"
#include "cuda/steps.h"
#include "cuda/tuned.h"
#include "engine/backend.h"

#include <pthread.h>

struct backend {
    struct cuda_device device;
    struct cuda_machine machine;
    struct kern kern; /* makes rows of what is not a picture */
    struct cuda_shelf shelf;
    struct cuda_tuning tuning;
    struct cuda_vendor *vendor; /* "cudnn" */
    char cap[16], text[160];
};

struct backend_weights {
    struct backend *backend;
    struct cuda_layers layers;
};

/* What one run needs to itself. Kept for the next run. */
struct run_state {
    struct cuda_run run;
    CUdeviceptr memory; /* all of run's but its input */
    CUdeviceptr input;  /* run.input, where floats ever came */
    float *host_input, *host_output;
    CUgraphExec graph;
    struct cuda_stage stage;   /* pictures */
    struct cuda_finder finder; /* faces */
    struct run_state *next;
};

struct backend_plan {
    struct backend *backend;
    const struct plan_graph *graph;
    const struct backend_weights *weights;
    struct cuda_scratch scratch;
    struct cuda_vendor_plan *vendor;
    struct cuda_algorithm *algorithms; /* [graph->nsteps] */
    pthread_mutex_t lock;
    struct run_state *idle;
};

/* As in backend_ops, here and in what follows. */
int cuda_plan(struct backend *b, const struct backend_weights *w, const struct plan_graph *g,
              struct backend_plan **out);
/* Between cuda_enter() and cuda_leave(), as what is about states. */
void cuda_plan_free(struct backend_plan *p);
/* A run without memory: for shapes. */
struct cuda_run cuda_plan_shapes(const struct backend_plan *p);
int cuda_state_new(const struct backend_plan *p, struct run_state **out);
void cuda_state_free(const struct backend_plan *p, struct run_state *s);
/* Bytes of a plan's input as floats. */
size_t cuda_input_bytes(const struct plan_graph *g);

int cuda_run_plan(struct backend_plan *p, struct backend_input *input, float *const *outputs,
                  const struct backend_observer *observer);
int cuda_run_post(struct backend_plan *p, struct backend_input *input,
                  const struct backend_post *post, float *const *outputs);
int cuda_time(struct backend_plan *p, int runs, double *seconds);

#endif
