/*
 * cpu.h - inside the CPU backend: packed layers, and the work of one task of one step.
 *
 * A step is cut into tasks by its geometry alone (never by the number of threads), so that results
 * are bit-identical for any number of threads, and per image, so that they do not depend on the
 * batch. cpu.c owns memory and order; cpu_conv.c and cpu_steps.c hold the inner work.
 */
#ifndef MIEN_ENGINE_CPU_CPU_H
#define MIEN_ENGINE_CPU_CPU_H

#include "engine/plan.h"
#include "kernels/kern.h"

enum cpu_algorithm {
    CPU_NONE,
    CPU_IGEMM,     /* tiles read the tensor in place: no matrix is built */
    CPU_WINOGRAD,  /* 3x3 stride 1 on maps of some size: F(4x4, 3x3) */
    CPU_GEMM,      /* 1x1, stride 1: the tensor is the matrix */
    CPU_IM2COL,    /* windows copied into rows, then gemm */
    CPU_DEPTHWISE, /* one input channel an output channel */
    CPU_GROUPED,   /* anything else with groups */
    CPU_GEMV       /* fully connected */
};

/* A node's weights, packed. */
struct cpu_layer {
    enum cpu_algorithm algorithm;
    enum kern_type type; /* of the weights: KERN_U8 stands for int8_t with a scale a channel */
    void *weights;       /* IGEMM: panels of igemm->nr channels, as kern_tile_fn says;
                            WINOGRAD: [ceil(cout/nr)][36][cin][nr], zeros beyond cout;
                            GEMM, IM2COL: [kh*kw*cin][cout]; DEPTHWISE: [kh*kw][c];
                            GROUPED: [kh*kw][cin/groups][cout]; GEMV: [cout][kh*kw*cin] */
    float *bias;         /* [bias_classes][cout] */
    int bias_classes;
    float *acc_scale;     /* [cout] where the products are integers, else NULL */
    float *inverse;       /* [c], 1 / scale of a value stored as bytes, else NULL */
    float *scale, *shift; /* AFFINE: [c] */
    float *slope;         /* PReLU of this ACT node: [c] */
    int kh, kw, stride, groups, cin, cout;
    const struct kern_igemm *igemm; /* IGEMM, WINOGRAD: the tile, owned by the backend's table */
    int nr;                         /* channels a panel */
    int joined; /* IGEMM: the weights take a window's row, kw pixels, as one run of elements */
};

/*
 * A network's layers; shared, read-only, by all its plans. All their arrays lie in one region, one
 * after the other in the order of the nodes, so that the region can be a file (pack_cache.h).
 */
struct backend_weights {
    struct cpu_layer *layers; /* [nodes] */
    int count;
    char *region; /* the arrays */
    size_t bytes; /* of the region */
    int mapped;   /* the region is a cache file, not memory of our own */
};
enum { CPU_ALIGN = 64 /* bytes, of each array */ };

struct pool;
/* Chooses each layer's algorithm and has its weights packed by the pool's threads, or, where
 * use_cache is 1 and an earlier start has packed them, takes those. */
int cpu_load_weights(const struct kern *k, struct pool *pool, const struct net *net, int use_cache,
                     struct backend_weights **out);
void cpu_free_weights(struct backend_weights *w);

/* Whatever changes the packed bytes of a layer of the same algorithm and geometry changes this
 * number, or old cache files would be taken for new ones. */
enum { CPU_PACK_LAYOUT = 1 };
/* The three steps of loading a layer: its algorithm and geometry; its arrays, laid out from base on
 * (NULL: only their size counts), which returns the bytes they take; what is in them. */
void cpu_shape_layer(const struct kern *k, const struct net *net, const struct net_node *n,
                     int pixels, struct cpu_layer *l);
size_t cpu_place_layer(const struct net *net, const struct net_node *n, struct cpu_layer *l,
                       char *base);
int cpu_pack_layer(const struct net *net, const struct net_node *n, const struct cpu_layer *l);

/* A step ready to run. */
struct cpu_step {
    struct plan_step plan;
    const struct cpu_layer *layer, *before; /* before: of plan.fused, or NULL */
    const float *slope, *before_slope;      /* [c] or NULL */
    const float *before_inverse;            /* as inverse, of what plan.fused hands over */
    const float *inverse;                   /* [c], of the output, where it is stored as bytes */
    struct net_window window;
    int rows;          /* output rows a task */
    int row_blocks;    /* tasks along an image's rows */
    int columns;       /* output channels a task */
    int column_blocks; /* tasks along the channels */
    int batch;         /* images of the plan */
    int images;        /* images a task: 1, but for fully connected layers */
    int tasks;
    int handed;     /* floats of scratch that plan.fused takes for sums and its rows */
    int widened;    /* floats of scratch that hold a float copy of the input, 0: it is read as is */
    size_t scratch; /* floats a worker */
    int split;      /* IGEMM, split tiles: floats of scratch that hold the input in halves */
    size_t slack;   /* bytes behind the arena that the tiles of a task may read */
    int flat;       /* IGEMM: tiles run over the ends of rows */
    int taps, depth;   /* IGEMM: runs of `depth` neighbouring elements that make up a window */
    size_t panel;      /* IGEMM: bytes of a panel */
    ptrdiff_t *offset; /* IGEMM: [taps], of each run from the window's first element; one more
                          behind them for split tiles; owned */
};

/* Cuts the step into tasks and says how much scratch a worker needs. MIEN_ENOMEM. */
int cpu_cut(struct cpu_step *s, int batch);
/* Floats of scratch for tiles on their way to an epilogue: a quarter of a first-level cache. */
enum { CPU_TILE_FLOATS = KERN_MAX_MR * KERN_MAX_NR };
/* Runs one task; arena holds all tensors, scratch is the worker's. */
void cpu_step_task(const struct kern *k, const struct cpu_step *s, char *arena, float *scratch,
                   int task);
void cpu_conv_task(const struct kern *k, const struct cpu_step *s, char *arena, float *scratch,
                   int task);

/* What a task covers. */
struct cpu_range {
    int image, images, y0, y1, c0, c1;
};
struct cpu_range cpu_task_range(const struct cpu_step *s, int task);

/* Pixels the next tile takes of the `left` ones of a row: an even number, as a halved residual
 * needs, but for the last. */
int cpu_tile_pixels(const struct kern_igemm *g, int left);

/* Floats of scratch for n of them, so that what comes next is aligned, too. */
static inline int cpu_aligned(int n) {
    return (n + 15) / 16 * 16;
}

/* Floats from one plane of Winograd's products to the next: an odd number of cache lines, because a
 * window is written to all planes at once, which otherwise fall into a few sets of the cache. */
static inline size_t cpu_plane(int tiles, int c) {
    size_t lines = ((size_t)tiles * (size_t)c + 15) / 16;
    return (lines | 1) * 16;
}

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
/* Rows y0..y1-1 of image b of the step's input with their halo, as far as they exist; floats in
 * scratch where the step is `widened`. */
struct cpu_rows cpu_input_rows(const struct kern *k, const struct cpu_step *s, char *arena,
                               float *scratch, int b, int y0, int y1);
/* The epilogue of step s for channels c0.. of an output row. */
struct kern_epi cpu_epilogue(const struct cpu_step *s, const float *bias, int c0);
/* Residual of output pixel y, x, channel c0; NULL without one. */
const void *cpu_residual(const struct cpu_step *s, char *arena, int b, int y, int x, int c0);
/* Zeroes the halo beside rows y0..y1-1, above row 0 and below the last row where those are among
 * them, channels c0..c1-1. */
void cpu_zero_halo(const struct plan_view *v, char *arena, const struct cpu_range *r);

#endif
