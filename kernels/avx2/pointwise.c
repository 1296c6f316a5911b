#include "kernels/avx2/avx2.h"
#include "kernels/c/c.h"

#define VEC                    __m256
#define SET(x)                 _mm256_set1_ps(x)
#define FMADD(a, b, c)         _mm256_fmadd_ps(a, b, c)
#define FNMADD(a, b, c)        _mm256_fnmadd_ps(a, b, c)
#define MIN(a, b)              _mm256_min_ps(a, b)
#define MAX(a, b)              _mm256_max_ps(a, b)
#define ROUND(x)               _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define SCALE(p, n)            scale_by_power(p, n)
#define ROOT(x)                _mm256_sqrt_ps(x)
#define ABS(x)                 _mm256_andnot_ps(SET(-0.0f), x)
#define WITH_SIGN(x, s)        _mm256_or_ps(x, _mm256_and_ps(s, SET(-0.0f)))
#define WHERE_LESS(a, b, x, y) _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ))

/* p 2^n, for n of -126 to 127: what a sigmoid of -87 to 87 needs. */
static inline __m256 scale_by_power(__m256 p, __m256 n) {
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}

#include "kernels/curves.inc"

/* In place of an activation: whatever the epilogue says, and products with residuals. */
enum { ANY_ACT = KERN_ACTS };

/* act is a constant where this is inlined, so the switch leaves one case. */
static inline __attribute__((always_inline)) __m256 activate(int act, __m256 v, __m256 slope) {
    __m256 zero = _mm256_setzero_ps();
    switch (act) {
    case KERN_ACT_RELU: return _mm256_max_ps(v, zero);
    case KERN_ACT_LEAKY:
    case KERN_ACT_PRELU: return _mm256_blendv_ps(v, _mm256_mul_ps(v, slope), v); /* by sign bit */
    default: return v;
    }
}

/* Channels j.. of w pixels; the pointers are at channel j already. */
static inline __attribute__((always_inline)) void
epilogue_block(const int full, __m256i m, int act, int w, const float *acc, ptrdiff_t acc_px,
               const struct kern_epi *e, int j, const float *res, ptrdiff_t res_px, int res_shift,
               float *dst, ptrdiff_t dst_px) {
    __m256 bias = e->bias ? avx2_load(full, m, e->bias + j) : _mm256_setzero_ps();
    int prelu = (act == ANY_ACT ? (int)e->act : act) == KERN_ACT_PRELU;
    __m256 slope = prelu ? avx2_load(full, m, e->slope + j) : _mm256_set1_ps(e->alpha);
    for (int x = 0; x < w; x++) {
        __m256 v = _mm256_add_ps(avx2_load(full, m, acc + x * acc_px), bias);
        if (act == ANY_ACT) {
            __m256 r = SET(0);
            if (res) r = avx2_load(full, m, res + (x >> res_shift) * res_px);
            if (res && !e->res_after) v = e->res_mul ? v * r : v + r;
            v = curve(e->act, v, slope, SET(e->beta));
            if (res && e->res_after) v = e->res_mul ? v * r : v + r;
        } else if (res) {
            __m256 r = avx2_load(full, m, res + (x >> res_shift) * res_px);
            v = e->res_after ? _mm256_add_ps(activate(act, v, slope), r)
                             : activate(act, _mm256_add_ps(v, r), slope);
        } else {
            v = activate(act, v, slope);
        }
        avx2_store(full, m, dst + x * dst_px, v);
    }
}

static inline __attribute__((always_inline)) void
epilogue(int act, int w, int c, const float *acc, ptrdiff_t acc_px, const struct kern_epi *e,
         const float *res, ptrdiff_t res_px, int res_shift, float *dst, ptrdiff_t dst_px) {
    int j = 0;
    for (; j + 8 <= c; j += 8)
        epilogue_block(1, _mm256_setzero_si256(), act, w, acc + j, acc_px, e, j,
                       res ? res + j : NULL, res_px, res_shift, dst + j, dst_px);
    if (j < c)
        epilogue_block(0, avx2_tail(c - j), act, w, acc + j, acc_px, e, j, res ? res + j : NULL,
                       res_px, res_shift, dst + j, dst_px);
}

#define CASE(ACT)                                                                                  \
    case ACT: epilogue(ACT, w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px); break;

static void epilogue_avx2(int w, int c, const void *acc, ptrdiff_t acc_px, const struct kern_epi *e,
                          const void *res, ptrdiff_t res_px, int res_shift, void *dst,
                          ptrdiff_t dst_px) {
    /* networks run in fp32 on this table, since it has no tiles of other types */
    int floats = !e->acc_scale && e->dst_type == KERN_F32 && (!res || e->res_type == KERN_F32);
    switch (!floats ? KERN_ACT_SIGMOID : e->res_mul ? ANY_ACT : (int)e->act) {
        CASE(KERN_ACT_NONE)
        CASE(KERN_ACT_RELU)
        CASE(KERN_ACT_LEAKY)
        CASE(KERN_ACT_PRELU)
    case KERN_ACT_SIGMOID: /* those of scores: few, and as they have always been */
        kern_epilogue_c(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);
        break;
    default: epilogue(ANY_ACT, w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px); break;
    }
}

static void maxpool_f32_avx2(const struct kern_windows *p, const float *src, float *dst) {
    for (int j = 0; j < p->c; j += 8) {
        __m256i m = avx2_tail(p->c - j);
        for (int x = 0; x < p->w; x++) {
            const float *at = src + x * p->next + j;
            __m256 top = _mm256_maskload_ps(at, m);
            for (int ky = 0; ky < p->kh; ky++)
                for (int kx = 0; kx < p->kw; kx++)
                    top = _mm256_max_ps(top, _mm256_maskload_ps(at + ky * p->row + kx * p->px, m));
            _mm256_maskstore_ps(dst + x * p->dst_px + j, m, top);
        }
    }
}

static void avgpool_f32_avx2(int kh, int kw, int c, float factor, const float *src,
                             ptrdiff_t src_row, ptrdiff_t src_px, float *dst) {
    for (int j = 0; j < c; j += 8) {
        __m256i m = avx2_tail(c - j);
        __m256 sum = _mm256_setzero_ps();
        for (int ky = 0; ky < kh; ky++)
            for (int kx = 0; kx < kw; kx++)
                sum =
                    _mm256_add_ps(sum, _mm256_maskload_ps(src + ky * src_row + kx * src_px + j, m));
        _mm256_maskstore_ps(dst + j, m, _mm256_mul_ps(sum, _mm256_set1_ps(factor)));
    }
}

void kern_init_avx2_pointwise(struct kern *k) {
    k->epilogue = epilogue_avx2;
    k->maxpool_f32 = maxpool_f32_avx2;
    k->avgpool_f32 = avgpool_f32_avx2;
}
