/* checkkern: every kernel slot of every table this machine can run, checked or timed. */
#include "tests/checkkern/checkkern.h"

#include "tests/checkkern/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARD = 64, ALIGN = 16, ROUNDS = 60 };
static const float guard_value = 1.2345e30f;

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t next(struct check *k) {
    k->state ^= k->state >> 12;
    k->state ^= k->state << 25;
    k->state ^= k->state >> 27;
    return k->state * 2685821657736338717ull;
}

int check_int(struct check *k, int low, int high) {
    return low + (int)((next(k) >> 33) % (uint64_t)(high - low + 1));
}

float check_float(struct check *k) {
    if (check_int(k, 0, 15) == 0) return 0;
    return (float)(int32_t)(next(k) >> 32) / 2147483648.0f;
}

/* Floats between an array and the end of the last cache line it has a part of. */
static size_t slack_of(size_t n) {
    return (ALIGN - n % ALIGN) % ALIGN;
}

/* Bytes of the pages in front of the one that may not be touched. */
static size_t pages_of(size_t n) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (GUARD + n + slack_of(n)) * sizeof(float);
    return (bytes + page - 1) / page * page;
}

/* 64-byte aligned, as the engine's arrays are, and as near to the untouchable page as that allows.
 */
float *check_guarded(struct check *k, size_t n) {
    size_t pages = pages_of(n), page = (size_t)sysconf(_SC_PAGESIZE);
    char *base =
        mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || mprotect(base + pages, page, PROT_NONE) != 0) abort();
    float *p = (float *)(void *)(base + pages) - slack_of(n) - n;
    for (size_t i = 1; i <= GUARD; i++) *(p - i) = guard_value;
    for (size_t i = 0; i < slack_of(n); i++) p[n + i] = guard_value;
    for (size_t i = 0; i < n; i++) p[i] = check_float(k);
    return p;
}

void *check_elements(struct check *k, enum kern_type type, size_t n, size_t *words) {
    size_t per_word = 4 / kern_type_size(type);
    *words = (n + per_word - 1) / per_word;
    float *p = check_guarded(k, *words);
    for (size_t i = 0; i < *words * per_word && type != KERN_F32; i++)
        if (type == KERN_BF16)
            ((uint16_t *)(void *)p)[i] = kern_bf16_from_f32(check_float(k));
        else
            ((uint8_t *)(void *)p)[i] = (uint8_t)check_int(k, 0, 255);
    return p;
}

double check_element(const void *p, enum kern_type type, size_t i) {
    switch (type) {
    case KERN_BF16: return (double)kern_bf16_to_f32(((const uint16_t *)p)[i]);
    case KERN_U8: return ((const uint8_t *)p)[i];
    default: return (double)((const float *)p)[i];
    }
}

void check_guarded_free(struct check *k, const char *slot, float *p, size_t n) {
    int good = 1;
    for (size_t i = 1; i <= GUARD; i++) good = good && *(p - i) == guard_value;
    for (size_t i = 0; i < slack_of(n); i++) good = good && p[n + i] == guard_value;
    if (!good) {
        printf("FAIL %s %s wrote outside its array\n", k->table, slot);
        k->failures++;
    }
    char *end = (char *)(p + n + slack_of(n));
    munmap(end - pages_of(n), pages_of(n) + (size_t)sysconf(_SC_PAGESIZE));
}

void check_equal(struct check *k, const char *slot, const char *shape, const float *a,
                 const float *b, size_t n, double tolerance) {
    k->cases++;
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - b[i]) <= tolerance * (1 + fabs((double)b[i])))) {
            printf("FAIL %s %s (%s): value %zu is %.9g, expected %.9g\n", k->table, slot, shape, i,
                   (double)a[i], (double)b[i]);
            k->failures++;
            return;
        }
}

static int check_table(const char *name, uint64_t seed) {
    struct check k = {.table = name, .state = seed};
    if (kern_init(&k.kern, name) != 0) {
        printf("SKIP %s: not in this build\n", name);
        return 0;
    }
    for (int i = 0; i < ROUNDS; i++) {
        check_gemm(&k);
        check_conv(&k);
        check_pointwise(&k);
        check_pool(&k);
        check_scale(&k);
        check_scan(&k);
    }
    printf("%s %-6s %d cases, %d failures\n", k.failures ? "FAIL" : "ok  ", name, k.cases,
           k.failures);
    return k.failures;
}

static int check_all(uint64_t seed) {
    int failures = 0;
    printf("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; kern_table_name(i); i++)
        failures += check_table(kern_table_name(i), seed * 0x9E3779B97F4A7C15ull | 1);
    return failures ? 1 : 0;
}

static int usage(void) {
    fprintf(stderr, "usage: checkkern [--seed N]\n"
                    "       checkkern --bench [--table NAME] [--slot TEXT]\n"
                    "Compares every kernel with its definition, or times every kernel (or those of "
                    "one table,\nor whose slot's name contains TEXT).\n");
    return 2;
}

int main(int argc, char **argv) {
    const char *seed = NULL, *table = NULL, *slot = NULL, **value;
    int bench = 0;
    char *end = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bench") == 0) {
            bench = 1;
            continue;
        }
        value = strcmp(argv[i], "--seed") == 0    ? &seed
                : strcmp(argv[i], "--table") == 0 ? &table
                : strcmp(argv[i], "--slot") == 0  ? &slot
                                                  : NULL;
        if (!value || ++i == argc) return usage();
        *value = argv[i];
    }
    if (bench ? seed != NULL : table || slot) return usage();
    if (bench) return bench_run(table, slot);
    uint64_t number = seed ? strtoull(seed, &end, 0) : 1;
    if (seed && (end == seed || *end)) return usage();
    return check_all(number);
}
