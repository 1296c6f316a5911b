#include "kernels/avx2/avx2.h"

enum { BLOCK = 8 /* pixels: 24 bytes in, three vectors of sums, four of pixels out */ };

/* Eight pixels of three floats as eight of four. */
static inline void store_pixels(__m256 a, __m256 b, __m256 c, float *dst) {
    const __m256i p01 = _mm256_setr_epi32(0, 1, 2, 2, 3, 4, 5, 5);
    const __m256i p23 = _mm256_setr_epi32(6, 7, 0, 0, 1, 2, 3, 3);
    const __m256i p45 = _mm256_setr_epi32(4, 5, 6, 6, 7, 0, 1, 1);
    const __m256i p67 = _mm256_setr_epi32(2, 3, 4, 4, 5, 6, 7, 7);
    _mm256_store_ps(dst, _mm256_permutevar8x32_ps(a, p01));
    _mm256_store_ps(dst + 8, _mm256_permutevar8x32_ps(_mm256_blend_ps(a, b, 0x0F), p23));
    _mm256_store_ps(dst + 16, _mm256_permutevar8x32_ps(_mm256_blend_ps(b, c, 0x0F), p45));
    _mm256_store_ps(dst + 24, _mm256_permutevar8x32_ps(c, p67));
}

static inline __m256 load_bytes(const uint8_t *p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

/* The sums stay in registers over all rows. */
static void scale_block(int taps, const float *weight, const uint8_t *src, ptrdiff_t src_row,
                        float *dst) {
    __m256 sum[3] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    for (int t = 0; t < taps; t++, src += src_row) {
        __m256 w = _mm256_broadcast_ss(weight + t);
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) sum[i] = _mm256_fmadd_ps(w, load_bytes(src + 8 * i), sum[i]);
    }
    store_pixels(sum[0], sum[1], sum[2], dst);
}

static void scale_rows_avx2(int w, int taps, const float *weight, const uint8_t *src,
                            ptrdiff_t src_row, float *dst) {
    int x = 0;
    for (; x + BLOCK <= w; x += BLOCK) scale_block(taps, weight, src + 3 * x, src_row, dst + 4 * x);
    for (; x < w; x++) {
        float *p = dst + 4 * x;
        p[0] = p[1] = p[2] = p[3] = 0;
        for (int t = 0; t < taps; t++)
            for (int c = 0; c < 3; c++) p[c] += weight[t] * src[t * src_row + 3 * x + c];
    }
}

/* Four pixels side by side, a tap at a time, so that no sum waits for the one before. */
static inline void gather(int taps, const float *const from[4], const float *weight,
                          __m128 sum[4]) {
    const float *a = from[0], *b = from[1], *c = from[2], *d = from[3];
    for (int i = 0; i < 4; i++) sum[i] = _mm_setzero_ps();
    for (ptrdiff_t t = 0; t < 4 * (ptrdiff_t)taps; t += 4) {
        __m128 w = _mm_loadu_ps(weight + t);
        __asm__("" : "+x"(w)); /* one load: four broadcasts from memory would be twice as slow */
        sum[0] = _mm_fmadd_ps(_mm_permute_ps(w, 0x00), _mm_load_ps(a + t), sum[0]);
        sum[1] = _mm_fmadd_ps(_mm_permute_ps(w, 0x55), _mm_load_ps(b + t), sum[1]);
        sum[2] = _mm_fmadd_ps(_mm_permute_ps(w, 0xAA), _mm_load_ps(c + t), sum[2]);
        sum[3] = _mm_fmadd_ps(_mm_permute_ps(w, 0xFF), _mm_load_ps(d + t), sum[3]);
    }
}

/* Four floats to bf16, in the low halves of the lanes. */
static inline __m128i to_bf16(__m128 v) {
    __m128i bits = _mm_castps_si128(v);
    __m128i odd = _mm_and_si128(_mm_srli_epi32(bits, 16), _mm_set1_epi32(1));
    return _mm_srli_epi32(_mm_add_epi32(_mm_add_epi32(bits, _mm_set1_epi32(0x7FFF)), odd), 16);
}

/* Four pixels of four floats as four of three elements. */
static inline void store_four(const __m128 p[4], enum kern_type type, void *dst, int x) {
    __m128 a = _mm_blend_ps(p[0], _mm_permute_ps(p[1], 0x00), 8);
    __m128 b = _mm_shuffle_ps(p[1], p[2], _MM_SHUFFLE(1, 0, 2, 1));
    __m128 c = _mm_blend_ps(_mm_permute_ps(p[3], _MM_SHUFFLE(2, 1, 0, 0)),
                            _mm_permute_ps(p[2], _MM_SHUFFLE(2, 2, 2, 2)), 1);
    if (type == KERN_BF16) {
        uint16_t *to = (uint16_t *)dst + 3 * x;
        _mm_storeu_si128((__m128i *)to, _mm_packus_epi32(to_bf16(a), to_bf16(b)));
        _mm_storel_epi64((__m128i *)(to + 8), _mm_packus_epi32(to_bf16(c), to_bf16(c)));
    } else {
        float *to = (float *)dst + 3 * x;
        _mm_storeu_ps(to, a);
        _mm_storeu_ps(to + 4, b);
        _mm_storeu_ps(to + 8, c);
    }
}

/* type is a constant where this is inlined. */
static inline __attribute__((always_inline)) void scale_columns(enum kern_type type, int w,
                                                                int taps, const int *first,
                                                                const float *weight,
                                                                const float *src, void *dst) {
    __m128 sum[4];
    int x = 0;
    for (; x + 4 <= w; x += 4, weight += 4 * (ptrdiff_t)taps) {
        const float *from[4];
        for (int i = 0; i < 4; i++) from[i] = src + 4 * (ptrdiff_t)first[x + i];
        gather(taps, from, weight, sum);
        store_four(sum, type, dst, x);
    }
    if (x == w) return;
    const float *from[4];
    float last[4][4];
    for (int i = 0; i < 4; i++) from[i] = src + 4 * (ptrdiff_t)first[x + i < w ? x + i : w - 1];
    gather(taps, from, weight, sum);
    for (int i = 0; i < 4; i++) _mm_storeu_ps(last[i], sum[i]);
    for (int i = 0; i < 3 * (w - x); i++)
        if (type == KERN_BF16)
            ((uint16_t *)dst)[3 * x + i] = kern_bf16_from_f32(last[i / 3][i % 3]);
        else
            ((float *)dst)[3 * x + i] = last[i / 3][i % 3];
}

static void scale_columns_avx2(int w, int taps, const int *first, const float *weight,
                               const float *src, enum kern_type type, void *dst) {
    if (type == KERN_BF16)
        scale_columns(KERN_BF16, w, taps, first, weight, src, dst);
    else
        scale_columns(KERN_F32, w, taps, first, weight, src, dst);
}

static void from_bytes_avx2(int n, const uint8_t *src, enum kern_type type, void *dst) {
    int i = 0;
    if (type == KERN_BF16) {
        uint16_t *to = dst;
        for (; i + 8 <= n; i += 8) { /* no rounding: a byte has eight bits, as bf16 has */
            __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(load_bytes(src + i)), 16);
            __m128i low = _mm256_castsi256_si128(bits), high = _mm256_extracti128_si256(bits, 1);
            _mm_storeu_si128((__m128i *)(to + i), _mm_packus_epi32(low, high));
        }
        for (; i < n; i++) to[i] = kern_bf16_from_f32(src[i]);
    } else {
        float *to = dst;
        for (; i + 8 <= n; i += 8) _mm256_storeu_ps(to + i, load_bytes(src + i));
        for (; i < n; i++) to[i] = src[i];
    }
}

void kern_init_avx2_scale(struct kern *k) {
    k->scale_rows = scale_rows_avx2;
    k->scale_columns = scale_columns_avx2;
    k->from_bytes = from_bytes_avx2;
}
