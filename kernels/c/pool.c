#include "kernels/c/c.h"

#include <string.h>

static void maxpool_f32_c(int kh, int kw, int c, const float *src, ptrdiff_t src_row,
                          ptrdiff_t src_px, float *dst) {
    memcpy(dst, src, sizeof(float) * (size_t)c);
    for (int ky = 0; ky < kh; ky++)
        for (int kx = 0; kx < kw; kx++) {
            const float *s = src + ky * src_row + kx * src_px;
            for (int j = 0; j < c; j++) dst[j] = s[j] > dst[j] ? s[j] : dst[j];
        }
}

static void maxpool_bf16_c(int kh, int kw, int c, const uint16_t *src, ptrdiff_t src_row,
                           ptrdiff_t src_px, uint16_t *dst) {
    memcpy(dst, src, sizeof *dst * (size_t)c);
    for (int ky = 0; ky < kh; ky++)
        for (int kx = 0; kx < kw; kx++) {
            const uint16_t *s = src + ky * src_row + kx * src_px;
            for (int j = 0; j < c; j++)
                dst[j] = kern_bf16_to_f32(s[j]) > kern_bf16_to_f32(dst[j]) ? s[j] : dst[j];
        }
}

static void maxpool_u8_c(int kh, int kw, int c, const uint8_t *src, ptrdiff_t src_row,
                         ptrdiff_t src_px, uint8_t *dst) {
    memcpy(dst, src, (size_t)c);
    for (int ky = 0; ky < kh; ky++)
        for (int kx = 0; kx < kw; kx++) {
            const uint8_t *s = src + ky * src_row + kx * src_px;
            for (int j = 0; j < c; j++) dst[j] = s[j] > dst[j] ? s[j] : dst[j];
        }
}

static void avgpool_f32_c(int kh, int kw, int c, float factor, const float *src, ptrdiff_t src_row,
                          ptrdiff_t src_px, float *dst) {
    memset(dst, 0, sizeof(float) * (size_t)c);
    for (int ky = 0; ky < kh; ky++)
        for (int kx = 0; kx < kw; kx++) {
            const float *s = src + ky * src_row + kx * src_px;
            for (int j = 0; j < c; j++) dst[j] += s[j];
        }
    for (int j = 0; j < c; j++) dst[j] *= factor;
}

void kern_init_c_pool(struct kern *k) {
    k->maxpool_f32 = maxpool_f32_c;
    k->maxpool_bf16 = maxpool_bf16_c;
    k->maxpool_u8 = maxpool_u8_c;
    k->avgpool_f32 = avgpool_f32_c;
}
