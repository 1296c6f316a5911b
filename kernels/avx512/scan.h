/*
 * scan.h - what the AVX-512 scans share, with VNNI and without (kernels/scan.inc).
 */
#ifndef MIEN_KERNELS_AVX512_SCAN_H
#define MIEN_KERNELS_AVX512_SCAN_H

#include "kernels/avx512/avx512.h"

#define VEC          __m512i
#define LANES        16
#define QUERIES      8
#define LOAD(p)      _mm512_load_si512(p)
#define STORE(p, v)  _mm512_store_si512(p, v)
#define BROADCAST(v) _mm512_set1_epi32(v)

static inline __mmask16 ABOVE(__m512i sums, const uint16_t *scale, float at) {
    __m512 value =
        _mm512_mul_ps(_mm512_cvtepi32_ps(sums), avx512_load(KERN_BF16, avx512_tail(LANES), scale));
    return _mm512_cmp_ps_mask(value, _mm512_set1_ps(at), _CMP_GE_OQ);
}

#endif
