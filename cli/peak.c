#include "peak.h"

#include "common/clock.h"

#include <pthread.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Chains of dependent multiply-adds side by side: latency 4 times 2 ports need 8 at least, and more
 * than 13 do not fit into 16 registers. On a Zen 4 twelve are best for every unit. */
enum { CHAINS = 12, ROUNDS = 4000, WINDOWS = 8, MAX_THREADS = 256 };
#define WINDOW_SECONDS 0.0025

/* A loop runs ROUNDS rounds and returns something made of all sums, so that none is left out. */
typedef float peak_loop_fn(float a, float b);

/* Four lanes of whatever the compiler's baseline has: SSE2, NEON. */
typedef float vec4 __attribute__((vector_size(16)));

static float run_f32_128(float a, float b) {
    vec4 acc[CHAINS], va = {a, a, a, a}, vb = {b, b, b, b};

    for (int i = 0; i < CHAINS; i++) acc[i] = va * (float)i;
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) acc[i] = acc[i] * va + vb;
    }
    for (int i = 1; i < CHAINS; i++) acc[0] += acc[i];
    return acc[0][0] + acc[0][1] + acc[0][2] + acc[0][3];
}

#if defined(__x86_64__)
/* The body all loops share: TYPE sums that start at ZERO, one OP a chain and round, and REDUCE to a
 * float of their total. */
#define CHAIN_LOOP(TYPE, ZERO, OP, ADD, REDUCE)                                                    \
    TYPE acc[CHAINS];                                                                              \
    for (int i = 0; i < CHAINS; i++) acc[i] = ZERO;                                                \
    for (int r = 0; r < ROUNDS; r++) {                                                             \
        _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) acc[i] = OP(acc[i]);             \
    }                                                                                              \
    for (int i = 1; i < CHAINS; i++) acc[0] = ADD(acc[0], acc[i]);                                 \
    return (float)REDUCE(acc[0]);

__attribute__((target("avx512f"))) static float run_f32_avx512(float a, float b) {
    const __m512 va = _mm512_set1_ps(a), vb = _mm512_set1_ps(b);
#define OP(v) _mm512_fmadd_ps(v, va, vb)
    CHAIN_LOOP(__m512, _mm512_set1_ps((float)i), OP, _mm512_add_ps, _mm512_reduce_add_ps)
#undef OP
}

__attribute__((target("avx2,fma"))) static float first_f32_256(__m256 v) {
    return _mm256_cvtss_f32(v);
}

__attribute__((target("avx2,fma"))) static float run_f32_avx2(float a, float b) {
    const __m256 va = _mm256_set1_ps(a), vb = _mm256_set1_ps(b);
#define OP(v) _mm256_fmadd_ps(v, va, vb)
    CHAIN_LOOP(__m256, _mm256_set1_ps((float)i), OP, _mm256_add_ps, first_f32_256)
#undef OP
}

/* The bits of two floats are as good as any bf16 numbers. */
__attribute__((target("avx512f,avx512bf16"))) static float run_bf16_avx512(float a, float b) {
    const __m512bh va = (__m512bh)_mm512_set1_ps(a), vb = (__m512bh)_mm512_set1_ps(b);
#define OP(v) _mm512_dpbf16_ps(v, va, vb)
    CHAIN_LOOP(__m512, _mm512_set1_ps((float)i), OP, _mm512_add_ps, _mm512_reduce_add_ps)
#undef OP
}

__attribute__((target("avx512f,avx512vnni"))) static float run_u8_avx512(float a, float b) {
    const __m512i va = _mm512_castps_si512(_mm512_set1_ps(a));
    const __m512i vb = _mm512_castps_si512(_mm512_set1_ps(b));
#define OP(v) _mm512_dpbusd_epi32(v, va, vb)
    CHAIN_LOOP(__m512i, _mm512_set1_epi32(i), OP, _mm512_add_epi32, _mm512_reduce_add_epi32)
#undef OP
}
#define X86(loop) loop
#define HAS(bit)  (__builtin_cpu_supports(bit) != 0)
#else
#define X86(loop) NULL
#define HAS(bit)  0
#endif

static const struct unit {
    const char *name;
    int multiply_adds; /* in one instruction */
    peak_loop_fn *run; /* NULL: not of this architecture */
} UNITS[PEAK_UNITS] = {
    [PEAK_F32_128] = {"128-bit multiply and add fp32", 4, run_f32_128},
    [PEAK_F32_AVX2] = {"AVX2 FMA fp32", 8, X86(run_f32_avx2)},
    [PEAK_F32_AVX512] = {"AVX-512 FMA fp32", 16, X86(run_f32_avx512)},
    [PEAK_BF16_AVX512] = {"AVX-512 vdpbf16ps", 32, X86(run_bf16_avx512)},
    [PEAK_U8_AVX512] = {"AVX-512 vpdpbusd", 64, X86(run_u8_avx512)},
};

int peak_has(enum peak_unit unit) {
    switch (unit) {
    case PEAK_F32_128: return 1;
    case PEAK_F32_AVX2: return HAS("avx2") && HAS("fma");
    case PEAK_F32_AVX512: return HAS("avx512f");
    case PEAK_BF16_AVX512: return HAS("avx512f") && HAS("avx512bf16");
    case PEAK_U8_AVX512: return HAS("avx512f") && HAS("avx512vnni");
    case PEAK_UNITS: break;
    }
    return 0;
}

enum peak_unit peak_widest_f32(void) {
    return peak_has(PEAK_F32_AVX512) ? PEAK_F32_AVX512
           : peak_has(PEAK_F32_AVX2) ? PEAK_F32_AVX2
                                     : PEAK_F32_128;
}

struct worker {
    pthread_t thread;
    const struct unit *unit;
    double gflops;
    volatile float sink; /* keeps the sums alive */
};

/* The best of several windows: one in which another process took the core says nothing. Windows are
 * long enough for all threads to be running, which tells on cores that share a unit. */
static void *work(void *argument) {
    struct worker *w = argument;
    double call = 2e-9 * w->unit->multiply_adds * CHAINS * ROUNDS;

    w->gflops = 0;
    for (int i = 0; i < WINDOWS; i++) {
        double begin = clock_seconds(), elapsed, rate;
        long calls = 0;
        do {
            w->sink = w->unit->run(0.5f, 0.25f);
            calls++;
            elapsed = clock_seconds() - begin;
        } while (elapsed < WINDOW_SECONDS);
        rate = call * (double)calls / elapsed;
        if (rate > w->gflops) w->gflops = rate;
    }
    return NULL;
}

void peak_measure(enum peak_unit unit, int threads, struct peak *out) {
    struct worker workers[MAX_THREADS];
    int n = 1;

    if (threads > MAX_THREADS) threads = MAX_THREADS;
    for (int i = 0; i < MAX_THREADS; i++) workers[i].unit = &UNITS[unit];
    while (n < threads && pthread_create(&workers[n].thread, NULL, work, &workers[n]) == 0) n++;
    work(&workers[0]);
    out->unit = UNITS[unit].name;
    out->threads = n;
    out->gflops = workers[0].gflops;
    for (int i = 1; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        out->gflops += workers[i].gflops;
    }
}
