#include "kernels/avx2/avx2.h"
#include "kernels/c/c.h"

/* act is a constant where this is inlined, so the switch leaves one case. */
static inline __attribute__((always_inline)) __m256 activate(enum kern_act act, __m256 v,
                                                             __m256 slope) {
    __m256 zero = _mm256_setzero_ps();
    switch (act) {
    case KERN_ACT_RELU: return _mm256_max_ps(v, zero);
    case KERN_ACT_LEAKY:
    case KERN_ACT_PRELU: return _mm256_blendv_ps(v, _mm256_mul_ps(v, slope), v); /* by sign bit */
    default: return v;
    }
}

/* Channels j.. of w pixels; the pointers are at channel j already. */
static inline __attribute__((always_inline)) void
epilogue_block(const int full, __m256i m, enum kern_act act, int w, const float *acc,
               ptrdiff_t acc_px, const struct kern_epi *e, int j, const float *res,
               ptrdiff_t res_px, int res_shift, float *dst, ptrdiff_t dst_px) {
    __m256 bias = e->bias ? avx2_load(full, m, e->bias + j) : _mm256_setzero_ps();
    __m256 slope =
        act == KERN_ACT_PRELU ? avx2_load(full, m, e->slope + j) : _mm256_set1_ps(e->alpha);
    for (int x = 0; x < w; x++) {
        __m256 v = _mm256_add_ps(avx2_load(full, m, acc + x * acc_px), bias);
        if (res) {
            __m256 r = avx2_load(full, m, res + (x >> res_shift) * res_px);
            v = e->res_after ? _mm256_add_ps(activate(act, v, slope), r)
                             : activate(act, _mm256_add_ps(v, r), slope);
        } else {
            v = activate(act, v, slope);
        }
        avx2_store(full, m, dst + x * dst_px, v);
    }
}

static inline __attribute__((always_inline)) void
epilogue(enum kern_act act, int w, int c, const float *acc, ptrdiff_t acc_px,
         const struct kern_epi *e, const float *res, ptrdiff_t res_px, int res_shift, float *dst,
         ptrdiff_t dst_px) {
    int j = 0;
    for (; j + 8 <= c; j += 8)
        epilogue_block(1, _mm256_setzero_si256(), act, w, acc + j, acc_px, e, j,
                       res ? res + j : NULL, res_px, res_shift, dst + j, dst_px);
    if (j < c)
        epilogue_block(0, avx2_tail(c - j), act, w, acc + j, acc_px, e, j, res ? res + j : NULL,
                       res_px, res_shift, dst + j, dst_px);
}

#define CASE(ACT)                                                                                  \
    case ACT: epilogue(ACT, w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px); break;

static void epilogue_avx2(int w, int c, const void *acc, ptrdiff_t acc_px, const struct kern_epi *e,
                          const void *res, ptrdiff_t res_px, int res_shift, void *dst,
                          ptrdiff_t dst_px) {
    /* networks run in fp32 on this table, since it has no tiles of other types */
    int floats = !e->acc_scale && e->dst_type == KERN_F32 && (!res || e->res_type == KERN_F32);
    switch (floats ? e->act : KERN_ACT_SIGMOID) {
        CASE(KERN_ACT_NONE)
        CASE(KERN_ACT_RELU)
        CASE(KERN_ACT_LEAKY)
        CASE(KERN_ACT_PRELU)
    default: /* sigmoids are rare */
        kern_epilogue_c(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);
        break;
    }
}

static void maxpool_f32_avx2(int kh, int kw, int c, const float *src, ptrdiff_t src_row,
                             ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 8) {
        __m256i m = avx2_tail(c - j);
        __m256 top = _mm256_maskload_ps(src + j, m);
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                top =
                    _mm256_max_ps(top, _mm256_maskload_ps(src + ky * src_row + kx * src_px + j, m));
        _mm256_maskstore_ps(dst + j, m, top);
    }
}

static void avgpool_f32_avx2(int kh, int kw, int c, float factor, const float *src,
                             ptrdiff_t src_row, ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 8) {
        __m256i m = avx2_tail(c - j);
        __m256 sum = _mm256_setzero_ps();
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                sum =
                    _mm256_add_ps(sum, _mm256_maskload_ps(src + ky * src_row + kx * src_px + j, m));
        _mm256_maskstore_ps(dst + j, m, _mm256_mul_ps(sum, _mm256_set1_ps(factor)));
    }
}

void kern_init_avx2_pointwise(struct kern *k) {
    k->epilogue = epilogue_avx2;
    k->maxpool_f32 = maxpool_f32_avx2;
    k->avgpool_f32 = avgpool_f32_avx2;
}
