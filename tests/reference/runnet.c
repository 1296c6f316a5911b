/*
 * Runs a network on a raw tensor, for comparisons with other runtimes.
 *
 *     runnet [-t THREADS] [-b BACKEND] [-p PRECISION] [-c CALIBRATED]
 *            BLOB WIDTH HEIGHT BATCH INPUT OUTPUT
 *
 * INPUT holds BATCH x HEIGHT x WIDTH x 3 floats (RGB, 0..255; of a network on features of another:
 * x its channels). OUTPUT gets every output of the network one after the other, float32; standard
 * output gets a line "name n h w c" for each, in the same order. CALIBRATED gets a copy of the blob
 * with the ranges of this run.
 */
#include "mien.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_OUTPUTS = 16 };

static int fail(const char *what) {
    fprintf(stderr, "runnet: %s: %s\n", what, mien_error());
    return 1;
}

/* count floats of a file; NULL where it is shorter or longer. The caller frees them. */
static float *read_floats(const char *path, size_t count) {
    FILE *f = fopen(path, "rb");
    float *data = malloc(count * sizeof *data + 1);
    size_t got = f && data ? fread(data, 1, count * sizeof *data + 1, f) : 0;
    if (f) fclose(f);
    if (got == count * sizeof *data) return data;
    free(data);
    fprintf(stderr, "runnet: %s does not hold %zu floats\n", path, count);
    return NULL;
}

static size_t tensor_count(const mien_tensor *t) {
    return (size_t)t->n * (size_t)t->h * (size_t)t->w * (size_t)t->c;
}

static int write_outputs(const char *path, const mien_tensor *outputs, int count) {
    FILE *f = fopen(path, "wb");
    int bad = !f;
    for (int i = 0; i < count && !bad; i++) {
        const mien_tensor *t = &outputs[i];
        printf("%s %d %d %d %d\n", t->name, t->n, t->h, t->w, t->c);
        bad = fwrite(t->data, sizeof *t->data, tensor_count(t), f) != tensor_count(t);
    }
    if (f && fclose(f)) bad = 1;
    if (bad) fprintf(stderr, "runnet: cannot write %s\n", path);
    return bad;
}

/* Runs the network and writes its outputs; input is filled in by the caller. */
static int run(mien_net *net, const mien_tensor *input, const char *path) {
    mien_tensor outputs[MAX_OUTPUTS] = {{0}};
    int count = mien_net_outputs(net), status = 1;
    if (count < 1 || count > MAX_OUTPUTS) return fail("outputs");
    for (int i = 0; i < count; i++) {
        if (mien_net_output_shape(net, i, input->n, input->w, input->h, &outputs[i])) {
            fail("output shape");
            goto out;
        }
        outputs[i].data = malloc(tensor_count(&outputs[i]) * sizeof(float));
        if (!outputs[i].data) goto out;
    }
    status =
        mien_run(net, input, outputs, count) ? fail("run") : write_outputs(path, outputs, count);
out:
    for (int i = 0; i < count; i++) free(outputs[i].data);
    return status;
}

/* The input's data are read from a file of as many channels as the network has. */
static int run_file(mien_net *net, mien_tensor *input, const char *from, const char *to) {
    mien_net_info info = {.struct_size = sizeof info};
    if (mien_net_info_get(net, &info)) return fail("info");
    input->c = info.channels;
    input->data = read_floats(from, tensor_count(input));
    int status = input->data ? run(net, input, to) : 1;
    free(input->data);
    return status;
}

/* -1 where it is no precision's name. */
static int find_precision(const char *name) {
    static const char *const names[] = {
        [MIEN_FP32] = "fp32", [MIEN_BF16] = "bf16", [MIEN_INT8] = "int8", [MIEN_FP16] = "fp16"};
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -1;
}

int main(int argc, char **argv) {
    const char *calibrated = NULL;
    mien_options options;
    mien_options_default(&options, sizeof options);
    for (int c; (c = getopt(argc, argv, "t:b:p:c:")) != -1;) {
        if (c == 't')
            options.threads = atoi(optarg);
        else if (c == 'b')
            options.backend = optarg;
        else if (c == 'c')
            calibrated = optarg;
        else if (c == 'p' && find_precision(optarg) >= 0)
            options.precision = (enum mien_precision)find_precision(optarg);
        else
            return 2;
    }
    if (argc - optind != 6) {
        fprintf(stderr,
                "usage: runnet [-t THREADS] [-b BACKEND] [-p PRECISION] [-c CALIBRATED] BLOB WIDTH "
                "HEIGHT BATCH INPUT OUTPUT\n");
        return 2;
    }
    argv += optind;
    mien_tensor input = {"input", atoi(argv[3]), atoi(argv[2]), atoi(argv[1]), 0, NULL};
    mien_ctx *ctx = NULL;
    mien_net *net = NULL;
    int status = 1;
    if (mien_open(&options, &ctx))
        fail("open");
    else if (mien_net_load(ctx, argv[0], &net))
        fail(argv[0]);
    else if (calibrated && mien_calibrate_begin(net))
        fail("calibrate");
    else
        status = run_file(net, &input, argv[4], argv[5]);
    if (!status && calibrated && mien_calibrate_save(net, calibrated)) status = fail(calibrated);
    mien_net_free(net);
    mien_close(ctx);
    return status;
}
