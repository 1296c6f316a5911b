/*
 * half.h - fp16 from and to doubles, as the tests of kernels mean it: written apart from the
 * library's, and because clang has no _Float16 on some machines.
 */
#ifndef MIEN_TESTS_CUDA_HALF_H
#define MIEN_TESTS_CUDA_HALF_H

#include <math.h>
#include <stdint.h>

/* Within fp16's range, to nearest even. */
static inline uint16_t half_of(double v) {
    int e;
    if (isnan(v)) return 0x7E00;
    frexp(v, &e);
    e = v == 0 || e < -13 ? -14 : e - 1; /* of the leading bit; subnormals share the least */
    int bits = ((e + 14) << 10) + (int)nearbyint(ldexp(fabs(v), 10 - e));
    return (uint16_t)(bits | (v < 0) << 15);
}

static inline double half_value(uint16_t h) {
    static double values[1 << 16];
    if (values[0x3C00] == 0)
        for (int i = 0; i < 1 << 16; i++) {
            int e = i >> 10 & 31, m = i & 1023;
            double v = e == 31 ? (m ? NAN : INFINITY) : ldexp(e ? m + 1024 : m, (e ? e : 1) - 25);
            values[i] = i >> 15 ? -v : v;
        }
    return values[h];
}

#endif
