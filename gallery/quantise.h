/*
 * quantise.h - vectors as bytes, what their rounding can change, and the exact score.
 *
 * A row v is scale x + e with integers x of -127..127 and |e_j| <= scale / 2; a query q likewise
 * step y + f. Then
 *
 *   q . v  =  step scale (y . x)  +  q . e  +  f . (scale x)
 *
 * where |q . e| <= |q|_1 scale / 2 (Hoelder) and |f . (scale x)| <= |f|_2 |scale x|_2 (Cauchy and
 * Schwarz). With `longest` the longest row, and half = ceil(|q|_1 / (2 step)) an integer, so that
 * the kernels' sums can start from it, the score lies within
 *
 *   upper  =  step scale (y . x + half)  +  slack
 *   lower  =  step scale (y . x - half)  -  slack,   slack = |f|_2 longest + rounding
 *
 * whatever the numbers are. No bound is a guess: a row is left out only where its upper bound is
 * below what enough other rows have for sure.
 */
#ifndef MIEN_GALLERY_QUANTISE_H
#define MIEN_GALLERY_QUANTISE_H

#include <stdint.h>

enum { QUANTISE_MAX = 4096 }; /* values: their sums are exact in 32 bits */

/* Values a row of dims values has as bytes: zeros fill it up. */
int quantise_padded(int dims);

/* Whether all of v: [dims] is finite and its length is 1 within 1 %. */
int quantise_is_unit(int dims, const float *v);
/* v: [dims] of length 1; bytes: [padded], x + 128. Returns scale as bf16, rounded up; *length gets
 * the greater one of |v| and |scale x|. */
uint16_t quantise_row(int dims, const float *v, uint8_t *bytes, double *length);

struct query {
    double step, slack;
    int32_t half, start; /* half less what the 128 of each byte adds */
};
/* v: [dims] of length 1; values: [padded], y. longest: as of all rows that will be compared. */
struct query quantise_query(int dims, const float *v, double longest, int8_t *values);
/* Of sums that began with start. */
double query_upper(const struct query *q, double scale, int32_t sum);
double query_lower(const struct query *q, double scale, int32_t sum);
/* What kern_queries.least must be so that no row is missed whose upper bound is `at`. */
float query_least(const struct query *q, double at);

/* a . b: products of floats are exact in doubles, and the order of the sixteen sums is fixed, so
 * that every processor gives the same bits. */
float score_of(int dims, const float *a, const float *b);

#endif
