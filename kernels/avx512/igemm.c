/* Implicit GEMM in fp32. */
#include "kernels/avx512/avx512.h"

#define ELEMENT        float
#define GROUP          1
#define VEC            __m512
#define ZERO           _mm512_setzero_ps()
#define DOT(acc, x, b) _mm512_fmadd_ps((__m512)(x), (__m512)(b), acc)
#define SUFFIX(name)   name##_f32_avx512
#include "kernels/avx512/igemm.inc"

void kern_init_avx512_igemm(struct kern *k) {
    IGEMM(KERN_F32);
}
