/*
 * checkkern.h - what the kernel checks share: random numbers, arrays between guard bytes, and the
 * comparison of two results.
 *
 * Each check_* function compares one slot, on random, mostly odd shapes, with a naive computation
 * in double precision written in the test: the plain C kernels and every faster table alike, so
 * that no table is ever judged by another one's mistake.
 */
#ifndef MIEN_TESTS_CHECKKERN_H
#define MIEN_TESTS_CHECKKERN_H

#include "kernels/kern.h"

#include <stdint.h>

/* The table under test, its name, and what was found. */
struct check {
    const char *table;
    struct kern kern;
    int failures, cases;
    uint64_t state;
};

int check_int(struct check *k, int low, int high); /* uniform, both inclusive */
float check_float(struct check *k);                /* uniform, -1..1, now and then 0 */

/* An array of n floats filled with random values, guard words before it and a page that must not be
 * touched right behind the last cache line it has a part of: a read or write beyond it ends the
 * program. Freed, and its guard words checked, by check_guarded_free. */
float *check_guarded(struct check *k, size_t n);
void check_guarded_free(struct check *k, const char *slot, float *p, size_t n);

/* The same for n elements of a type; *words is the array's length in floats, for
 * check_guarded_free. */
void *check_elements(struct check *k, enum kern_type type, size_t n, size_t *words);
/* Element i of such an array; bytes as they are. */
double check_element(const void *p, enum kern_type type, size_t i);

/* Counts a case; a failure where any |a - b| is above tolerance * (1 + |b|). shape is for the
 * message. */
void check_equal(struct check *k, const char *slot, const char *shape, const float *a,
                 const float *b, size_t n, double tolerance);

void check_gemm(struct check *k);
void check_conv(struct check *k);
void check_pointwise(struct check *k);
void check_pool(struct check *k);
void check_scale(struct check *k);
void check_scan(struct check *k);

#endif
