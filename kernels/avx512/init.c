#include "kernels/avx512/avx512.h"

void kern_init_avx512(struct kern *k) {
    k->name = "avx512";
    kern_init_avx512_igemm(k);
    kern_init_avx512_conv(k);
    kern_init_avx512_winograd(k);
    kern_init_avx512_pointwise(k);
    kern_init_avx512_norm(k);
    kern_init_avx512_scale(k);
    kern_init_avx512_scan(k);
}
