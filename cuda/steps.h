/*
 * steps.h - a plan's steps as launches.
 */
#ifndef MIEN_CUDA_STEPS_H
#define MIEN_CUDA_STEPS_H

#include "cuda/describe.h"

/* The most that steps want of partial, arrived and workspace, bytes. Looks at the shapes in run, at
 * the alignment of its pointers and at nothing they point to. */
struct cuda_scratch {
    size_t partial, arrived, workspace;
};
void cuda_steps_scratch(const struct cuda_run *run, struct cuda_scratch *out);

/* Offers all convolutions of a plan to NVIDIA's libraries. A context is current. */
void cuda_steps_offer(const struct cuda_run *run, struct cuda_vendor_plan *vendor);
/* Loads all kernels that these launch. */
int cuda_steps_ready(const struct cuda_run *run);

/* Puts the input into run->stream: run->input, or pictures, [batch] in memory of the device. */
int cuda_input_launch(const struct cuda_run *run);
int cuda_pictures_launch(const struct cuda_run *run, const struct cuda_picture *pictures);

/* One step alone, by run->algorithms: its shape; loading its kernel; launching it, which may
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
