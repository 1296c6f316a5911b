/*
 * Runs on a GPU, or the emulated one, as programs do them: tensors in the device's memory, several
 * threads at once, several batches.
 */
#include "cuda/device.h"
#include "mien.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* after what it needs */
#include <cmocka.h>

enum { SKIPPED = 77, SIDE = 112, THREADS = 3, BATCH = 3 };
#define NETWORK "mobilefacenet-192"

static mien_ctx *ctx;
static mien_net *net;
static int values; /* of an embedding */

/* [BATCH] pictures, each of another colour and pattern. */
static float *make_input(void) {
    size_t n = (size_t)BATCH * SIDE * SIDE * 3;
    float *p = malloc(n * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)((i * 7 + i / 331 * (1 + i / ((size_t)SIDE * SIDE * 3))) % 256);
    return p;
}

static void run(int batch, const float *input, float *output) {
    mien_tensor in = {NULL, batch, SIDE, SIDE, 3, (float *)(uintptr_t)input};
    mien_tensor out = {"embedding", batch, 1, 1, values, output};
    assert_int_equal(mien_run(net, &in, &out, 1), 0);
}

static void device_pointers(void **state) {
    (void)state;
    struct cuda_device dev;
    CUdeviceptr in, out;
    size_t in_bytes = (size_t)BATCH * SIDE * SIDE * 3 * sizeof(float);
    size_t out_bytes = (size_t)BATCH * (size_t)values * sizeof(float);
    float *input = make_input(), *host = malloc(out_bytes), *back = malloc(out_bytes);
    run(BATCH, input, host);
    assert_int_equal(cuda_device_open(&dev, 0), 0);
    assert_int_equal(cuda_enter(&dev), 0);
    assert_int_equal(cuda_alloc(&dev, in_bytes, &in), 0);
    assert_int_equal(cuda_alloc(&dev, out_bytes, &out), 0);
    assert_int_equal(dev.driver->copy_up(in, input, in_bytes, NULL), CUDA_SUCCESS);
    assert_int_equal(dev.driver->stream_wait(NULL), CUDA_SUCCESS);
    run(BATCH, (const float *)(uintptr_t)in, (float *)(uintptr_t)out);
    assert_int_equal(dev.driver->copy_down(back, out, out_bytes, NULL), CUDA_SUCCESS);
    assert_int_equal(dev.driver->stream_wait(NULL), CUDA_SUCCESS);
    assert_memory_equal(host, back, out_bytes);
    memset(back, 0, out_bytes); /* one of each */
    run(BATCH, (const float *)(uintptr_t)in, back);
    assert_memory_equal(host, back, out_bytes);
    cuda_free(&dev, in);
    cuda_free(&dev, out);
    cuda_leave(&dev);
    cuda_device_close(&dev);
    free(input);
    free(host);
    free(back);
}

struct thread {
    pthread_t id;
    const float *input;
    float *output;
};

static void *thread_main(void *context) {
    struct thread *t = context;
    run(1, t->input, t->output);
    return NULL;
}

/* Each thread has a stream and memory of its own. */
static void side_by_side(void **state) {
    (void)state;
    struct thread threads[THREADS];
    size_t bytes = (size_t)values * sizeof(float);
    float *input = make_input(), *alone = malloc(bytes);
    for (int i = 0; i < THREADS; i++) {
        threads[i].input = input + (size_t)i % BATCH * SIDE * SIDE * 3;
        threads[i].output = malloc(bytes);
        assert_int_equal(pthread_create(&threads[i].id, NULL, thread_main, &threads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        run(1, threads[i].input, alone);
        assert_memory_equal(alone, threads[i].output, bytes);
        free(threads[i].output);
    }
    free(input);
    free(alone);
}

/* A batch of another size may cut its sums differently, but sees the same pictures. */
static void batches(void **state) {
    (void)state;
    float *input = make_input(), *together = malloc((size_t)(BATCH * values) * sizeof(float));
    float *alone = malloc((size_t)values * sizeof(float));
    run(BATCH, input, together);
    for (int b = 0; b < BATCH; b++) {
        run(1, input + (size_t)b * SIDE * SIDE * 3, alone);
        assert_true(mien_similarity(alone, together + b * values, values) > 0.99999f);
    }
    assert_true(mien_similarity(together, together + values, values) < 0.999f);
    free(input);
    free(together);
    free(alone);
}

static void sizes(void **state) {
    (void)state;
    mien_plan_info info = {.struct_size = sizeof info};
    assert_int_equal(mien_net_plan(net, BATCH, SIDE, SIDE, &info), 0);
    assert_true(info.weight_bytes > 2000000 && info.arena_bytes > 0 && info.steps > 20);
    assert_true(info.arena_bytes < info.no_reuse_bytes);
}

int main(void) {
    mien_options options;
    mien_net_info info = {.struct_size = sizeof info};
    mien_options_default(&options, sizeof options);
    options.device = MIEN_DEVICE_CUDA;
    options.precision = MIEN_FP16;
    if (mien_open(&options, &ctx) || mien_net_load(ctx, NETWORK, &net) ||
        mien_net_info_get(net, &info)) {
        printf("skipped: %s\n", mien_error());
        mien_close(ctx);
        return SKIPPED;
    }
    values = info.embedding_size;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_pointers),
        cmocka_unit_test(side_by_side),
        cmocka_unit_test(batches),
        cmocka_unit_test(sizes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    mien_net_free(net);
    mien_close(ctx);
    return failed;
}
