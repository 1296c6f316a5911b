/*
 * timing.h - a growing list of times and its percentiles, for the commands that measure.
 */
#ifndef MIEN_CLI_TIMING_H
#define MIEN_CLI_TIMING_H

/* Start with zeros; free with times_free(). */
struct times {
    double *ms; /* [count] milliseconds, in the order they were taken until times_sort() */
    int count, capacity;
};

/* Returns 0, or -1 where memory ran out. */
int times_add(struct times *t, double ms);
void times_sort(struct times *t);
/* Nearest-rank percentile, 0..100, of sorted times; 0 where there are none. */
double times_percentile(const struct times *t, int percent);
double times_sum(const struct times *t);
void times_free(struct times *t);

#endif
