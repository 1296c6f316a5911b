/*
 * choose.h - which kernel a step runs as: its name, its grid and what memory it wants.
 *
 * Kernels come in many forms, for alignments, tile sizes and how a sum is shared among blocks;
 * which is best is arithmetic on a shape and a machine, and stands here, apart from both. What no
 * fast kernel takes is computed by the plain one of kernels/plain.cu: every shape has a launch.
 */
#ifndef MIEN_CUDA_CHOOSE_H
#define MIEN_CUDA_CHOOSE_H

#include "cuda/kernels/params.h"
#include "cuda/kernels/picture_params.h"

#include <stddef.h>

struct cuda_machine {
    int processors;  /* multiprocessors */
    int capability;  /* 10 * major + minor: 80 has what the fast kernels are made of */
    const char *cap; /* "plain": plain kernels only; "mma", NULL: the best there is */
};

struct cuda_launch {
    const char *kernel;
    unsigned grid[3], block;
    unsigned shared; /* bytes of dynamic shared memory; above 48 KB the function must be told */
    /* Convolutions: what to put into struct cuda_conv before the launch. Counters are zeroed once,
     * when they are allocated; kernels leave them at zero. */
    int splits;
    size_t partial_bytes, arrived_bytes;
    unsigned cluster; /* blocks of a cluster along the grid's x; 0: there are no clusters */
};

/*
 * An algorithm to compute a convolution, and what a model of the machine expects it to take: a
 * kernel, one of its tiles, and how many blocks share a tile's sum. The model is no measurement
 * (tune.h is).
 */
enum cuda_family {
    CUDA_BY_MODEL,
    CUDA_FC,
    CUDA_MMA,
    CUDA_WGMMA,
    CUDA_DEPTHWISE,
    CUDA_SEPARABLE, /* together with the depthwise convolution in front (separable.h) */
    CUDA_PLAIN      /* in no list: for where all of them are wrong */
};
struct cuda_algorithm {
    enum cuda_family family;
    int tile, splits; /* CUDA_DEPTHWISE: tile is its form (cuda_shape_depthwise()) */
    double cycles;
};
enum { CUDA_MOST_ALGORITHMS = 8 };

/* The most promising algorithms but those of hopper.h, the best first: of each tile two at most,
 * none that seems to take three times as long as the first. Returns how many there are; none where
 * only the plain kernel computes this. */
int cuda_list_conv(const struct cuda_machine *m, const struct cuda_conv *p,
                   struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]);
/* The algorithms of a depthwise convolution: one or two, and none of other grouped ones. */
int cuda_list_gconv(const struct cuda_machine *m, const struct cuda_gconv *p,
                    struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]);
/* The launch of such an algorithm; 0 where it does not take this convolution. */
int cuda_shape_algorithm(const struct cuda_conv *p, const struct cuda_algorithm *algorithm,
                         struct cuda_launch *out);

/* Keeps a list of the best: inserts the algorithm where its cycles belong, and drops one that is
 * too many or, of the same tile, the third. */
void cuda_add_algorithm(struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int *count,
                        const struct cuda_algorithm *algorithm);
/* Drops those at the end that seem hopeless; returns how many are left. */
int cuda_trim_algorithms(const struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int count);

/* Every struct is as it will be launched, with its pointers: their alignment decides, too. Of
 * struct cuda_conv, splits, partial and arrived are not looked at. */
void cuda_choose_conv(const struct cuda_machine *m, const struct cuda_conv *p,
                      struct cuda_launch *out);
void cuda_choose_gconv(const struct cuda_machine *m, const struct cuda_gconv *p,
                       struct cuda_launch *out);
void cuda_choose_pointwise(const struct cuda_machine *m, const struct cuda_pointwise *p,
                           struct cuda_launch *out);
void cuda_choose_upsample(const struct cuda_machine *m, const struct cuda_pointwise *p,
                          struct cuda_launch *out);
void cuda_choose_softmax(const struct cuda_machine *m, const struct cuda_pointwise *p,
                         struct cuda_launch *out);
void cuda_choose_pool(const struct cuda_machine *m, const struct cuda_pool *p,
                      struct cuda_launch *out);
void cuda_choose_input(const struct cuda_machine *m, const struct cuda_input *p,
                       struct cuda_launch *out);
void cuda_choose_pictures(const struct cuda_machine *m, const struct cuda_pictures *p,
                          struct cuda_launch *out);
void cuda_choose_halo(const struct cuda_machine *m, const struct cuda_halo *p,
                      struct cuda_launch *out);
void cuda_choose_output(const struct cuda_machine *m, const struct cuda_output *p,
                        struct cuda_launch *out);

void cuda_choose_decode(const struct cuda_machine *m, const struct cuda_decode *p,
                        struct cuda_launch *out);
void cuda_choose_select(const struct cuda_machine *m, int batch, struct cuda_launch *out);

/* For lists of other kinds of algorithms. Is there more than plain kernels? */
int cuda_is_fast(const struct cuda_machine *m);
/* Index of a type in tables of kernels (fp16, fp32, bytes), or -1; its bytes. */
int cuda_type_index(int type);
int cuda_type_size(int type);
/* Can kernels count a tensor's groups of eight channels, with its halo, in 32 bits? */
int cuda_fits_wide(const struct cuda_view *v, int batch);
/* Has `splits` blocks share each of `count` tiles of `sums` sums. */
void cuda_share_tiles(struct cuda_launch *out, int64_t count, int sums, int splits);
/* What blocks cost: each takes `steps`, of `step` cycles a multiprocessor where enough of them
 * share it, or `alone` where it waits for memory and for itself. Begin and end depend on its sums,
 * and on how many blocks share a tile's. resident: blocks that share a multiprocessor. */
struct cuda_cost {
    int64_t blocks;
    int resident, splits;
    double steps, step, alone, sums;
};
double cuda_cycles(const struct cuda_machine *m, const struct cuda_cost *c);

/*
 * One algorithm of many, for tests and for who measures: convolution tile `tile` of kernels/tiles.h
 * with `splits` blocks a tile; the fully connected kernel; a depthwise one: of 3x3 with one output
 * a thread or four, or of any window with one, or with threads that share an output. 0: that kernel
 * does not take such a shape.
 */
enum { CUDA_CONV_TILE_COUNT = 5 };
int cuda_shape_conv(const struct cuda_conv *p, int tile, int splits, struct cuda_launch *out);
int cuda_shape_fc(const struct cuda_conv *p, struct cuda_launch *out);
enum { CUDA_ONE_OUTPUT = 1, CUDA_FOUR_OUTPUTS = 4, CUDA_ANY_WINDOW = 0, CUDA_SHARED_WINDOW = 32 };
int cuda_shape_depthwise(const struct cuda_gconv *p, int form, struct cuda_launch *out);

#endif
