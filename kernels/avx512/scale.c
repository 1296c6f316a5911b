#include "kernels/avx512/avx512.h"

enum { BLOCK = 16 /* pixels: 48 bytes in, three vectors of sums, four of pixels out */ };

/* Sixteen pixels of three floats as sixteen of four. */
static inline void store_pixels(__m512 a, __m512 b, __m512 c, float *dst) {
    const __m512i from = _mm512_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    const __m512i from12 = _mm512_add_epi32(from, _mm512_set1_epi32(12));
    const __m512i from8 = _mm512_add_epi32(from, _mm512_set1_epi32(8));
    const __m512i from4 = _mm512_add_epi32(from, _mm512_set1_epi32(4));
    _mm512_store_ps(dst, _mm512_permutexvar_ps(from, a));
    _mm512_store_ps(dst + 16, _mm512_permutex2var_ps(a, from12, b));
    _mm512_store_ps(dst + 32, _mm512_permutex2var_ps(b, from8, c));
    _mm512_store_ps(dst + 48, _mm512_permutexvar_ps(from4, c));
}

/* Up to sixteen pixels, `valid` of them; the sums stay in registers over all rows. */
static inline __attribute__((always_inline)) void scale_block(int valid, int taps,
                                                              const float *weight,
                                                              const uint8_t *src, ptrdiff_t src_row,
                                                              float *dst) {
    __m512 sum[3] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    uint64_t lanes = valid == BLOCK ? ~0ull : (1ull << (3 * valid)) - 1;
    for (int t = 0; t < taps; t++, src += src_row) {
        __m512 w = _mm512_set1_ps(weight[t]);
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++)
            sum[i] = _mm512_fmadd_ps(
                w, avx512_load(KERN_U8, (__mmask16)(lanes >> (16 * i)), src + 16 * i), sum[i]);
    }
    store_pixels(sum[0], sum[1], sum[2], dst);
}

static void scale_rows_avx512(int w, int taps, const float *weight, const uint8_t *src,
                              ptrdiff_t src_row, float *dst) {
    int x = 0;
    for (; x + BLOCK <= w; x += BLOCK)
        scale_block(BLOCK, taps, weight, src + 3 * x, src_row, dst + 4 * x);
    if (x < w) scale_block(w - x, taps, weight, src + 3 * x, src_row, dst + 4 * x);
}

/* Columns and single bytes stay AVX2's: a pixel is four floats wide. */
void kern_init_avx512_scale(struct kern *k) {
    k->scale_rows = scale_rows_avx512;
}
