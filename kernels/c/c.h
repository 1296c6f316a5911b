/*
 * c.h - the plain C kernels, one file a kind; together they fill every slot.
 */
#ifndef MIEN_KERNELS_C_C_H
#define MIEN_KERNELS_C_C_H

#include "kernels/kern.h"

void kern_init_c_gemm(struct kern *k);
void kern_init_c_conv(struct kern *k);
void kern_init_c_winograd(struct kern *k);
void kern_init_c_pointwise(struct kern *k);
void kern_init_c_pool(struct kern *k);
void kern_init_c_gather(struct kern *k);
void kern_init_c_norm(struct kern *k);
void kern_init_c_scale(struct kern *k);
void kern_init_c_scan(struct kern *k);
void kern_init_c_igemm(struct kern *k);

/* What faster tables fall back to for rare activations and types. */
kern_epilogue_fn kern_epilogue_c;
kern_dwconv_fn kern_dwconv_c;

#endif
