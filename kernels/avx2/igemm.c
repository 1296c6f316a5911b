/* igemm_f32_6x16_avx2: twelve accumulators, two registers of weights, one broadcast: fifteen of
 * sixteen registers. */
#include "kernels/avx2/avx2.h"

enum { MR = 6, NR = 16 };

static inline __attribute__((always_inline)) void step(const int m, __m256 acc[MR][2],
                                                       const float *const base[2], ptrdiff_t px,
                                                       int l, const float *panel) {
    __m256 b0 = _mm256_load_ps(panel), b1 = _mm256_load_ps(panel + 8);
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) { /* base, base + px, base + 2 px: one address mode each */
        __m256 x = _mm256_broadcast_ss(&base[i / 3][(i % 3) * px + l]);
        acc[i][0] = _mm256_fmadd_ps(x, b0, acc[i][0]);
        acc[i][1] = _mm256_fmadd_ps(x, b1, acc[i][1]);
    }
}

static inline __attribute__((always_inline)) void tile(const int m, int taps, int k,
                                                       const ptrdiff_t *offset, const float *src,
                                                       ptrdiff_t px, const float *panel,
                                                       float *out) {
    __m256 acc[MR][2];
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) acc[i][0] = acc[i][1] = _mm256_setzero_ps();
    for (int t = 0; t < taps; t++) {
        const float *base[2] = {src + offset[t], src + offset[t] + 3 * px};
        int l = 0;
        for (; l + 4 <= k; l += 4, panel += 4 * NR) {
            step(m, acc, base, px, 0, panel);
            step(m, acc, base, px, 1, panel + NR);
            step(m, acc, base, px, 2, panel + 2 * NR);
            step(m, acc, base, px, 3, panel + 3 * NR);
            base[0] += 4;
            base[1] += 4;
        }
        for (; l < k; l++, panel += NR) {
            step(m, acc, base, px, 0, panel);
            base[0]++;
            base[1]++;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) {
        _mm256_store_ps(out + i * NR, acc[i][0]);
        _mm256_store_ps(out + i * NR + 8, acc[i][1]);
    }
}

#define CASE(M)                                                                                    \
    case M: tile(M, taps, k, offset, src, src_px, panel, out); break;

static void tile_f32_6x16_avx2(int m, int taps, int k, const ptrdiff_t *offset, const float *src,
                               ptrdiff_t src_px, const float *panel, float *out) {
    switch (m) { CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) default : break; }
}

void kern_init_avx2_igemm(struct kern *k) {
    k->igemm_f32 = (struct kern_igemm){MR, NR, tile_f32_6x16_avx2};
}
