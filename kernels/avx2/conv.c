#include "kernels/avx2/avx2.h"
#include "kernels/c/c.h"

enum { LANES = 8 };

/* Square windows at n neighbouring pixels of nv vectors of channels: each column is loaded once and
 * goes into the sums of all windows it lies in, each weight is loaded once for all of them. full,
 * side, n, nv and stride are constants where this is inlined. */
static inline __attribute__((always_inline)) void
dwconv_square(const int full, __m256i m, const int side, const int n, const int nv,
              const int stride, int c, const float *src, ptrdiff_t src_row, ptrdiff_t src_px,
              const float *wt, float *dst) {
    __m256 sum[7][2];
#pragma GCC unroll 7
    for (int x = 0; x < n; x++) sum[x][0] = sum[x][1] = _mm256_setzero_ps();
    for (int i = 0; i < side; i++) {
        const float *p = src + i * src_row;
        __m256 k[7][2];
#pragma GCC unroll 7
        for (int t = 0; t < side; t++, wt += c)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) k[t][v] = avx2_load(full, m, wt + v * LANES);
#pragma GCC unroll 17
        for (int column = 0; column < (n - 1) * stride + side; column++, p += src_px)
#pragma GCC unroll 2
            for (int v = 0; v < nv; v++) {
                __m256 value = avx2_load(full, m, p + v * LANES);
#pragma GCC unroll 7
                for (int t = 0; t < side; t++) {
                    int x = (column - t) / stride;
                    if (column >= t && (column - t) % stride == 0 && x < n)
                        sum[x][v] = _mm256_fmadd_ps(value, k[t][v], sum[x][v]);
                }
            }
    }
#pragma GCC unroll 7
    for (int x = 0; x < n; x++, dst += c)
#pragma GCC unroll 2
        for (int v = 0; v < nv; v++) avx2_store(full, m, dst + v * LANES, sum[x][v]);
}

/* A row in blocks of n pixels, all channels of a block after each other, so that its columns are
 * still near when the next block reads them. The last block reaches back over pixels that are done
 * already. channels: how many of c are wanted; returns how many were done, which may be none. */
static inline __attribute__((always_inline)) int
dwconv_row(const int side, const int n, const int nv, const int stride, int w, int channels, int c,
           const float *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    int step = nv * LANES, whole = channels / step * step;
    if (w < n) return 0;
    for (int x = 0; x < w; x += n) {
        int first = x + n <= w ? x : w - n;
        const float *s = src + first * stride * src_px;
        float *d = dst + (ptrdiff_t)first * c;
        for (int j = 0; j < whole; j += step) {
            /* The addresses of a block's columns must look new in every turn: the compiler would
             * keep them all for the loop, and there are more than registers. */
            __asm__("" : "+r"(src_px), "+r"(src_row), "+r"(c));
            dwconv_square(1, _mm256_setzero_si256(), side, n, nv, stride, c, s + j, src_row, src_px,
                          wt + j, d + j);
        }
    }
    return whole;
}

#define ROW(NAME, SIDE, N, NV, STRIDE)                                                             \
    static __attribute__((noinline)) int NAME(int w, int channels, int c, const float *src,        \
                                              ptrdiff_t src_row, ptrdiff_t src_px,                 \
                                              const float *wt, float *dst) {                       \
        return dwconv_row(SIDE, N, NV, STRIDE, w, channels, c, src, src_row, src_px, wt, dst);     \
    }
ROW(row_7x8_stride1, 3, 7, 1, 1)
ROW(row_7x8_stride2, 3, 7, 1, 2)
ROW(row_3x16_stride1, 3, 3, 2, 1)
ROW(row_3x16_stride2, 3, 3, 2, 2)
ROW(row_5x5_stride1, 5, 7, 1, 1)
ROW(row_5x5_stride2, 5, 7, 1, 2)
ROW(row_7x7_stride1, 7, 7, 1, 1)

/* Blocks of 7 pixels take seven registers of sums and three of weights, those of 3 pixels and two
 * vectors six and six. The former multiply faster; but they read half a cache line, and where
 * pixels lie far apart in memory it is evicted before the other half is wanted. */
static void dwconv_3x3_any(int w, int c, int stride, const float *src, ptrdiff_t src_row,
                           ptrdiff_t src_px, const float *wt, float *dst) {
    enum { NEAR = 64 };
    int j = 0;
    if (c > NEAR || w < 7)
        j = stride == 1 ? row_3x16_stride1(w, c, c, src, src_row, src_px, wt, dst)
                        : row_3x16_stride2(w, c, c, src, src_row, src_px, wt, dst);
    j += stride == 1 ? row_7x8_stride1(w, c - j, c, src + j, src_row, src_px, wt + j, dst + j)
                     : row_7x8_stride2(w, c - j, c, src + j, src_row, src_px, wt + j, dst + j);
    for (; j < c; j += LANES)
        for (int x = 0; x < w; x++)
            dwconv_square(0, avx2_tail(c - j), 3, 1, 1, 1, c, src + x * stride * src_px + j,
                          src_row, src_px, wt + j, dst + (ptrdiff_t)x * c + j);
}

/* Any window: n vectors of channels, which are neighbours in memory at every tap; under the mask m
 * where they are not full. */
static inline __attribute__((always_inline)) void
dwconv_any(const int full, __m256i m, const int n, int w, int kh, int kw, int c, int stride,
           const float *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    for (int x = 0; x < w; x++, src += stride * src_px, dst += c) {
        const float *k = wt;
        __m256 sum[8];
#pragma GCC unroll 8
        for (int i = 0; i < n; i++) sum[i] = _mm256_setzero_ps();
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++, k += c) {
                const float *s = src + ky * src_row + kx * src_px;
#pragma GCC unroll 8
                for (int i = 0; i < n; i++)
                    sum[i] = _mm256_fmadd_ps(avx2_load(full, m, s + i * LANES),
                                             avx2_load(full, m, k + i * LANES), sum[i]);
            }
#pragma GCC unroll 8
        for (int i = 0; i < n; i++) avx2_store(full, m, dst + i * LANES, sum[i]);
    }
}

static void dwconv_avx2(enum kern_type type, int w, int kh, int kw, int c, int stride,
                        const void *source, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt,
                        float *dst) {
    const float *src = source;
    const __m256i none = _mm256_setzero_si256();
    if (type != KERN_F32) { /* networks run in fp32 on this table */
        kern_dwconv_c(type, w, kh, kw, c, stride, source, src_row, src_px, wt, dst);
        return;
    }
    if (kh == 3 && kw == 3 && stride < 3) {
        dwconv_3x3_any(w, c, stride, src, src_row, src_px, wt, dst);
        return;
    }
    int j = 0;
    if (kh == 5 && kw == 5 && stride < 3)
        j = stride == 1 ? row_5x5_stride1(w, c, c, src, src_row, src_px, wt, dst)
                        : row_5x5_stride2(w, c, c, src, src_row, src_px, wt, dst);
    else if (kh == 7 && kw == 7 && stride == 1)
        j = row_7x7_stride1(w, c, c, src, src_row, src_px, wt, dst);
    for (; j + 8 * LANES <= c; j += 8 * LANES)
        dwconv_any(1, none, 8, w, kh, kw, c, stride, src + j, src_row, src_px, wt + j, dst + j);
    for (; j + LANES <= c; j += LANES)
        dwconv_any(1, none, 1, w, kh, kw, c, stride, src + j, src_row, src_px, wt + j, dst + j);
    if (j < c)
        dwconv_any(0, avx2_tail(c - j), 1, w, kh, kw, c, stride, src + j, src_row, src_px, wt + j,
                   dst + j);
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
