/* The emulator itself: what kernels compute over it against plain loops, and its complaints. */
#include "cuda/driver.h"
#include "tests/cuda/emulator_params.h"
#include "tests/cuda/half.h"

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

int emulator_live_allocations(void);

#define OK(call) assert_int_equal(call, CUDA_SUCCESS)

static CUcontext context;
static CUmodule module;
static CUstream stream;
static CUfunction multiply, play;

static int set_up(void **state) {
    (void)state;
    static const char image[] = "any";
    OK(cuInit(0));
    OK(cuDevicePrimaryCtxRetain(&context, 0));
    OK(cuCtxPushCurrent(context));
    OK(cuModuleLoadData(&module, image));
    OK(cuModuleGetFunction(&multiply, module, "test_multiply"));
    OK(cuModuleGetFunction(&play, module, "test_play"));
    OK(cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    OK(cuStreamDestroy(stream));
    OK(cuModuleUnload(module));
    OK(cuCtxPopCurrent(NULL));
    OK(cuDevicePrimaryCtxRelease(0));
    return emulator_live_allocations();
}

static CUdeviceptr device_memory(size_t size) {
    CUdeviceptr p;
    OK(cuMemAlloc(&p, size));
    return p;
}

static CUdeviceptr uploaded(const void *data, size_t size) {
    CUdeviceptr p = device_memory(size);
    OK(cuMemcpyHtoDAsync(p, data, size, stream));
    return p;
}

static void download(void *to, CUdeviceptr from, size_t size) {
    OK(cuMemcpyDtoHAsync(to, from, size, stream));
    OK(cuStreamSynchronize(stream));
}

static CUresult launch(CUfunction f, unsigned blocks, unsigned threads, unsigned shared,
                       void *params, CUlaunchAttribute *attribute) {
    CUlaunchConfig c;
    memset(&c, 0, sizeof c);
    c.gridDimX = blocks;
    c.gridDimY = c.gridDimZ = c.blockDimY = c.blockDimZ = 1;
    c.blockDimX = threads;
    c.sharedMemBytes = shared;
    c.hStream = stream;
    c.attrs = attribute;
    c.numAttrs = attribute != NULL;
    void *all[] = {params};
    return cuLaunchKernelEx(&c, f, all, NULL);
}

static double word_value(int kind, const uint8_t *p, int signed_bytes) {
    uint16_t h;
    uint32_t u;
    float f;
    switch (kind) {
    case 0: memcpy(&h, p, 2); return half_value(h);
    case 1:
        memcpy(&u, p, 4);
        u &= ~0x1FFFu;
        memcpy(&f, &u, 4);
        return (double)f;
    default: return signed_bytes ? (int8_t)*p : *p;
    }
}

static void fill_operand(int kind, uint8_t *p, int size) {
    for (int i = 0; i < size; i++) p[i] = (uint8_t)(rand() >> 7);
    if (kind == 0) /* exponents of 1/8 to 16, some subnormals */
        for (int i = 1; i < size; i += 2)
            p[i] = (uint8_t)((p[i] & 0x83) | (rand() % 8 ? (12 + rand() % 7) << 2 : 0));
    for (int i = 0; kind == 1 && i < size; i += 4) {
        float f = (float)(rand() % 20001 - 10000) / 777;
        memcpy(p + i, &f, 4);
    }
}

static void test_products(void **state) {
    (void)state;
    static const int sizes[] = {2, 4, 1};
    for (int kind = 0; kind < 3; kind++)
        for (int round = 0; round < 50; round++) {
            uint8_t a[16][32], b[8][32];
            union {
                float f[16][8];
                int32_t i[16][8];
            } sum;
            fill_operand(kind, a[0], sizeof a);
            fill_operand(kind, b[0], sizeof b);
            CUdeviceptr da = uploaded(a, sizeof a), db = uploaded(b, sizeof b);
            CUdeviceptr ds = device_memory(sizeof sum);
            struct multiply_params p = {(const char *)da, (const char *)db, (char *)ds, kind, 2};
            OK(launch(multiply, 1, 32, 768, &p, NULL));
            download(&sum, ds, sizeof sum);
            for (int y = 0; y < 16; y++)
                for (int x = 0; x < 8; x++) {
                    double want = 0, size = 1e-30;
                    for (int k = 0; k < 32; k += sizes[kind]) {
                        double v = word_value(kind, a[y] + k, 0) * word_value(kind, b[x] + k, 1);
                        want += 2 * v;
                        size += fabs(v);
                    }
                    double got = kind == 2 ? sum.i[y][x] : (double)sum.f[y][x];
                    assert_true(fabs(got - want) <= (kind == 2 ? 0 : size * 1e-5));
                }
            OK(cuMemFree(da));
            OK(cuMemFree(db));
            OK(cuMemFree(ds));
        }
}

/* Sums go on from where they are: ones, added many times, are counted exactly by all types. */
static void test_many_products(void **state) {
    (void)state;
    enum { TIMES = 2000, ROWS = 16 + 8, ROW = 32 };
    static const uint16_t half_one = 0x3C00;
    static const float one = 1;
    static const uint8_t byte_one = 1;
    static const struct {
        const void *one;
        size_t size;
    } ones[] = {{&half_one, sizeof half_one}, {&one, sizeof one}, {&byte_one, sizeof byte_one}};
    for (int kind = 0; kind < 3; kind++) {
        uint8_t operands[ROWS * ROW];
        union {
            float f[16 * 8];
            int32_t i[16 * 8];
        } sum;
        size_t size = ones[kind].size;
        for (size_t i = 0; i < sizeof operands; i += size)
            memcpy(operands + i, ones[kind].one, size);
        CUdeviceptr d = uploaded(operands, sizeof operands), ds = device_memory(sizeof sum);
        struct multiply_params p = {(const char *)d, (const char *)d + 16 * ROW, (char *)ds, kind,
                                    TIMES};
        OK(launch(multiply, 1, 32, 768, &p, NULL));
        download(&sum, ds, sizeof sum);
        int want = TIMES * (int)(ROW / size);
        for (int i = 0; i < 16 * 8; i++)
            assert_true(kind == 2 ? sum.i[i] == want : sum.f[i] == (float)want);
        OK(cuMemFree(d));
        OK(cuMemFree(ds));
    }
}

enum { THREADS = 64, BLOCKS = 5, MANY = THREADS * BLOCKS };

static void run_play(int what, int n, const int32_t in[MANY], int32_t out[MANY]) {
    CUdeviceptr di = uploaded(in, MANY * 4), dout = device_memory(MANY * 4);
    OK(cuMemsetD8Async(dout, 0, MANY * 4, stream));
    struct play_params p = {(int32_t *)dout, (const int32_t *)di, what, n};
    CUlaunchAttribute pair;
    memset(&pair, 0, sizeof pair);
    pair.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    pair.value.clusterDim.x = 2;
    pair.value.clusterDim.y = pair.value.clusterDim.z = 1;
    if (what == PLAY_NEIGHBOUR)
        OK(launch(play, BLOCKS - 1, THREADS, 2 * THREADS * 4, &p, &pair));
    else
        OK(launch(play, BLOCKS, THREADS, 2 * THREADS * 4, &p, NULL));
    download(out, dout, MANY * 4);
    OK(cuMemFree(di));
    OK(cuMemFree(dout));
}

static int32_t in[MANY], out[MANY];

static void new_numbers(void) {
    for (int i = 0; i < MANY; i++) in[i] = rand() % 100000;
}

static void test_warps(void **state) {
    (void)state;
    new_numbers();
    run_play(PLAY_IDENTITY, 0, in, out);
    for (int i = 0; i < MANY; i++) assert_int_equal(out[i], i);
    run_play(PLAY_SHUFFLE, 0, in, out);
    for (int i = 0; i < MANY; i++) {
        int sum = 0;
        for (int k = 0; k < 32; k++) sum += in[i / 32 * 32 + k];
        assert_int_equal(out[i], sum);
    }
    run_play(PLAY_BALLOT, 0, in, out);
    for (int i = 0; i < MANY; i++) assert_int_equal((unsigned)out[i] >> i % 32 & 1, in[i] & 1);
}

static void test_blocks(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        new_numbers();
        run_play(PLAY_REVERSE, 0, in, out);
        for (int i = 0; i < MANY; i++) {
            int t = i % THREADS;
            assert_int_equal(out[i], in[i - t + THREADS - 1 - t]);
        }
        in[THREADS + 7] = -1;
        run_play(PLAY_ANY, -1, in, out);
        for (int i = 0; i < MANY; i++) assert_int_equal(out[i], i / THREADS == 1);
        run_play(PLAY_COUNT, 0, in, out);
        assert_int_equal(out[0], MANY);
    }
}

/* Without the barrier some thread reads what nobody wrote yet. */
static void test_race(void **state) {
    (void)state;
    int wrong = 0;
    new_numbers();
    for (int round = 0; round < 5; round++) {
        run_play(PLAY_RACE, 0, in, out);
        for (int i = 0; i < MANY; i++) wrong += out[i] == -1;
    }
    assert_true(wrong > 0);
}

static void test_copies_to_shared(void **state) {
    (void)state;
    new_numbers();
    for (int cut = 0; cut <= 4; cut++) {
        run_play(PLAY_COPY, cut, in, out);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(out[i], cut == 4 ? 0 : in[i] & (int)(0xFFFFFFFFu >> 8 * cut));
    }
    run_play(PLAY_COPY_EARLY, 0, in, out);
    for (int i = 0; i < MANY; i++) assert_int_equal(out[i], -1);
    run_play(PLAY_COPY_TWO, 0, in, out);
    assert_int_equal(out[0], in[0]);
    assert_int_equal(out[1], -1);
}

static void test_unwritten_memory(void **state) {
    (void)state;
    run_play(PLAY_UNWRITTEN, 0, in, out);
    for (int i = 0; i < MANY; i++) assert_int_equal(out[i], -1);
}

static void test_internals(void **state) {
    (void)state;
    for (int round = 0; round < 10; round++) {
        run_play(PLAY_NAMED, 0, in, out);
        for (int i = 0; i < MANY; i++) {
            int t = i % THREADS;
            assert_int_equal(out[i], t < THREADS / 2 ? -1 : t - THREADS / 2);
        }
        run_play(PLAY_DEFERRED, 1000, in, out);
        for (int i = 0; i < MANY; i++) assert_int_equal(out[i], 1000 + i % THREADS);
        run_play(PLAY_NEIGHBOUR, 70, in, out);
        for (int i = 0; i < MANY - THREADS; i++) assert_int_equal(out[i], 71 - i / THREADS % 2);
    }
}

/* To nearest, ties to even: by looking for the nearest of all halves. */
static uint16_t nearest_half(float f) {
    uint16_t sign = signbit(f) ? 0x8000 : 0;
    double v = fabs((double)f);
    if (v >= 65520) return sign | 0x7C00;
    uint16_t low = 0, high = 0x7C00; /* value(low) <= v < value(high), 65536 for the last */
    while (high - low > 1) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        if (half_value(middle) <= v)
            low = middle;
        else
            high = middle;
    }
    double below = v - half_value(low), above = half_value(high) - v;
    if (below > above || (below == above && low % 2)) low = high;
    return sign | low;
}

static void test_halves(void **state) {
    (void)state;
    float values[MANY] = {0,
                          -0.0f,
                          1,
                          65504,
                          65519.99f,
                          65520,
                          -1e9f,
                          INFINITY,
                          0x1p-24f,
                          0x1p-25f,
                          0x1.8p-24f,
                          0x1.8p-25f,
                          0x1.000001p-25f,
                          2049,
                          2051,
                          0x1.ffcp-15f,
                          0x1.ffep-15f,
                          0x1p-14f,
                          1e-30f};
    for (int i = 20; i < MANY; i++) values[i] = ldexpf((float)rand() / 1e9f - 1, rand() % 40 - 26);
    memcpy(in, values, sizeof in);
    run_play(PLAY_HALF, 0, in, out);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(out[i] & 0xFFFF, nearest_half(values[i]));
        assert_int_equal(out[i] >> 16 & 0xFFFF, nearest_half(values[i]));
    }
}

/* Runs a game in a process of its own, which has to die saying `sentence`. */
static void expect_death(int what, int n, CUlaunchAttribute *attribute, const char *sentence) {
    int ends[2];
    char text[4096];
    size_t size = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        CUdeviceptr di, dout;
        cuMemAlloc(&di, MANY * 4);
        cuMemAlloc(&dout, MANY * 4);
        struct play_params p = {(int32_t *)dout, (const int32_t *)di, what, n};
        if (what == -1) p.in = in;
        if (what == -2) cuMemFree(di);
        launch(play, BLOCKS, THREADS, 1000, &p, attribute);
        cuStreamSynchronize(stream);
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
        size += (size_t)got;
    close(ends[0]);
    text[size] = 0;
    int status;
    waitpid(child, &status, 0);
    if (!strstr(text, sentence)) fail_msg("wanted \"%s\", got \"%s\"", sentence, text);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_complaints(void **state) {
    (void)state;
    CUlaunchAttribute early;
    memset(&early, 0, sizeof early);
    early.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    early.value.programmaticStreamSerializationAllowed = 1;
    expect_death(PLAY_DEADLOCK, 0, NULL, "63 threads wait in block_sync()");
    expect_death(PLAY_DEADLOCK, 0, NULL, "1 threads have ended (first: 0)");
    expect_death(PLAY_DEADLOCK, 0, NULL, "kernel test_play, block (");
    expect_death(PLAY_DIVERGED, 0, NULL, "where others of its warp wait in");
    expect_death(PLAY_COPY_MISALIGNED, 0, NULL, "is not aligned to 8 bytes");
    expect_death(PLAY_SHARED_END, 1000, NULL, "wrote byte 1000 of 1000 bytes of shared memory");
    expect_death(PLAY_SHARED_END, 1024, NULL, "touches byte 1024 of 1000 bytes of shared memory");
    expect_death(PLAY_GLOBAL_END, MANY, NULL, "touches byte 1280 of device memory of 1280");
    expect_death(PLAY_MISALIGNED, 0, NULL, "misaligned");
    expect_death(PLAY_NO_GRID_WAIT, 0, &early, "never called grid_wait()");
    expect_death(-1, 0, NULL, "an address of the host");
    expect_death(-2, 0, NULL, "freed device memory");
}

/* Everything mien looks for is there, under the name it looks for. */
static void test_functions(void **state) {
    (void)state;
#define NAME_OF_(symbol)          #symbol
#define NAME_OF(symbol)           NAME_OF_(symbol)
#define CHECK_NAME(field, symbol) assert_non_null(dlsym(RTLD_DEFAULT, NAME_OF(symbol)));
    CUDA_DRIVER_FUNCTIONS(CHECK_NAME)
#undef CHECK_NAME
}

static void test_memory(void **state) {
    (void)state;
    int before = emulator_live_allocations();
    unsigned type = 0;
    void *pinned;
    CUdeviceptr p = device_memory(1000);
    OK(cuMemHostAlloc(&pinned, 100, 0));
    assert_int_equal(emulator_live_allocations(), before + 2);
    OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, p + 999));
    assert_int_equal(type, CU_MEMORYTYPE_DEVICE);
    OK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)pinned));
    assert_int_equal(type, CU_MEMORYTYPE_HOST);
    assert_int_equal(
        cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)&type),
        CUDA_ERROR_INVALID_VALUE);
    char bytes[1000];
    download(bytes, p, 1000);
    for (int i = 0; i < 1000; i++) assert_int_equal((uint8_t)bytes[i], 0xFF);
    assert_int_equal(cuMemcpyHtoDAsync(p + 1, bytes, 1000, stream), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemcpyDtoHAsync((void *)p, p, 10, stream), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFree(p));
    assert_int_equal(cuMemcpyDtoHAsync(bytes, p, 10, stream), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(cuMemFree(p), CUDA_ERROR_INVALID_VALUE);
    OK(cuMemFreeHost(pinned));
    assert_int_equal(emulator_live_allocations(), before);
    assert_int_equal(cuMemAlloc(&p, (size_t)1 << 40), CUDA_ERROR_OUT_OF_MEMORY);
}

/* Rows of 3 bytes out of rows of 10 into rows of 4. */
static void test_copy_2d(void **state) {
    (void)state;
    char rows[40], got[16];
    for (int i = 0; i < 40; i++) rows[i] = (char)i;
    CUdeviceptr d = uploaded(rows, sizeof rows);
    CUDA_MEMCPY2D c;
    memset(&c, 0, sizeof c);
    c.srcMemoryType = CU_MEMORYTYPE_DEVICE;
    c.srcDevice = d;
    c.srcPitch = 10;
    c.srcXInBytes = 5;
    c.dstMemoryType = CU_MEMORYTYPE_HOST;
    c.dstHost = got;
    c.dstPitch = 4;
    c.WidthInBytes = 3;
    c.Height = 4;
    OK(cuMemcpy2DAsync(&c, stream));
    OK(cuStreamSynchronize(stream));
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 3; x++) assert_int_equal(got[4 * y + x], 10 * y + 5 + x);
    OK(cuMemFree(d));
}

/* What is asked for happens when somebody waits; pinned memory is read then, other at once. */
static void test_asynchrony(void **state) {
    (void)state;
    char *pinned, plain[4] = "abc", got[4] = "---", got_plain[4] = "---";
    OK(cuMemHostAlloc((void **)&pinned, 4, 0));
    memcpy(pinned, "abc", 4);
    CUdeviceptr d = device_memory(8);
    OK(cuMemcpyHtoDAsync(d, pinned, 4, stream));
    OK(cuMemcpyHtoDAsync(d + 4, plain, 4, stream));
    OK(cuMemcpyDtoHAsync(got, d, 4, stream));
    OK(cuMemcpyDtoHAsync(got_plain, d + 4, 4, stream));
    pinned[0] = plain[0] = 'x';
    assert_string_equal(got, "---");
    CUevent start, end;
    OK(cuEventCreate(&start, 0));
    OK(cuEventCreate(&end, 0));
    OK(cuEventRecord(start, stream));
    OK(cuEventRecord(end, stream));
    float ms = -1;
    assert_int_equal(cuEventElapsedTime(&ms, start, end), CUDA_ERROR_NOT_READY);
    OK(cuEventSynchronize(end));
    OK(cuEventElapsedTime(&ms, start, end));
    assert_true(ms >= 0);
    assert_string_equal(got, "xbc");
    assert_string_equal(got_plain, "abc");
    OK(cuEventDestroy(start));
    OK(cuEventDestroy(end));
    OK(cuMemFree(d));
    OK(cuMemFreeHost(pinned));
}

static void test_graph(void **state) {
    (void)state;
    CUgraph graph;
    CUgraphExec exec;
    int32_t *pinned;
    new_numbers();
    OK(cuMemHostAlloc((void **)&pinned, sizeof in, 0));
    CUdeviceptr di = device_memory(sizeof in), dout = device_memory(sizeof out);
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    struct play_params p = {(int32_t *)dout, (const int32_t *)di, PLAY_REVERSE, 0};
    OK(cuMemcpyHtoDAsync(di, pinned, sizeof in, stream));
    OK(launch(play, BLOCKS, THREADS, 2 * THREADS * 4, &p, NULL));
    OK(cuMemcpyDtoHAsync(pinned, dout, sizeof out, stream));
    memset(&p, 0, sizeof p);
    OK(cuStreamEndCapture(stream, &graph));
    OK(cuGraphInstantiateWithFlags(&exec, graph, 0));
    OK(cuGraphDestroy(graph));
    memcpy(pinned, in, sizeof in);
    OK(cuStreamSynchronize(stream));
    assert_memory_equal(pinned, in, sizeof in);
    for (int round = 1; round <= 2; round++) {
        OK(cuGraphLaunch(exec, stream));
        OK(cuStreamSynchronize(stream));
        for (int i = 0; i < MANY; i++) {
            int t = i % THREADS, from = round == 1 ? i - t + THREADS - 1 - t : i;
            assert_int_equal(pinned[i], in[from]);
        }
    }
    OK(cuGraphExecDestroy(exec));
    OK(cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
    CUdeviceptr none;
    assert_int_equal(cuMemAlloc(&none, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    assert_int_equal(cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    OK(cuMemFree(di));
    OK(cuMemFree(dout));
    OK(cuMemFreeHost(pinned));
}

static void test_refused_launches(void **state) {
    (void)state;
    struct play_params p = {NULL, NULL, PLAY_NO_GRID_WAIT, 0};
    CUfunction none;
    assert_int_equal(cuModuleGetFunction(&none, module, "no_such"), CUDA_ERROR_NOT_FOUND);
    assert_int_equal(launch(play, 0, 32, 0, &p, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(play, 1, 0, 0, &p, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(play, 1, 288, 0, &p, NULL), CUDA_ERROR_INVALID_VALUE);
    assert_int_equal(launch(play, 1, 32, 100 << 10, &p, NULL), CUDA_ERROR_INVALID_VALUE);
    OK(cuFuncSetAttribute(play, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 227 << 10));
    OK(launch(play, 1, 32, 100 << 10, &p, NULL));
    OK(cuStreamSynchronize(stream));
    assert_int_equal(
        cuFuncSetAttribute(play, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 228 << 10),
        CUDA_ERROR_INVALID_VALUE);
}

int main(void) {
    enum { SEED = 1 };
    printf("seed %d\n", SEED);
    srand(SEED);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_products),  cmocka_unit_test(test_many_products),
        cmocka_unit_test(test_warps),     cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_race),      cmocka_unit_test(test_copies_to_shared),
        cmocka_unit_test(test_internals), cmocka_unit_test(test_unwritten_memory),
        cmocka_unit_test(test_halves),    cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_functions), cmocka_unit_test(test_memory),
        cmocka_unit_test(test_copy_2d),   cmocka_unit_test(test_asynchrony),
        cmocka_unit_test(test_graph),     cmocka_unit_test(test_refused_launches),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
