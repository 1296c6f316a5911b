/*
 * clock.h - the clock everything here is timed with; apart from the rest because the peak probe,
 * which the kernel benchmark of tests/checkkern borrows, needs nothing else of the tool.
 */
#ifndef MIEN_COMMON_CLOCK_H
#define MIEN_COMMON_CLOCK_H

#include <time.h>

/* Seconds on the monotonic clock. */
static inline double clock_seconds(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
