/*
 * number.h - the whole-number arithmetic of sizes and places, once for all layers.
 */
#ifndef MIEN_KERNELS_NUMBER_H
#define MIEN_KERNELS_NUMBER_H

#include <stddef.h>

static inline int min_int(int a, int b) {
    return a < b ? a : b;
}

static inline int max_int(int a, int b) {
    return a > b ? a : b;
}

/* a / b rounded up; a >= 0, b > 0. */
static inline int ceil_div(int a, int b) {
    return (a + b - 1) / b;
}

/* n rounded up to a multiple of `to`; n >= 0, to > 0. */
static inline int round_up(int n, int to) {
    return ceil_div(n, to) * to;
}

static inline size_t round_up_size(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

#endif
