#include "kernels/c/c.h"

enum { BLOCK = 16 /* pixels whose sums stay in the first-level cache, or in registers */ };

static void scale_rows_c(int w, int taps, const float *weight, const uint8_t *src,
                         ptrdiff_t src_row, float *dst) {
    for (int x = 0, n; x < w; x += n, src += 3 * n) {
        float sum[3 * BLOCK] = {0};
        n = w - x < BLOCK ? w - x : BLOCK;
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < 3 * n; i++) sum[i] += weight[t] * src[t * src_row + i];
        for (int i = 0; i < n; i++, dst += 4) {
            dst[0] = sum[3 * i];
            dst[1] = sum[3 * i + 1];
            dst[2] = dst[3] = sum[3 * i + 2];
        }
    }
}

static void scale_columns_c(int w, int taps, const int *first, const float *weight,
                            const float *src, enum kern_type type, void *dst) {
    for (int x = 0; x < w; x++) {
        const float *p = src + 4 * (ptrdiff_t)first[x];
        const float *v = weight + 4 * (ptrdiff_t)(x / 4 * taps) + x % 4;
        float sum[4] = {0};
        for (int t = 0; t < taps; t++, p += 4, v += 4)
            for (int c = 0; c < 4; c++) sum[c] += *v * p[c];
        for (int c = 0; c < 3; c++)
            if (type == KERN_BF16)
                ((uint16_t *)dst)[3 * x + c] = kern_bf16_from_f32(sum[c]);
            else
                ((float *)dst)[3 * x + c] = sum[c];
    }
}

static void from_bytes_c(int n, const uint8_t *src, enum kern_type type, void *dst) {
    if (type == KERN_BF16)
        for (int i = 0; i < n; i++) ((uint16_t *)dst)[i] = kern_bf16_from_f32(src[i]);
    else
        for (int i = 0; i < n; i++) ((float *)dst)[i] = src[i];
}

void kern_init_c_scale(struct kern *k) {
    k->scale_rows = scale_rows_c;
    k->scale_columns = scale_columns_c;
    k->from_bytes = from_bytes_c;
}
