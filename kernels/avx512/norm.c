#include "kernels/avx512/avx512.h"

#include <math.h>

static void moments_f32_avx512(int w, int c, const float *src, ptrdiff_t src_px, const float *mean,
                               float *sum) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = avx512_tail(c - j);
        __m512 total = _mm512_setzero_ps(), middle = total;
        if (mean) middle = _mm512_maskz_loadu_ps(m, mean + j);
        for (int x = 0; x < w; x++) {
            __m512 v = _mm512_maskz_loadu_ps(m, src + x * src_px + j);
            __m512 off = _mm512_sub_ps(v, middle);
            total = mean ? _mm512_fmadd_ps(off, off, total) : _mm512_add_ps(v, total);
        }
        _mm512_mask_storeu_ps(sum + j, m, total);
    }
}

/* Sixteen floats added to two times eight doubles. */
static inline void add_exactly(__m512d sum[2], __m512 v) {
    sum[0] = _mm512_add_pd(sum[0], _mm512_cvtps_pd(_mm512_castps512_ps256(v)));
    sum[1] = _mm512_add_pd(sum[1], _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1)));
}

static inline float average(const __m512d sum[2], int n) {
    return (float)(_mm512_reduce_add_pd(_mm512_add_pd(sum[0], sum[1])) / n);
}

/* One group of n neighbours. */
static void normalise(int n, float epsilon, const float *src, float *dst) {
    __m512d sum[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    __m512d squares[2] = {sum[0], sum[1]};
    for (int j = 0; j < n; j += 16)
        add_exactly(sum, _mm512_maskz_loadu_ps(avx512_tail(n - j), src + j));
    __m512 mean = _mm512_set1_ps(average(sum, n));
    for (int j = 0; j < n; j += 16) {
        __mmask16 m = avx512_tail(n - j);
        __m512 off = _mm512_maskz_sub_ps(m, _mm512_maskz_loadu_ps(m, src + j), mean);
        add_exactly(squares, _mm512_mul_ps(off, off));
    }
    __m512 factor = _mm512_set1_ps(1 / sqrtf(average(squares, n) + epsilon));
    for (int j = 0; j < n; j += 16) {
        __mmask16 m = avx512_tail(n - j);
        __m512 off = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, src + j), mean);
        _mm512_mask_storeu_ps(dst + j, m, _mm512_mul_ps(off, factor));
    }
}

static void normalise_f32_avx512(int w, int c, int groups, float epsilon, const float *src,
                                 ptrdiff_t src_px, float *dst, ptrdiff_t dst_px) {
    int n = c / groups;
    for (int x = 0; x < w; x++, src += src_px, dst += dst_px)
        for (int g = 0; g < c; g += n) normalise(n, epsilon, src + g, dst + g);
}

void kern_init_avx512_norm(struct kern *k) {
    k->moments_f32 = moments_f32_avx512;
    k->normalise_f32 = normalise_f32_avx512;
}
