/*
 * avx512.h - the AVX-512 (F, BW, DQ, VL) kernels, one file a kind.
 */
#ifndef MIEN_KERNELS_AVX512_AVX512_H
#define MIEN_KERNELS_AVX512_AVX512_H

#include "kernels/kern.h"

void kern_init_avx512_igemm(struct kern *k);
void kern_init_avx512_conv(struct kern *k);
void kern_init_avx512_winograd(struct kern *k);
void kern_init_avx512_pointwise(struct kern *k);

#endif
