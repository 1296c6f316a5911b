#include "tests/checkkern/bench.h"

#include "cli/peak.h"
#include "common/clock.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOWS = 15, TABLES = 6 };
#define WINDOW_SECONDS 0.001

/* A table of kernels, what its instruction set is, and the table it is filled on top of: slots it
 * has from there are measured there. */
static const struct isa {
    const char *name, *base;
    enum peak_unit f32; /* PEAK_UNITS: the widest there is, which a BLAS chooses for itself */
    int vector_bytes;
} ISAS[TABLES] = {
    {"c", NULL, PEAK_F32_128, 16},          {"blas", "c", PEAK_UNITS, 64},
    {"avx2", "c", PEAK_F32_AVX2, 32},       {"avx512", "avx2", PEAK_F32_AVX512, 64},
    {"amx", "avx512", PEAK_F32_AVX512, 64}, {"amx-bf16x3", "amx", PEAK_F32_AVX512, 64},
};

struct peaks {
    double rate[BENCH_LIMITS]; /* operations or bytes a second; 0: this processor has it not */
    const char *unit;
};

/* Calls in a burst: reading the clock takes as long as the smallest calls. */
static long burst_for(double (*call)(void *argument), void *argument) {
    long burst = 1;
    for (;; burst *= 2) {
        double begin = clock_seconds();
        for (long i = 0; i < burst; i++) call(argument);
        if (clock_seconds() - begin > WINDOW_SECONDS / 8) return burst;
    }
}

double bench_rate(double (*call)(void *argument), void *argument, double *seconds) {
    long burst = burst_for(call, argument);
    double best = 0;
    for (int i = 0; i < WINDOWS; i++) {
        double begin = clock_seconds(), elapsed, work = 0;
        long calls = 0;
        do {
            for (long b = 0; b < burst; b++) work += call(argument);
            calls += burst;
            elapsed = clock_seconds() - begin;
        } while (elapsed < WINDOW_SECONDS);
        if (work / elapsed <= best) continue;
        best = work / elapsed;
        if (seconds) *seconds = elapsed / (double)calls;
    }
    return best;
}

static float *new_array(size_t n) {
    float *p;
    uint32_t state = 2463534242u; /* xorshift32: Marsaglia, 2003 */
    if (posix_memalign((void **)&p, 64, n * sizeof *p) != 0) abort();
    for (size_t i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        p[i] = (float)(int32_t)state / 2147483648.0f;
    }
    return p;
}

static struct bench_arrays arrays_open(void) {
    return (struct bench_arrays){.src = new_array(BENCH_ARRAY),
                                 .dst = new_array(BENCH_ARRAY),
                                 .res = new_array(BENCH_ARRAY),
                                 .vector = new_array(BENCH_ARRAY),
                                 .weights = new_array(BENCH_WEIGHTS)};
}

static void arrays_close(struct bench_arrays *a) {
    free(a->src);
    free(a->dst);
    free(a->res);
    free(a->vector);
    free(a->weights);
}

static double unit_rate(enum peak_unit unit) {
    struct peak peak;
    if (!peak_has(unit)) return 0;
    peak_measure(unit, 1, &peak);
    return 1e9 * peak.gflops;
}

static struct peaks measure_peaks(const struct isa *isa, const struct bench_arrays *a) {
    struct peaks p;
    struct peak f32;
    peak_measure(isa->f32 == PEAK_UNITS ? peak_widest_f32() : isa->f32, 1, &f32);
    p.unit = f32.unit;
    p.rate[BENCH_F32] = 1e9 * f32.gflops;
    p.rate[BENCH_BF16] = isa->f32 == PEAK_F32_AVX512 ? unit_rate(PEAK_BF16_AVX512) : 0;
    p.rate[BENCH_U8] = isa->f32 == PEAK_F32_AVX512 ? unit_rate(PEAK_U8_AVX512) : 0;
    int bytes = isa->vector_bytes;
    if (bytes == 64 && !peak_has(PEAK_F32_AVX512)) bytes = peak_has(PEAK_F32_AVX2) ? 32 : 16;
    for (enum bench_limit l = BENCH_COPY; l <= BENCH_MEMORY; l++)
        p.rate[l] = bench_memory_rate(l, bytes, a);
    return p;
}

static void print_peaks(const struct isa *isa, const struct peaks *p) {
    printf("%s: one thread, peaks measured now: %.1f GFLOP/s (%s)", isa->name,
           1e-9 * p->rate[BENCH_F32], p->unit);
    if (p->rate[BENCH_BF16] > 0) printf(", %.1f (vdpbf16ps)", 1e-9 * p->rate[BENCH_BF16]);
    if (p->rate[BENCH_U8] > 0) printf(", %.1f GOP/s (vpdpbusd)", 1e-9 * p->rate[BENCH_U8]);
    printf(";\n  GB/s: %.0f copied and %.0f read in the first-level cache, %.1f read from memory\n",
           1e-9 * p->rate[BENCH_COPY], 1e-9 * p->rate[BENCH_READ], 1e-9 * p->rate[BENCH_MEMORY]);
}

struct call {
    const struct kern *kern;
    const struct bench_slot *slot;
    const struct bench_shape *shape;
    const struct bench_arrays *arrays;
};

static double run_call(void *argument) {
    const struct call *c = argument;
    return c->slot->call(c->kern, c->shape, c->arrays);
}

static void bench_slot(const struct kern *k, const struct bench_slot *slot, const struct peaks *p,
                       const struct bench_arrays *a) {
    static const char *const units[BENCH_LIMITS] = {
        [BENCH_F32] = "GFLOP/s", [BENCH_BF16] = "GFLOP/s", [BENCH_U8] = "GOP/s",
        [BENCH_COPY] = "GB/s",   [BENCH_READ] = "GB/s",    [BENCH_MEMORY] = "GB/s"};
    static const char *const peaks[BENCH_LIMITS] = {
        [BENCH_F32] = "peak",  [BENCH_BF16] = "peak",  [BENCH_U8] = "peak",
        [BENCH_COPY] = "copy", [BENCH_READ] = "reads", [BENCH_MEMORY] = "memory"};
    for (const struct bench_shape *s = slot->shapes; s->text; s++) {
        struct call call = {k, slot, s, a};
        double seconds = 0, rate = bench_rate(run_call, &call, &seconds);
        printf("  %-22s %-33s %9.2f us %8.1f %-7s", slot->name, s->text, 1e6 * seconds, 1e-9 * rate,
               units[slot->limit]);
        if (p->rate[slot->limit] > 0)
            printf(" %5.1f %% of %s", 100 * rate / p->rate[slot->limit], peaks[slot->limit]);
        putchar('\n');
        fflush(stdout);
    }
}

/* Whether the table has the slot, and not from its base. Pointers are compared as bytes, whatever
 * their types. */
static int has_own(const struct kern *k, const struct kern *base, const struct bench_slot *slot) {
    void (*const none)(void) = NULL;
    const char *own = (const char *)k + slot->field;
    if (memcmp(own, &none, sizeof none) == 0) return 0;
    return !base || memcmp(own, (const char *)base + slot->field, sizeof none) != 0;
}

/* Returns the number of slots measured. */
static int bench_table(const struct isa *isa, const char *wanted, const struct bench_arrays *a) {
    static const struct bench_slot *const groups[] = {bench_conv_slots, bench_pointwise_slots,
                                                      bench_scale_slots, bench_scan_slots};
    struct kern kern, base;
    struct peaks peaks;
    int done = 0;
    if (kern_init(&kern, isa->name) != 0) {
        printf("%s: not in this build, or not on this processor\n", isa->name);
        return 0;
    }
    if (isa->base) kern_init(&base, isa->base);
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const struct bench_slot *slot = groups[g]; slot->name; slot++) {
            if (wanted && !strstr(slot->name, wanted)) continue;
            if (!has_own(&kern, isa->base ? &base : NULL, slot)) continue;
            if (done++ == 0) {
                peaks = measure_peaks(isa, a);
                print_peaks(isa, &peaks);
            }
            bench_slot(&kern, slot, &peaks, a);
        }
    if (done > 0 && isa->base) printf("  other slots are those of %s\n", isa->base);
    return done;
}

int bench_run(const char *table, const char *slot) {
    struct bench_arrays arrays = arrays_open();
    int done = 0;
    for (int i = 0; i < TABLES; i++)
        if (!table || strcmp(table, ISAS[i].name) == 0)
            done += bench_table(&ISAS[i], slot, &arrays);
    arrays_close(&arrays);
    if (done == 0) fprintf(stderr, "checkkern: nothing to measure\n");
    return done == 0;
}
