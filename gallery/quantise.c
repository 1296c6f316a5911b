#include "gallery/quantise.h"

#include "kernels/kern.h"

#include <math.h>

enum { LARGEST = 127, ZERO = 128, SUMS = 16 };
/* Of a float, with room for two operations. */
static const double rounding = 0x1p-22;

int quantise_padded(int dims) {
    return (dims + 3) / 4 * 4;
}

static double largest_of(int dims, const float *v) {
    double largest = 0;
    for (int i = 0; i < dims; i++) largest = fmax(largest, fabs((double)v[i]));
    return largest;
}

int quantise_is_unit(int dims, const float *v) {
    double sum = 0;
    for (int i = 0; i < dims; i++) sum += (double)v[i] * (double)v[i];
    return sum > 0.98 && sum < 1.02; /* a NaN is neither */
}

static uint16_t bf16_above(double x) {
    uint16_t up = kern_bf16_from_f32((float)x);
    while ((double)kern_bf16_to_f32(up) < x) up++; /* the next larger one: x is positive */
    return up;
}

uint16_t quantise_row(int dims, const float *v, uint8_t *bytes, double *length) {
    uint16_t stored = bf16_above(largest_of(dims, v) / LARGEST);
    double scale = (double)kern_bf16_to_f32(stored), exact = 0, rounded = 0;
    for (int i = 0; i < dims; i++) {
        double x = nearbyint((double)v[i] / scale);
        bytes[i] = (uint8_t)((int)x + ZERO);
        exact += (double)v[i] * (double)v[i];
        rounded += x * x;
    }
    for (int i = dims; i < quantise_padded(dims); i++) bytes[i] = ZERO;
    *length = fmax(sqrt(exact), scale * sqrt(rounded)) * (1 + rounding);
    return stored;
}

struct query quantise_query(int dims, const float *v, double longest, int8_t *values) {
    struct query q = {.step = largest_of(dims, v) / LARGEST};
    double sum = 0, squares = 0, error = 0;
    int total = 0;
    for (int i = 0; i < dims; i++) {
        double value = (double)v[i], y = nearbyint(value / q.step);
        values[i] = (int8_t)y;
        total += (int)y;
        sum += fabs(value);
        squares += value * value;
        error += (value - q.step * y) * (value - q.step * y);
    }
    for (int i = dims; i < quantise_padded(dims); i++) values[i] = 0;
    /* The last term is what rounding the exact score to a float may add, and the doubles here. */
    q.slack = (sqrt(error) * (1 + rounding) + 2 * sqrt(squares) * rounding) * longest;
    q.half = (int32_t)ceil(sum / (2 * q.step) * (1 + rounding));
    q.start = q.half - ZERO * total;
    return q;
}

double query_upper(const struct query *q, double scale, int32_t sum) {
    return q->step * scale * sum + q->slack;
}

double query_lower(const struct query *q, double scale, int32_t sum) {
    return q->step * scale * (sum - 2 * q->half) - q->slack;
}

/* The kernel rounds twice, to a float and by a product, each by 2^-24 of the value at most. */
float query_least(const struct query *q, double at) {
    double least = (at - q->slack) / q->step;
    return (float)(least - fabs(least) * rounding);
}

float score_of(int dims, const float *a, const float *b) {
    double s[SUMS] = {0}, total = 0;
    int l = 0;
    for (; l + SUMS <= dims; l += SUMS)
        for (int i = 0; i < SUMS; i++) s[i] += (double)a[l + i] * (double)b[l + i];
    for (int i = 0; l + i < dims; i++) s[i] += (double)a[l + i] * (double)b[l + i];
    for (int i = 0; i < SUMS; i++) total += s[i];
    return (float)total;
}
