#include "cuda/choose.h"

#include "cuda/kernels/tiles.h"

#include <string.h>

enum { PLAIN_THREADS = 256 };

void cuda_set_launch(struct cuda_launch *out, const char *kernel, int64_t blocks, unsigned block) {
    memset(out, 0, sizeof *out);
    out->kernel = kernel;
    out->grid[0] = (unsigned)(blocks < 1                  ? 1
                              : blocks > CUDA_MOST_BLOCKS ? CUDA_MOST_BLOCKS
                                                          : blocks);
    out->grid[1] = out->grid[2] = 1;
    out->block = block;
    out->splits = 1;
}

static void set_plain(struct cuda_launch *out, const char *kernel, int64_t threads) {
    cuda_set_launch(out, kernel, cuda_ceil_div(threads, PLAIN_THREADS), PLAIN_THREADS);
}

int cuda_is_fast(const struct cuda_machine *m) {
    return m->capability >= 80 && !(m->cap && strcmp(m->cap, "plain") == 0);
}

int cuda_type_index(int type) {
    return type == CUDA_F16 ? 0 : type == CUDA_F32 ? 1 : type == CUDA_U8 ? 2 : -1;
}

int cuda_type_size(int type) {
    return type == CUDA_F32 ? 4 : type == CUDA_F16 ? 2 : 1;
}

int cuda_fits_wide(const struct cuda_view *v, int batch) {
    int64_t all = (int64_t)batch * (v->top + v->h + v->bottom) * (v->left + v->w + v->right);
    return all * cuda_ceil_div(v->c, WIDE) < (int64_t)1 << 31;
}

int cuda_takes_wide(const struct cuda_machine *m, const struct cuda_view *v, int batch) {
    return cuda_is_fast(m) && cuda_fits_wide(v, batch);
}

void cuda_plain_conv(const struct cuda_conv *p, struct cuda_launch *out) {
    set_plain(out, "conv_plain", cuda_pixels(&p->e.out, p->e.batch) * p->e.out.c);
}

void cuda_plain_gconv(const struct cuda_gconv *p, struct cuda_launch *out) {
    set_plain(out, "gconv_plain", cuda_pixels(&p->e.out, p->e.batch) * p->e.out.c);
}

static void choose_wide(const struct cuda_machine *m, const struct cuda_view *v, int batch,
                        const char *wide, const char *plain, struct cuda_launch *out) {
    if (cuda_takes_wide(m, v, batch))
        cuda_set_launch(out, wide, cuda_ceil_div(cuda_groups(v, batch), WIDE_THREADS),
                        WIDE_THREADS);
    else
        set_plain(out, plain, cuda_pixels(v, batch) * v->c);
}

void cuda_choose_pointwise(const struct cuda_machine *m, const struct cuda_pointwise *p,
                           struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "pointwise_wide", "pointwise_plain", out);
}

void cuda_choose_features(const struct cuda_machine *m, const struct cuda_pointwise *p,
                          struct cuda_launch *out) {
    (void)m; /* floats that came from the host have gaps nowhere, a wide kernel wants some */
    set_plain(out, "pointwise_plain", cuda_pixels(&p->e.out, p->e.batch) * p->e.out.c);
}

void cuda_choose_upsample(const struct cuda_machine *m, const struct cuda_pointwise *p,
                          struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "upsample_wide", "upsample_plain", out);
}

void cuda_choose_gather(const struct cuda_machine *m, const struct cuda_gather *p,
                        struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "gather_wide", "gather_plain", out);
}

void cuda_choose_norm(const struct cuda_machine *m, const struct cuda_norm *p,
                      struct cuda_launch *out) {
    (void)m; /* all it costs is memory, read three times */
    if (p->pixels) {
        set_plain(out, "norm_pixels", cuda_pixels(&p->in, p->e.batch) * p->groups * 32);
    } else {
        cuda_set_launch(out, "norm_maps", (int64_t)p->e.batch * p->groups, PLAIN_THREADS);
        out->shared = PLAIN_THREADS * sizeof(float);
    }
}

void cuda_choose_matmul(const struct cuda_machine *m, const struct cuda_matmul *p,
                        struct cuda_launch *out) {
    (void)m; /* a warp a value: heads have small ones */
    set_plain(out, "matmul_plain", (int64_t)p->e.batch * p->e.out.c * 32);
}

void cuda_choose_softmax(const struct cuda_machine *m, const struct cuda_pointwise *p,
                         struct cuda_launch *out) {
    (void)m; /* a warp a pixel: outputs of a few classes, there is nothing to gain */
    set_plain(out, "softmax_plain", cuda_pixels(&p->in, p->e.batch) * 32);
}

void cuda_choose_pool(const struct cuda_machine *m, const struct cuda_pool *p,
                      struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "pool_wide", "pool_plain", out);
    int whole = p->e.out.h == 1 && p->e.out.w == 1 && p->pad_top == 0 && p->pad_left == 0 &&
                p->kh >= p->in.h && p->kw >= p->in.w;
    int64_t blocks = (int64_t)p->e.batch * cuda_ceil_div(p->in.c, WIDE * POOL_GROUPS);
    if (!whole || p->in.h * p->in.w < POOL_LANES / 2 || blocks > CUDA_MOST_BLOCKS) return;
    if (!cuda_takes_wide(m, &p->e.out, p->e.batch)) return;
    cuda_set_launch(out, "pool_global", blocks, POOL_LANES * POOL_GROUPS);
    out->shared = POOL_LANES * POOL_GROUPS * WIDE * sizeof(float);
}

/* With the halo. */
static int64_t all_pixels_of(const struct cuda_view *v, int batch) {
    return (int64_t)batch * (v->top + v->h + v->bottom) * (v->left + v->w + v->right);
}

void cuda_choose_input(const struct cuda_machine *m, const struct cuda_input *p,
                       struct cuda_launch *out) {
    (void)m;
    set_plain(out, "input_plain", all_pixels_of(&p->out, p->batch));
}

void cuda_choose_pictures(const struct cuda_machine *m, const struct cuda_pictures *p,
                          struct cuda_launch *out) {
    (void)m;
    set_plain(out, "input_pictures", all_pixels_of(&p->out, p->batch));
}

void cuda_choose_decode(const struct cuda_machine *m, const struct cuda_decode *p,
                        struct cuda_launch *out) {
    (void)m;
    set_plain(out, "faces_decode", (int64_t)p->batch * p->anchors);
}

void cuda_choose_select(const struct cuda_machine *m, int batch, struct cuda_launch *out) {
    (void)m;
    cuda_set_launch(out, "faces_select", batch, CUDA_FACE_THREADS);
}

void cuda_choose_halo(const struct cuda_machine *m, const struct cuda_halo *p,
                      struct cuda_launch *out) {
    (void)m;
    const struct cuda_view *v = &p->out;
    int64_t full = (int64_t)(v->top + v->h + v->bottom) * (v->left + v->w + v->right);
    set_plain(out, "halo_plain", p->batch * (full - (int64_t)v->h * v->w) * v->c);
}

void cuda_choose_output(const struct cuda_machine *m, const struct cuda_output *p,
                        struct cuda_launch *out) {
    (void)m;
    set_plain(out, "output_plain", cuda_pixels(&p->in, p->batch) * p->in.c);
}
