/* Bytes by bytes as 16-bit products: vpmaddubsw would cut sums off at 32767. */
#include "kernels/avx2/avx2.h"

#define VEC          __m256i
#define LANES        8
#define QUERIES      2
#define LOAD(p)      _mm256_load_si256((const __m256i *)(const void *)(p))
#define STORE(p, v)  _mm256_store_si256((__m256i *)(void *)(p), v)
#define BROADCAST(v) _mm256_set1_epi32(v)
#define SUFFIX(name) name##_avx2

/* Of the four bytes a lane the even ones and the odd ones. */
static inline __m256i DOT(__m256i acc, __m256i x, __m256i b) {
    __m256i even = _mm256_madd_epi16(_mm256_and_si256(x, _mm256_set1_epi16(255)),
                                     _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
    __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(x, 8), _mm256_srai_epi16(b, 8));
    return _mm256_add_epi32(acc, _mm256_add_epi32(even, odd));
}

static inline int ABOVE(__m256i sums, const uint16_t *scale, float at) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)scale));
    __m256 scales = _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
    __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), scales);
    return _mm256_movemask_ps(_mm256_cmp_ps(value, _mm256_set1_ps(at), _CMP_GE_OQ));
}

#include "kernels/scan.inc"

void kern_init_avx2_scan(struct kern *k) {
    k->scan_u8 = scan_u8_avx2;
}
