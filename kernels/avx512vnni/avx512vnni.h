/*
 * avx512vnni.h - the kernels of AVX512-VNNI, one file a kind.
 */
#ifndef MIEN_KERNELS_AVX512VNNI_AVX512VNNI_H
#define MIEN_KERNELS_AVX512VNNI_AVX512VNNI_H

#include "kernels/kern.h"

void kern_init_avx512vnni_scan(struct kern *k);

#endif
