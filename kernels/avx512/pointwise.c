#include "kernels/avx512/avx512.h"
#include "kernels/c/c.h"

/* What the lanes of one block of sixteen channels need, loaded once for all its pixels. Results
 * that become bytes are computed in units of their scale: one multiplication less, and every
 * activation here allows it. */
struct lanes {
    __mmask16 m;
    __m512 acc_scale, bias, slope, six, res_scale, res_shift, zero;
};

static inline __m512 load_or(float otherwise, __mmask16 m, const float *p) {
    return p ? _mm512_maskz_loadu_ps(m, p) : _mm512_set1_ps(otherwise);
}

static inline __attribute__((always_inline)) struct lanes
load_lanes(enum kern_act act, int integers, enum kern_type type, const struct kern_epi *e, int j,
           __mmask16 m) {
    struct lanes l = {.m = m};
    int bytes = e->res_type == KERN_U8;
    __m512 unit = load_or(1, m, type == KERN_U8 ? e->dst_inverse + j : NULL);
    l.acc_scale = _mm512_mul_ps(load_or(1, m, integers ? e->acc_scale + j : NULL), unit);
    l.bias = _mm512_mul_ps(load_or(0, m, e->bias ? e->bias + j : NULL), unit);
    l.slope = load_or(e->alpha, m, act == KERN_ACT_PRELU ? e->slope + j : NULL);
    l.six = _mm512_mul_ps(_mm512_set1_ps(6), unit);
    l.res_scale = _mm512_mul_ps(load_or(1, m, bytes ? e->res_scale + j : NULL), unit);
    l.res_shift = _mm512_mul_ps(l.res_scale, _mm512_set1_ps(bytes ? -(float)e->res_zero : 0.0f));
    l.zero = _mm512_set1_ps((float)e->dst_zero);
    return l;
}

/* act is a constant where this is inlined, so the switch leaves one case. */
static inline __attribute__((always_inline)) __m512 activate(enum kern_act act, __m512 v,
                                                             const struct lanes *l) {
    __m512 zero = _mm512_setzero_ps();
    switch (act) {
    case KERN_ACT_RELU: return _mm512_max_ps(v, zero);
    case KERN_ACT_RELU6: return _mm512_min_ps(_mm512_max_ps(v, zero), l->six);
    case KERN_ACT_LEAKY:
    case KERN_ACT_PRELU:
        return _mm512_mask_mul_ps(v, _mm512_cmp_ps_mask(v, zero, _CMP_LT_OQ), v, l->slope);
    default: return v;
    }
}

/* Integers or floats become the value before residual and activation. */
static inline __attribute__((always_inline)) __m512
accumulated(int integers, enum kern_type type, const struct lanes *l, const void *acc) {
    if (!integers && type != KERN_U8)
        return _mm512_add_ps(_mm512_maskz_loadu_ps(l->m, acc), l->bias);
    __m512 v = integers ? _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(l->m, acc))
                        : _mm512_maskz_loadu_ps(l->m, acc);
    return _mm512_fmadd_ps(v, l->acc_scale, l->bias);
}

static inline __attribute__((always_inline)) __m512
residual(enum kern_type res_type, enum kern_type type, const struct lanes *l, const void *res) {
    __m512 r = res_type == KERN_U8     ? avx512_load(KERN_U8, l->m, res)
               : res_type == KERN_BF16 ? avx512_load(KERN_BF16, l->m, res)
                                       : avx512_load(KERN_F32, l->m, res);
    return res_type == KERN_U8 || type == KERN_U8 ? _mm512_fmadd_ps(r, l->res_scale, l->res_shift)
                                                  : r;
}

static inline __attribute__((always_inline)) void store(enum kern_type type, const struct lanes *l,
                                                        void *p, __m512 v) {
    if (type == KERN_U8) {
        v = _mm512_max_ps(_mm512_add_ps(v, l->zero), _mm512_setzero_ps());
        __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epu32(v));
        __asm__("" : "+x"(bytes)); /* narrowing into memory at once is microcode on Zen 4 */
        _mm_mask_storeu_epi8(p, l->m, bytes);
    } else if (type == KERN_BF16) {
        __m256i halves = avx512_to_bf16(v);
        __asm__("" : "+x"(halves));
        _mm256_mask_storeu_epi16(p, l->m, halves);
    } else {
        _mm512_mask_storeu_ps(p, l->m, v);
    }
}

/* One block of sixteen channels, the pointers at its first. act, integers, type and a whole block's
 * mask are constants where this is inlined: stores under a mask cost several times as much. */
static inline __attribute__((always_inline)) void
epilogue_block(enum kern_act act, int integers, enum kern_type type, __mmask16 m, int w,
               const char *acc, ptrdiff_t acc_px, const struct kern_epi *e, int j, const void *res,
               ptrdiff_t res_px, int res_shift, char *dst, ptrdiff_t dst_px) {
    struct lanes l = load_lanes(act, integers, type, e, j, m);
    for (int x = 0; x < w; x++) {
        __m512 v = accumulated(integers, type, &l, acc + (x * acc_px + j) * 4);
        if (res) {
            const void *p = avx512_at(res, e->res_type, (x >> res_shift) * res_px + j);
            __m512 r = residual(e->res_type, type, &l, p);
            v = e->res_after ? _mm512_add_ps(activate(act, v, &l), r)
                             : activate(act, _mm512_add_ps(v, r), &l);
        } else {
            v = activate(act, v, &l);
        }
        store(type, &l, dst + (x * dst_px + j) * (ptrdiff_t)kern_type_size(type), v);
    }
}

/* Channels outermost within a pixel run: bias and slope are loaded once a block. */
static inline __attribute__((always_inline)) void
epilogue(enum kern_act act, int integers, enum kern_type type, int w, int c, const void *acc,
         ptrdiff_t acc_px, const struct kern_epi *e, const void *res, ptrdiff_t res_px,
         int res_shift, void *dst, ptrdiff_t dst_px) {
    int j = 0;
    for (; j + 16 <= c; j += 16)
        epilogue_block(act, integers, type, 0xFFFF, w, acc, acc_px, e, j, res, res_px, res_shift,
                       dst, dst_px);
    if (j < c)
        epilogue_block(act, integers, type, avx512_tail(c - j), w, acc, acc_px, e, j, res, res_px,
                       res_shift, dst, dst_px);
}

#define CASE(ACT, INTEGERS, TYPE)                                                                  \
    case ACT:                                                                                      \
        epilogue(ACT, INTEGERS, TYPE, w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);  \
        break;
/* One function a pair of accumulator and stored type. */
#define EPILOGUE(NAME, INTEGERS, TYPE)                                                             \
    static void NAME(int w, int c, const void *acc, ptrdiff_t acc_px, const struct kern_epi *e,    \
                     const void *res, ptrdiff_t res_px, int res_shift, void *dst,                  \
                     ptrdiff_t dst_px) {                                                           \
        switch (e->act) {                                                                          \
            CASE(KERN_ACT_NONE, INTEGERS, TYPE)                                                    \
            CASE(KERN_ACT_RELU, INTEGERS, TYPE)                                                    \
            CASE(KERN_ACT_RELU6, INTEGERS, TYPE)                                                   \
            CASE(KERN_ACT_LEAKY, INTEGERS, TYPE)                                                   \
            CASE(KERN_ACT_PRELU, INTEGERS, TYPE)                                                   \
        default: /* sigmoid and swish are rare */                                                  \
            kern_epilogue_c(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);            \
            break;                                                                                 \
        }                                                                                          \
    }
EPILOGUE(epilogue_f32_to_f32, 0, KERN_F32)
EPILOGUE(epilogue_f32_to_bf16, 0, KERN_BF16)
EPILOGUE(epilogue_f32_to_u8, 0, KERN_U8)
EPILOGUE(epilogue_s32_to_f32, 1, KERN_F32)
EPILOGUE(epilogue_s32_to_bf16, 1, KERN_BF16)
EPILOGUE(epilogue_s32_to_u8, 1, KERN_U8)

static void epilogue_avx512(int w, int c, const void *acc, ptrdiff_t acc_px,
                            const struct kern_epi *e, const void *res, ptrdiff_t res_px,
                            int res_shift, void *dst, ptrdiff_t dst_px) {
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

static void maxpool_f32_avx512(int kh, int kw, int c, const float *src, ptrdiff_t src_row,
                               ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = avx512_tail(c - j);
        __m512 top = _mm512_maskz_loadu_ps(m, src + j);
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                top = _mm512_max_ps(top,
                                    _mm512_maskz_loadu_ps(m, src + ky * src_row + kx * src_px + j));
        _mm512_mask_storeu_ps(dst + j, m, top);
    }
}

static void maxpool_bf16_avx512(int kh, int kw, int c, const uint16_t *src, ptrdiff_t src_row,
                                ptrdiff_t src_px, uint16_t *dst) {
    for (int j = 0; j < c; j += 16) {
        __mmask16 m = avx512_tail(c - j);
        __m512 top = avx512_load(KERN_BF16, m, src + j);
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                top = _mm512_max_ps(
                    top, avx512_load(KERN_BF16, m, src + ky * src_row + kx * src_px + j));
        _mm256_mask_storeu_epi16(dst + j, m, avx512_to_bf16(top));
    }
}

static void maxpool_u8_avx512(int kh, int kw, int c, const uint8_t *src, ptrdiff_t src_row,
                              ptrdiff_t src_px, uint8_t *dst) {
    for (int j = 0; j < c; j += 64) {
        __mmask64 m = c - j >= 64 ? ~0ull : (1ull << (c - j)) - 1;
        __m512i top = _mm512_maskz_loadu_epi8(m, src + j);
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                top = _mm512_max_epu8(
                    top, _mm512_maskz_loadu_epi8(m, src + ky * src_row + kx * src_px + j));
        _mm512_mask_storeu_epi8(dst + j, m, top);
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
    k->epilogue = epilogue_avx512;
    k->widen = widen_avx512;
    k->split_f32 = split_f32_avx512;
    k->affine_f32 = affine_f32_avx512;
    k->maxpool_f32 = maxpool_f32_avx512;
    k->maxpool_bf16 = maxpool_bf16_avx512;
    k->maxpool_u8 = maxpool_u8_avx512;
    k->avgpool_f32 = avgpool_f32_avx512;
}
