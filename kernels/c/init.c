#include "kernels/c/c.h"

void kern_init_c(struct kern *k) {
    k->name = "c";
    kern_init_c_gemm(k);
    kern_init_c_igemm(k);
    kern_init_c_conv(k);
    kern_init_c_winograd(k);
    kern_init_c_pointwise(k);
    kern_init_c_pool(k);
    kern_init_c_gather(k);
    kern_init_c_norm(k);
    kern_init_c_scale(k);
    kern_init_c_scan(k);
}
