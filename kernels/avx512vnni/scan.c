/* Bytes by bytes into 32-bit sums by one instruction. */
#include "kernels/avx512/scan.h"

#include "kernels/avx512vnni/avx512vnni.h"

#define DOT(acc, x, b) _mm512_dpbusd_epi32(acc, x, b)
#define SUFFIX(name)   name##_vnni
#include "kernels/scan.inc"

void kern_init_avx512vnni_scan(struct kern *k) {
    k->scan_u8 = scan_u8_vnni;
}
