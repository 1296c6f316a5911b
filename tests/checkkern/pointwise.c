#include "tests/checkkern/checkkern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double activation(const struct kern_epi *e, int j, double v) {
    switch (e->act) {
    case KERN_ACT_RELU: return v > 0 ? v : 0;
    case KERN_ACT_LEAKY: return v < 0 ? (double)e->alpha * v : v;
    case KERN_ACT_PRELU: return v < 0 ? (double)e->slope[j] * v : v;
    case KERN_ACT_SIGMOID: return 1 / (1 + exp(-v));
    case KERN_ACT_CLIP: return fmin(fmax(v, (double)e->alpha), (double)e->beta);
    case KERN_ACT_HARD_SIGMOID: return fmin(fmax((double)e->alpha * v + (double)e->beta, 0), 1);
    case KERN_ACT_HARD_SWISH: return v * fmin(fmax((double)e->alpha * v + (double)e->beta, 0), 1);
    case KERN_ACT_SILU: return v / (1 + exp(-v));
    case KERN_ACT_TANH: return tanh(v);
    case KERN_ACT_GELU: return v * erfc(-v / sqrt(2)) / 2;
    case KERN_ACT_MISH: return v * tanh(log1p(exp(v)));
    case KERN_ACT_ERF: return erf(v);
    case KERN_ACT_EXP: return exp(fmin(fmax(v, -87), 88));
    case KERN_ACT_ROOT: return sqrt(fmax(v, 0));
    case KERN_ACT_INVERSE: return 1 / v;
    default: return v;
    }
}

/* The value from the sum with bias on: the activation, and the residual r before or after it. */
static double finished(const struct kern_epi *e, int j, double v, int has_res, double r) {
    if (has_res && !e->res_after) v = e->res_mul ? v * r : v + r;
    v = activation(e, j, v);
    if (has_res && e->res_after) v = e->res_mul ? v * r : v + r;
    return v;
}

/* Activations that are infinitely steep at 0 are given what is far from it. */
static int stay_away(struct kern_epi *e) {
    if (e->act != KERN_ACT_ROOT && e->act != KERN_ACT_INVERSE) return 0;
    e->bias = NULL;
    e->res_after = 1;
    return 1;
}

/* Every activation, with and without bias and residual, in place and not, with gaps. */
static void check_epilogue(struct check *k) {
    int w = check_int(k, 1, 17), c = check_int(k, 1, 70), in_place = check_int(k, 0, 1);
    int has_res = check_int(k, 0, 1), shift = has_res ? check_int(k, 0, 1) : 0;
    ptrdiff_t px = c + check_int(k, 0, 5), dst_px = in_place ? px : c + check_int(k, 0, 5);
    ptrdiff_t res_px = c + check_int(k, 0, 5);
    size_t na = (size_t)((w - 1) * px + c), nd = (size_t)((w - 1) * dst_px + c);
    size_t nr = (size_t)(((w - 1) >> shift) * res_px + c);
    float *acc = check_guarded(k, na), *dst = check_guarded(k, nd), *res = check_guarded(k, nr);
    float *bias = check_guarded(k, (size_t)c), *slope = check_guarded(k, (size_t)c);
    float *want = check_guarded(k, nd);
    struct kern_epi e = {.act = (enum kern_act)check_int(k, KERN_ACT_NONE, KERN_ACTS - 1),
                         .alpha = 0.1f,
                         .beta = 0.6f,
                         .slope = slope,
                         .bias = check_int(k, 0, 1) ? bias : NULL,
                         .res_after = check_int(k, 0, 1),
                         .res_mul = check_int(k, 0, 3) == 0};
    int away = stay_away(&e);
    for (size_t i = 0; i < na; i++)
        acc[i] = away ? 1 + fabsf(acc[i]) : acc[i] * 9; /* reach both ends of a sigmoid */
    if (in_place) memcpy(dst, acc, sizeof *dst * nd);
    memcpy(want, dst, sizeof *want * nd);
    for (int x = 0; x < w; x++)
        for (int j = 0; j < c; j++) {
            double v = (double)acc[x * px + j] + (e.bias ? bias[j] : 0);
            double r = has_res ? res[(x >> shift) * res_px + j] : 0;
            want[x * dst_px + j] = (float)finished(&e, j, v, has_res, r);
        }
    k->kern.epilogue(w, c, in_place ? dst : acc, px, &e, has_res ? res : NULL, res_px, shift, dst,
                     dst_px);
    char shape[96];
    snprintf(shape, sizeof shape,
             "%d x %d, act %d, bias %d, res %d shift %d after %d times %d, in place %d", w, c,
             e.act, e.bias != NULL, has_res, shift, e.res_after, e.res_mul, in_place);
    check_equal(k, "epilogue", shape, dst, want, nd, 2e-6);
    check_guarded_free(k, "epilogue", acc, na);
    check_guarded_free(k, "epilogue", dst, nd);
    check_guarded_free(k, "epilogue", res, nr);
    check_guarded_free(k, "epilogue", bias, (size_t)c);
    check_guarded_free(k, "epilogue", slope, (size_t)c);
    check_guarded_free(k, "epilogue", want, nd);
}

/* Scales of bytes: positive, so that their inverses stay in range. */
static float *check_scales(struct check *k, int c) {
    float *scale = check_guarded(k, (size_t)c);
    for (int j = 0; j < c; j++) scale[j] = 0.02f + 0.01f * check_float(k);
    return scale;
}

/* Accumulators of floats or integers, residuals and results of every type. A byte may be either
 * neighbour of a value half way between them, bf16 differs by one in its last place at most. */
static void check_typed_epilogue(struct check *k) {
    int w = check_int(k, 1, 17), c = check_int(k, 1, 150), integers = check_int(k, 0, 1);
    int has_res = check_int(k, 0, 1), shift = has_res ? check_int(k, 0, 1) : 0;
    ptrdiff_t px = c + check_int(k, 0, 5), dst_px = c + check_int(k, 0, 5);
    ptrdiff_t res_px = c + check_int(k, 0, 5);
    size_t na = (size_t)((w - 1) * px + c), nd, nr, ndst = (size_t)((w - 1) * dst_px + c);
    float *acc = check_guarded(k, na), *bias = check_guarded(k, (size_t)c);
    float *slope = check_guarded(k, (size_t)c), *acc_scale = check_scales(k, c);
    float *res_scale = check_scales(k, c), *dst_inverse = check_scales(k, c);
    for (int j = 0; j < c; j++) dst_inverse[j] = 1 / dst_inverse[j];
    struct kern_epi e = {.act = (enum kern_act)check_int(k, KERN_ACT_NONE, KERN_ACTS - 1),
                         .alpha = 0.1f,
                         .beta = 0.6f,
                         .slope = slope,
                         .bias = check_int(k, 0, 1) ? bias : NULL,
                         .res_after = check_int(k, 0, 1),
                         .res_mul = check_int(k, 0, 3) == 0,
                         .acc_scale = integers ? acc_scale : NULL,
                         .res_type = (enum kern_type)check_int(k, KERN_F32, KERN_U8),
                         .dst_type = (enum kern_type)check_int(k, KERN_F32, KERN_U8),
                         .res_scale = res_scale,
                         .dst_inverse = dst_inverse,
                         .res_zero = check_int(k, 0, 255),
                         .dst_zero = check_int(k, 0, 255)};
    int away = stay_away(&e), most = e.act == KERN_ACT_EXP ? 40 : 400; /* e^12 times rounding */
    void *res = check_elements(k, e.res_type, (size_t)(((w - 1) >> shift) * res_px + c), &nr);
    void *dst = check_elements(k, e.dst_type, ndst, &nd);
    float *got = check_guarded(k, ndst), *want = check_guarded(k, ndst); /* before rounding */
    for (size_t i = 0; i < ndst; i++) want[i] = (float)check_element(dst, e.dst_type, i);
    for (int x = 0; x < w; x++)
        for (int j = 0; j < c; j++) {
            int32_t sum = away ? check_int(k, 40, 400) : check_int(k, -most, most);
            float *a = &acc[x * px + j];
            if (away) *a = 1 + fabsf(*a);
            double v = integers ? (double)sum * acc_scale[j] : (double)*a;
            if (integers) memcpy(a, &sum, sizeof sum);
            v += e.bias ? bias[j] : 0;
            size_t at = (size_t)((x >> shift) * res_px + j);
            double r = has_res ? check_element(res, e.res_type, at) : 0;
            if (has_res && e.res_type == KERN_U8) r = (r - e.res_zero) * (double)res_scale[j];
            v = finished(&e, j, v, has_res, r);
            if (e.dst_type == KERN_U8) {
                v = v * (double)dst_inverse[j] + e.dst_zero;
                v = v < 0 ? 0 : v > 255 ? 255 : v;
            }
            want[x * dst_px + j] = (float)v;
        }
    k->kern.epilogue(w, c, acc, px, &e, has_res ? res : NULL, res_px, shift, dst, dst_px);
    for (size_t i = 0; i < ndst; i++) {
        got[i] = (float)check_element(dst, e.dst_type, i);
        if (e.dst_type == KERN_U8 && fabsf(got[i] - want[i]) < 0.501f) want[i] = got[i];
    }
    char shape[128];
    snprintf(shape, sizeof shape,
             "%d x %d, act %d, integers %d, res %d type %d after %d times %d, to type %d", w, c,
             e.act, integers, has_res, e.res_type, e.res_after, e.res_mul, e.dst_type);
    double tolerance[] = {3e-6, 1 / 256.0, 0};
    check_equal(k, "epilogue", shape, got, want, ndst, tolerance[e.dst_type]);
    check_guarded_free(k, "epilogue", acc, na);
    check_guarded_free(k, "epilogue", res, nr);
    check_guarded_free(k, "epilogue", dst, nd);
    check_guarded_free(k, "epilogue", got, ndst);
    check_guarded_free(k, "epilogue", want, ndst);
    float *vectors[] = {bias, slope, acc_scale, res_scale, dst_inverse};
    for (int i = 0; i < 5; i++) check_guarded_free(k, "epilogue", vectors[i], (size_t)c);
}

static void check_widen(struct check *k) {
    enum kern_type type = (enum kern_type)check_int(k, KERN_F32, KERN_U8);
    int w = check_int(k, 1, 17), c = check_int(k, 1, 70), zero = check_int(k, 0, 255);
    ptrdiff_t px = c + check_int(k, 0, 5);
    size_t n = (size_t)(w * c), ns;
    void *src = check_elements(k, type, (size_t)((w - 1) * px + c), &ns);
    float *scale = check_scales(k, c), *dst = check_guarded(k, n), *want = check_guarded(k, n);
    for (int x = 0; x < w; x++)
        for (int j = 0; j < c; j++) {
            double v = check_element(src, type, (size_t)(x * px + j));
            want[x * c + j] = (float)(type == KERN_U8 ? (v - zero) * (double)scale[j] : v);
        }
    k->kern.widen(w, c, type, scale, zero, src, px, dst);
    char shape[48];
    snprintf(shape, sizeof shape, "%d x %d of type %d", w, c, type);
    check_equal(k, "widen", shape, dst, want, n, 1e-6);
    check_guarded_free(k, "widen", src, ns);
    check_guarded_free(k, "widen", scale, (size_t)c);
    check_guarded_free(k, "widen", dst, n);
    check_guarded_free(k, "widen", want, n);
}

static void check_affine(struct check *k) {
    int w = check_int(k, 1, 17), c = check_int(k, 1, 70);
    ptrdiff_t px = c + check_int(k, 0, 5), dst_px = c + check_int(k, 0, 5);
    size_t ns = (size_t)((w - 1) * px + c), nd = (size_t)((w - 1) * dst_px + c);
    float *src = check_guarded(k, ns), *dst = check_guarded(k, nd), *want = check_guarded(k, nd);
    float *scale = check_guarded(k, (size_t)c), *shift = check_guarded(k, (size_t)c);
    memcpy(want, dst, sizeof *want * nd);
    for (int x = 0; x < w; x++)
        for (int j = 0; j < c; j++)
            want[x * dst_px + j] = (float)((double)scale[j] * src[x * px + j] + shift[j]);
    k->kern.affine_f32(w, c, src, px, scale, shift, dst, dst_px);
    char shape[32];
    snprintf(shape, sizeof shape, "%d x %d", w, c);
    check_equal(k, "affine_f32", shape, dst, want, nd, 1e-6);
    check_guarded_free(k, "affine_f32", src, ns);
    check_guarded_free(k, "affine_f32", dst, nd);
    check_guarded_free(k, "affine_f32", want, nd);
    check_guarded_free(k, "affine_f32", scale, (size_t)c);
    check_guarded_free(k, "affine_f32", shift, (size_t)c);
}

static void check_softmax(struct check *k) {
    size_t n = (size_t)check_int(k, 1, 1200);
    float *x = check_guarded(k, n), *want = check_guarded(k, n);
    float offset = 200 * check_float(k); /* large logits must not overflow */
    for (size_t i = 0; i < n; i++) x[i] = 8 * x[i] + offset;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += exp((double)x[i] - offset);
    for (size_t i = 0; i < n; i++) want[i] = (float)(exp((double)x[i] - offset) / sum);
    k->kern.softmax_f32((int)n, x);
    char shape[16];
    snprintf(shape, sizeof shape, "%zu", n);
    check_equal(k, "softmax_f32", shape, x, want, n, 1e-6);
    check_guarded_free(k, "softmax_f32", x, n);
    check_guarded_free(k, "softmax_f32", want, n);
}

/* High halves are the nearest bf16 (or, half way, either), and both together nearly the float; an
 * infinity has nothing left. */
static void check_split(struct check *k) {
    int w = check_int(k, 1, 17), c = check_int(k, 1, 70);
    ptrdiff_t px = c + check_int(k, 0, 5);
    size_t ns = (size_t)((w - 1) * px + c), n = (size_t)(w * c), nh, nl;
    float *src = check_guarded(k, ns), *sum = check_guarded(k, n), *want = check_guarded(k, n);
    void *high = check_elements(k, KERN_BF16, n, &nh), *low = check_elements(k, KERN_BF16, n, &nl);
    src[0] = INFINITY;
    k->kern.split_f32(w, c, src, px, high, low);
    char shape[32];
    snprintf(shape, sizeof shape, "%d x %d", w, c);
    for (size_t i = 0; i < n; i++) {
        size_t x = i / (size_t)c, j = i % (size_t)c;
        double v = (double)src[x * (size_t)px + j], h = check_element(high, KERN_BF16, i);
        double relative = v != 0 ? (h + check_element(low, KERN_BF16, i) - v) / v : 0;
        sum[i] = i == 0 ? (float)(h + check_element(low, KERN_BF16, i) != (double)INFINITY)
                        : (float)(fabs(relative) > 1.0 / (1 << 17) ||
                                  fabs(h - v) > fabs(v) * (1.0 / (1 << 8)));
        want[i] = 0;
    }
    check_equal(k, "split_f32", shape, sum, want, n, 0);
    check_guarded_free(k, "split_f32", src, ns);
    check_guarded_free(k, "split_f32", high, nh);
    check_guarded_free(k, "split_f32", low, nl);
    check_guarded_free(k, "split_f32", sum, n);
    check_guarded_free(k, "split_f32", want, n);
}

void check_pointwise(struct check *k) {
    for (int i = 0; i < 10; i++) check_epilogue(k); /* many combinations */
    for (int i = 0; i < 30; i++) check_typed_epilogue(k);
    check_widen(k);
    check_split(k);
    check_affine(k);
    check_softmax(k);
}
