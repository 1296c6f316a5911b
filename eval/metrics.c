#include "eval/metrics.h"

#include <math.h>

/* Of the normal distribution, both sides together 5 %. */
#define DEVIATIONS 1.959963984540054

struct figure metrics_share(int right, int n) {
    const double z = DEVIATIONS;
    double p, middle, half, scale;

    if (n <= 0) return (struct figure){0, NAN, NAN, NAN};
    p = (double)right / n;
    scale = 1 / (1 + z * z / n);
    middle = scale * (p + z * z / (2.0 * n));
    half = scale * z * sqrt(p * (1 - p) / n + z * z / (4.0 * n * n));
    return (struct figure){n, p, fmax(middle - half, 0), fmin(middle + half, 1)};
}

struct figure metrics_mean(double sum, double squares, int n) {
    double mean, variance, half;

    if (n <= 0) return (struct figure){0, NAN, NAN, NAN};
    mean = sum / n;
    variance = n > 1 ? fmax(squares - n * mean * mean, 0) / (n - 1) : 0;
    half = DEVIATIONS * sqrt(variance / n);
    return (struct figure){n, mean, mean - half, mean + half};
}

void calibration_add(struct calibration *c, double confidence, int right) {
    int i = (int)(confidence * CALIBRATION_BINS);

    if (i >= CALIBRATION_BINS) i = CALIBRATION_BINS - 1;
    if (i < 0) i = 0;
    c->bin[i].n++;
    c->bin[i].right += right != 0;
    c->bin[i].confidence += confidence;
}

int calibration_count(const struct calibration *c) {
    int n = 0;

    for (int i = 0; i < CALIBRATION_BINS; i++) n += c->bin[i].n;
    return n;
}

double calibration_error(const struct calibration *c) {
    int n = calibration_count(c);
    double sum = 0;

    for (int i = 0; i < CALIBRATION_BINS; i++) sum += fabs(c->bin[i].confidence - c->bin[i].right);
    return n ? sum / n : NAN;
}

int random_below(uint64_t *state, int n) {
    uint64_t z = *state += 0x9e3779b97f4a7c15U;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    return (int)(((z >> 32) * (uint64_t)n) >> 32);
}
