/* What the caches and the memory give to plain vector loops: the yardsticks of slots that move
 * numbers rather than multiply them. */
#include "tests/checkkern/bench.h"

enum { L1_FLOATS = 2048 }; /* 8 KB: two of them fit into any first-level cache */

/* Keeps the compiler from making a call of memcpy out of the loop, or nothing. */
#define BARRIER() __asm__ volatile("" ::: "memory")

typedef float probe_fn(const float *src, float *dst, size_t n);

/* Bodies of functions where `vec` is the vector. copy: n floats from src to dst. read: their sum,
 * in eight chains. n: a multiple of 128. */
#define COPY()                                                                                     \
    const vec *s = (const vec *)src;                                                               \
    vec *d = (vec *)dst;                                                                           \
    for (size_t i = 0; i < n * sizeof(float) / sizeof *s; i += 4) {                                \
        vec v0 = s[i], v1 = s[i + 1], v2 = s[i + 2], v3 = s[i + 3];                                \
        d[i] = v0, d[i + 1] = v1, d[i + 2] = v2, d[i + 3] = v3;                                    \
        BARRIER();                                                                                 \
    }                                                                                              \
    return dst[0];
#define READ()                                                                                     \
    const vec *s = (const vec *)src;                                                               \
    vec sum[8] = {{0}};                                                                            \
    for (size_t i = 0; i < n * sizeof(float) / sizeof *s; i += 8) {                                \
        _Pragma("GCC unroll 8") for (size_t j = 0; j < 8; j++) sum[j] += s[i + j];                 \
    }                                                                                              \
    for (int j = 1; j < 8; j++) sum[0] += sum[j];                                                  \
    return *dst = sum[0][0];

typedef float vec_16 __attribute__((vector_size(16), may_alias));
static float copy_16(const float *src, float *dst, size_t n) {
    typedef vec_16 vec;
    COPY()
}
static float read_16(const float *src, float *dst, size_t n) {
    typedef vec_16 vec;
    READ()
}

#if defined(__x86_64__)
typedef float vec_32 __attribute__((vector_size(32), may_alias));
typedef float vec_64 __attribute__((vector_size(64), may_alias));
__attribute__((target("avx2"))) static float copy_32(const float *src, float *dst, size_t n) {
    typedef vec_32 vec;
    COPY()
}
__attribute__((target("avx2"))) static float read_32(const float *src, float *dst, size_t n) {
    typedef vec_32 vec;
    READ()
}
__attribute__((target("avx512f"))) static float copy_64(const float *src, float *dst, size_t n) {
    typedef vec_64 vec;
    COPY()
}
__attribute__((target("avx512f"))) static float read_64(const float *src, float *dst, size_t n) {
    typedef vec_64 vec;
    READ()
}
#else
#define copy_32 copy_16
#define read_32 read_16
#define copy_64 copy_16
#define read_64 read_16
#endif

struct probe {
    probe_fn *run;
    const float *src;
    float *dst;
    size_t floats;
    double bytes;
};

static double run_probe(void *argument) {
    const struct probe *p = argument;
    volatile float sink = p->run(p->src, p->dst, p->floats);
    (void)sink;
    return p->bytes;
}

double bench_memory_rate(enum bench_limit limit, int vector_bytes, const struct bench_arrays *a) {
    probe_fn *copy = vector_bytes == 64 ? copy_64 : vector_bytes == 32 ? copy_32 : copy_16;
    probe_fn *read = vector_bytes == 64 ? read_64 : vector_bytes == 32 ? read_32 : read_16;
    struct probe p = {read, a->src, a->dst, L1_FLOATS, sizeof(float) * L1_FLOATS};
    if (limit == BENCH_COPY) {
        p.run = copy;
        p.bytes *= 2;
    } else if (limit == BENCH_MEMORY) {
        p.src = a->weights;
        p.floats = BENCH_WEIGHTS;
        p.bytes = sizeof(float) * (double)BENCH_WEIGHTS;
    }
    return bench_rate(run_probe, &p, NULL);
}
