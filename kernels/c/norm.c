#include "kernels/c/c.h"

#include <math.h>
#include <string.h>

static void moments_f32_c(int w, int c, const float *src, ptrdiff_t src_px, const float *mean,
                          float *sum) {
    memset(sum, 0, sizeof *sum * (size_t)c);
    for (int x = 0; x < w; x++, src += src_px) {
        if (mean)
            for (int j = 0; j < c; j++) sum[j] += (src[j] - mean[j]) * (src[j] - mean[j]);
        else
            for (int j = 0; j < c; j++) sum[j] += src[j];
    }
}

static void normalise_f32_c(int w, int c, int groups, float epsilon, const float *src,
                            ptrdiff_t src_px, float *dst, ptrdiff_t dst_px) {
    int n = c / groups;
    for (int x = 0; x < w; x++, src += src_px, dst += dst_px)
        for (int g = 0; g < c; g += n) {
            double sum = 0, squares = 0;
            for (int j = g; j < g + n; j++) sum += (double)src[j];
            float mean = (float)(sum / n);
            for (int j = g; j < g + n; j++) squares += (double)((src[j] - mean) * (src[j] - mean));
            float factor = 1 / sqrtf((float)(squares / n) + epsilon);
            for (int j = g; j < g + n; j++) dst[j] = (src[j] - mean) * factor;
        }
}

void kern_init_c_norm(struct kern *k) {
    k->moments_f32 = moments_f32_c;
    k->normalise_f32 = normalise_f32_c;
}
