#include "kernels/avx2/avx2.h"

#include <math.h>

static void moments_f32_avx2(int w, int c, const float *src, ptrdiff_t src_px, const float *mean,
                             float *sum) {
    for (int j = 0; j < c; j += 8) {
        __m256i m = avx2_tail(c - j);
        __m256 total = _mm256_setzero_ps(), middle = total;
        if (mean) middle = _mm256_maskload_ps(mean + j, m);
        for (int x = 0; x < w; x++) {
            __m256 v = _mm256_maskload_ps(src + x * src_px + j, m);
            __m256 off = _mm256_sub_ps(v, middle);
            total = mean ? _mm256_fmadd_ps(off, off, total) : _mm256_add_ps(v, total);
        }
        _mm256_maskstore_ps(sum + j, m, total);
    }
}

/* Eight floats added to two times four doubles. */
static inline void add_exactly(__m256d sum[2], __m256 v) {
    sum[0] = _mm256_add_pd(sum[0], _mm256_cvtps_pd(_mm256_castps256_ps128(v)));
    sum[1] = _mm256_add_pd(sum[1], _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)));
}

static inline float average(const __m256d sum[2], int n) {
    __m256d s = _mm256_add_pd(sum[0], sum[1]);
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
    return (float)(_mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half))) / n);
}

/* One group of n neighbours. */
static void normalise(int n, float epsilon, const float *src, float *dst) {
    __m256d sum[2] = {_mm256_setzero_pd(), _mm256_setzero_pd()};
    __m256d squares[2] = {sum[0], sum[1]};
    for (int j = 0; j < n; j += 8) add_exactly(sum, _mm256_maskload_ps(src + j, avx2_tail(n - j)));
    __m256 mean = _mm256_set1_ps(average(sum, n));
    for (int j = 0; j < n; j += 8) {
        __m256i m = avx2_tail(n - j);
        __m256 off = _mm256_sub_ps(_mm256_maskload_ps(src + j, m), mean);
        off = _mm256_and_ps(off, _mm256_castsi256_ps(m));
        add_exactly(squares, _mm256_mul_ps(off, off));
    }
    __m256 factor = _mm256_set1_ps(1 / sqrtf(average(squares, n) + epsilon));
    for (int j = 0; j < n; j += 8) {
        __m256i m = avx2_tail(n - j);
        __m256 off = _mm256_sub_ps(_mm256_maskload_ps(src + j, m), mean);
        _mm256_maskstore_ps(dst + j, m, _mm256_mul_ps(off, factor));
    }
}

static void normalise_f32_avx2(int w, int c, int groups, float epsilon, const float *src,
                               ptrdiff_t src_px, float *dst, ptrdiff_t dst_px) {
    int n = c / groups;
    for (int x = 0; x < w; x++, src += src_px, dst += dst_px)
        for (int g = 0; g < c; g += n) normalise(n, epsilon, src + g, dst + g);
}

void kern_init_avx2_norm(struct kern *k) {
    k->moments_f32 = moments_f32_avx2;
    k->normalise_f32 = normalise_f32_avx2;
}
