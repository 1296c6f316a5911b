/* Running kernels between tensors, and what their outputs should be: see epilogues.h. */
#include "tests/cuda/epilogues.h"

#include "kernels/kern.h"
#include "tests/cuda/images.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *run_only = "";
int run_verbose;

/* What was run: launches, and the largest error of fp32 outputs relative to 1 + what they should
 * be. */
static struct {
    char name[64];
    int launches;
    double worst;
} seen[128];
static int nseen;

static int seen_index(const char *name) {
    for (int i = 0; i < nseen; i++)
        if (strcmp(seen[i].name, name) == 0) return i;
    snprintf(seen[nseen].name, sizeof seen[nseen].name, "%s", name);
    return nseen++;
}

void run_count(const char *kernel, int launches) {
    seen[seen_index(kernel)].launches += launches;
}

void launch(const struct cuda_launch *l, void *params) {
    CUfunction f;
    test_check(images_find(gpu, l, &f), l->kernel);
    CUlaunchAttribute overlap = {.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
                                 .value.programmaticStreamSerializationAllowed = 1};
    CUlaunchConfig c = {.gridDimX = l->grid[0],
                        .gridDimY = l->grid[1],
                        .gridDimZ = l->grid[2],
                        .blockDimX = l->block,
                        .blockDimY = 1,
                        .blockDimZ = 1,
                        .sharedMemBytes = l->shared,
                        .hStream = gpu_stream,
                        .attrs = &overlap,
                        .numAttrs = gpu_capability >= 90};
    void *args[] = {params};
    test_check(gpu->launch(&c, f, args, NULL), l->kernel);
    test_check(gpu->stream_wait(gpu_stream), l->kernel);
}

int random_type(void) {
    static const int types[] = {CUDA_F32, CUDA_F16, CUDA_U8};
    return types[draw(0, 2)];
}

void epilogue_make(struct epilogue *x, int batch, int h, int w, int c, int integers,
                   double magnitude) {
    struct cuda_epilogue *e = &x->e;
    int aligned = one_in(2) ? TENSOR_ALIGNED : 0;
    memset(x, 0, sizeof *x);
    tensor_make(&x->out, random_type(), batch, h, w, c, aligned, NULL);
    e->out = x->out.v;
    e->batch = batch;
    e->act = draw(0, KERN_ACTS - 1);
    e->alpha = (float)draw_real(0, 0.5);
    e->beta = (float)draw_real(0.5, 1);
    int bare = integers && one_in(4); /* exact sums, seen as they are */
    if (bare) {
        e->act = KERN_ACT_NONE;
        tensor_free(&x->out);
        tensor_make(&x->out, CUDA_F32, batch, h, w, c, aligned, NULL);
        e->out = x->out.v;
    }
    if (e->act == KERN_ACT_PRELU) e->slope = floats_up(c, -0.5, 0.5, &x->slope);
    if (integers && !bare)
        e->acc_scale = floats_up(c, 0.5 / magnitude, 1.0 / magnitude, &x->acc_scale);
    e->bias_classes = 1;
    if (!bare && !one_in(3)) {
        e->bias_classes = one_in(2) ? 1 : 16;
        e->bias = floats_up(c * e->bias_classes, -1, 1, &x->bias);
    }
    if (x->out.v.type == CUDA_U8) {
        x->inverse = malloc((size_t)c * sizeof(float));
        for (int i = 0; i < c; i++) x->inverse[i] = 1 / x->out.scale[i];
        e->inverse = (const float *)(uintptr_t)array_up(x->inverse, (size_t)c * sizeof(float));
    }
    if (!bare && one_in(2)) {
        e->has_res = 1;
        e->res_after = one_in(2);
        e->res_mul = one_in(4);
        e->res_shift = one_in(3);
        tensor_make(&x->res, random_type(), batch, (h + e->res_shift) >> e->res_shift,
                    (w + e->res_shift) >> e->res_shift, c,
                    TENSOR_INPUT | (one_in(2) ? TENSOR_ALIGNED : 0), NULL);
        e->res = x->res.v;
    }
}

void epilogue_free(struct epilogue *x) {
    tensor_free(&x->out);
    if (x->e.has_res) tensor_free(&x->res);
    free(x->bias);
    free(x->slope);
    free(x->acc_scale);
    free(x->inverse);
}

/* slope: of leaky ones, else alpha. */
static double act(double v, int kind, double slope, double beta) {
    switch (kind) {
    case KERN_ACT_RELU: return v > 0 ? v : 0;
    case KERN_ACT_LEAKY:
    case KERN_ACT_PRELU: return v < 0 ? slope * v : v;
    case KERN_ACT_SIGMOID: return 1 / (1 + exp(-v));
    case KERN_ACT_CLIP: return fmin(fmax(v, slope), beta);
    case KERN_ACT_HARD_SIGMOID: return fmin(fmax(slope * v + beta, 0), 1);
    case KERN_ACT_HARD_SWISH: return v * fmin(fmax(slope * v + beta, 0), 1);
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

static double finished(const struct epilogue *x, double v, int b, int y, int col, int c) {
    const struct cuda_epilogue *e = &x->e;
    const struct cuda_view *o = &e->out;
    int border = 0;
    if (e->bias_classes == 16)
        border = 1 * (y == 0) + 2 * (y == o->h - 1) + 4 * (col == 0) + 8 * (col == o->w - 1);
    double res = 0;
    if (e->has_res) res = tensor_value(&x->res, b, y >> e->res_shift, col >> e->res_shift, c);
    if (x->acc_scale) v *= x->acc_scale[c];
    if (x->bias) v += x->bias[border * o->c + c];
    if (e->has_res && !e->res_after) v = e->res_mul ? v * res : v + res;
    v = act(v, e->act, e->act == KERN_ACT_PRELU ? x->slope[c] : e->alpha, e->beta);
    if (e->has_res && e->res_after) v = e->res_mul ? v * res : v + res;
    return v;
}

/* Compares all of an output with sums[batch][h][w][c]. tolerance: of the sums, relative to 1. */
static void compare(const struct epilogue *x, const double *sums, double tolerance,
                    const char *kernel) {
    const struct cuda_view *o = &x->e.out;
    unsigned char *now = tensor_down(&x->out);
    tensor_check_around(&x->out, now);
    int at = seen_index(kernel);
    for (int b = 0; b < x->e.batch; b++)
        for (int y = 0; y < o->h; y++)
            for (int col = 0; col < o->w; col++)
                for (int c = 0; c < o->c; c++) {
                    double sum = *sums++, want = finished(x, sum, b, y, col, c);
                    double got = tensor_read(&x->out, now, tensor_at(&x->out, b, y, col, c));
                    double limit = tolerance * (1 + fabs(want));
                    if (fabs(want) > (o->type == CUDA_F16 ? 65504 : 3e38)) continue;
                    if (x->e.act >= KERN_ACT_EXP) /* steep: what the sum is off by counts */
                        for (int side = -1; side <= 1; side += 2) {
                            double off = sum + side * tolerance * (1 + fabs(sum));
                            limit += fabs(finished(x, off, b, y, col, c) - want);
                        }
                    if (o->type == CUDA_F16) limit += fabs(want) / 2048 + 1e-6;
                    if (o->type == CUDA_U8) {
                        double raw = want;
                        want = fmin(fmax(raw * x->inverse[c] + o->zero, 0), 255);
                        limit = 0.5 + 1e-4 + limit * x->inverse[c];
                    }
                    double error = fabs(got - want);
                    if (!(error <= limit))
                        test_fail("image %d, pixel %d %d, channel %d is %.8g, not %.8g", b, y, col,
                                  c, got, want);
                    error /= 1 + fabs(want);
                    if (o->type == CUDA_F32 && error > seen[at].worst) seen[at].worst = error;
                }
    free(now);
}

void run(const struct cuda_launch *l, void *params, struct epilogue *x, const double *sums,
         double tolerance) {
    if (!strstr(l->kernel, run_only)) return;
    size_t length = strlen(test_case);
    snprintf(test_case + length, sizeof test_case - length,
             "; %s grid %u %u %u block %u shared %u splits %d", l->kernel, l->grid[0], l->grid[1],
             l->grid[2], l->block, l->shared, l->splits);
    if (run_verbose) printf("%s\n", test_case), fflush(stdout);
    tensor_up(&x->out);
    launch(l, params);
    compare(x, sums, tolerance, l->kernel);
    unsigned char *first = tensor_down(&x->out);
    tensor_up(&x->out);
    launch(l, params);
    unsigned char *second = tensor_down(&x->out);
    if (memcmp(first, second, x->out.bytes) != 0) test_fail("a second run differs");
    free(first);
    free(second);
    run_count(l->kernel, 2);
    test_case[length] = 0;
}

double *sums_for(const struct epilogue *x) {
    const struct cuda_view *o = &x->e.out;
    return calloc((size_t)x->e.batch * (size_t)o->h * (size_t)o->w * (size_t)o->c, sizeof(double));
}

const struct cuda_machine plain = {.processors = 132, .capability = 90, .cap = "plain"};

struct cuda_machine random_machine(void) {
    static const int capabilities[] = {80, 86, 89, 90, 100, 120};
    return (struct cuda_machine){draw(1, 132), capabilities[draw(0, 5)], one_in(2) ? "mma" : NULL};
}

void describe(const char *what, const struct tensor *in, const struct epilogue *x) {
    size_t length = strlen(test_case);
    const struct cuda_view *i = &in->v, *o = &x->e.out;
    snprintf(test_case + length, sizeof test_case - length,
             ": %s batch %d, in type %d %dx%dx%d px %d row %d, out type %d %dx%dx%d px %d, act %d, "
             "bias %d, res %d type %d shift %d after %d times %d",
             what, in->batch, i->type, i->h, i->w, i->c, i->px, i->row, o->type, o->h, o->w, o->c,
             o->px, x->e.act, x->e.bias ? x->e.bias_classes : 0, x->e.has_res, x->e.res.type,
             x->e.res_shift, x->e.res_after, x->e.res_mul);
}

int run_report(void) {
    for (int i = 0; i < nseen; i++)
        printf("%-28s %5d launches, error up to %.1e\n", seen[i].name, seen[i].launches,
               seen[i].worst);
    return nseen;
}
