/*
 * task.h - one task of one step: what it works on, and what the work of every kind of step shares.
 */
#ifndef MIEN_ENGINE_CPU_TASK_H
#define MIEN_ENGINE_CPU_TASK_H

#include "engine/cpu/cut.h"

struct cpu_task {
    const struct kern *kern;
    const struct cpu_step *step;
    char *arena;    /* all tensors of the run */
    float *scratch; /* the worker's */
    struct cpu_range range;
};

/* Address of pixel y, x of image b. */
static inline void *cpu_pixel(char *arena, const struct plan_view *v, int b, int y, int x) {
    return arena + v->offset +
           (b * v->image + y * v->row + x * v->px) * (ptrdiff_t)kern_type_size(v->type);
}

/* Rows of a step's input as the kernels read them: in place, or as floats in scratch. */
struct cpu_rows {
    const char *origin; /* of pixel 0, 0, which may lie outside */
    ptrdiff_t row, px, size;
};

static inline const void *cpu_rows_at(const struct cpu_rows *r, int y, int x) {
    return r->origin + (y * r->row + x * r->px) * r->size;
}

/* Rows y0..y1-1 of the task's image of the step's input with their halo, as far as they exist;
 * floats in scratch where the step is `widened`. */
struct cpu_rows cpu_input_rows(const struct cpu_task *t, int y0, int y1);
/* The epilogue of the task's step for channels c0.. of an output row. */
struct kern_epi cpu_epilogue(const struct cpu_step *s, const float *bias, int c0);
/* Residual of output pixel y, x, channel c0; NULL without one. */
const void *cpu_residual(const struct cpu_task *t, int y, int x, int c0);
/* The task's channels of pixel y, x of the step's output. */
void *cpu_output(const struct cpu_task *t, int y, int x);
/* The task's channels of a row of floats into the step's output, through its epilogue. */
void cpu_store_row(const struct cpu_task *t, int y, const float *src, ptrdiff_t src_px);
/* Zeroes the halo beside rows y0..y1-1, above row 0 and below the last row where those are among
 * them, channels c0..c1-1. */
void cpu_zero_halo(const struct plan_view *v, char *arena, const struct cpu_range *r);

#endif
