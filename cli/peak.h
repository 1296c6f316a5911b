/*
 * peak.h - how fast this machine could multiply and add: the yardstick of `mien bench` and of
 * `checkkern --bench`.
 *
 * Measured rather than computed from a clock rate, because virtual machines hide theirs and wide
 * vectors change it. The loops keep everything in registers, so they are the arithmetic unit's own
 * limit.
 */
#ifndef MIEN_CLI_PEAK_H
#define MIEN_CLI_PEAK_H

/* Instructions that multiply and add, narrow before wide within a type. */
enum peak_unit {
    PEAK_F32_128,     /* what every processor of the architecture has: multiply, then add */
    PEAK_F32_AVX2,    /* vfmadd on 256 bits */
    PEAK_F32_AVX512,  /* vfmadd on 512 bits */
    PEAK_BF16_AVX512, /* vdpbf16ps: pairs of bf16 into fp32 */
    PEAK_U8_AVX512,   /* vpdpbusd: quadruples of u8 times s8 into int32 */
    PEAK_UNITS
};

struct peak {
    const char *unit; /* "AVX-512 FMA fp32"; static storage */
    int threads;      /* that were measured */
    double gflops;    /* of all threads together, a multiply-add counted as two */
};

/* Whether this processor and build have it. */
int peak_has(enum peak_unit unit);
/* The widest fp32 unit there is. */
enum peak_unit peak_widest_f32(void);
/* Runs for some 20 ms on that many threads (at least one) at once; peak_has(unit) must hold. */
void peak_measure(enum peak_unit unit, int threads, struct peak *out);

#endif
