/*
 * A libcuda.so.1 for test_cudnn alone: no device, but what cuDNN does with a kernel it has compiled
 * while it plans for a device described to it: load it, and ask how many of it fit.
 */
#define __CUDA_API_VERSION_INTERNAL /* names without versions */
#include <cuda.h>

/* Has to be there, and says that there is no device. */
#define ABSENT(name)                                                                               \
    __attribute__((visibility("default"))) int idle_##name(void) __asm__(#name);                   \
    int idle_##name(void) {                                                                        \
        return CUDA_ERROR_STUB_LIBRARY;                                                            \
    }

/* Succeeds; `result` is what it gives its first argument. */
/* NOLINTBEGIN(bugprone-macro-parentheses): types in declarations */
#define GIVES(name, type, result)                                                                  \
    __attribute__((visibility("default"))) int idle_##name(type *out) __asm__(#name);              \
    int idle_##name(type *out) {                                                                   \
        *out = (type)(result);                                                                     \
        return CUDA_SUCCESS;                                                                       \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

#define DOES_NOTHING(name)                                                                         \
    __attribute__((visibility("default"))) int idle_##name(void) __asm__(#name);                   \
    int idle_##name(void) {                                                                        \
        return CUDA_SUCCESS;                                                                       \
    }

ABSENT(cuInit)
ABSENT(cuDriverGetVersion)
ABSENT(cuGetErrorName)
ABSENT(cuGetErrorString)
ABSENT(cuDeviceGetCount)
ABSENT(cuDeviceGet)
ABSENT(cuCtxGetCurrent)
ABSENT(cuCtxGetLimit)
ABSENT(cuCtxPopCurrent)
ABSENT(cuCtxPushCurrent)
ABSENT(cuStreamGetCtx)
ABSENT(cuLinkCreate)
ABSENT(cuLinkAddData)
ABSENT(cuLinkComplete)
ABSENT(cuLinkDestroy)
ABSENT(cuLibraryLoadFromFile)
ABSENT(cuLaunchKernel)
ABSENT(cuLaunchKernelEx)
ABSENT(cuLaunchCooperativeKernel)

GIVES(cuLibraryLoadData, CUlibrary, 1)
GIVES(cuLibraryGetKernel, CUkernel, 1)
GIVES(cuLibraryGetModule, CUmodule, 1)
GIVES(cuKernelGetFunction, CUfunction, 1)
GIVES(cuKernelGetAttribute, int, 0)
GIVES(cuFuncGetAttribute, int, 0)
GIVES(cuModuleLoadData, CUmodule, 1)
GIVES(cuModuleGetFunction, CUfunction, 1)
GIVES(cuOccupancyMaxActiveClusters, int, 66)
GIVES(cuOccupancyMaxPotentialClusterSize, int, 8)
GIVES(cuOccupancyMaxActiveBlocksPerMultiprocessor, int, 2)

DOES_NOTHING(cuLibraryUnload)
DOES_NOTHING(cuKernelSetAttribute)
DOES_NOTHING(cuFuncSetAttribute)
