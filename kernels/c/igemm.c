#include "kernels/c/c.h"

#include <string.h>

enum { MR = 4, NR = 16 };

/* One row of the tile at a time: its sixteen sums are what the compiler can keep in registers. */
static void tile_f32_4x16_c(int m, int taps, int k, const ptrdiff_t *offset, const float *src,
                            ptrdiff_t src_px, const float *panel, float *out) {
    for (int i = 0; i < m; i++, out += NR) {
        float acc[NR] = {0};
        const float *b = panel;
        for (int t = 0; t < taps; t++) {
            const float *a = src + i * src_px + offset[t];
            for (int l = 0; l < k; l++, b += NR)
                for (int j = 0; j < NR; j++) acc[j] += a[l] * b[j];
        }
        memcpy(out, acc, sizeof acc);
    }
}

void kern_init_c_igemm(struct kern *k) {
    k->igemm_f32 = k->igemm_narrow_f32 = (struct kern_igemm){MR, NR, tile_f32_4x16_c};
}
