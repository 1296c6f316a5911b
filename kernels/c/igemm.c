#include "kernels/c/c.h"

#include <string.h>

enum { MR = 4, NR = 16 };

/* One row of the tile at a time: its sixteen sums are what the compiler can keep in registers. */
static void tile_f32_4x16_c(int m, int taps, int k, const ptrdiff_t *offset, const void *src,
                            ptrdiff_t src_px, const void *panel, void *out) {
    for (int i = 0; i < m; i++) {
        float acc[NR] = {0};
        const float *b = panel;
        for (int t = 0; t < taps; t++) {
            const float *a = (const float *)src + i * src_px + offset[t];
            for (int l = 0; l < k; l++, b += NR)
                for (int j = 0; j < NR; j++) acc[j] += a[l] * b[j];
        }
        memcpy((float *)out + i * NR, acc, sizeof acc);
    }
}

static void tile_bf16_4x16_c(int m, int taps, int k, const ptrdiff_t *offset, const void *src,
                             ptrdiff_t src_px, const void *panel, void *out) {
    for (int i = 0; i < m; i++) {
        float acc[NR] = {0};
        const uint16_t *b = panel;
        for (int t = 0; t < taps; t++) {
            const uint16_t *a = (const uint16_t *)src + i * src_px + offset[t];
            for (int l = 0; l < k; l += 2, b += 2 * NR) {
                float a0 = kern_bf16_to_f32(a[l]), a1 = l + 1 < k ? kern_bf16_to_f32(a[l + 1]) : 0;
                for (int j = 0; j < NR; j++)
                    acc[j] += a0 * kern_bf16_to_f32(b[2 * j]) + a1 * kern_bf16_to_f32(b[2 * j + 1]);
            }
        }
        memcpy((float *)out + i * NR, acc, sizeof acc);
    }
}

static void tile_u8_4x16_c(int m, int taps, int k, const ptrdiff_t *offset, const void *src,
                           ptrdiff_t src_px, const void *panel, void *out) {
    for (int i = 0; i < m; i++) {
        int32_t acc[NR] = {0};
        const int8_t *b = panel;
        for (int t = 0; t < taps; t++) {
            const uint8_t *a = (const uint8_t *)src + i * src_px + offset[t];
            for (int l = 0; l < k; l += 4, b += 4 * NR) {
                uint8_t x[4] = {0};
                memcpy(x, a + l, k - l < 4 ? (size_t)(k - l) : 4);
                for (int j = 0; j < NR; j++)
                    acc[j] += x[0] * b[4 * j] + x[1] * b[4 * j + 1] + x[2] * b[4 * j + 2] +
                              x[3] * b[4 * j + 3];
            }
        }
        memcpy((int32_t *)out + i * NR, acc, sizeof acc);
    }
}

static struct kern_igemm tile_4x16(enum kern_type type, int group, kern_tile_fn *tile) {
    return (struct kern_igemm){
        .mr = MR, .nr = NR, .group = group, .block = 1, .type = type, .tile = tile, .rate = 1};
}

void kern_init_c_igemm(struct kern *k) {
    for (int narrow = 0; narrow < 2; narrow++) {
        k->igemm[KERN_F32][narrow] = tile_4x16(KERN_F32, 1, tile_f32_4x16_c);
        k->igemm[KERN_BF16][narrow] = tile_4x16(KERN_BF16, 2, tile_bf16_4x16_c);
        k->igemm[KERN_U8][narrow] = tile_4x16(KERN_U8, 4, tile_u8_4x16_c);
    }
}
