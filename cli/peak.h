/*
 * peak.h - how fast this machine could multiply and add: the yardstick of `mien bench`.
 *
 * Measured rather than computed from a clock rate, because virtual machines hide theirs and wide
 * vectors change it. The loop keeps everything in registers, so it is the arithmetic unit's own
 * limit.
 */
#ifndef MIEN_CLI_PEAK_H
#define MIEN_CLI_PEAK_H

struct peak {
    const char *unit; /* "AVX-512 FMA fp32"; static storage */
    int threads;      /* that were measured */
    double gflops;    /* of all threads together, a multiply-add counted as two */
};

/* Cores this process may run on. */
int peak_cores(void);
/* Runs for some 20 ms on that many threads (at least one) at once. */
void peak_measure(int threads, struct peak *out);

#endif
