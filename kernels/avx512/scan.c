/* Bytes by bytes as 16-bit products: vpmaddubsw would cut sums off at 32767. */
#include "kernels/avx512/scan.h"

#define SUFFIX(name) name##_avx512

/* Of the four bytes a lane the even ones and the odd ones. */
static inline __m512i DOT(__m512i acc, __m512i x, __m512i b) {
    __m512i even = _mm512_madd_epi16(_mm512_and_si512(x, _mm512_set1_epi16(255)),
                                     _mm512_srai_epi16(_mm512_slli_epi16(b, 8), 8));
    __m512i odd = _mm512_madd_epi16(_mm512_srli_epi16(x, 8), _mm512_srai_epi16(b, 8));
    return _mm512_add_epi32(acc, _mm512_add_epi32(even, odd));
}

#include "kernels/scan.inc"

void kern_init_avx512_scan(struct kern *k) {
    k->scan_u8 = scan_u8_avx512;
}
