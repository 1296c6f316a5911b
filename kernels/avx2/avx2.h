/*
 * avx2.h - the AVX2 + FMA kernels, one file a kind.
 */
#ifndef MIEN_KERNELS_AVX2_AVX2_H
#define MIEN_KERNELS_AVX2_AVX2_H

#include "kernels/kern.h"

#include <immintrin.h>

void kern_init_avx2_igemm(struct kern *k);
void kern_init_avx2_conv(struct kern *k);
void kern_init_avx2_winograd(struct kern *k);
void kern_init_avx2_pointwise(struct kern *k);
void kern_init_avx2_norm(struct kern *k);
void kern_init_avx2_scale(struct kern *k);
void kern_init_avx2_scan(struct kern *k);

/* Mask of the first n of eight lanes, n > 0. */
static inline __m256i avx2_tail(int n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lanes);
}

/* Eight floats, or where `full` (a constant where this is inlined) is 0 those of the mask. */
static inline __attribute__((always_inline)) __m256 avx2_load(const int full, __m256i m,
                                                              const float *p) {
    return full ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, m);
}

static inline __attribute__((always_inline)) void avx2_store(const int full, __m256i m, float *p,
                                                             __m256 v) {
    if (full)
        _mm256_storeu_ps(p, v);
    else
        _mm256_maskstore_ps(p, m, v);
}

#endif
