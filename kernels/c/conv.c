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

/* Sixteen channels at a time: the block's sums stay in registers over all taps. */
static void dwconv_f32_c(int w, int kh, int kw, int c, int stride, const float *src,
                         ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst) {
    enum { CB = 16 };
    for (int x = 0; x < w; x++, dst += c) {
        const float *window = src + x * stride * src_px;
        int j0 = 0;
        for (; j0 + CB <= c; j0 += CB) {
            float acc[CB] = {0};
            for (int ky = 0; ky < kh; ky++)
                for (int kx = 0; kx < kw; kx++) {
                    const float *s = window + ky * src_row + kx * src_px + j0;
                    const float *v = wt + (ptrdiff_t)(ky * kw + kx) * c + j0;
                    for (int j = 0; j < CB; j++) acc[j] += s[j] * v[j];
                }
            memcpy(dst + j0, acc, sizeof acc);
        }
        for (; j0 < c; j0++) {
            float acc = 0;
            for (int ky = 0; ky < kh; ky++)
                for (int kx = 0; kx < kw; kx++)
                    acc += window[ky * src_row + kx * src_px + j0] *
                           wt[(ptrdiff_t)(ky * kw + kx) * c + j0];
            dst[j0] = acc;
        }
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
    k->dwconv_f32 = dwconv_f32_c;
    k->gconv_f32 = gconv_f32_c;
}
