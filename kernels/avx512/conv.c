#include "kernels/avx512/avx512.h"

/* 3x3: the nine weights of sixteen channels stay in registers along the row. */
static void dwconv_3x3(int w, int c, int stride, const float *src, ptrdiff_t src_row,
                       ptrdiff_t src_px, const float *wt, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = avx512_tail(c - j);
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
        __mmask16 m = avx512_tail(c - j);
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

/* rows vectors of x by one row of weights. Four sums a vector hide the latency of the FMA; the
 * weights come from memory once, which is the limit. */
static inline __attribute__((always_inline)) void dots(const int rows, enum kern_type type, int k,
                                                       const void *w, const float *x, ptrdiff_t ldx,
                                                       float *y, ptrdiff_t ldy) {
    __m512 s[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++) s[i][0] = s[i][1] = s[i][2] = s[i][3] = _mm512_setzero_ps();
    int l = 0;
    for (; l + 64 <= k; l += 64)
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++) {
            __m512 v = avx512_load(type, 0xFFFF, avx512_at(w, type, l + 16 * part));
#pragma GCC unroll 4
            for (int i = 0; i < rows; i++)
                s[i][part] =
                    _mm512_fmadd_ps(v, _mm512_loadu_ps(x + i * ldx + l + 16 * part), s[i][part]);
        }
    for (; l < k; l += 16) {
        __mmask16 m = avx512_tail(k - l);
        __m512 v = avx512_load(type, m, avx512_at(w, type, l));
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            s[i][0] = _mm512_fmadd_ps(v, _mm512_maskz_loadu_ps(m, x + i * ldx + l), s[i][0]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
        y[i * ldy] = _mm512_reduce_add_ps(
            _mm512_add_ps(_mm512_add_ps(s[i][0], s[i][1]), _mm512_add_ps(s[i][2], s[i][3])));
}

static inline __attribute__((always_inline)) void gemv(enum kern_type type, int m, int n, int k,
                                                       const void *w, const float *x, ptrdiff_t ldx,
                                                       float *y, ptrdiff_t ldy) {
    for (int j = 0; j < n; j++) {
        const void *row = avx512_at(w, type, (ptrdiff_t)j * k);
        int i = 0;
        for (; i + 4 <= m; i += 4) dots(4, type, k, row, x + i * ldx, ldx, y + i * ldy + j, ldy);
        for (; i < m; i++) dots(1, type, k, row, x + i * ldx, ldx, y + i * ldy + j, ldy);
    }
}

static void gemv_f32_avx512(int m, int n, int k, const float *w, const float *x, ptrdiff_t ldx,
                            float *y, ptrdiff_t ldy) {
    gemv(KERN_F32, m, n, k, w, x, ldx, y, ldy);
}

static void gemv_bf16_avx512(int m, int n, int k, const uint16_t *w, const float *x, ptrdiff_t ldx,
                             float *y, ptrdiff_t ldy) {
    gemv(KERN_BF16, m, n, k, w, x, ldx, y, ldy);
}

void kern_init_avx512_conv(struct kern *k) {
    k->dwconv_f32 = dwconv_f32_avx512;
    k->gemv_f32 = gemv_f32_avx512;
    k->gemv_bf16 = gemv_bf16_avx512;
}
