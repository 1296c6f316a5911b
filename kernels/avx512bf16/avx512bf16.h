/*
 * avx512bf16.h - the AVX512-BF16 kernels, one file a kind.
 */
#ifndef MIEN_KERNELS_AVX512BF16_AVX512BF16_H
#define MIEN_KERNELS_AVX512BF16_AVX512BF16_H

#include "kernels/kern.h"

void kern_init_avx512bf16_epilogue(struct kern *k);

#endif
