/*
 * avx512.h - the AVX-512 (F, BW, DQ, VL) kernels, one file a kind.
 */
#ifndef MIEN_KERNELS_AVX512_AVX512_H
#define MIEN_KERNELS_AVX512_AVX512_H

#include "kernels/kern.h"

#include <immintrin.h>

void kern_init_avx512_igemm(struct kern *k);
void kern_init_avx512_conv(struct kern *k);
void kern_init_avx512_winograd(struct kern *k);
void kern_init_avx512_pointwise(struct kern *k);
void kern_init_avx512_norm(struct kern *k);
void kern_init_avx512_scale(struct kern *k);
void kern_init_avx512_scan(struct kern *k);

/* What tables on top of this one use for what they do not store themselves. */
kern_epilogue_fn kern_epilogue_avx512;

/* Mask of the first n of sixteen lanes, n > 0. */
static inline __mmask16 avx512_tail(int n) {
    return (__mmask16)(n >= 16 ? 0xFFFF : (1u << n) - 1);
}

/* Element j of an array whose type is only known as a value. */
static inline const void *avx512_at(const void *p, enum kern_type type, ptrdiff_t j) {
    return (const char *)p + j * (ptrdiff_t)kern_type_size(type);
}

/* Sixteen elements as floats; bytes as they are stored. */
static inline __attribute__((always_inline)) __m512 avx512_load(enum kern_type type, __mmask16 m,
                                                                const void *p) {
    switch (type) {
    case KERN_BF16:
        return _mm512_castsi512_ps(
            _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(m, p)), 16));
    case KERN_U8: return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(m, p)));
    default: return _mm512_maskz_loadu_ps(m, p);
    }
}

static inline __m256i avx512_to_bf16(__m512 v) {
    __m512i bits = _mm512_castps_si512(v), one = _mm512_set1_epi32(1);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
    bits = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7FFF)), odd);
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(bits, 16));
}

#endif
