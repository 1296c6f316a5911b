/* igemm_f32_6x16_avx2: twelve accumulators, two registers of weights, one broadcast: fifteen of
 * sixteen registers. */
#include "kernels/avx2/avx2.h"

enum { MR = 6, LANES = 8 };

static inline __attribute__((always_inline)) void step(const int m, const int nv, __m256 acc[MR][2],
                                                       const float *const base[2], ptrdiff_t px,
                                                       int l, const float *panel) {
    __m256 b[2];
#pragma GCC unroll 2
    for (int j = 0; j < nv; j++) b[j] = _mm256_load_ps(panel + j * LANES);
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) { /* base, base + px, base + 2 px: one address mode each */
        __m256 x = _mm256_broadcast_ss(&base[i / 3][(i % 3) * px + l]);
#pragma GCC unroll 2
        for (int j = 0; j < nv; j++) acc[i][j] = _mm256_fmadd_ps(x, b[j], acc[i][j]);
    }
}

static inline __attribute__((always_inline)) void tile(const int m, const int nv, int taps, int k,
                                                       const ptrdiff_t *offset, const float *src,
                                                       ptrdiff_t px, const float *panel,
                                                       float *out) {
    __m256 acc[MR][2];
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) acc[i][0] = acc[i][1] = _mm256_setzero_ps();
    for (int t = 0; t < taps; t++) {
        const float *base[2] = {src + offset[t], src + offset[t] + 3 * px};
        int l = 0;
        for (; l + 4 <= k; l += 4, panel += 4 * nv * LANES) {
            step(m, nv, acc, base, px, 0, panel);
            step(m, nv, acc, base, px, 1, panel + nv * LANES);
            step(m, nv, acc, base, px, 2, panel + 2 * nv * LANES);
            step(m, nv, acc, base, px, 3, panel + 3 * nv * LANES);
            base[0] += 4;
            base[1] += 4;
        }
        for (; l < k; l++, panel += nv * LANES) {
            step(m, nv, acc, base, px, 0, panel);
            base[0]++;
            base[1]++;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < m; i++) {
#pragma GCC unroll 2
        for (int j = 0; j < nv; j++) _mm256_store_ps(out + (i * nv + j) * LANES, acc[i][j]);
    }
}

/* One copy of the tile for each number of rows, so that its loops have constant bounds. */
#define CASE(M, NV)                                                                                \
    case M: tile(M, NV, taps, k, offset, src, src_px, panel, out); break;
// clang-format off
#define ALL_ROWS(NV)                                                                               \
    switch (m) {                                                                                   \
    CASE(1, NV) CASE(2, NV) CASE(3, NV) CASE(4, NV) CASE(5, NV) CASE(6, NV)                        \
    default: break;                                                                                \
    }
// clang-format on

static void tile_f32_6x16_avx2(int m, int taps, int k, const ptrdiff_t *offset, const void *src,
                               ptrdiff_t src_px, const void *panel, void *out) {
    ALL_ROWS(2)
}

static void tile_f32_6x8_avx2(int m, int taps, int k, const ptrdiff_t *offset, const void *src,
                              ptrdiff_t src_px, const void *panel, void *out) {
    ALL_ROWS(1)
}

void kern_init_avx2_igemm(struct kern *k) {
    const struct kern_igemm shape = {.mr = MR, .group = 1, .block = 1, .type = KERN_F32, .rate = 1};
    struct kern_igemm *wide = &k->igemm[KERN_F32][0], *narrow = &k->igemm[KERN_F32][1];
    *wide = *narrow = shape;
    wide->nr = 2 * LANES;
    wide->least = 4; /* eight sums: two additions a cycle, four cycles each */
    wide->tile = tile_f32_6x16_avx2;
    narrow->nr = LANES;
    narrow->least = MR;
    narrow->tile = tile_f32_6x8_avx2;
    /* plain C's bf16 and byte tiles would be slower than fp32 is here */
    for (int i = 0; i < 2; i++) k->igemm[KERN_BF16][i].tile = k->igemm[KERN_U8][i].tile = NULL;
}
