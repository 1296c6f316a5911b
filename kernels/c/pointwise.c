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

/* min(max(a x + b, 0), 1) */
static float hard_sigmoid(float x, float a, float b) {
    float v = a * x + b;
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); from x = 20 on it is 1. */
static float mish(float x) {
    float e = expf(x < 20 ? x : 20), n = e * (e + 2);
    return x * (n / (n + 2));
}

/* Activations of one value that need no vectors. */
static float curve(const struct kern_epi *e, float x) {
    switch (e->act) {
    case KERN_ACT_SIGMOID: return sigmoid(x);
    case KERN_ACT_HARD_SIGMOID: return hard_sigmoid(x, e->alpha, e->beta);
    case KERN_ACT_HARD_SWISH: return x * hard_sigmoid(x, e->alpha, e->beta);
    case KERN_ACT_SILU: return x * sigmoid(x);
    case KERN_ACT_TANH: return tanhf(x);
    case KERN_ACT_GELU: return 0.5f * x * (1 + erff(x * 0.70710678f));
    case KERN_ACT_MISH: return mish(x);
    case KERN_ACT_ERF: return erff(x);
    case KERN_ACT_EXP: return expf(x < -87 ? -87 : x < 88 ? x : 88);
    case KERN_ACT_ROOT: return sqrtf(x > 0 ? x : 0);
    case KERN_ACT_INVERSE: return 1 / x;
    default: return x;
    }
}

/* The activation alone, over c channels in place. */
static void activate(int c, const struct kern_epi *e, float *x) {
    switch (e->act) {
    case KERN_ACT_NONE: break;
    case KERN_ACT_RELU:
        for (int j = 0; j < c; j++) x[j] = x[j] > 0 ? x[j] : 0;
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
    case KERN_ACT_CLIP:
        for (int j = 0; j < c; j++) {
            float v = x[j] > e->alpha ? x[j] : e->alpha;
            x[j] = v < e->beta ? v : e->beta;
        }
        break;
    default:
        for (int j = 0; j < c; j++) x[j] = curve(e, x[j]);
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

static void multiply_pixel(int c, const float *res, float *dst) {
    IVDEP
    for (int j = 0; j < c; j++) dst[j] *= res[j];
}

static void epilogue_f32(int w, int c, const float *acc, ptrdiff_t acc_px, const struct kern_epi *e,
                         const float *res, ptrdiff_t res_px, int res_shift, float *dst,
                         ptrdiff_t dst_px) {
    for (int x = 0; x < w; x++, acc += acc_px, dst += dst_px) {
        const float *r = res ? res + (x >> res_shift) * res_px : NULL;
        const float *before = e->res_after ? NULL : r, *after = e->res_after ? r : NULL;
        sum_pixel(c, acc, e->bias, e->res_mul ? NULL : before, dst);
        if (e->res_mul && before) multiply_pixel(c, before, dst);
        activate(c, e, dst);
        if (e->res_mul && after)
            multiply_pixel(c, after, dst);
        else if (after)
            sum_pixel(c, dst, NULL, after, dst);
    }
}

static const void *at(const void *p, enum kern_type type, ptrdiff_t i) {
    return (const char *)p + i * (ptrdiff_t)kern_type_size(type);
}

static void widen_c(int w, int c, enum kern_type type, const float *scale, int zero,
                    const void *src, ptrdiff_t src_px, float *dst) {
    for (int x = 0; x < w; x++, dst += c) {
        const void *p = at(src, type, x * src_px);
        if (type == KERN_F32) memcpy(dst, p, sizeof(float) * (size_t)c);
        for (int j = 0; type == KERN_BF16 && j < c; j++)
            dst[j] = kern_bf16_to_f32(((const uint16_t *)p)[j]);
        for (int j = 0; type == KERN_U8 && j < c; j++)
            dst[j] = scale[j] * (float)(((const uint8_t *)p)[j] - zero);
    }
}

static void split_f32_c(int w, int c, const float *src, ptrdiff_t src_px, uint16_t *high,
                        uint16_t *low) {
    for (int x = 0; x < w; x++, src += src_px, high += c, low += c)
        for (int j = 0; j < c; j++) {
            high[j] = kern_bf16_from_f32(src[j]);
            low[j] = isfinite(kern_bf16_to_f32(high[j]))
                         ? kern_bf16_from_f32(src[j] - kern_bf16_to_f32(high[j]))
                         : 0;
        }
}

static uint8_t to_byte(float x) {
    return x <= 0 ? 0 : x >= 255 ? 255 : (uint8_t)lrintf(x);
}

static void narrow(int c, const struct kern_epi *e, const float *src, void *dst) {
    if (e->dst_type == KERN_F32) memcpy(dst, src, sizeof(float) * (size_t)c);
    for (int j = 0; e->dst_type == KERN_BF16 && j < c; j++)
        ((uint16_t *)dst)[j] = kern_bf16_from_f32(src[j]);
    for (int j = 0; e->dst_type == KERN_U8 && j < c; j++)
        ((uint8_t *)dst)[j] = to_byte(src[j] * e->dst_inverse[j] + (float)e->dst_zero);
}

/* Any types: blocks of channels through floats, a pixel at a time. */
static void epilogue_typed(int w, int c, const void *acc, ptrdiff_t acc_px,
                           const struct kern_epi *e, const void *res, ptrdiff_t res_px,
                           int res_shift, void *dst, ptrdiff_t dst_px) {
    enum { BLOCK = 64 };
    float v[BLOCK], r[BLOCK];
    for (int j = 0; j < c; j += BLOCK) {
        int n = c - j < BLOCK ? c - j : BLOCK;
        struct kern_epi part = *e;
        if (e->bias) part.bias += j;
        if (e->slope) part.slope += j;
        if (e->dst_inverse) part.dst_inverse += j;
        for (int x = 0; x < w; x++) {
            memcpy(v, at(acc, KERN_F32, x * acc_px + j), sizeof(float) * (size_t)n);
            for (int i = 0; e->acc_scale && i < n; i++) {
                int32_t sum;
                memcpy(&sum, &v[i], sizeof sum);
                v[i] = (float)sum * e->acc_scale[j + i];
            }
            if (res)
                widen_c(1, n, e->res_type, e->res_scale ? e->res_scale + j : NULL, e->res_zero,
                        at(res, e->res_type, (x >> res_shift) * res_px + j), 0, r);
            epilogue_f32(1, n, v, 0, &part, res ? r : NULL, 0, 0, v, 0);
            narrow(n, &part, v,
                   (char *)dst + (x * dst_px + j) * (ptrdiff_t)kern_type_size(e->dst_type));
        }
    }
}

void kern_epilogue_c(int w, int c, const void *acc, ptrdiff_t acc_px, const struct kern_epi *e,
                     const void *res, ptrdiff_t res_px, int res_shift, void *dst,
                     ptrdiff_t dst_px) {
    if (!e->acc_scale && e->dst_type == KERN_F32 && (!res || e->res_type == KERN_F32))
        epilogue_f32(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);
    else
        epilogue_typed(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);
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
    k->epilogue = kern_epilogue_c;
    k->widen = widen_c;
    k->split_f32 = split_f32_c;
    k->affine_f32 = affine_f32_c;
    k->softmax_f32 = softmax_f32_c;
}
