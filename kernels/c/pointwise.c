#include "kernels/c/c.h"

#include <math.h>
#include <string.h>

/* Both sides of a choice are computed before it, so that the compiler may turn it into a select,
 * and IVDEP says what the slot's contract says: dst is acc itself or does not overlap it. */
#if defined(__clang__)
#define IVDEP _Pragma("clang loop vectorize(assume_safety)")
#else
#define IVDEP _Pragma("GCC ivdep")
#endif

static float sigmoid(float x) {
    return 1.0f / (1.0f + expf(-x));
}

/* The activation alone, over c channels in place. */
static void activate(int c, const struct kern_epi *e, float *x) {
    switch (e->act) {
    case KERN_ACT_NONE: break;
    case KERN_ACT_RELU:
        for (int j = 0; j < c; j++) x[j] = x[j] > 0 ? x[j] : 0;
        break;
    case KERN_ACT_RELU6:
        for (int j = 0; j < c; j++) {
            float low = x[j] > 0 ? x[j] : 0;
            x[j] = low < 6 ? low : 6;
        }
        break;
    case KERN_ACT_LEAKY:
        for (int j = 0; j < c; j++) {
            float negative = e->alpha * x[j];
            x[j] = x[j] > 0 ? x[j] : negative;
        }
        break;
    case KERN_ACT_PRELU:
        IVDEP
        for (int j = 0; j < c; j++) {
            float negative = e->slope[j] * x[j];
            x[j] = x[j] > 0 ? x[j] : negative;
        }
        break;
    case KERN_ACT_SIGMOID:
        for (int j = 0; j < c; j++) x[j] = sigmoid(x[j]);
        break;
    case KERN_ACT_SWISH:
        for (int j = 0; j < c; j++) x[j] *= sigmoid(x[j]);
        break;
    }
}

/* acc + bias [+ res] of one pixel: the sum before the activation. */
static void sum_pixel(int c, const float *acc, const float *bias, const float *res, float *dst) {
    if (bias && res) {
        IVDEP
        for (int j = 0; j < c; j++) dst[j] = acc[j] + bias[j] + res[j];
    } else if (bias) {
        IVDEP
        for (int j = 0; j < c; j++) dst[j] = acc[j] + bias[j];
    } else if (res) {
        IVDEP
        for (int j = 0; j < c; j++) dst[j] = acc[j] + res[j];
    } else if (acc != dst) {
        memcpy(dst, acc, sizeof(float) * (size_t)c);
    }
}

void kern_epilogue_f32_c(int w, int c, const float *acc, ptrdiff_t acc_px, const struct kern_epi *e,
                         const float *res, ptrdiff_t res_px, int res_shift, float *dst,
                         ptrdiff_t dst_px) {
    for (int x = 0; x < w; x++, acc += acc_px, dst += dst_px) {
        const float *r = res ? res + (x >> res_shift) * res_px : NULL;
        sum_pixel(c, acc, e->bias, e->res_after ? NULL : r, dst);
        activate(c, e, dst);
        if (r && e->res_after) sum_pixel(c, dst, NULL, r, dst);
    }
}

static void affine_f32_c(int w, int c, const float *src, ptrdiff_t src_px, const float *scale,
                         const float *shift, float *dst, ptrdiff_t dst_px) {
    for (int x = 0; x < w; x++, src += src_px, dst += dst_px)
        for (int j = 0; j < c; j++) dst[j] = scale[j] * src[j] + shift[j];
}

static void softmax_f32_c(int n, float *x) {
    float top = x[0];
    for (int i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] = expf(x[i] - top);
    float factor = (float)(1.0 / sum);
    for (int i = 0; i < n; i++) x[i] *= factor;
}

void kern_init_c_pointwise(struct kern *k) {
    k->epilogue_f32 = kern_epilogue_f32_c;
    k->affine_f32 = affine_f32_c;
    k->softmax_f32 = softmax_f32_c;
}
