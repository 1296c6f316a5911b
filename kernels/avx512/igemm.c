/* igemm_f32_14x32_avx512: 28 accumulators, two registers of weights, one broadcast. */
#include "kernels/avx512/avx512.h"

#include <immintrin.h>

enum { MR = 14, NR = 32 };

/* Rows of the tile share base pointers in threes: base, base + px, base + 2 px are one address mode
 * each, so 14 rows need five pointers and none is spilled. */
static inline __attribute__((always_inline)) void step(const int m, __m512 acc[MR][2],
                                                       const float *const base[5], ptrdiff_t px,
                                                       int l, const float *panel) {
    __m512 b0 = _mm512_load_ps(panel), b1 = _mm512_load_ps(panel + 16);
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
        __m512 x = _mm512_set1_ps(base[i / 3][(i % 3) * px + l]);
        acc[i][0] = _mm512_fmadd_ps(x, b0, acc[i][0]);
        acc[i][1] = _mm512_fmadd_ps(x, b1, acc[i][1]);
    }
}

static inline __attribute__((always_inline)) void tile(const int m, int taps, int k,
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
        for (; l + 4 <= k; l += 4, panel += 4 * NR) {
            step(m, acc, base, px, 0, panel);
            step(m, acc, base, px, 1, panel + NR);
            step(m, acc, base, px, 2, panel + 2 * NR);
            step(m, acc, base, px, 3, panel + 3 * NR);
#pragma GCC unroll 5
            for (int i = 0; i < 5; i++) base[i] += 4;
        }
        for (; l < k; l++, panel += NR) {
            step(m, acc, base, px, 0, panel);
#pragma GCC unroll 5
            for (int i = 0; i < 5; i++) base[i]++;
        }
    }
#pragma GCC unroll 14
    for (int i = 0; i < m; i++) {
        _mm512_store_ps(out + i * NR, acc[i][0]);
        _mm512_store_ps(out + i * NR + 16, acc[i][1]);
    }
}

#define CASE(M)                                                                                    \
    case M: tile(M, taps, k, offset, src, src_px, panel, out); break;

static void tile_f32_14x32_avx512(int m, int taps, int k, const ptrdiff_t *offset, const float *src,
                                  ptrdiff_t src_px, const float *panel, float *out) {
    switch (m) {
        CASE(1)
        CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
            CASE(13) CASE(14) default : break;
    }
}

void kern_init_avx512_igemm(struct kern *k) {
    k->igemm_f32 = (struct kern_igemm){MR, NR, tile_f32_14x32_avx512};
}
