#include "kernels/avx512/avx512.h"
#include "kernels/c/c.h"

#include <immintrin.h>

static __mmask16 tail(int n) {
    return (__mmask16)(n >= 16 ? 0xFFFF : (1u << n) - 1);
}

/* act is a constant where this is inlined, so the switch leaves one case. */
static inline __attribute__((always_inline)) __m512 activate(enum kern_act act, __m512 v,
                                                             __m512 slope) {
    __m512 zero = _mm512_setzero_ps();
    switch (act) {
    case KERN_ACT_RELU: return _mm512_max_ps(v, zero);
    case KERN_ACT_RELU6: return _mm512_min_ps(_mm512_max_ps(v, zero), _mm512_set1_ps(6));
    case KERN_ACT_LEAKY:
    case KERN_ACT_PRELU:
        return _mm512_mask_mul_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), v, slope);
    default: return v;
    }
}

/* Channels outermost within a pixel run: bias and slope are loaded once a block of 16 channels. */
static inline __attribute__((always_inline)) void
epilogue(enum kern_act act, int w, int c, const float *acc, ptrdiff_t acc_px,
         const struct kern_epi *e, const float *res, ptrdiff_t res_px, int res_shift, float *dst,
         ptrdiff_t dst_px) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = tail(c - j);
        __m512 bias = e->bias ? _mm512_maskz_loadu_ps(m, e->bias + j) : _mm512_setzero_ps();
        __m512 slope = act == KERN_ACT_PRELU ? _mm512_maskz_loadu_ps(m, e->slope + j)
                                             : _mm512_set1_ps(e->alpha);
        for (int x = 0; x < w; x++) {
            __m512 v = _mm512_add_ps(_mm512_maskz_loadu_ps(m, acc + x * acc_px + j), bias);
            if (res) {
                __m512 r = _mm512_maskz_loadu_ps(m, res + (x >> res_shift) * res_px + j);
                v = e->res_after ? _mm512_add_ps(activate(act, v, slope), r)
                                 : activate(act, _mm512_add_ps(v, r), slope);
            } else {
                v = activate(act, v, slope);
            }
            _mm512_mask_storeu_ps(dst + x * dst_px + j, m, v);
        }
    }
}

#define CASE(ACT)                                                                                  \
    case ACT: epilogue(ACT, w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px); break;

static void epilogue_f32_avx512(int w, int c, const float *acc, ptrdiff_t acc_px,
                                const struct kern_epi *e, const float *res, ptrdiff_t res_px,
                                int res_shift, float *dst, ptrdiff_t dst_px) {
    switch (e->act) {
        CASE(KERN_ACT_NONE)
        CASE(KERN_ACT_RELU)
        CASE(KERN_ACT_RELU6)
        CASE(KERN_ACT_LEAKY)
        CASE(KERN_ACT_PRELU)
    default: /* sigmoid and swish are rare */
        kern_epilogue_f32_c(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);
        break;
    }
}

static void affine_f32_avx512(int w, int c, const float *src, ptrdiff_t src_px, const float *scale,
                              const float *shift, float *dst, ptrdiff_t dst_px) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = tail(c - j);
        __m512 a = _mm512_maskz_loadu_ps(m, scale + j), b = _mm512_maskz_loadu_ps(m, shift + j);
        for (int x = 0; x < w; x++)
            _mm512_mask_storeu_ps(
                dst + x * dst_px + j, m,
                _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, src + x * src_px + j), a, b));
    }
}

static void maxpool_f32_avx512(int kh, int kw, int c, const float *src, ptrdiff_t src_row,
                               ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = tail(c - j);
        __m512 top = _mm512_maskz_loadu_ps(m, src + j);
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                top = _mm512_max_ps(top,
                                    _mm512_maskz_loadu_ps(m, src + ky * src_row + kx * src_px + j));
        _mm512_mask_storeu_ps(dst + j, m, top);
    }
}

static void avgpool_f32_avx512(int kh, int kw, int c, float factor, const float *src,
                               ptrdiff_t src_row, ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = tail(c - j);
        __m512 sum = _mm512_setzero_ps();
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                sum = _mm512_add_ps(sum,
                                    _mm512_maskz_loadu_ps(m, src + ky * src_row + kx * src_px + j));
        _mm512_mask_storeu_ps(dst + j, m, _mm512_mul_ps(sum, _mm512_set1_ps(factor)));
    }
}

void kern_init_avx512_pointwise(struct kern *k) {
    k->epilogue_f32 = epilogue_f32_avx512;
    k->affine_f32 = affine_f32_avx512;
    k->maxpool_f32 = maxpool_f32_avx512;
    k->avgpool_f32 = avgpool_f32_avx512;
}
