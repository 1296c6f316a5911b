#include "tests/cuda/tensors.h"

#include "engine/err.h"
#include "tests/cuda/half.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;
char test_case[1024];
const struct cuda_driver *gpu;
CUstream gpu_stream;
int gpu_capability, gpu_processors;

static CUdeviceptr arrays[64];
static int narrays;

void test_seed(uint64_t seed) {
    state = seed * 0x9E3779B97F4A7C15u + 1;
}

/* splitmix64 */
static uint64_t next(void) {
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

int draw(int least, int most) {
    return least + (int)(next() % (uint64_t)(most - least + 1));
}

double draw_real(double least, double most) {
    return least + (most - least) * (double)(next() >> 11) / 9007199254740992.0;
}

int one_in(int n) {
    return draw(1, n) == 1;
}

void test_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fflush(stdout);
    fprintf(stderr, "FAILED: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n  in %s\n", test_case);
    va_end(args);
    exit(1);
}

void test_check(CUresult r, const char *what) {
    if (cuda_check(r, what)) test_fail("%s", err_text());
}

int gpu_open(void) {
    CUdevice device;
    CUcontext context;
    int major, minor;
    if (cuda_driver_get(&gpu)) return 0;
    test_check(gpu->device_get(&device, 0), "device");
    test_check(gpu->context_retain(&context, device), "context");
    test_check(gpu->context_push(context), "context");
    test_check(gpu->stream_create(&gpu_stream, CU_STREAM_NON_BLOCKING), "stream");
    gpu->device_attribute(&major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device);
    gpu->device_attribute(&minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
    gpu->device_attribute(&gpu_processors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, device);
    gpu_capability = 10 * major + minor;
    return 1;
}

static CUdeviceptr device_alloc(size_t size) {
    CUdeviceptr p = 0;
    test_check(gpu->alloc(&p, size), "memory");
    return p;
}

CUdeviceptr array_up(const void *bytes, size_t size) {
    CUdeviceptr p = device_alloc(size);
    test_check(gpu->copy_up(p, bytes, size, gpu_stream), "copy");
    test_check(gpu->stream_wait(gpu_stream), "copy");
    if (narrays == (int)(sizeof arrays / sizeof *arrays)) test_fail("too many arrays");
    return arrays[narrays++] = p;
}

CUdeviceptr array_zero(size_t size) {
    void *zeros = calloc(1, size);
    CUdeviceptr p = array_up(zeros, size);
    free(zeros);
    return p;
}

void array_down(CUdeviceptr from, void *to, size_t size) {
    test_check(gpu->copy_down(to, from, size, gpu_stream), "copy back");
    test_check(gpu->stream_wait(gpu_stream), "copy back");
}

const float *floats_up(int n, double least, double most, float **host) {
    float *v = malloc((size_t)n * sizeof *v);
    for (int i = 0; i < n; i++) v[i] = (float)draw_real(least, most);
    CUdeviceptr p = array_up(v, (size_t)n * sizeof *v);
    if (host)
        *host = v;
    else
        free(v);
    return (const float *)(uintptr_t)p;
}

void arrays_free(void) {
    while (narrays) test_check(gpu->free(arrays[--narrays]), "free");
}

int tensor_size_of(int type) {
    return type == CUDA_F32 ? 4 : type == CUDA_F16 ? 2 : 1;
}

size_t tensor_at(const struct tensor *t, int b, int y, int x, int c) {
    int64_t at = b * t->v.image + (int64_t)y * t->v.row + (int64_t)x * t->v.px + c;
    return (size_t)((int64_t)t->origin + at * tensor_size_of(t->v.type));
}

double tensor_read(const struct tensor *t, const unsigned char *buffer, size_t at) {
    if (t->v.type == CUDA_F32) {
        float f;
        memcpy(&f, buffer + at, 4);
        return f;
    }
    if (t->v.type == CUDA_F16) {
        uint16_t f;
        memcpy(&f, buffer + at, 2);
        return half_value(f);
    }
    return buffer[at];
}

static void write_stored(struct tensor *t, size_t at, double v) {
    if (t->v.type == CUDA_F32) {
        float f = (float)v;
        memcpy(t->host + at, &f, 4);
    } else if (t->v.type == CUDA_F16) {
        uint16_t f = half_of(v);
        memcpy(t->host + at, &f, 2);
    } else {
        t->host[at] = (unsigned char)v;
    }
}

double tensor_stored(const struct tensor *t, int b, int y, int x, int c) {
    return tensor_read(t, t->host, tensor_at(t, b, y, x, c));
}

double tensor_value(const struct tensor *t, int b, int y, int x, int c) {
    double v = tensor_stored(t, b, y, x, c);
    return t->v.type == CUDA_U8 ? (double)t->scale[c] * (v - t->v.zero) : v;
}

static void fill_input(struct tensor *t, int whole) {
    memset(t->host, 0xFF, t->bytes);
    struct cuda_view *v = &t->v;
    for (int b = 0; b < t->batch; b++)
        for (int y = -v->top; y < v->h + v->bottom; y++)
            for (int x = -v->left; x < v->w + v->right; x++)
                for (int c = 0; c < (whole ? v->px : v->c); c++) {
                    int in = y >= 0 && y < v->h && x >= 0 && x < v->w && c < v->c;
                    double zero = v->type == CUDA_U8 ? v->zero : 0;
                    double random = v->type == CUDA_U8 ? draw(0, 255) : draw_real(-1, 1);
                    write_stored(t, tensor_at(t, b, y, x, c), in ? random : zero);
                }
}

void tensor_make(struct tensor *t, int type, int batch, int h, int w, int c, int flags,
                 const int halo[4]) {
    struct cuda_view *v = &t->v;
    int size = tensor_size_of(type), unit = flags & TENSOR_ALIGNED ? 16 / size : 1;
    memset(t, 0, sizeof *t);
    int first = flags & TENSOR_WHOLE ? 0 : one_in(2) ? 0 : draw(0, 2 * 8) / unit * unit;
    v->h = h, v->w = w, v->c = c, v->type = type, t->batch = batch;
    v->top = halo ? halo[0] : draw(0, 2), v->left = halo ? halo[1] : draw(0, 2);
    v->bottom = halo ? halo[2] : draw(0, 2), v->right = halo ? halo[3] : draw(0, 2);
    v->px = (first + c + (one_in(2) ? 0 : draw(0, 9)) + unit - 1) / unit * unit;
    v->row = (v->left + w + v->right) * v->px + (one_in(3) ? draw(0, 20) / unit * unit : 0);
    v->image = (int64_t)(v->top + h + v->bottom) * v->row + (one_in(3) ? 4 * unit : 0);
    v->zero = type == CUDA_U8 ? draw(0, 200) : 0;
    size_t used = (size_t)(batch * v->image) * (size_t)size;
    size_t guard = flags & TENSOR_INPUT ? 0 : GUARD;
    /* An odd start, but one a tensor of that type can have. */
    size_t shift = flags & TENSOR_ALIGNED || one_in(2) ? 0 : (size_t)(draw(0, 16) * size);
    t->bytes = guard + shift + used + guard;
    t->origin =
        guard + shift +
        (size_t)((int64_t)v->top * v->row + (int64_t)v->left * v->px + first) * (size_t)size;
    t->host = malloc(t->bytes);
    if (type == CUDA_U8) v->scale = floats_up(c, 0.005, 0.02, &t->scale);
    if (flags & TENSOR_INPUT)
        fill_input(t, flags & TENSOR_WHOLE);
    else
        for (size_t i = 0; i < t->bytes; i++) t->host[i] = (unsigned char)draw(0, 255);
    t->device = device_alloc(t->bytes);
    v->data = (char *)(uintptr_t)(t->device + t->origin);
    tensor_up(t);
}

void tensor_free(struct tensor *t) {
    test_check(gpu->free(t->device), "free");
    free(t->host);
    free(t->scale);
}

void tensor_up(const struct tensor *t) {
    test_check(gpu->copy_up(t->device, t->host, t->bytes, gpu_stream), "copy");
    test_check(gpu->stream_wait(gpu_stream), "copy");
}

unsigned char *tensor_down(const struct tensor *t) {
    unsigned char *now = malloc(t->bytes);
    array_down(t->device, now, t->bytes);
    return now;
}

void tensor_check_around(const struct tensor *t, const unsigned char *now) {
    const struct cuda_view *v = &t->v;
    int size = tensor_size_of(v->type);
    unsigned char *own = calloc(1, t->bytes);
    for (int b = 0; b < t->batch; b++)
        for (int y = -v->top; y < v->h + v->bottom; y++)
            for (int x = -v->left; x < v->w + v->right; x++) {
                int in = y >= 0 && y < v->h && x >= 0 && x < v->w;
                size_t at = tensor_at(t, b, y, x, 0);
                memset(own + at, 1, (size_t)(v->c * size));
                for (int c = 0; c < v->c && !in; c++) {
                    double halo = tensor_read(t, now, at + (size_t)(c * size));
                    if (halo != v->zero) test_fail("halo at %d %d %d %d is %g", b, y, x, c, halo);
                }
            }
    for (size_t i = 0; i < t->bytes; i++)
        if (!own[i] && now[i] != t->host[i])
            test_fail("byte %td from pixel 0,0 was overwritten",
                      (ptrdiff_t)i - (ptrdiff_t)t->origin);
    free(own);
}
