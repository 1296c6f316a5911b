/*
 * test_kernels.c - every CUDA kernel on random shapes, against sums in double precision.
 *
 *     test_kernels [--seed N] [--count N] [--from CASE] [--only TEXT] [--verbose 1]
 *
 * runs on the driver it finds: a GPU's, or the emulator's (MIEN_LIBCUDA). The k-th case of a seed
 * is the same whatever ran before it, and a failure prints both. Each kernel runs twice: results
 * must not depend on the order blocks come in, and counters must be zero again.
 */
#include "cuda/depthwise.h"
#include "cuda/mma.h"
#include "cuda/separable.h"
#include "engine/err.h"
#include "kernels/kern.h"
#include "tests/cuda/epilogues.h"
#include "tests/cuda/half.h"
#include "tests/cuda/images.h"
#include "tests/cuda/spatial.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct window {
    int kh, kw, stride, gap, pad_top, pad_left, in_h, in_w, halo[4];
};

/* For a window: a map of h x w outputs under it, and a halo that makes edges ordinary. */
static void window_place(struct window *k, int h, int w) {
    int rows = (k->kh - 1) * (1 + k->gap) + 1, columns = (k->kw - 1) * (1 + k->gap) + 1;
    k->pad_top = draw(0, rows / 2), k->pad_left = draw(0, columns / 2);
    int reach_y = (h - 1) * k->stride + rows - k->pad_top;
    int reach_x = (w - 1) * k->stride + columns - k->pad_left;
    int below = draw(0, rows - 1 < reach_y - 1 ? rows - 1 : reach_y - 1);
    int right = draw(0, columns - 1 < reach_x - 1 ? columns - 1 : reach_x - 1);
    k->in_h = reach_y - below, k->in_w = reach_x - right;
    k->halo[0] = k->pad_top, k->halo[1] = k->pad_left, k->halo[2] = below, k->halo[3] = right;
}

static void window_make(struct window *k, int h, int w) {
    static const int sizes[] = {1, 1, 1, 2, 3, 3, 3, 5, 7};
    k->kh = sizes[draw(0, 8)], k->kw = one_in(6) ? sizes[draw(0, 8)] : k->kh;
    k->stride = one_in(3) ? 2 : one_in(12) ? 3 : 1;
    k->gap = one_in(6) ? draw(1, 2) : 0;
    window_place(k, h, w);
}

static int tolerable(int type, double *tolerance) {
    *tolerance = type == CUDA_F32 ? 1e-5 : type == CUDA_F16 ? 1e-4 : 1e-6;
    return type;
}

static void store_weight(int type, void *weights, int64_t at, double v) {
    if (type == CUDA_F32)
        ((float *)weights)[at] = (float)v;
    else if (type == CUDA_F16)
        ((uint16_t *)weights)[at] = half_of(v);
    else
        ((int8_t *)weights)[at] = (int8_t)v;
}

static double load_weight(int type, const void *weights, int64_t at) {
    return type == CUDA_F32   ? (double)((const float *)weights)[at]
           : type == CUDA_F16 ? half_value(((const uint16_t *)weights)[at])
                              : (double)((const int8_t *)weights)[at];
}

static int64_t round_up(int64_t v, int64_t to) {
    return (v + to - 1) / to * to;
}

static void pad_depth(struct cuda_conv *p) {
    int size = tensor_size_of(p->in.type);
    p->depth_pad = (int)round_up(p->depth * size, 16) / size;
    p->k_pad = (int)round_up((int64_t)p->taps * p->depth_pad * size, 128) / size;
}

/* Weights of p as params.h packs them; random, or zero where the input has no channel. */
static void *pack_weights(struct cuda_conv *p, const struct window *k, int in_c) {
    int type = p->in.type, size = tensor_size_of(type);
    int64_t rows = round_up(p->e.out.c, CUDA_PACK_ROWS);
    void *weights = calloc((size_t)(rows * p->k_pad), (size_t)size);
    double unit = 1 / sqrt((double)k->kh * k->kw * in_c);
    for (int o = 0; o < p->e.out.c; o++)
        for (int t = 0; t < p->taps; t++)
            for (int i = 0; i < p->depth; i++) {
                int pad = p->across == 1 && k->kw > 1 && i % p->in.px >= in_c;
                double v = type == CUDA_U8 ? draw(-127, 127) : draw_real(-2 * unit, 2 * unit);
                int64_t at = (int64_t)o * p->k_pad + (int64_t)t * p->depth_pad + i;
                store_weight(type, weights, at, pad ? 0 : v);
            }
    p->weights = (const char *)(uintptr_t)array_up(weights, (size_t)(rows * p->k_pad * size));
    return weights;
}

/* Sums as a convolution is defined: over the window's pixels and their channels. */
static void conv_sums(const struct cuda_conv *p, const struct window *k, const struct tensor *in,
                      const void *weights, double *out) {
    int type = p->in.type, c = p->in.c, n = k->kh * k->kw * c;
    double *window = malloc((size_t)n * sizeof *window), *rows;
    rows = malloc((size_t)n * (size_t)p->e.out.c * sizeof *rows);
    for (int o = 0; o < p->e.out.c; o++)
        for (int i = 0; i < n; i++) {
            int ky = i / c / k->kw, kx = i / c % k->kw;
            int t = p->across == 1 ? ky : ky * k->kw + kx;
            int within = p->across == 1 ? kx * p->in.px + i % c : i % c;
            rows[(size_t)o * (size_t)n + (size_t)i] = load_weight(
                type, weights, (int64_t)o * p->k_pad + (int64_t)t * p->depth_pad + within);
        }
    for (int b = 0; b < p->e.batch; b++)
        for (int y = 0; y < p->e.out.h; y++)
            for (int x = 0; x < p->e.out.w; x++) {
                for (int i = 0; i < n; i++)
                    window[i] = tensor_stored(
                        in, b, y * p->stride - p->pad_top + i / c / k->kw * (1 + k->gap),
                        x * p->stride - p->pad_left + i / c % k->kw * (1 + k->gap), i % c);
                for (int o = 0; o < p->e.out.c; o++) {
                    double sum = 0;
                    const double *row = rows + (size_t)o * (size_t)n;
                    for (int i = 0; i < n; i++) sum += window[i] * row[i];
                    *out++ = sum;
                }
            }
    free(window);
    free(rows);
}

static void set_scratch(struct cuda_conv *p, const struct cuda_launch *l) {
    p->splits = l->splits;
    p->partial = NULL;
    p->arrived = NULL;
    if (l->splits > 1) {
        p->partial = (float *)(uintptr_t)array_zero(l->partial_bytes);
        p->arrived = (unsigned *)(uintptr_t)array_zero(l->arrived_bytes);
    }
}

static void run_conv(struct cuda_conv *p, const struct cuda_launch *l, struct epilogue *x,
                     const double *sums, double tolerance) {
    set_scratch(p, l);
    run(l, p, x, sums, tolerance);
}

static void test_conv(void) {
    struct window k;
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    struct cuda_conv p = {0};
    double tolerance;
    int small = one_in(4); /* for the fully connected kernel */
    int h = small ? 1 : draw(1, 20), w = small ? draw(1, 2) : draw(1, 20), batch = draw(1, 4);
    window_make(&k, h, w);
    int c = k.kh * k.kw > 9 ? draw(1, 8) : draw(1, one_in(4) ? 200 : 40);
    int type = tolerable(random_type(), &tolerance),
        by_rows = k.kw > 1 && c <= 8 && !k.gap && one_in(2);
    int flags = (by_rows ? TENSOR_WHOLE : 0) | (one_in(3) ? 0 : TENSOR_ALIGNED);
    int spread = one_in(4);
    if (spread) flags &= ~TENSOR_ALIGNED, c = (c + 3) / 4 * 4;
    tensor_make(&in, type, batch, k.in_h, k.in_w, c, flags | TENSOR_INPUT | TENSOR_HALO, k.halo);
    int cout = one_in(4) ? draw(1, 8) : draw(1, 150);
    epilogue_make(&x, batch, h, w, cout, type == CUDA_U8, 4096 * sqrt(k.kh * k.kw * c));
    p.in = in.v;
    p.e = x.e;
    p.across = by_rows ? 1 : k.kw;
    p.taps = by_rows ? k.kh : k.kh * k.kw;
    p.depth = by_rows ? (k.kw - 1) * in.v.px + c : c;
    pad_depth(&p);
    p.stride = k.stride, p.gap = k.gap, p.pad_top = k.pad_top, p.pad_left = k.pad_left;
    describe("convolution", &in, &x);
    size_t length = strlen(test_case);
    snprintf(test_case + length, sizeof test_case - length,
             ", window %dx%d stride %d gap %d pad %d %d, taps %d across %d depth %d k_pad %d", k.kh,
             k.kw, k.stride, k.gap, k.pad_top, k.pad_left, p.taps, p.across, p.depth, p.k_pad);
    void *weights = pack_weights(&p, &k, c);
    double *sums = sums_for(&x);
    conv_sums(&p, &k, &in, weights, sums);

    cuda_plain_conv(&p, &l);
    run_conv(&p, &l, &x, sums, tolerance);
    struct cuda_machine m = random_machine();
    struct cuda_algorithm list[CUDA_MOST_ALGORITHMS];
    if (cuda_mma_list(&m, &p, list) > 0 && !cuda_mma_launch(&p, &list[0], &l))
        test_fail("what is listed cannot be launched");
    run_conv(&p, &l, &x, sums, tolerance);
    int tile = draw(0, CUDA_CONV_TILE_COUNT - 1);
    if (cuda_mma_shape(&p, tile, one_in(2) ? 1 : draw(2, 9), &l))
        run_conv(&p, &l, &x, sums, tolerance);
    if (cuda_fc_shape(&p, &l)) run_conv(&p, &l, &x, sums, tolerance);
    free(weights);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

static void test_gconv(void) {
    struct window k;
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    struct cuda_gconv p = {0};
    double tolerance;
    int h = draw(1, 16), w = draw(1, 16), batch = draw(1, 3), depthwise = !one_in(5);
    int groups = depthwise ? draw(1, 60) : draw(1, 4), inputs = depthwise ? 1 : draw(1, 6);
    if (depthwise && one_in(2)) groups = (groups + 7) / 8 * 8;
    int outputs = depthwise ? 1 : draw(1, 6), c = groups * inputs, cout = groups * outputs;
    window_make(&k, h, w);
    int type = tolerable(random_type(), &tolerance);
    tensor_make(&in, type, batch, k.in_h, k.in_w, c,
                TENSOR_INPUT | TENSOR_HALO | (one_in(3) ? 0 : TENSOR_ALIGNED), k.halo);
    epilogue_make(&x, batch, h, w, cout, 0, 1);
    double unit = (type == CUDA_U8 ? 0.01 : 1) / sqrt(k.kh * k.kw * inputs);
    float *weights;
    p.weights = floats_up(k.kh * k.kw * inputs * cout, -2 * unit, 2 * unit, &weights);
    p.in = in.v;
    p.e = x.e;
    p.kh = k.kh, p.kw = k.kw, p.stride = k.stride, p.gap = k.gap, p.groups = groups;
    p.pad_top = k.pad_top, p.pad_left = k.pad_left;
    describe("grouped convolution", &in, &x);
    size_t length = strlen(test_case);
    snprintf(test_case + length, sizeof test_case - length,
             ", window %dx%d stride %d gap %d pad %d %d, groups %d", k.kh, k.kw, k.stride, k.gap,
             k.pad_top, k.pad_left, groups);
    double *sums = sums_for(&x), *at = sums;
    for (int i = 0; i < batch * h * w; i++)
        for (int o = 0; o < cout; o++, at++)
            for (int t = 0; t < k.kh * k.kw; t++)
                for (int j = 0; j < inputs; j++)
                    *at += tensor_stored(&in, i / w / h,
                                         i / w % h * k.stride - k.pad_top + t / k.kw * (1 + k.gap),
                                         i % w * k.stride - k.pad_left + t % k.kw * (1 + k.gap),
                                         o / outputs * inputs + j) *
                           weights[(t * inputs + j) * cout + o];
    cuda_plain_gconv(&p, &l);
    run(&l, &p, &x, sums, 1e-5);
    struct cuda_machine m = random_machine();
    struct cuda_algorithm list[CUDA_MOST_ALGORITHMS];
    if (cuda_depthwise_list(&m, &p, list) > 0 && !cuda_depthwise_shape(&p, list[0].tile, &l))
        test_fail("what is listed cannot be launched");
    run(&l, &p, &x, sums, 1e-5);
    static const int forms[] = {CUDA_ONE_OUTPUT, CUDA_FOUR_OUTPUTS, CUDA_ANY_WINDOW,
                                CUDA_SHARED_WINDOW};
    for (int i = 0; i < 4; i++)
        if (cuda_depthwise_shape(&p, forms[i], &l)) run(&l, &p, &x, sums, 1e-5);
    free(weights);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

/* The half in front of a separable convolution. Numbers are such that its sums are exact in any
 * order (but those of fp32, which are not rounded on their way), and so is what is rounded. */
struct front {
    struct tensor in, out;
    struct cuda_gconv p;
};

static float *sixtyfourths_up(int n, int most, const float **device) {
    float *v = malloc((size_t)n * sizeof *v);
    for (int i = 0; i < n; i++) v[i] = (float)draw(-most, most) / 64;
    *device = (const float *)(uintptr_t)array_up(v, (size_t)n * sizeof *v);
    return v;
}

static void front_make(struct front *f, const struct window *k, int type, int batch, int h, int w,
                       int c) {
    static const int none[4];
    struct cuda_epilogue *e = &f->p.e;
    memset(f, 0, sizeof *f);
    tensor_make(&f->in, type, batch, k->in_h, k->in_w, c,
                TENSOR_INPUT | TENSOR_ALIGNED | TENSOR_HALO, k->halo);
    tensor_make(&f->out, type, batch, h, w, c, TENSOR_ALIGNED, none);
    f->p.in = f->in.v;
    f->p.kh = f->p.kw = 3, f->p.stride = k->stride, f->p.groups = c;
    f->p.pad_top = k->pad_top, f->p.pad_left = k->pad_left;
    free(sixtyfourths_up(9 * c, type == CUDA_U8 ? 1 : 32, &f->p.weights));
    e->out = f->out.v;
    e->batch = batch;
    e->act = draw(0, KERN_ACT_PRELU);
    e->alpha = (float)draw_real(0, 0.5);
    e->bias_classes = one_in(2) ? 1 : 16;
    free(sixtyfourths_up(c * e->bias_classes, 64, &e->bias));
    if (e->act == KERN_ACT_PRELU) e->slope = floats_up(c, -0.5, 0.5, NULL);
    if (type == CUDA_U8) e->inverse = floats_up(c, 50, 200, NULL);
}

/* What it hands over, by the plain kernel. */
static void front_run(struct front *f) {
    struct cuda_launch l;
    cuda_plain_gconv(&f->p, &l);
    launch(&l, &f->p);
    free(f->out.host);
    f->out.host = tensor_down(&f->out);
}

static void run_separable(struct cuda_separable *p, int tile, int splits, struct epilogue *x,
                          const double *sums, double tolerance) {
    struct cuda_launch l;
    if (!cuda_separable_shape(p, tile, splits, &l)) return;
    set_scratch(&p->pointwise, &l);
    run(&l, p, x, sums, tolerance);
}

static void test_separable(void) {
    struct window k = {.kh = 3, .kw = 3, .stride = draw(1, 2)};
    static const struct window one = {.kh = 1, .kw = 1, .stride = 1};
    struct epilogue x;
    struct front f;
    int h = draw(1, 20), w = draw(1, 20), batch = draw(1, 3), type = random_type();
    int c = 8 * (one_in(6) ? draw(20, 70) : draw(1, 20)), cout = draw(1, one_in(3) ? 150 : 40);
    window_place(&k, h, w);
    front_make(&f, &k, type, batch, h, w, c);
    epilogue_make(&x, batch, h, w, cout, type == CUDA_U8, 4096 * sqrt(c));
    struct cuda_conv pointwise = {
        .in = f.out.v, .e = x.e, .taps = 1, .across = 1, .depth = c, .stride = 1};
    pad_depth(&pointwise);
    describe("separable convolution", &f.in, &x);
    size_t length = strlen(test_case);
    snprintf(test_case + length, sizeof test_case - length, ", stride %d pad %d %d act %d bias %d",
             k.stride, k.pad_top, k.pad_left, f.p.e.act, f.p.e.bias_classes);
    void *weights = pack_weights(&pointwise, &one, c);
    double *sums = sums_for(&x), tolerance = type == CUDA_F16 ? 1e-3 : 1e-5;
    front_run(&f);
    conv_sums(&pointwise, &one, &f.out, weights, sums);

    struct cuda_separable p = {f.p, pointwise};
    p.depthwise.e.out.data = p.pointwise.in.data = NULL; /* nobody looks there */
    struct cuda_machine m = random_machine();
    struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS];
    int count = cuda_separable_list(&m, &p, algorithms);
    if (count == 0) test_fail("no kernel takes it");
    run_separable(&p, algorithms[0].tile, algorithms[0].splits, &x, sums, tolerance);
    run_separable(&p, draw(0, CUDA_SEPARABLE_TILE_COUNT - 1), one_in(2) ? 1 : draw(2, 5), &x, sums,
                  tolerance);
    p.depthwise.in.data += tensor_size_of(type);
    if (cuda_separable_list(&m, &p, algorithms)) test_fail("a kernel takes what is not aligned");
    free(weights);
    free(sums);
    tensor_free(&f.in);
    tensor_free(&f.out);
    epilogue_free(&x);
}

static void test_pointwise(void) {
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    struct cuda_pointwise p = {0};
    float *scale = NULL, *shift = NULL;
    int up = one_in(3), h = draw(1, 16), w = draw(1, 16), batch = draw(1, 3), c = draw(1, 80);
    tensor_make(&in, random_type(), batch, h, w, c, TENSOR_INPUT | (one_in(2) ? TENSOR_ALIGNED : 0),
                NULL);
    epilogue_make(&x, batch, h << up, w << up, c, 0, 1);
    p.in = in.v;
    p.e = x.e;
    if (!up && one_in(2)) {
        p.scale = floats_up(c, -2, 2, &scale);
        p.shift = floats_up(c, -1, 1, &shift);
    }
    describe(up ? "upsample" : "pointwise", &in, &x);
    double *sums = sums_for(&x), *at = sums;
    for (int b = 0; b < batch; b++)
        for (int i = 0; i < x.e.out.h * x.e.out.w; i++)
            for (int j = 0; j < c; j++) {
                double v = tensor_value(&in, b, i / x.e.out.w >> up, i % x.e.out.w >> up, j);
                *at++ = scale ? v * scale[j] + shift[j] : v;
            }
    struct cuda_machine m = random_machine();
    (up ? cuda_choose_upsample : cuda_choose_pointwise)(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    (up ? cuda_choose_upsample : cuda_choose_pointwise)(&m, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(scale);
    free(shift);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

static void test_softmax(void) {
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    struct cuda_pointwise p = {0};
    int h = draw(1, 8), w = draw(1, 8), batch = draw(1, 3), c = draw(1, 80);
    tensor_make(&in, random_type(), batch, h, w, c, TENSOR_INPUT, NULL);
    epilogue_make(&x, batch, h, w, c, 0, 1);
    p.in = in.v;
    p.e = x.e;
    describe("softmax", &in, &x);
    double *sums = sums_for(&x), *at = sums;
    for (int i = 0; i < batch * h * w; i++, at += c) {
        double sum = 0;
        for (int j = 0; j < c; j++)
            sum += at[j] = exp(tensor_value(&in, i / w / h, i / w % h, i % w, j));
        for (int j = 0; j < c; j++) at[j] /= sum;
    }
    cuda_choose_softmax(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

static void test_matmul(void) {
    struct tensor a, b;
    struct epilogue x;
    struct cuda_launch l;
    struct cuda_matmul p = {.rows = draw(1, 9), .columns = draw(1, 9), .inner = draw(1, 70)};
    int batch = draw(1, 3), pairs = draw(1, 3), n = pairs * p.rows * p.columns;
    tensor_make(&a, random_type(), batch, 1, 1, pairs * p.rows * p.inner, TENSOR_INPUT, NULL);
    tensor_make(&b, random_type(), batch, 1, 1, pairs * p.columns * p.inner, TENSOR_INPUT, NULL);
    epilogue_make(&x, batch, 1, 1, n, 0, 1);
    p.a = a.v;
    p.b = b.v;
    p.e = x.e;
    describe("matmul", &a, &x);
    double *sums = sums_for(&x);
    for (int i = 0; i < batch * n; i++) {
        int row = i % n / p.columns, column = row / p.rows * p.columns + i % p.columns;
        for (int k = 0; k < p.inner; k++)
            sums[i] += tensor_value(&a, i / n, 0, 0, row * p.inner + k) *
                       tensor_value(&b, i / n, 0, 0, column * p.inner + k);
    }
    cuda_choose_matmul(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(sums);
    tensor_free(&a);
    tensor_free(&b);
    epilogue_free(&x);
}

static void test_pool(void) {
    struct tensor in;
    struct epilogue x;
    struct cuda_launch l;
    struct cuda_pool p = {0};
    int whole = one_in(3), batch = draw(1, 3), c = draw(1, 150), in_h = draw(1, 20);
    int in_w = draw(1, 20);
    p.kh = whole ? in_h : draw(1, 4), p.kw = whole ? in_w : draw(1, 4), p.stride = draw(1, 3);
    p.pad_top = whole ? 0 : draw(0, p.kh / 2), p.pad_left = whole ? 0 : draw(0, p.kw / 2);
    p.average = one_in(2);
    p.count = p.average && !whole && one_in(2) ? p.kh * p.kw : 0;
    /* As many outputs as have a pixel of the map in their windows. */
    int h = whole ? 1 : draw(1, (in_h - 1 + p.pad_top) / p.stride + 1);
    int w = whole ? 1 : draw(1, (in_w - 1 + p.pad_left) / p.stride + 1);
    tensor_make(&in, random_type(), batch, in_h, in_w, c,
                TENSOR_INPUT | (one_in(2) ? TENSOR_ALIGNED : 0), NULL);
    epilogue_make(&x, batch, h, w, c, 0, 1);
    p.in = in.v;
    p.e = x.e;
    describe(p.average ? "average" : "maximum", &in, &x);
    double *sums = sums_for(&x), *at = sums;
    for (int i = 0; i < batch * h * w; i++)
        for (int j = 0; j < c; j++, at++) {
            int top = i / w % h * p.stride - p.pad_top, left = i % w * p.stride - p.pad_left;
            int n = 0;
            for (int t = 0; t < p.kh * p.kw; t++) {
                int y = top + t / p.kw, col = left + t % p.kw;
                if (y < 0 || y >= in_h || col < 0 || col >= in_w) continue;
                double v = tensor_value(&in, i / w / h, y, col, j);
                *at = p.average ? *at + v : n && *at > v ? *at : v;
                n++;
            }
            if (p.average) *at /= p.count ? p.count : n;
        }
    struct cuda_machine m = random_machine();
    cuda_choose_pool(&plain, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    cuda_choose_pool(&m, &p, &l);
    run(&l, &p, &x, sums, 1e-5);
    free(sums);
    tensor_free(&in);
    epilogue_free(&x);
}

/* A network's two ends have no epilogue. */
static void test_ends(void) {
    struct tensor t;
    struct cuda_launch l;
    int batch = draw(1, 3), h = draw(1, 20), w = draw(1, 20), c = draw(1, 40);
    tensor_make(&t, random_type(), batch, h, w, c, TENSOR_INPUT, NULL);
    struct cuda_output out = {.in = t.v, .batch = batch};
    int n = batch * h * w * c;
    float *host = calloc((size_t)n, sizeof *host);
    out.dst = (float *)(uintptr_t)array_zero((size_t)n * sizeof *host);
    snprintf(test_case + strlen(test_case), 64, ": output %d %d %d %d", batch, h, w, c);
    cuda_choose_output(&plain, &out, &l);
    launch(&l, &out);
    run_count(l.kernel, 1);
    array_down((CUdeviceptr)(uintptr_t)out.dst, host, (size_t)n * sizeof *host);
    for (int i = 0; i < n; i++) {
        double want = tensor_value(&t, i / c / w / h, i / c / w % h, i / c % w, i % c);
        if (fabs(host[i] - want) > 1e-6) test_fail("output %d is %g, not %g", i, host[i], want);
    }
    free(host);
    tensor_free(&t);

    tensor_make(&t, one_in(2) ? CUDA_F32 : CUDA_F16, batch, h, w, 3, TENSOR_WHOLE, NULL);
    struct cuda_input in = {.out = t.v, .border = {-0.5f, 0.25f, 0.75f}, .batch = batch};
    in.src = floats_up(batch * h * w * 3, -1, 1, &host);
    cuda_choose_input(&plain, &in, &l);
    launch(&l, &in);
    run_count(l.kernel, 1);
    unsigned char *now = tensor_down(&t);
    struct tensor all = t; /* halo and padding are data here */
    for (int b = 0; b < batch; b++)
        for (int y = -t.v.top; y < h + t.v.bottom; y++)
            for (int x = -t.v.left; x < w + t.v.right; x++)
                for (int i = 0; i < t.v.px; i++) {
                    int inside = y >= 0 && y < h && x >= 0 && x < w;
                    double want = i > 2    ? 0
                                  : inside ? host[((b * h + y) * w + x) * 3 + i]
                                           : in.border[i];
                    double got = tensor_read(&all, now, tensor_at(&all, b, y, x, i));
                    if (fabs(got - want) > 1e-3) test_fail("input %d %d %d %d", b, y, x, i);
                }
    free(now);
    free(host);
    tensor_free(&t);
}

static void died(int signal_number) {
    static const char before[] = "\n  in ";
    if (write(2, before, sizeof before - 1) < 0 || write(2, test_case, strlen(test_case)) < 0 ||
        write(2, "\n", 1) < 0)
        _exit(3);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

int main(int argc, char **argv) {
    static void (*const tests[])(void) = {
        test_conv,      test_conv, test_conv,      test_gconv,   test_separable,
        test_separable, test_pool, test_pointwise, test_softmax, test_gather,
        test_reshape,   test_norm, test_matmul,    test_ends};
    enum { TESTS = sizeof tests / sizeof *tests };
    int seed = 1, count = 100, from = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seed") == 0) seed = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--count") == 0) count = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--from") == 0) from = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--only") == 0) run_only = argv[i + 1];
        if (strcmp(argv[i], "--verbose") == 0) run_verbose = atoi(argv[i + 1]);
    }
    signal(SIGABRT, died);
    signal(SIGSEGV, died);
    if (!gpu_open()) {
        printf("skipped: %s\n", err_text());
        return 77;
    }
    test_check(images_load(gpu), "kernels");
    for (int i = from; i < from + count; i++) {
        test_seed((uint64_t)seed * 1000003u + (uint64_t)i);
        snprintf(test_case, sizeof test_case, "seed %d case %d", seed, i);
        tests[draw(0, TESTS - 1)]();
        arrays_free();
    }
    int kernels = run_report();
    printf("%d cases of seed %d passed, %d kernels\n", count, seed, kernels);
    return 0;
}
