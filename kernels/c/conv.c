#include "kernels/c/c.h"

#include <string.h>

static void im2col_f32_c(int w, int kh, int kw, int c, int stride, const float *src,
                         ptrdiff_t src_row, ptrdiff_t src_px, float *dst) {
    size_t pixel = (size_t)c * sizeof(float);
    for (int x = 0; x < w; x++) {
        const float *window = src + x * stride * src_px;
        for (int ky = 0; ky < kh; ky++) {
            const float *row = window + ky * src_row;
            if (src_px == c) { /* the pixels of a window's row are neighbours in memory */
                memcpy(dst, row, pixel * (size_t)kw);
                dst += (ptrdiff_t)kw * c;
            } else {
                for (int kx = 0; kx < kw; kx++, dst += c) memcpy(dst, row + kx * src_px, pixel);
            }
        }
    }
}

/* n channels of one pixel as floats, bytes as they are stored. */
static void load(enum kern_type type, int n, const void *src, ptrdiff_t at, float *out) {
    for (int j = 0; type == KERN_F32 && j < n; j++) out[j] = ((const float *)src)[at + j];
    for (int j = 0; type == KERN_BF16 && j < n; j++)
        out[j] = kern_bf16_to_f32(((const uint16_t *)src)[at + j]);
    for (int j = 0; type == KERN_U8 && j < n; j++) out[j] = ((const uint8_t *)src)[at + j];
}

/* Sixteen channels at a time: the block's sums stay in registers over all taps. */
void kern_dwconv_c(enum kern_type type, int w, int kh, int kw, int c, int stride, const void *src,
                   ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    enum { CB = 16 };
    for (int x = 0; x < w; x++, dst += c)
        for (int j0 = 0; j0 < c; j0 += CB) {
            int n = c - j0 < CB ? c - j0 : CB;
            float acc[CB] = {0}, v[CB] = {0};
            for (int ky = 0; ky < kh; ky++)
                for (int kx = 0; kx < kw; kx++) {
                    const float *k = wt + (ptrdiff_t)(ky * kw + kx) * c + j0;
                    load(type, n, src, ky * src_row + (x * stride + kx) * src_px + j0, v);
                    if (n == CB) /* constant bounds, so that it is vectorised */
                        for (int j = 0; j < CB; j++) acc[j] += v[j] * k[j];
                    else
                        for (int j = 0; j < n; j++) acc[j] += v[j] * k[j];
                }
            memcpy(dst + j0, acc, sizeof *acc * (size_t)n);
        }
}

static void gconv_f32_c(int w, int kh, int kw, int cin, int cout, int groups, int stride,
                        const float *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt,
                        float *dst) {
    int gi = cin / groups, go = cout / groups;
    for (int x = 0; x < w; x++, dst += cout) {
        const float *window = src + x * stride * src_px;
        memset(dst, 0, sizeof(float) * (size_t)cout);
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++) {
                const float *s = window + ky * src_row + kx * src_px;
                const float *v = wt + (ptrdiff_t)(ky * kw + kx) * gi * cout;
                for (int i = 0; i < gi; i++, v += cout)
                    for (int g = 0; g < groups; g++)
                        for (int o = g * go; o < (g + 1) * go; o++) dst[o] += s[g * gi + i] * v[o];
            }
    }
}

void kern_init_c_conv(struct kern *k) {
    k->im2col_f32 = im2col_f32_c;
    k->dwconv = kern_dwconv_c;
    k->gconv_f32 = gconv_f32_c;
}
