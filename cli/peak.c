#include "peak.h"

#include "progress.h"

#include <pthread.h>
#include <sched.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* Chains of dependent multiply-adds side by side: latency 4 times 2 ports need 8 at least. */
enum { CHAINS = 12, ROUNDS = 4000, WINDOWS = 8, MAX_THREADS = 256 };
#define WINDOW_SECONDS 0.0025

/* A kernel runs ROUNDS rounds and returns something made of all sums, so that none is left out. */
struct fma_unit {
    const char *name;
    int lanes;
    float (*run)(float a, float b);
};

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float run_avx512(float a, float b) {
    __m512 acc[CHAINS], va = _mm512_set1_ps(a), vb = _mm512_set1_ps(b);

    for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) acc[i] = _mm512_fmadd_ps(acc[i], va, vb);
    }
    for (int i = 1; i < CHAINS; i++) acc[0] = _mm512_add_ps(acc[0], acc[i]);
    return _mm512_reduce_add_ps(acc[0]);
}

__attribute__((target("avx2,fma"))) static float run_avx2(float a, float b) {
    __m256 acc[CHAINS], va = _mm256_set1_ps(a), vb = _mm256_set1_ps(b);
    float out[8], sum = 0;

    for (int i = 0; i < CHAINS; i++) acc[i] = _mm256_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) acc[i] = _mm256_fmadd_ps(acc[i], va, vb);
    }
    for (int i = 1; i < CHAINS; i++) acc[0] = _mm256_add_ps(acc[0], acc[i]);
    _mm256_storeu_ps(out, acc[0]);
    for (int i = 0; i < 8; i++) sum += out[i];
    return sum;
}
#endif

/* Four lanes of whatever the compiler's baseline has: SSE2, NEON. */
typedef float vec4 __attribute__((vector_size(16)));

static float run_baseline(float a, float b) {
    vec4 acc[CHAINS], va = {a, a, a, a}, vb = {b, b, b, b};

    for (int i = 0; i < CHAINS; i++) acc[i] = va * (float)i;
    for (int r = 0; r < ROUNDS; r++) {
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) acc[i] = acc[i] * va + vb;
    }
    for (int i = 1; i < CHAINS; i++) acc[0] += acc[i];
    return acc[0][0] + acc[0][1] + acc[0][2] + acc[0][3];
}

static struct fma_unit pick_unit(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return (struct fma_unit){"AVX-512 FMA fp32", 16, run_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (struct fma_unit){"AVX2 FMA fp32", 8, run_avx2};
#endif
    return (struct fma_unit){"128-bit multiply and add fp32", 4, run_baseline};
}

struct worker {
    pthread_t thread;
    struct fma_unit unit;
    double gflops;
    volatile float sink; /* keeps the sums alive */
};

/* The best of several windows: one in which another process took the core says nothing. Windows are
 * long enough for all threads to be running, which tells on cores that share a unit. */
static void *work(void *argument) {
    struct worker *w = argument;
    double call = 2e-9 * w->unit.lanes * CHAINS * ROUNDS;

    w->gflops = 0;
    for (int i = 0; i < WINDOWS; i++) {
        double begin = progress_clock(), elapsed, rate;
        long calls = 0;
        do {
            w->sink = w->unit.run(0.5f, 0.25f);
            calls++;
            elapsed = progress_clock() - begin;
        } while (elapsed < WINDOW_SECONDS);
        rate = call * (double)calls / elapsed;
        if (rate > w->gflops) w->gflops = rate;
    }
    return NULL;
}

int peak_cores(void) {
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void peak_measure(int threads, struct peak *out) {
    struct worker workers[MAX_THREADS];
    struct fma_unit unit = pick_unit();
    int n = 1;

    if (threads > MAX_THREADS) threads = MAX_THREADS;
    for (int i = 0; i < MAX_THREADS; i++) workers[i].unit = unit;
    while (n < threads && pthread_create(&workers[n].thread, NULL, work, &workers[n]) == 0) n++;
    work(&workers[0]);
    out->unit = unit.name;
    out->threads = n;
    out->gflops = workers[0].gflops;
    for (int i = 1; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        out->gflops += workers[i].gflops;
    }
}
