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
#include <stdint.h>

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

/* Every struct is as it will be launched, with its pointers: their alignment decides, too. */
void cuda_plain_conv(const struct cuda_conv *p, struct cuda_launch *out);
void cuda_plain_gconv(const struct cuda_gconv *p, struct cuda_launch *out);
void cuda_choose_pointwise(const struct cuda_machine *m, const struct cuda_pointwise *p,
                           struct cuda_launch *out);
void cuda_choose_features(const struct cuda_machine *m, const struct cuda_pointwise *p,
                          struct cuda_launch *out);
void cuda_choose_upsample(const struct cuda_machine *m, const struct cuda_pointwise *p,
                          struct cuda_launch *out);
void cuda_choose_gather(const struct cuda_machine *m, const struct cuda_gather *p,
                        struct cuda_launch *out);
void cuda_choose_norm(const struct cuda_machine *m, const struct cuda_norm *p,
                      struct cuda_launch *out);
void cuda_choose_matmul(const struct cuda_machine *m, const struct cuda_matmul *p,
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

/* For algorithms. A launch along the grid's x of no more blocks than CUDA_MOST_BLOCKS: threads of
 * plain kernels walk the grid, and that fills any device many times over. */
enum { CUDA_MOST_BLOCKS = 1 << 20 };
void cuda_set_launch(struct cuda_launch *out, const char *kernel, int64_t blocks, unsigned block);
/* Is there more than plain kernels? */
int cuda_is_fast(const struct cuda_machine *m);
/* Index of a type in tables of kernels (fp16, fp32, bytes), or -1; its bytes. */
int cuda_type_index(int type);
int cuda_type_size(int type);
/* Can kernels count a tensor's groups of eight channels, with its halo, in 32 bits? And is there
 * such a kernel? */
int cuda_fits_wide(const struct cuda_view *v, int batch);
int cuda_takes_wide(const struct cuda_machine *m, const struct cuda_view *v, int batch);

static inline int64_t cuda_ceil_div(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static inline int64_t cuda_pixels(const struct cuda_view *v, int batch) {
    return (int64_t)batch * v->h * v->w;
}

/* Groups of eight channels of a tensor. */
static inline int64_t cuda_groups(const struct cuda_view *v, int batch) {
    return cuda_pixels(v, batch) * cuda_ceil_div(v->c, 8);
}

#endif
