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
void kern_init_avx2_scale(struct kern *k);

/* Mask of the first n of eight lanes, n > 0. */
static inline __m256i avx2_tail(int n) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lanes);
}

#endif
