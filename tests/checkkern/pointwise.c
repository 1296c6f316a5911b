#include "tests/checkkern/checkkern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double activation(const struct kern_epi *e, int j, double v) {
    switch (e->act) {
    case KERN_ACT_RELU: return v > 0 ? v : 0;
    case KERN_ACT_RELU6: return v < 0 ? 0 : v > 6 ? 6 : v;
    case KERN_ACT_LEAKY: return v < 0 ? (double)e->alpha * v : v;
    case KERN_ACT_PRELU: return v < 0 ? (double)e->slope[j] * v : v;
    case KERN_ACT_SIGMOID: return 1 / (1 + exp(-v));
    case KERN_ACT_SWISH: return v / (1 + exp(-v));
    default: return v;
    }
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
    for (size_t i = 0; i < na; i++) acc[i] *= 9; /* reach both ends of relu6 */
    if (in_place) memcpy(dst, acc, sizeof *dst * nd);
    memcpy(want, dst, sizeof *want * nd);
    struct kern_epi e = {.act = (enum kern_act)check_int(k, KERN_ACT_NONE, KERN_ACT_SWISH),
                         .alpha = 0.1f,
                         .slope = slope,
                         .bias = check_int(k, 0, 1) ? bias : NULL,
                         .res_after = check_int(k, 0, 1)};
    for (int x = 0; x < w; x++)
        for (int j = 0; j < c; j++) {
            double v = (double)acc[x * px + j] + (e.bias ? bias[j] : 0);
            double r = has_res ? res[(x >> shift) * res_px + j] : 0;
            v = e.res_after ? activation(&e, j, v) + r : activation(&e, j, v + r);
            want[x * dst_px + j] = (float)v;
        }
    k->kern.epilogue_f32(w, c, in_place ? dst : acc, px, &e, has_res ? res : NULL, res_px, shift,
                         dst, dst_px);
    char shape[96];
    snprintf(shape, sizeof shape, "%d x %d, act %d, bias %d, res %d shift %d after %d, in place %d",
             w, c, e.act, e.bias != NULL, has_res, shift, e.res_after, in_place);
    check_equal(k, "epilogue_f32", shape, dst, want, nd, 2e-6);
    check_guarded_free(k, "epilogue_f32", acc, na);
    check_guarded_free(k, "epilogue_f32", dst, nd);
    check_guarded_free(k, "epilogue_f32", res, nr);
    check_guarded_free(k, "epilogue_f32", bias, (size_t)c);
    check_guarded_free(k, "epilogue_f32", slope, (size_t)c);
    check_guarded_free(k, "epilogue_f32", want, nd);
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

void check_pointwise(struct check *k) {
    for (int i = 0; i < 10; i++) check_epilogue(k); /* many combinations */
    check_affine(k);
    check_softmax(k);
}
