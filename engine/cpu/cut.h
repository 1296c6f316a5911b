/*
 * cut.h - a step of a plan, cut into the tasks that the threads share.
 *
 * It is cut by its geometry alone, never by the number of threads, so that results are
 * bit-identical for any number of them, and per image, so that they do not depend on the batch.
 */
#ifndef MIEN_ENGINE_CPU_CUT_H
#define MIEN_ENGINE_CPU_CUT_H

#include "engine/cpu/layer.h"
#include "engine/plan.h"
#include "kernels/number.h"

/* A depthwise convolution that the step computes first (plan_fused). */
struct cpu_fused {
    const struct cpu_layer *layer; /* NULL: there is none */
    const float *slope;            /* [c] or NULL */
    const float *inverse;          /* [c], of what it hands over, where that is stored as bytes */
    int floats;                    /* of scratch that its sums and rows take */
};

/* How the tiles of an implicit GEMM pass over a task's rows. */
struct cpu_tiles {
    int split;         /* split tiles: floats of scratch that hold the input in halves */
    int flat;          /* tiles run over the ends of rows */
    int taps, depth;   /* runs of `depth` neighbouring elements that make up a window */
    size_t panel;      /* bytes of a panel */
    ptrdiff_t *offset; /* [taps], of each run from the window's first element; one more behind them
                          for split tiles; owned */
};

/* A gather at one size. */
struct cpu_gather {
    struct places rows, columns;
    int raw;           /* values are copied as they are stored */
    int run;           /* the channels of a pixel are neighbours in what is read */
    int32_t *channels; /* [rows.block * columns.block][out.c], of each place of a block; owned;
                          NULL: FLAT */
    size_t scratch;    /* CUBIC: where pixels between columns are, in floats of the worker's */
};

/* A normalisation. */
struct cpu_normalisation {
    int groups, pixels;
    float epsilon;
    size_t scratch; /* where a map's sums are, in floats of the worker's */
};

/* A product of two values. */
struct cpu_matmul {
    struct net_matmul of;
    size_t scratch; /* where the second matrices are as floats, in floats of the worker's */
};

/* A step ready to run. */
struct cpu_step {
    struct plan_step plan;
    const struct cpu_layer *layer;
    const float *slope;   /* [c] or NULL */
    const float *inverse; /* [c], of the output, where it is stored as bytes */
    struct cpu_fused fused;
    union {
        struct cpu_tiles tiles;        /* CPU_IGEMM */
        struct net_window window;      /* PLAN_POOL */
        struct cpu_gather gather;      /* PLAN_GATHER */
        struct cpu_normalisation norm; /* PLAN_NORM */
        struct cpu_matmul matmul;      /* PLAN_MATMUL */
    };
    int rows;          /* output rows a task */
    int row_blocks;    /* tasks along an image's rows */
    int columns;       /* output channels a task */
    int column_blocks; /* tasks along the channels */
    int batch;         /* images of the plan */
    int images;        /* images a task: 1, but for fully connected layers */
    int tasks;
    int widened;    /* floats of scratch that hold a float copy of the input, 0: it is read as is */
    size_t scratch; /* floats a worker */
    size_t slack;   /* bytes behind the arena that a task may read */
};

/* What a task covers. */
struct cpu_range {
    int image, images, y0, y1, c0, c1;
};

/* Cuts a step whose plan, layer, fused and window are filled in into tasks, and says how much
 * scratch a worker needs. node: the step's. MIEN_ENOMEM. Ended by cpu_uncut(), also where it fails.
 */
int cpu_cut(struct cpu_step *s, const struct net_node *node, int batch);
void cpu_uncut(struct cpu_step *s);
struct cpu_range cpu_task_range(const struct cpu_step *s, int task);

/* Is the step an implicit GEMM, so that it has tiles? */
static inline int cpu_has_tiles(const struct cpu_step *s) {
    return s->plan.kind == PLAN_CONV && s->layer->algorithm == CPU_IGEMM;
}

/* Floats of scratch for tiles on their way to an epilogue: a quarter of a first-level cache. */
enum { CPU_TILE_FLOATS = KERN_MAX_MR * KERN_MAX_NR };

/* Pixels the next tile takes of the `left` ones of a row: an even number, as a halved residual
 * needs, but for the last. */
int cpu_tile_pixels(const struct kern_igemm *g, int left);

/* Floats of scratch for n of them, so that what comes next is aligned, too. */
static inline int cpu_aligned(int n) {
    return round_up(n, 16);
}

/* Floats from one plane of Winograd's products to the next: an odd number of cache lines, because a
 * window is written to all planes at once, which otherwise fall into a few sets of the cache. */
static inline size_t cpu_plane(int tiles, int c) {
    size_t lines = ((size_t)tiles * (size_t)c + 15) / 16;
    return (lines | 1) * 16;
}

#endif
