#include "kernels/avx2/avx2.h"

/* One block of up to eight channels along the row, kh x kw taps. FULL: all eight lanes. */
static inline __attribute__((always_inline)) void
dwconv_block(const int full, __m256i m, int w, const int kh, const int kw, int c, int stride,
             const float *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    for (int x = 0; x < w; x++, src += stride * src_px, dst += c) {
        __m256 acc = _mm256_setzero_ps();
        const float *k = wt;
#pragma GCC unroll 3
        for (int ky = 0; ky < kh; ky++)
#pragma GCC unroll 3
            for (int kx = 0; kx < kw; kx++, k += c) {
                const float *s = src + ky * src_row + kx * src_px;
                acc =
                    full ? _mm256_fmadd_ps(_mm256_loadu_ps(s), _mm256_loadu_ps(k), acc)
                         : _mm256_fmadd_ps(_mm256_maskload_ps(s, m), _mm256_maskload_ps(k, m), acc);
            }
        if (full)
            _mm256_storeu_ps(dst, acc);
        else
            _mm256_maskstore_ps(dst, m, acc);
    }
}

static void dwconv_f32_avx2(int w, int kh, int kw, int c, int stride, const float *src,
                            ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    for (int j = 0; j < c; j += 8) {
        __m256i m = avx2_tail(c - j);
        if (c - j < 8)
            dwconv_block(0, m, w, kh, kw, c, stride, src + j, src_row, src_px, wt + j, dst + j);
        else if (kh == 3 && kw == 3)
            dwconv_block(1, m, w, 3, 3, c, stride, src + j, src_row, src_px, wt + j, dst + j);
        else
            dwconv_block(1, m, w, kh, kw, c, stride, src + j, src_row, src_px, wt + j, dst + j);
    }
}

static float sum_lanes(__m256 v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

/* Four sums hide the latency of the FMA; the weights are read once, so memory is the limit. */
static void gemv_f32_avx2(int n, int k, const float *w, const float *x, float *y) {
    for (int j = 0; j < n; j++, w += k) {
        __m256 s[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                       _mm256_setzero_ps()};
        int l = 0;
        for (; l + 32 <= k; l += 32)
#pragma GCC unroll 4
            for (int i = 0; i < 4; i++)
                s[i] = _mm256_fmadd_ps(_mm256_loadu_ps(w + l + 8 * i),
                                       _mm256_loadu_ps(x + l + 8 * i), s[i]);
        for (; l < k; l += 8) {
            __m256i m = avx2_tail(k - l);
            s[0] =
                _mm256_fmadd_ps(_mm256_maskload_ps(w + l, m), _mm256_maskload_ps(x + l, m), s[0]);
        }
        y[j] = sum_lanes(_mm256_add_ps(_mm256_add_ps(s[0], s[1]), _mm256_add_ps(s[2], s[3])));
    }
}

void kern_init_avx2_conv(struct kern *k) {
    k->dwconv_f32 = dwconv_f32_avx2;
    k->gemv_f32 = gemv_f32_avx2;
}
