#include "kernels/c/c.h"

#include <string.h>

/* Elements from a window's first pixel to pixel i, row by row. */
static ptrdiff_t window_pixel(const struct kern_windows *p, int i) {
    return i / p->kw * p->row + i % p->kw * p->px;
}

static void maxpool_f32_c(const struct kern_windows *p, const float *src, float *dst) {
    for (int x = 0; x < p->w; x++, src += p->next, dst += p->dst_px) {
        memcpy(dst, src, sizeof *dst * (size_t)p->c);
        for (int i = 1; i < p->kh * p->kw; i++) {
            const float *s = src + window_pixel(p, i);
            for (int j = 0; j < p->c; j++) dst[j] = s[j] > dst[j] ? s[j] : dst[j];
        }
    }
}

static void maxpool_bf16_c(const struct kern_windows *p, const uint16_t *src, uint16_t *dst) {
    for (int x = 0; x < p->w; x++, src += p->next, dst += p->dst_px) {
        memcpy(dst, src, sizeof *dst * (size_t)p->c);
        for (int i = 1; i < p->kh * p->kw; i++) {
            const uint16_t *s = src + window_pixel(p, i);
            for (int j = 0; j < p->c; j++)
                dst[j] = kern_bf16_to_f32(s[j]) > kern_bf16_to_f32(dst[j]) ? s[j] : dst[j];
        }
    }
}

static void maxpool_u8_c(const struct kern_windows *p, const uint8_t *src, uint8_t *dst) {
    for (int x = 0; x < p->w; x++, src += p->next, dst += p->dst_px) {
        memcpy(dst, src, sizeof *dst * (size_t)p->c);
        for (int i = 1; i < p->kh * p->kw; i++) {
            const uint8_t *s = src + window_pixel(p, i);
            for (int j = 0; j < p->c; j++) dst[j] = s[j] > dst[j] ? s[j] : dst[j];
        }
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
