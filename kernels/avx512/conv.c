#include "kernels/avx512/avx512.h"

#include <immintrin.h>

static __mmask16 tail(int n) {
    return (__mmask16)(n >= 16 ? 0xFFFF : (1u << n) - 1);
}

/* 3x3: the nine weights of sixteen channels stay in registers along the row. */
static void dwconv_3x3(int w, int c, int stride, const float *src, ptrdiff_t src_row,
                       ptrdiff_t src_px, const float *wt, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = tail(c - j);
        __m512 k[9];
#pragma GCC unroll 9
        for (int t = 0; t < 9; t++) k[t] = _mm512_maskz_loadu_ps(m, wt + t * c + j);
        const float *s = src + j;
        for (int x = 0; x < w; x++, s += stride * src_px) {
            __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
#pragma GCC unroll 3
            for (int ky = 0; ky < 3; ky++) {
                const float *r = s + ky * src_row;
                even = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, r), k[3 * ky], even);
                odd = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, r + src_px), k[3 * ky + 1], odd);
                even =
                    _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, r + 2 * src_px), k[3 * ky + 2], even);
            }
            _mm512_mask_storeu_ps(dst + (ptrdiff_t)x * c + j, m, _mm512_add_ps(even, odd));
        }
    }
}

static void dwconv_any(int w, int kh, int kw, int c, int stride, const float *src,
                       ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = tail(c - j);
        for (int x = 0; x < w; x++) {
            const float *s = src + x * stride * src_px + j, *k = wt + j;
            __m512 acc = _mm512_setzero_ps();
            for (int ky = 0; ky < kh; ky++)
                for (int kx = 0; kx < kw; kx++, k += c)
                    acc = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, s + ky * src_row + kx * src_px),
                                          _mm512_maskz_loadu_ps(m, k), acc);
            _mm512_mask_storeu_ps(dst + (ptrdiff_t)x * c + j, m, acc);
        }
    }
}

static void dwconv_f32_avx512(int w, int kh, int kw, int c, int stride, const float *src,
                              ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    if (kh == 3 && kw == 3)
        dwconv_3x3(w, c, stride, src, src_row, src_px, wt, dst);
    else
        dwconv_any(w, kh, kw, c, stride, src, src_row, src_px, wt, dst);
}

/* Four sums hide the latency of the FMA; the weights are read once, so memory is the limit. */
static void gemv_f32_avx512(int n, int k, const float *w, const float *x, float *y) {
    for (int j = 0; j < n; j++, w += k) {
        __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
        int l = 0;
        for (; l + 64 <= k; l += 64) {
            s0 = _mm512_fmadd_ps(_mm512_loadu_ps(w + l), _mm512_loadu_ps(x + l), s0);
            s1 = _mm512_fmadd_ps(_mm512_loadu_ps(w + l + 16), _mm512_loadu_ps(x + l + 16), s1);
            s2 = _mm512_fmadd_ps(_mm512_loadu_ps(w + l + 32), _mm512_loadu_ps(x + l + 32), s2);
            s3 = _mm512_fmadd_ps(_mm512_loadu_ps(w + l + 48), _mm512_loadu_ps(x + l + 48), s3);
        }
        for (; l < k; l += 16) {
            __mmask16 m = tail(k - l);
            s0 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, w + l), _mm512_maskz_loadu_ps(m, x + l),
                                 s0);
        }
        y[j] = _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
    }
}

void kern_init_avx512_conv(struct kern *k) {
    k->dwconv_f32 = dwconv_f32_avx512;
    k->gemv_f32 = gemv_f32_avx512;
}
