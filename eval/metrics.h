/*
 * metrics.h - shares, means and calibrations with what chance leaves open: arithmetic on numbers,
 * which knows of no pictures.
 */
#ifndef MIEN_EVAL_METRICS_H
#define MIEN_EVAL_METRICS_H

#include <stdint.h>

/* A figure, and the interval that holds the true one with 95 % probability; NAN where n is 0. */
struct figure {
    int n;
    double value, low, high;
};

/* The share of n that are right, with Wilson's interval (1927): of small numbers and of shares near
 * 0 and 1 it stays within them. */
struct figure metrics_share(int right, int n);
/* The mean of n values of this sum and sum of squares, with the normal distribution's interval. */
struct figure metrics_mean(double sum, double squares, int n);

/* How often answers of some probability are right. */
enum { CALIBRATION_BINS = 15 };
struct calibration {
    struct {
        int n, right;
        double confidence; /* the sum */
    } bin[CALIBRATION_BINS];
};
/* confidence: 0..1. */
void calibration_add(struct calibration *c, double confidence, int right);
int calibration_count(const struct calibration *c);
/* The expected calibration error (Guo et al., 2017), 0..1: the mean distance of a bin's confidence
 * from its accuracy, by the bin's share; NAN without answers. */
double calibration_error(const struct calibration *c);

/* SplitMix64: the same numbers everywhere. Below n, which is at least 1. */
int random_below(uint64_t *state, int n);

#endif
