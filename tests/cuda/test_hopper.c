/*
 * Convolutions of kernels/conv_wgmma.cuh on random shapes: every tile, with and without splits,
 * every epilogue, against sums in double. Runs on a device of compute capability 9.0 or over the
 * emulator (MIEN_LIBCUDA); MIEN_CUBIN names the file with the kernels where a device needs one.
 * Skipped elsewhere. MIEN_TEST_SEED and MIEN_TEST_ROUNDS say which shapes and how many a tile.
 */
#include "cuda/hopper.h"
#include "kernels/kern.h"
#include "mien.h"
#include "tests/cuda/half.h"
#include "tests/cuda/images.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct cuda_driver *cuda;
static CUstream stream;
static int processors = 3; /* few, so that blocks have several tiles even here */
static uint64_t state = 1;

static void check(CUresult r) {
    const char *text = "";
    if (r == CUDA_SUCCESS) return;
    cuda->error_string(r, &text);
    fail_msg("%s", text);
}

static int pick(int low, int high) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return low + (int)((state >> 33) % (uint64_t)(high - low + 1));
}

static double pick_real(void) {
    return pick(-1000, 1000) / 1000.0;
}

/* The same bytes here and there. */
struct buffer {
    void *host;
    CUdeviceptr device;
    size_t size;
};

static struct buffer buffer_of(size_t size) {
    struct buffer b = {malloc(size), 0, size};
    check(cuda->alloc(&b.device, size));
    return b;
}

static void up(struct buffer b) {
    check(cuda->copy_up(b.device, b.host, b.size, stream));
}

static void down(struct buffer b) {
    check(cuda->copy_down(b.host, b.device, b.size, stream));
    check(cuda->stream_wait(stream));
}

static void drop(struct buffer b) {
    free(b.host);
    if (b.device) check(cuda->free(b.device));
}

static struct buffer floats(int n, double scale, double offset) {
    struct buffer b = buffer_of((size_t)n * sizeof(float));
    for (int i = 0; i < n; i++) ((float *)b.host)[i] = (float)(pick_real() * scale + offset);
    up(b);
    return b;
}

static int size_of(int type) {
    return type == CUDA_F32 ? 4 : type == CUDA_F16 ? 2 : 1;
}

static double load(const void *p, int type) {
    if (type == CUDA_F32) return *(const float *)p;
    return type == CUDA_F16 ? half_value(*(const uint16_t *)p) : *(const uint8_t *)p;
}

/* A tensor in a wider one, of random values. `start`: elements before it, for its slice. */
struct tensor {
    struct cuda_view v;
    struct buffer b;
    int64_t start;
};

static struct tensor tensor_of(int batch, int h, int w, int c, int halo, int type, int align) {
    struct tensor t = {.v = {.h = h, .w = w, .c = c, .type = type}};
    int before = pick(0, 2) * align, pad = pick(0, 1) * align;
    t.v.top = t.v.left = t.v.bottom = t.v.right = halo;
    t.v.px = (before + c + align - 1) / align * align + pad;
    t.v.row = (w + 2 * halo) * t.v.px;
    t.v.image = (int64_t)(h + 2 * halo) * t.v.row;
    t.start = (int64_t)halo * (t.v.row + t.v.px) + before;
    size_t n = (size_t)(batch * t.v.image);
    t.b = buffer_of(n * (size_t)size_of(type));
    for (size_t i = 0; i < n; i++)
        if (type == CUDA_F32)
            ((float *)t.b.host)[i] = (float)pick_real();
        else if (type == CUDA_F16)
            ((uint16_t *)t.b.host)[i] = half_of(pick_real());
        else
            ((uint8_t *)t.b.host)[i] = (uint8_t)pick(0, 255);
    up(t.b);
    t.v.data = (char *)(uintptr_t)t.b.device + t.start * size_of(type);
    return t;
}

static int64_t offset_of(const struct tensor *t, int b, int y, int x, int c) {
    return t->start + b * t->v.image + (int64_t)y * t->v.row + (int64_t)x * t->v.px + c;
}

static double value_at(const struct tensor *t, int b, int y, int x, int c, const float *scale) {
    double v = load((char *)t->b.host + offset_of(t, b, y, x, c) * size_of(t->v.type), t->v.type);
    return t->v.type == CUDA_U8 ? scale[c] * (v - t->v.zero) : v;
}

/* NaNs, or 255, in the channels beside an input's slice: they are others'. */
static void spoil_around(struct tensor *t, int batch) {
    int64_t first = t->start % t->v.px, size = size_of(t->v.type);
    for (int64_t i = 0; i < batch * t->v.image; i++)
        if (i % t->v.px < first || i % t->v.px >= first + t->v.c)
            memset((char *)t->b.host + i * size, 0xFF, (size_t)size);
    up(t->b);
}

struct layer {
    struct cuda_conv p;
    struct tensor in, out, res;
    struct buffer weights, bias, slope, scale, inverse, res_scale, acc_scale;
    int kh, kw;
};

static void pick_weights(struct layer *l) {
    struct cuda_conv *p = &l->p;
    int rows = (p->e.out.c + CUDA_PACK_ROWS - 1) / CUDA_PACK_ROWS * CUDA_PACK_ROWS;
    l->weights = buffer_of((size_t)(rows * p->k_pad * size_of(p->in.type)));
    memset(l->weights.host, 0, l->weights.size);
    double scale = 1 / sqrt(p->taps * p->depth);
    for (int o = 0; o < p->e.out.c; o++)
        for (int t = 0; t < p->taps; t++)
            for (int i = 0; i < p->depth; i++) {
                int64_t at = (int64_t)o * p->k_pad + t * p->depth_pad + i;
                if (p->in.type == CUDA_U8)
                    ((int8_t *)l->weights.host)[at] = (int8_t)pick(-127, 127);
                else
                    ((uint16_t *)l->weights.host)[at] = half_of(2 * scale * pick_real());
            }
    up(l->weights);
    p->weights = (const char *)(uintptr_t)l->weights.device;
    l->acc_scale = floats(p->e.out.c, scale / 20000, scale / 10000);
    if (p->in.type == CUDA_U8) p->e.acc_scale = (const float *)(uintptr_t)l->acc_scale.device;
}

static void pick_epilogue(struct layer *l, int h, int w, int cout) {
    struct cuda_epilogue *e = &l->p.e;
    int type = (int[]){CUDA_F16, CUDA_F16, CUDA_F32, CUDA_U8}[pick(0, 3)];
    l->out = tensor_of(e->batch, h, w, cout, pick(0, 2), type, pick(0, 3) ? 8 : 1);
    l->scale = floats(cout, 0.01, 0.03);
    l->inverse = buffer_of(l->scale.size);
    for (int i = 0; i < cout; i++) ((float *)l->inverse.host)[i] = 1 / ((float *)l->scale.host)[i];
    up(l->inverse);
    e->out = l->out.v;
    e->out.zero = l->out.v.zero = pick(0, 200);
    e->out.scale = (const float *)(uintptr_t)l->scale.device;
    e->inverse = type == CUDA_U8 ? (const float *)(uintptr_t)l->inverse.device : NULL;
    e->act = pick(0, KERN_ACT_SIGMOID);
    e->alpha = 0.2f;
    l->slope = floats(cout, 0.5, 0);
    e->slope = e->act == KERN_ACT_PRELU ? (const float *)(uintptr_t)l->slope.device : NULL;
    e->bias_classes = pick(0, 2) ? 1 : 16;
    l->bias = floats(cout * e->bias_classes, 1, 0);
    e->bias = pick(0, 5) ? (const float *)(uintptr_t)l->bias.device : NULL;
    e->has_res = pick(0, 1);
    e->res_after = pick(0, 1);
    e->res_shift = pick(0, 3) == 0;
    int shift = e->res_shift;
    type = (int[]){CUDA_F16, CUDA_F16, CUDA_F32, CUDA_U8}[pick(0, 3)];
    l->res = tensor_of(e->batch, (h + shift) >> shift, (w + shift) >> shift, cout, pick(0, 1), type,
                       pick(0, 3) ? 8 : 1);
    l->res_scale = floats(cout, 0.005, 0.01);
    l->res.v.zero = 100;
    l->res.v.scale = (const float *)(uintptr_t)l->res_scale.device;
    e->res = l->res.v;
}

static struct layer pick_layer(int most_pixels) {
    struct layer l = {.kh = (int[]){1, 3, 3, 5}[pick(0, 3)]};
    struct cuda_conv *p = &l.p;
    l.kw = pick(0, 5) ? l.kh : pick(1, 4);
    int pad = pick(0, l.kh < l.kw ? l.kh / 2 : l.kw / 2), h, w;
    p->stride = pick(0, 2) ? 1 : 2;
    do {
        h = pick(1, 17);
        w = pick(1, 17);
        p->e.batch = pick(1, 5);
    } while (h + 2 * pad < l.kh || w + 2 * pad < l.kw || h * w * p->e.batch > most_pixels);
    int type = pick(0, 2) ? CUDA_F16 : CUDA_U8, unit = 16 / size_of(type);
    int cin = pick(0, 1) ? unit * pick(2, 24) : 32 << pick(0, l.kh == 5 ? 1 : 4);
    int cout = pick(0, 1) ? pick(1, 300) : 32 << pick(0, 3);
    l.in = tensor_of(p->e.batch, h, w, cin, pad + pick(0, 1), type, unit);
    spoil_around(&l.in, p->e.batch);
    p->in = l.in.v;
    p->taps = l.kh * l.kw;
    p->across = l.kw;
    p->depth = p->depth_pad = cin;
    int step = CUDA_WGMMA_LINE / size_of(type);
    p->k_pad = (p->taps * cin + step - 1) / step * step;
    p->pad_top = p->pad_left = pad;
    pick_epilogue(&l, (h + 2 * pad - l.kh) / p->stride + 1, (w + 2 * pad - l.kw) / p->stride + 1,
                  cout);
    pick_weights(&l);
    return l;
}

static void drop_layer(struct layer *l) {
    struct buffer all[] = {l->in.b,  l->out.b, l->res.b,   l->weights,   l->bias,
                           l->slope, l->scale, l->inverse, l->res_scale, l->acc_scale};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) drop(all[i]);
}

static double activate(double v, int act, double slope) {
    switch (act) {
    case KERN_ACT_RELU: return fmax(v, 0);
    case KERN_ACT_LEAKY:
    case KERN_ACT_PRELU: return v < 0 ? slope * v : v;
    case KERN_ACT_SIGMOID: return 1 / (1 + exp(-v));
    default: return v;
    }
}

/* Of n elements of an input from `at` on, and n weights. */
static double dot(int type, const void *in, int64_t at, const void *weights, int64_t first, int n) {
    const uint16_t *halves = (const uint16_t *)in + at, *w = (const uint16_t *)weights + first;
    const uint8_t *bytes = (const uint8_t *)in + at;
    const int8_t *small = (const int8_t *)weights + first;
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += type == CUDA_U8 ? bytes[i] * small[i] : half_value(halves[i]) * half_value(w[i]);
    return sum;
}

static double expected(const struct layer *l, int b, int y, int x, int c) {
    const struct cuda_conv *p = &l->p;
    const struct cuda_epilogue *e = &p->e;
    double sum = 0, res = 0;
    for (int t = 0; t < p->taps; t++) {
        int64_t run = offset_of(&l->in, b, y * p->stride - p->pad_top + t / l->kw,
                                x * p->stride - p->pad_left + t % l->kw, 0);
        sum += dot(p->in.type, l->in.b.host, run, l->weights.host,
                   (int64_t)c * p->k_pad + t * p->depth_pad, p->depth);
    }
    if (e->acc_scale) sum *= ((const float *)l->acc_scale.host)[c];
    int border = e->bias_classes == 1
                     ? 0
                     : (y == 0) + 2 * (y == e->out.h - 1) + 4 * (x == 0) + 8 * (x == e->out.w - 1);
    if (e->bias) sum += ((const float *)l->bias.host)[border * e->out.c + c];
    if (e->has_res)
        res = value_at(&l->res, b, y >> e->res_shift, x >> e->res_shift, c,
                       (const float *)l->res_scale.host);
    double slope = e->act == KERN_ACT_PRELU ? ((const float *)l->slope.host)[c] : e->alpha;
    return e->res_after ? activate(sum, e->act, slope) + res : activate(sum + res, e->act, slope);
}

static void say(const struct layer *l, const struct cuda_launch *launch) {
    const struct cuda_conv *p = &l->p;
    print_error("%s, grid %u, splits %d: %d x %d x %d x %d -> %d x %d x %d, %d x %d stride %d "
                "pad %d, type %d act %d res %d %d %d classes %d\n",
                launch->kernel, launch->grid[0], launch->splits, p->e.batch, p->in.h, p->in.w,
                p->depth, p->e.out.h, p->e.out.w, p->e.out.c, l->kh, l->kw, p->stride, p->pad_top,
                p->e.out.type, p->e.act, p->e.has_res, p->e.res_after, p->e.res_shift,
                p->e.bias_classes);
}

/* One element of the wide tensor the output is in. */
static int is_right(const struct layer *l, const char *before, int b, int y, int x, int c) {
    const struct cuda_view *v = &l->p.e.out;
    int64_t at = offset_of(&l->out, b, y, x, c);
    const char *got = (char *)l->out.b.host + at * size_of(v->type);
    if (c < 0 || c >= v->c)
        return memcmp(got, before + at * size_of(v->type), (size_t)size_of(v->type)) == 0;
    double is = load(got, v->type);
    if (y < 0 || y >= v->h || x < 0 || x >= v->w) return is == (v->type == CUDA_U8 ? v->zero : 0);
    double want = expected(l, b, y, x, c), off;
    if (v->type == CUDA_U8) {
        want = fmin(fmax(want * ((const float *)l->inverse.host)[c] + v->zero, 0), 255);
        off = fabs(is - want) - 0.501;
    } else {
        off = fabs(is - want) - (v->type == CUDA_F16 ? fabs(want) / 2000 : 0) - 2e-5;
    }
    if (!(off <= 0))
        print_error("image %d, y %d, x %d, channel %d: %g for %g\n", b, y, x, c, is, want);
    return off <= 0;
}

static void compare(const struct layer *l, const struct cuda_launch *launch, const char *before) {
    const struct cuda_view *v = &l->p.e.out;
    int first = (int)(l->out.start - (int64_t)v->top * (v->row + v->px));
    for (int b = 0; b < l->p.e.batch; b++)
        for (int y = -v->top; y < v->h + v->bottom; y++)
            for (int x = -v->left; x < v->w + v->right; x++)
                for (int c = -first; c < v->px - first; c++)
                    if (!is_right(l, before, b, y, x, c)) {
                        say(l, launch);
                        fail_msg("image %d, y %d, x %d, channel %d is wrong", b, y, x, c);
                    }
}

static void launch_it(const struct cuda_launch *launch, void *params) {
    CUfunction f;
    check(images_find(cuda, launch, &f));
    CUlaunchAttribute attributes[2] = {
        {.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
         .value.programmaticStreamSerializationAllowed = 1},
        {.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION,
         .value.clusterDim = {launch->cluster ? launch->cluster : 1, 1, 1}}};
    CUlaunchConfig config = {.gridDimX = launch->grid[0],
                             .gridDimY = 1,
                             .gridDimZ = 1,
                             .blockDimX = launch->block,
                             .blockDimY = 1,
                             .blockDimZ = 1,
                             .sharedMemBytes = launch->shared,
                             .hStream = stream,
                             .attrs = attributes,
                             .numAttrs = launch->cluster ? 2 : 1};
    check(cuda->launch(&config, f, (void *[]){params}, NULL));
}

/* Twice: counters of splits have to be left as they were found. */
static void run_layer(struct layer *l, const struct cuda_launch *launch) {
    struct buffer partial = buffer_of(launch->partial_bytes + 16);
    struct buffer arrived = buffer_of(launch->arrived_bytes + 16);
    memset(arrived.host, 0, arrived.size);
    up(arrived);
    l->p.splits = launch->splits;
    l->p.partial = launch->splits > 1 ? (float *)(uintptr_t)partial.device : NULL;
    l->p.arrived = launch->splits > 1 ? (unsigned *)(uintptr_t)arrived.device : NULL;
    struct cuda_conv_wgmma params;
    assert_true(cuda_hopper_fill(cuda, &l->p, launch, &params));
    char *before = malloc(l->out.b.size);
    memcpy(before, l->out.b.host, l->out.b.size);
    launch_it(launch, &params);
    launch_it(launch, &params);
    down(l->out.b);
    down(arrived);
    for (size_t i = 0; i < arrived.size; i++) assert_int_equal(((char *)arrived.host)[i], 0);
    compare(l, launch, before);
    free(before);
    drop(partial);
    drop(arrived);
}

static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text && *text ? atoi(text) : otherwise;
}

static void test_every_tile(void **unused) {
    (void)unused;
    int rounds = number("MIEN_TEST_ROUNDS", 9);
    for (int i = 0; i < rounds * CUDA_HOPPER_TILE_COUNT; i++) {
        struct layer l = pick_layer(900);
        struct cuda_launch launch;
        int splits = pick(0, 1) ? 1 : pick(2, 5), tile = i % CUDA_HOPPER_TILE_COUNT;
        int in_clusters = tile >= CUDA_HOPPER_TILE_COUNT - 2, there;
        if (in_clusters) splits = 2 << pick(0, 2);
        while (!(there = cuda_hopper_shape(&l.p, tile, splits, processors, &launch)) && splits > 1)
            splits /= 2;
        assert_true(there || in_clusters); /* of one step there is nothing to share */
        if (there) run_layer(&l, &launch);
        drop_layer(&l);
    }
}

static void test_what_is_chosen(void **unused) {
    (void)unused;
    struct cuda_machine m = {.processors = 132, .capability = 90};
    for (int i = 0; i < number("MIEN_TEST_ROUNDS", 9); i++) {
        struct layer l = pick_layer(200);
        struct cuda_launch launch;
        struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS];
        int few = l.p.e.batch * l.p.e.out.h * l.p.e.out.w <= 8;
        int count = cuda_hopper_list(&m, &l.p, algorithms);
        assert_int_equal(count > 0, !few);
        if (count) {
            const struct cuda_algorithm *w = &algorithms[pick(0, count - 1)];
            assert_int_equal(w->family, CUDA_WGMMA);
            assert_true(cuda_hopper_shape(&l.p, w->tile, w->splits, m.processors, &launch));
            run_layer(&l, &launch);
        }
        drop_layer(&l);
    }
}

static void test_what_is_refused(void **unused) {
    (void)unused;
    struct cuda_machine m = {.processors = 132, .capability = 90};
    struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS];
    struct layer l = pick_layer(200);
    l.p.e.batch = 16;
    struct cuda_conv p = l.p;
    assert_true(cuda_hopper_list(&m, &p, algorithms) > 0);
    m.capability = 100; /* wgmma is of 9.0 alone */
    assert_int_equal(cuda_hopper_list(&m, &p, algorithms), 0);
    m.capability = 90;
    p.in.type = CUDA_F32;
    assert_int_equal(cuda_hopper_list(&m, &p, algorithms), 0);
    p = l.p;
    p.depth = p.depth_pad = 16 / size_of(p.in.type); /* 16 bytes */
    assert_int_equal(cuda_hopper_list(&m, &p, algorithms), 0);
    p = l.p;
    p.depth = p.depth_pad = p.depth - 1;
    assert_int_equal(cuda_hopper_list(&m, &p, algorithms), 0);
    p = l.p;
    p.in.data += 2;
    assert_int_equal(cuda_hopper_list(&m, &p, algorithms), 0);
    p = l.p;
    p.e.batch = 2;
    p.in.image += 1;
    assert_int_equal(cuda_hopper_list(&m, &p, algorithms), 0);
    drop_layer(&l);
}

/* The module of a device with wgmma, or why there is none. */
static int open_device(void) {
    int major = 0;
    CUdevice device;
    CUcontext context;
    if (cuda_driver_get(&cuda) || cuda->device_get(&device, 0)) return 0;
    cuda->device_attribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
    if (major != 9) return 0;
    check(cuda->context_retain(&context, device));
    check(cuda->context_push(context));
    check(images_load(cuda));
    check(cuda->stream_create(&stream, CU_STREAM_NON_BLOCKING));
    return 1;
}

int main(void) {
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_tile),
                                              cmocka_unit_test(test_what_is_chosen),
                                              cmocka_unit_test(test_what_is_refused)};
    if (!open_device()) return 77;
    state = (uint64_t)number("MIEN_TEST_SEED", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
