#define TO_BF16(v) avx512_to_bf16(v)
#include "kernels/avx512/epilogue.inc"

EPILOGUE(epilogue_f32_to_f32, 0, KERN_F32)
EPILOGUE(epilogue_f32_to_bf16, 0, KERN_BF16)
EPILOGUE(epilogue_f32_to_u8, 0, KERN_U8)
EPILOGUE(epilogue_s32_to_f32, 1, KERN_F32)
EPILOGUE(epilogue_s32_to_bf16, 1, KERN_BF16)
EPILOGUE(epilogue_s32_to_u8, 1, KERN_U8)

void kern_epilogue_avx512(int w, int c, const void *acc, ptrdiff_t acc_px, const struct kern_epi *e,
                          const void *res, ptrdiff_t res_px, int res_shift, void *dst,
                          ptrdiff_t dst_px) {
    static kern_epilogue_fn *const typed[2][3] = {
        {epilogue_f32_to_f32, epilogue_f32_to_bf16, epilogue_f32_to_u8},
        {epilogue_s32_to_f32, epilogue_s32_to_bf16, epilogue_s32_to_u8}};
    typed[e->acc_scale != NULL][e->dst_type](w, c, acc, acc_px, e, res, res_px, res_shift, dst,
                                             dst_px);
}

static inline __attribute__((always_inline)) void widen(enum kern_type type, int w, int c,
                                                        const float *scale, int zero,
                                                        const void *src, ptrdiff_t src_px,
                                                        float *dst) {
    const __m512 z = _mm512_set1_ps((float)zero);
    for (int x = 0; x < w; x++)
        for (int j = 0; j < c; j += 16) {
            __mmask16 m = avx512_tail(c - j);
            __m512 v = avx512_load(type, m, avx512_at(src, type, x * src_px + j));
            if (type == KERN_U8)
                v = _mm512_mul_ps(_mm512_sub_ps(v, z), _mm512_maskz_loadu_ps(m, scale + j));
            _mm512_mask_storeu_ps(dst + (ptrdiff_t)x * c + j, m, v);
        }
}

static void widen_avx512(int w, int c, enum kern_type type, const float *scale, int zero,
                         const void *src, ptrdiff_t src_px, float *dst) {
    switch (type) {
    case KERN_F32: widen(KERN_F32, w, c, scale, zero, src, src_px, dst); break;
    case KERN_BF16: widen(KERN_BF16, w, c, scale, zero, src, src_px, dst); break;
    case KERN_U8: widen(KERN_U8, w, c, scale, zero, src, src_px, dst); break;
    case KERN_F16: break; /* GPUs' alone */
    }
}

static void split_f32_avx512(int w, int c, const float *src, ptrdiff_t src_px, uint16_t *high,
                             uint16_t *low) {
    enum { NOT_FINITE = 0x99 /* infinities and what is no number, for VFPCLASSPS */ };
    for (int x = 0; x < w; x++, src += src_px, high += c, low += c)
        for (int j = 0; j < c; j += 16) {
            __mmask16 m = avx512_tail(c - j);
            __m512 v = _mm512_maskz_loadu_ps(m, src + j);
            __m256i h = avx512_to_bf16(v);
            __m512 rounded = _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
            __mmask16 finite = (__mmask16)~_mm512_fpclass_ps_mask(rounded, NOT_FINITE);
            _mm256_mask_storeu_epi16(high + j, m, h);
            _mm256_mask_storeu_epi16(low + j, m,
                                     avx512_to_bf16(_mm512_maskz_sub_ps(finite, v, rounded)));
        }
}

static void affine_f32_avx512(int w, int c, const float *src, ptrdiff_t src_px, const float *scale,
                              const float *shift, float *dst, ptrdiff_t dst_px) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = avx512_tail(c - j);
        __m512 a = _mm512_maskz_loadu_ps(m, scale + j), b = _mm512_maskz_loadu_ps(m, shift + j);
        for (int x = 0; x < w; x++)
            _mm512_mask_storeu_ps(
                dst + x * dst_px + j, m,
                _mm512_fmadd_ps(_mm512_maskz_loadu_ps(m, src + x * src_px + j), a, b));
    }
}

/* kh, kw: p's. */
static inline __attribute__((always_inline)) void
maxpool_f32(const struct kern_windows *p, int kh, int kw, const float *src, float *dst) {
    for (int j = 0; j < p->c; j += 16) {
        __mmask16 m = avx512_tail(p->c - j);
        for (int x = 0; x < p->w; x++) {
            const float *at = src + x * p->next + j;
            __m512 top = _mm512_maskz_loadu_ps(m, at);
            for (int ky = 0; ky < kh; ky++)
                for (int kx = 0; kx < kw; kx++)
                    top =
                        _mm512_max_ps(top, _mm512_maskz_loadu_ps(m, at + ky * p->row + kx * p->px));
            _mm512_mask_storeu_ps(dst + x * p->dst_px + j, m, top);
        }
    }
}

static void maxpool_f32_avx512(const struct kern_windows *p, const float *src, float *dst) {
    if (p->kh == 2 && p->kw == 2)
        maxpool_f32(p, 2, 2, src, dst);
    else if (p->kh == 3 && p->kw == 3)
        maxpool_f32(p, 3, 3, src, dst);
    else
        maxpool_f32(p, p->kh, p->kw, src, dst);
}

static void maxpool_bf16_avx512(const struct kern_windows *p, const uint16_t *src, uint16_t *dst) {
    for (int j = 0; j < p->c; j += 16) {
        __mmask16 m = avx512_tail(p->c - j);
        for (int x = 0; x < p->w; x++) {
            const uint16_t *at = src + x * p->next + j;
            __m512 top = avx512_load(KERN_BF16, m, at);
            for (int ky = 0; ky < p->kh; ky++)
                for (int kx = 0; kx < p->kw; kx++)
                    top = _mm512_max_ps(top,
                                        avx512_load(KERN_BF16, m, at + ky * p->row + kx * p->px));
            _mm256_mask_storeu_epi16(dst + x * p->dst_px + j, m, avx512_to_bf16(top));
        }
    }
}

static void maxpool_u8_avx512(const struct kern_windows *p, const uint8_t *src, uint8_t *dst) {
    for (int j = 0; j < p->c; j += 64) {
        __mmask64 m = p->c - j >= 64 ? ~0ull : (1ull << (p->c - j)) - 1;
        for (int x = 0; x < p->w; x++) {
            const uint8_t *at = src + x * p->next + j;
            __m512i top = _mm512_maskz_loadu_epi8(m, at);
            for (int ky = 0; ky < p->kh; ky++)
                for (int kx = 0; kx < p->kw; kx++)
                    top = _mm512_max_epu8(
                        top, _mm512_maskz_loadu_epi8(m, at + ky * p->row + kx * p->px));
            _mm512_mask_storeu_epi8(dst + x * p->dst_px + j, m, top);
        }
    }
}

static void avgpool_f32_avx512(int kh, int kw, int c, float factor, const float *src,
                               ptrdiff_t src_row, ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = avx512_tail(c - j);
        __m512 sum = _mm512_setzero_ps();
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                sum = _mm512_add_ps(sum,
                                    _mm512_maskz_loadu_ps(m, src + ky * src_row + kx * src_px + j));
        _mm512_mask_storeu_ps(dst + j, m, _mm512_mul_ps(sum, _mm512_set1_ps(factor)));
    }
}

void kern_init_avx512_pointwise(struct kern *k) {
    k->epilogue = kern_epilogue_avx512;
    k->widen = widen_avx512;
    k->split_f32 = split_f32_avx512;
    k->affine_f32 = affine_f32_avx512;
    k->maxpool_f32 = maxpool_f32_avx512;
    k->maxpool_bf16 = maxpool_bf16_avx512;
    k->maxpool_u8 = maxpool_u8_avx512;
    k->avgpool_f32 = avgpool_f32_avx512;
}
