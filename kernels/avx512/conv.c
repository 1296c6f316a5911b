#include "kernels/avx512/avx512.h"

/* A 3x3 window slides along the row: its nine weights stay in registers, and so do the columns it
 * shares with the next one. type and stride are constants where this is inlined. */
static inline __attribute__((always_inline)) void
dwconv_3x3(enum kern_type type, const int stride, __mmask16 m, int w, int c, const void *src,
           ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    __m512 k[9], x[3][3]; /* x[row][column] */
#pragma GCC unroll 9
    for (int t = 0; t < 9; t++) k[t] = _mm512_maskz_loadu_ps(m, wt + t * c);
#pragma GCC unroll 3
    for (int i = 0; i < 3; i++)
#pragma GCC unroll 2
        for (int j = 0; j < 3 - stride; j++)
            x[i][j + stride] = avx512_load(type, m, avx512_at(src, type, i * src_row + j * src_px));
    for (int n = 0; n < w; n++, dst += c, src = avx512_at(src, type, stride * src_px)) {
        __m512 sum[3];
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) {
#pragma GCC unroll 2
            for (int j = 0; j < 3 - stride; j++) x[i][j] = x[i][j + stride];
#pragma GCC unroll 2
            for (int j = 3 - stride; j < 3; j++)
                x[i][j] = avx512_load(type, m, avx512_at(src, type, i * src_row + j * src_px));
            sum[i] = _mm512_mul_ps(x[i][0], k[3 * i]);
            sum[i] = _mm512_fmadd_ps(x[i][1], k[3 * i + 1], sum[i]);
            sum[i] = _mm512_fmadd_ps(x[i][2], k[3 * i + 2], sum[i]);
        }
        _mm512_mask_storeu_ps(dst, m, _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), sum[2]));
    }
}

/* Square windows, too large for their weights to stay in registers, at n neighbouring pixels: each
 * column is loaded once and goes into the sums of all windows it lies in, each weight once for all
 * n. type, side, n and stride are constants where this is inlined. */
static inline __attribute__((always_inline)) void
dwconv_block(enum kern_type type, const int side, const int n, const int stride, __mmask16 m, int c,
             const void *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    __m512 sum[7], k[7];
#pragma GCC unroll 7
    for (int x = 0; x < n; x++) sum[x] = _mm512_setzero_ps();
    for (int i = 0; i < side; i++, src = avx512_at(src, type, src_row)) {
        const void *p = src;
#pragma GCC unroll 7
        for (int t = 0; t < side; t++, wt += c) k[t] = _mm512_maskz_loadu_ps(m, wt);
#pragma GCC unroll 19
        for (int column = 0; column < (n - 1) * stride + side; column++) {
            __m512 value = avx512_load(type, m, p);
            p = avx512_at(p, type, src_px);
#pragma GCC unroll 7
            for (int t = 0; t < side; t++) {
                int x = (column - t) / stride;
                if (column >= t && (column - t) % stride == 0 && x < n)
                    sum[x] = _mm512_fmadd_ps(value, k[t], sum[x]);
            }
        }
    }
#pragma GCC unroll 7
    for (int x = 0; x < n; x++, dst += c) _mm512_mask_storeu_ps(dst, m, sum[x]);
}

/* A row of w >= n pixels in blocks of n, of which the last reaches back over pixels that are done
 * already. */
static inline __attribute__((always_inline)) void
dwconv_blocks(enum kern_type type, const int side, const int n, const int stride, __mmask16 m,
              int w, int c, const void *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt,
              float *dst) {
    for (int x = 0; x < w; x += n) {
        int first = x + n <= w ? x : w - n;
        dwconv_block(type, side, n, stride, m, c, avx512_at(src, type, first * stride * src_px),
                     src_row, src_px, wt, dst + (ptrdiff_t)first * c);
    }
}

/* What has such code. */
static inline int takes_blocks(int w, int kh, int kw, int stride) {
    return kh == kw && w >= 3 && ((kh == 5 && stride < 3) || (kh == 7 && stride == 1));
}

static inline __attribute__((always_inline)) void
dwconv_square(enum kern_type type, int side, int stride, __mmask16 m, int w, int c, const void *src,
              ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
#define BLOCKS(SIDE, N, STRIDE)                                                                    \
    dwconv_blocks(type, SIDE, N, STRIDE, m, w, c, src, src_row, src_px, wt, dst)
    if (side == 7 && w >= 7)
        BLOCKS(7, 7, 1);
    else if (side == 7)
        BLOCKS(7, 3, 1);
    else if (w >= 7 && stride == 1)
        BLOCKS(5, 7, 1);
    else if (w >= 7)
        BLOCKS(5, 7, 2);
    else if (stride == 1)
        BLOCKS(5, 3, 1);
    else
        BLOCKS(5, 3, 2);
#undef BLOCKS
}

/* Any window: blocks of n vectors of channels, which are neighbours in memory at every tap. The
 * last vector is under the mask m. */
static inline __attribute__((always_inline)) void
dwconv_any(enum kern_type type, const int n, __mmask16 m, int w, int kh, int kw, int c, int stride,
           const void *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    for (int x = 0; x < w; x++, dst += c, src = avx512_at(src, type, stride * src_px)) {
        const float *k = wt;
        __m512 acc[8];
#pragma GCC unroll 8
        for (int i = 0; i < n; i++) acc[i] = _mm512_setzero_ps();
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++, k += c) {
                const void *p = avx512_at(src, type, ky * src_row + kx * src_px);
#pragma GCC unroll 8
                for (int i = 0; i < n; i++) {
                    __mmask16 lanes = i + 1 < n ? 0xFFFF : m;
                    acc[i] = _mm512_fmadd_ps(avx512_load(type, lanes, avx512_at(p, type, 16 * i)),
                                             _mm512_maskz_loadu_ps(lanes, k + 16 * i), acc[i]);
                }
            }
#pragma GCC unroll 8
        for (int i = 0; i < n; i++)
            _mm512_mask_storeu_ps(dst + 16 * i, i + 1 < n ? 0xFFFF : m, acc[i]);
    }
}

static inline __attribute__((always_inline)) void dwconv(enum kern_type type, int w, int kh, int kw,
                                                         int c, int stride, const void *src,
                                                         ptrdiff_t src_row, ptrdiff_t src_px,
                                                         const float *wt, float *dst) {
    int slides = kh == 3 && kw == 3 && stride < 3, blocks = takes_blocks(w, kh, kw, stride);
    int step = 16;
    for (int j = 0; j < c; j += step) {
        __mmask16 m = avx512_tail(c - j);
        const void *s = avx512_at(src, type, j);
        step = !slides && !blocks && c - j >= 128 ? 128 : 16;
        if (slides && stride == 1)
            dwconv_3x3(type, 1, m, w, c, s, src_row, src_px, wt + j, dst + j);
        else if (slides)
            dwconv_3x3(type, 2, m, w, c, s, src_row, src_px, wt + j, dst + j);
        else if (blocks)
            dwconv_square(type, kh, stride, m, w, c, s, src_row, src_px, wt + j, dst + j);
        else if (step == 128)
            dwconv_any(type, 8, 0xFFFF, w, kh, kw, c, stride, s, src_row, src_px, wt + j, dst + j);
        else
            dwconv_any(type, 1, m, w, kh, kw, c, stride, s, src_row, src_px, wt + j, dst + j);
    }
}

static void dwconv_avx512(enum kern_type type, int w, int kh, int kw, int c, int stride,
                          const void *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt,
                          float *dst) {
    switch (type) {
    case KERN_F32: dwconv(KERN_F32, w, kh, kw, c, stride, src, src_row, src_px, wt, dst); break;
    case KERN_BF16: dwconv(KERN_BF16, w, kh, kw, c, stride, src, src_row, src_px, wt, dst); break;
    case KERN_U8: dwconv(KERN_U8, w, kh, kw, c, stride, src, src_row, src_px, wt, dst); break;
    case KERN_F16: break; /* GPUs' alone */
    }
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
    k->dwconv = dwconv_avx512;
    k->gemv_f32 = gemv_f32_avx512;
    k->gemv_bf16 = gemv_bf16_avx512;
}
