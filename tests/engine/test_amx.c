/*
 * Whole networks on emulated AMX tiles against the same networks without AMX, in every precision.
 * Two ways to the same sums: what differs is rounding, and in int8 what a rounding does to a byte.
 * fp32 has nothing to do with AMX unless it is asked for, so that it must not differ at all.
 *
 *     test_amx [NAME WIDTH HEIGHT [RAW]]    default: the small networks there are weights
 *                                           for; ResNet50 takes half a minute
 *
 * RAW: HEIGHT x WIDTH x 3 floats, for other pictures than the one made here.
 */
#include "kernels/kern.h"
#include "mien.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, MAX_OUTPUTS = 16 };

/* All outputs of one run, one after the other; NULL where the precision is not to be had. */
static float *outputs_of(const char *name, const char *backend, enum mien_precision precision,
                         const mien_tensor *input, size_t *count) {
    mien_options options;
    mien_options_default(&options, sizeof options);
    options.backend = backend;
    options.precision = precision;
    mien_ctx *ctx = NULL;
    mien_net *net = NULL;
    float *all = NULL;
    *count = 0;
    if (mien_open(&options, &ctx) == 0 && mien_net_load(ctx, name, &net) == 0) {
        mien_tensor out[MAX_OUTPUTS] = {{0}};
        int n = mien_net_outputs(net);
        for (int i = 0; i < n; i++) {
            mien_net_output_shape(net, i, input->n, input->w, input->h, &out[i]);
            *count += (size_t)out[i].n * (size_t)out[i].h * (size_t)out[i].w * (size_t)out[i].c;
        }
        float *next = all = malloc(*count * sizeof *all);
        for (int i = 0; i < n; i++) {
            out[i].data = next;
            next += (size_t)out[i].n * (size_t)out[i].h * (size_t)out[i].w * (size_t)out[i].c;
        }
        if (mien_run(net, input, out, n) != 0) abort();
    }
    mien_net_free(net);
    mien_close(ctx);
    return all;
}

/* Relative difference of two results. */
static double difference(const float *a, const float *b, size_t n) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        norm += (double)b[i] * b[i];
    }
    return sqrt(error / norm);
}

/* A picture of soft shapes: noise alone would look like nothing a network knows. */
static mien_tensor picture(int w, int h) {
    mien_tensor t = {"input", 1, h, w, 3, malloc((size_t)w * (size_t)h * 3 * sizeof(float))};
    for (int i = 0; t.data && i < w * h * 3; i++) {
        int x = i / 3 % w, y = i / 3 / w;
        t.data[i] = 128 + 100 * sinf(0.07f * (float)(x + i % 3 * 9)) * cosf(0.05f * (float)y) +
                    (float)(i * 7919 % 27);
    }
    return t;
}

static int read_raw(const char *path, mien_tensor *t) {
    size_t n = (size_t)t->w * (size_t)t->h * 3;
    FILE *f = fopen(path, "rb");
    int ok = f && fread(t->data, sizeof(float), n, f) == n;
    if (f) fclose(f);
    return ok;
}

/* One way to run a network, and how far it may be from the same without AMX. */
struct way {
    const char *name, *backend;
    enum mien_precision precision;
    double tolerance;
};
static const struct way ways[] = {{"fp32", "amx-emulated", MIEN_FP32, 0},
                                  {"bf16", "amx-emulated", MIEN_BF16, 2e-2},
                                  {"int8", "amx-emulated", MIEN_INT8, 5e-2},
                                  {"fp32 by bf16", "amx-bf16x3-emulated", MIEN_FP32, 1e-4}};

/* Counts what was compared. */
static int check(const char *name, const struct way *way, const mien_tensor *input,
                 const char *reference, int *compared) {
    size_t n, m;
    float *want = outputs_of(name, reference, way->precision, input, &n);
    float *got = want ? outputs_of(name, way->backend, way->precision, input, &m) : NULL;
    int bad = 0;
    if (want && (!got || n != m)) abort();
    if (want) {
        double d = difference(got, want, n);
        bad = !(d <= way->tolerance);
        printf("%s %s %s: %.3g from %s\n", bad ? "FAIL" : "ok  ", name, way->name, d, reference);
        ++*compared;
    }
    free(want);
    free(got);
    return bad;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int w, h;
    } networks[] = {{"mobilefacenet-192", 112, 112},
                    {"retinaface-mnet025-v2", 320, 240},
                    {"age-gender-faceapi", 112, 112}};
    struct kern probe;
    const char *reference = kern_init(&probe, "avx512") == 0 ? "avx512" : "c";
    /* AVX2 multiplies floats alone: what the emulated tiles leave to it they have of it. */
    const char *exact =
        strcmp(reference, "c") == 0 && kern_init(&probe, "avx2") == 0 ? "avx2" : reference;
    int count = argc >= 4 ? 1 : (int)(sizeof networks / sizeof networks[0]);
    int compared = 0, failures = 0;
    for (int i = 0; i < count; i++) {
        const char *name = argc >= 4 ? argv[1] : networks[i].name;
        mien_tensor input = argc >= 4 ? picture(atoi(argv[2]), atoi(argv[3]))
                                      : picture(networks[i].w, networks[i].h);
        if (!input.data || (argc == 5 && !read_raw(argv[4], &input))) abort();
        for (size_t w = 0; w < sizeof ways / sizeof ways[0]; w++)
            failures +=
                check(name, &ways[w], &input, ways[w].tolerance > 0 ? reference : exact, &compared);
        free(input.data);
    }
    return failures ? 1 : compared ? 0 : SKIPPED;
}
