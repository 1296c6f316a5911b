/*
 * device.cuh - the few words kernels use of the machine.
 *
 * Kernels are written in these and plain C++, never in PTX, for two reasons: an instruction's odd
 * syntax stands in one place beside a sentence about it, and the same kernels can be compiled for
 * the host over tests/cuda/emulator, which has the same words, and run there by tests on machines
 * without a GPU.
 *
 * A kernel is KERNEL(name, struct type, threads, blocks) { ... p ... }: it takes one struct by
 * value, has at most `threads` threads a block, and wants `blocks` blocks resident on a
 * multiprocessor.
 */
#ifndef MIEN_CUDA_KERNELS_DEVICE_CUH
#define MIEN_CUDA_KERNELS_DEVICE_CUH

#ifndef MIEN_CUDA_EMULATED
#define PLACES_FN static __device__ __forceinline__
#endif
#include "cuda/kernels/params.h"

#ifdef MIEN_CUDA_EMULATED
#include "tests/cuda/emulator/device.h"
#else
#include "cuda/kernels/ptx.cuh"
#endif

#endif
