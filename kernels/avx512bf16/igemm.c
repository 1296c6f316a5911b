/* Implicit GEMM in bf16 by AVX512-BF16: pairs of products into fp32 sums. */
#define ELEMENT        uint16_t
#define GROUP          2
#define VEC            __m512
#define ZERO           _mm512_setzero_ps()
#define DOT(acc, x, b) _mm512_dpbf16_ps(acc, (__m512bh)(x), (__m512bh)(b))
#define SUFFIX(name)   name##_bf16_avx512
#include "kernels/avx512/igemm.inc"

#include "kernels/avx512bf16/avx512bf16.h"

void kern_init_avx512bf16(struct kern *k) {
    IGEMM(KERN_BF16);
    kern_init_avx512bf16_epilogue(k);
}
