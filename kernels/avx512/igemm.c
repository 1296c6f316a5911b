/* igemm_f32_14x32_avx512: 28 accumulators, two registers of weights, one broadcast. */
#include "kernels/avx512/avx512.h"

#include <immintrin.h>

enum { MR = 14, LANES = 16 };

/* Rows of the tile share base pointers in threes: base, base + px, base + 2 px are one address mode
 * each, so 14 rows need five pointers and none is spilled. */
static inline __attribute__((always_inline)) void step(const int m, const int nv, __m512 acc[MR][2],
                                                       const float *const base[5], ptrdiff_t px,
                                                       int l, const float *panel) {
    __m512 b[2];
#pragma GCC unroll 2
    for (int j = 0; j < nv; j++) b[j] = _mm512_load_ps(panel + j * LANES);
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
        __m512 x = _mm512_set1_ps(base[i / 3][(i % 3) * px + l]);
#pragma GCC unroll 2
        for (int j = 0; j < nv; j++) acc[i][j] = _mm512_fmadd_ps(x, b[j], acc[i][j]);
    }
}

static inline __attribute__((always_inline)) void tile(const int m, const int nv, int taps, int k,
                                                       const ptrdiff_t *offset, const float *src,
                                                       ptrdiff_t px, const float *panel,
                                                       float *out) {
    __m512 acc[MR][2];
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) acc[i][0] = acc[i][1] = _mm512_setzero_ps();
    for (int t = 0; t < taps; t++) {
        const float *base[5];
#pragma GCC unroll 5
        for (int i = 0; i < 5; i++) base[i] = src + offset[t] + 3 * i * px;
        int l = 0;
        for (; l + 4 <= k; l += 4, panel += 4 * nv * LANES) {
            step(m, nv, acc, base, px, 0, panel);
            step(m, nv, acc, base, px, 1, panel + nv * LANES);
            step(m, nv, acc, base, px, 2, panel + 2 * nv * LANES);
            step(m, nv, acc, base, px, 3, panel + 3 * nv * LANES);
#pragma GCC unroll 5
            for (int i = 0; i < 5; i++) base[i] += 4;
        }
        for (; l < k; l++, panel += nv * LANES) {
            step(m, nv, acc, base, px, 0, panel);
#pragma GCC unroll 5
            for (int i = 0; i < 5; i++) base[i]++;
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < nv; j++) _mm512_store_ps(out + (i * nv + j) * LANES, acc[i][j]);
    }
}

/* One copy of the tile for each number of rows, so that its loops have constant bounds. */
#define CASE(M, NV)                                                                                \
    case M: tile(M, NV, taps, k, offset, src, src_px, panel, out); break;
// clang-format off
#define ALL_ROWS(NV)                                                                               \
    switch (m) {                                                                                   \
    CASE(1, NV) CASE(2, NV) CASE(3, NV) CASE(4, NV) CASE(5, NV) CASE(6, NV) CASE(7, NV)            \
    CASE(8, NV) CASE(9, NV) CASE(10, NV) CASE(11, NV) CASE(12, NV) CASE(13, NV) CASE(14, NV)       \
    default: break;                                                                                \
    }
// clang-format on

static void tile_f32_14x32_avx512(int m, int taps, int k, const ptrdiff_t *offset, const float *src,
                                  ptrdiff_t src_px, const float *panel, float *out) {
    ALL_ROWS(2)
}

static void tile_f32_14x16_avx512(int m, int taps, int k, const ptrdiff_t *offset, const float *src,
                                  ptrdiff_t src_px, const float *panel, float *out) {
    ALL_ROWS(1)
}

void kern_init_avx512_igemm(struct kern *k) {
    k->igemm_f32 = (struct kern_igemm){MR, 2 * LANES, tile_f32_14x32_avx512};
    k->igemm_narrow_f32 = (struct kern_igemm){MR, LANES, tile_f32_14x16_avx512};
}
