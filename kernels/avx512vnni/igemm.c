/* Implicit GEMM of bytes by AVX512-VNNI: u8 by s8 into exact 32-bit sums. */
#include "kernels/avx512vnni/avx512vnni.h"

#define ELEMENT        uint8_t
#define GROUP          4
#define VEC            __m512i
#define ZERO           _mm512_setzero_si512()
#define DOT(acc, x, b) _mm512_dpbusd_epi32(acc, x, b)
#define SUFFIX(name)   name##_u8_vnni
#include "kernels/avx512/igemm.inc"

void kern_init_avx512vnni(struct kern *k) {
    IGEMM(KERN_U8);
    kern_init_avx512vnni_scan(k);
}
