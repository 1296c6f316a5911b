#include "kernels/avx2/avx2.h"
#include "kernels/c/c.h"

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

static void dwconv_avx2(enum kern_type type, int w, int kh, int kw, int c, int stride,
                        const void *source, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt,
                        float *dst) {
    const float *src = source;
    if (type != KERN_F32) { /* networks run in fp32 on this table */
        kern_dwconv_c(type, w, kh, kw, c, stride, source, src_row, src_px, wt, dst);
        return;
    }
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

/* rows vectors of x by one row of weights. Four sums a vector hide the latency of the FMA; the
 * weights come from memory once, which is the limit. */
static inline __attribute__((always_inline)) void dots(const int rows, int k, const float *w,
                                                       const float *x, ptrdiff_t ldx, float *y,
                                                       ptrdiff_t ldy) {
    __m256 s[2][4];
#pragma GCC unroll 2
    for (int i = 0; i < rows; i++) s[i][0] = s[i][1] = s[i][2] = s[i][3] = _mm256_setzero_ps();
    int l = 0;
    for (; l + 32 <= k; l += 32)
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++) {
            __m256 v = _mm256_loadu_ps(w + l + 8 * part);
#pragma GCC unroll 2
            for (int i = 0; i < rows; i++)
                s[i][part] =
                    _mm256_fmadd_ps(v, _mm256_loadu_ps(x + i * ldx + l + 8 * part), s[i][part]);
        }
    for (; l < k; l += 8) {
        __m256i m = avx2_tail(k - l);
        __m256 v = _mm256_maskload_ps(w + l, m);
#pragma GCC unroll 2
        for (int i = 0; i < rows; i++)
            s[i][0] = _mm256_fmadd_ps(v, _mm256_maskload_ps(x + i * ldx + l, m), s[i][0]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < rows; i++)
        y[i * ldy] = sum_lanes(
            _mm256_add_ps(_mm256_add_ps(s[i][0], s[i][1]), _mm256_add_ps(s[i][2], s[i][3])));
}

static void gemv_f32_avx2(int m, int n, int k, const float *w, const float *x, ptrdiff_t ldx,
                          float *y, ptrdiff_t ldy) {
    for (int j = 0; j < n; j++, w += k) {
        int i = 0;
        for (; i + 2 <= m; i += 2) dots(2, k, w, x + i * ldx, ldx, y + i * ldy + j, ldy);
        if (i < m) dots(1, k, w, x + i * ldx, ldx, y + i * ldy + j, ldy);
    }
}

void kern_init_avx2_conv(struct kern *k) {
    k->dwconv = dwconv_avx2;
    k->gemv_f32 = gemv_f32_avx2;
}
