#include "kernels/avx2/avx2.h"

void kern_init_avx2(struct kern *k) {
    k->name = "avx2";
    kern_init_avx2_igemm(k);
    kern_init_avx2_conv(k);
    kern_init_avx2_winograd(k);
    kern_init_avx2_pointwise(k);
    kern_init_avx2_norm(k);
    kern_init_avx2_scale(k);
    kern_init_avx2_scan(k);
}
