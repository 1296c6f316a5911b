/*
 * Whole networks on a GPU, or on the emulated one that MIEN_LIBCUDA names, against the same
 * networks in fp32 on the CPU, over a picture.
 *
 *     test_networks [NAME [WIDTH HEIGHT [BATCH]]]   default: the installed networks, on inputs
 * small enough for an emulator
 *
 * fp32 must be within 1e-5 of the CPU (RMS of the difference over RMS of the values), fp16 within
 * 2e-3; int8, where a rounding moves a byte, not much further off than int8 on the CPU is. Exit
 * status 77 where there is no device or no network.
 */
#include "mien.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SKIPPED = 77, MAX_OUTPUTS = 32 };

struct input {
    const char *name;
    int width, height, batch;
    int quick; /* one run, and only of the kernels a user gets */
};

/* What computes. */
struct setting {
    const char *text;
    enum mien_device device;
    enum mien_precision precision;
    const char *backend;
};

/* All outputs of one run, one after the other; NULL, and a sentence, where it cannot be. */
static float *outputs_of(const struct setting *w, const struct input *in, const float *pixels,
                         size_t *count) {
    mien_options options;
    mien_options_default(&options, sizeof options);
    options.device = w->device;
    options.precision = w->precision;
    options.backend = w->backend;
    mien_ctx *ctx = NULL;
    mien_net *net = NULL;
    float *all = NULL;
    *count = 0;
    if (mien_open(&options, &ctx) == 0 && mien_net_load(ctx, in->name, &net) == 0) {
        mien_tensor input = {NULL, in->batch, in->height, in->width, 3, (float *)pixels};
        mien_tensor out[MAX_OUTPUTS] = {{0}};
        int n = mien_net_outputs(net), rc = 0;
        for (int i = 0; i < n && !rc; i++) {
            rc = mien_net_output_shape(net, i, in->batch, in->width, in->height, &out[i]);
            *count += (size_t)out[i].n * (size_t)out[i].h * (size_t)out[i].w * (size_t)out[i].c;
        }
        float *next = all = malloc(*count * sizeof *all);
        for (int i = 0; i < n && !rc; i++) {
            out[i].data = next;
            next += (size_t)out[i].n * (size_t)out[i].h * (size_t)out[i].w * (size_t)out[i].c;
        }
        for (int again = 0; again < (in->quick ? 1 : 2) && !rc;
             again++) { /* a plan's memory is used again */
            memset(all, 0xFF, *count * sizeof *all);
            rc = mien_run(net, &input, out, n);
        }
        if (rc) {
            free(all);
            all = NULL;
        }
    }
    mien_net_free(net);
    mien_close(ctx);
    return all;
}

/* The libraries of "cudnn" need not be installed. */
static int can(const struct setting *w) {
    mien_options options;
    mien_options_default(&options, sizeof options);
    options.device = w->device;
    options.backend = w->backend;
    mien_ctx *ctx = NULL;
    int rc = w->backend && strcmp(w->backend, "cudnn") == 0 ? mien_open(&options, &ctx) : MIEN_OK;
    if (rc) printf("left out: %s: %s\n", w->text, mien_error());
    mien_close(ctx);
    return rc == MIEN_OK;
}

static double difference(const float *a, const float *b, size_t n) {
    double sum = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)a[i] - (double)b[i];
        sum += d * d;
        all += (double)a[i] * (double)a[i];
    }
    return sqrt(sum / all); /* a NaN fails every comparison */
}

/* Nearest pixels of the picture, another part of it for each of a batch. */
static void fill(const mien_image *img, const struct input *in, float *pixels) {
    for (int b = 0; b < in->batch; b++)
        for (int y = 0; y < in->height; y++)
            for (int x = 0; x < in->width; x++)
                for (int c = 0; c < 3; c++) {
                    int from_y = (int)((long)(y + 7 * b) * img->height / (in->height + 7 * b));
                    int from_x = (int)((long)x * img->width / in->width);
                    *pixels++ = img->pixels[from_y * img->pitch + 3 * from_x + c];
                }
}

static int compare(const struct input *in, const mien_image *img) {
    static const struct setting cpu[] = {
        {"cpu fp32", MIEN_DEVICE_CPU, MIEN_FP32, NULL},
        {"cpu int8", MIEN_DEVICE_CPU, MIEN_INT8, "c"}, /* others may compute in floats instead */
    };
    static const struct setting gpu[] = {
        {"fp32 plain", MIEN_DEVICE_CUDA, MIEN_FP32, "plain"},
        {"fp32 mma", MIEN_DEVICE_CUDA, MIEN_FP32, "mma"},
        {"fp16 plain", MIEN_DEVICE_CUDA, MIEN_FP16, "plain"},
        {"fp16 mma", MIEN_DEVICE_CUDA, MIEN_FP16, "mma"},
        {"fp16 best", MIEN_DEVICE_CUDA, MIEN_FP16, NULL},
        {"fp32 cudnn", MIEN_DEVICE_CUDA, MIEN_FP32, "cudnn"},
        {"fp16 cudnn", MIEN_DEVICE_CUDA, MIEN_FP16, "cudnn"},
        {"int8 plain", MIEN_DEVICE_CUDA, MIEN_INT8, "plain"},
        {"int8 mma", MIEN_DEVICE_CUDA, MIEN_INT8, "mma"},
        {"int8 best", MIEN_DEVICE_CUDA, MIEN_INT8, NULL},
    };
    int failures = 0;
    float *pixels =
        malloc(sizeof *pixels * 3 * (size_t)in->width * (size_t)in->height * (size_t)in->batch);
    size_t n, m;
    fill(img, in, pixels);
    float *exact = outputs_of(&cpu[0], in, pixels, &n),
          *bytes = outputs_of(&cpu[1], in, pixels, &m);
    double off_bytes = bytes ? difference(exact, bytes, n) : 0;
    for (size_t i = 0; i < sizeof gpu / sizeof gpu[0]; i++) {
        if (!can(&gpu[i])) continue;
        int is_bytes = gpu[i].precision == MIEN_INT8;
        if (is_bytes && !bytes) continue;          /* not calibrated */
        if (in->quick && gpu[i].backend) continue; /* what users get */
        float *got = outputs_of(&gpu[i], in, pixels, &m);
        double off = got ? difference(exact, got, n) : NAN;
        double limit = is_bytes                        ? 1.5 * off_bytes + 0.01
                       : gpu[i].precision == MIEN_FP16 ? 2e-3
                                                       : 1e-5;
        int good = off <= limit;
        printf("%-4s %s %dx%d batch %d, %s: %.3g (limit %.3g)%s%s\n", good ? "ok" : "FAIL",
               in->name, in->width, in->height, in->batch, gpu[i].text, off, limit, got ? "" : ", ",
               got ? "" : mien_error());
        fflush(stdout);
        failures += !good;
        free(got);
    }
    free(bytes);
    free(exact);
    free(pixels);
    return failures;
}

/* Is there a device, and the network? Says why not. */
static int is_there(const char *name) {
    mien_options options;
    mien_options_default(&options, sizeof options);
    options.device = MIEN_DEVICE_CUDA;
    mien_ctx *ctx = NULL;
    mien_net *net = NULL;
    int there = mien_open(&options, &ctx) == 0 && (!name || mien_net_load(ctx, name, &net) == 0);
    if (!there) printf("skipped: %s\n", mien_error());
    mien_net_free(net);
    mien_close(ctx);
    return there;
}

int main(int argc, char **argv) {
    static const struct input small[] = {
        {"mobilefacenet-192", 112, 112, 1, 0},
        {"retinaface-mnet025-v2", 160, 128, 2, 0},
        {"age-gender-faceapi", 112, 112, 1, 0},
        {"resnet50-imagenet", 224, 224, 1, 1},
    };
    mien_image *img = NULL;
    char photo[512] = "";
    int ran = 0, failures = 0;
    if (!is_there(NULL)) return SKIPPED;
    mien_ctx *ctx = NULL;
    if (mien_open(NULL, &ctx) == 0)
        snprintf(photo, sizeof photo, "%s/photos/sample1.jpg", mien_weights_dir(ctx));
    mien_close(ctx);
    if (mien_image_load(NULL, photo, NULL, &img)) {
        printf("skipped: %s\n", mien_error());
        return SKIPPED;
    }
    if (argc > 1) {
        struct input one = {argv[1], 112, 112, 1, 0};
        if (argc > 3) one.width = atoi(argv[2]), one.height = atoi(argv[3]);
        if (argc > 4) one.batch = atoi(argv[4]);
        ran = 1;
        failures = compare(&one, img);
    }
    const char *size = getenv("MIEN_TEST_SIZE");
    int reduced = size && strcmp(size, "small") == 0; /* an emulator's networks of seconds */
    if (argc < 2 && reduced && is_there("retinaface-mnet025-v2")) {
        struct input least = {"retinaface-mnet025-v2", 96, 64, 2, 0};
        ran = 1;
        failures = compare(&least, img);
    }
    for (size_t i = 0; argc < 2 && !reduced && i < sizeof small / sizeof small[0]; i++)
        if (is_there(small[i].name)) {
            ran = 1;
            failures += compare(&small[i], img);
        }
    mien_image_free(img);
    return failures ? 1 : ran ? 0 : SKIPPED;
}
