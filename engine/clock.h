/*
 * clock.h - the clock that times stages, in one place because two layers read it.
 */
#ifndef MIEN_ENGINE_CLOCK_H
#define MIEN_ENGINE_CLOCK_H

#include <time.h>

/* Seconds since some fixed moment. */
static inline double clock_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
