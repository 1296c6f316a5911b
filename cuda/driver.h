/*
 * driver.h - NVIDIA's driver, found when it is asked for.
 *
 * Nothing of CUDA is needed to build or start mien: libcuda.so.1 comes with a GPU's driver and is
 * opened by the first context that wants one, so one binary serves machines with and without. Only
 * the driver's own interface is used, no CUDA runtime; kernels travel inside mien (kernels.h).
 *
 * MIEN_LIBCUDA names another library to open instead, as tests do (tests/cuda/emulator).
 */
#ifndef MIEN_CUDA_DRIVER_H
#define MIEN_CUDA_DRIVER_H

#include <cuda.h>

/* The functions used, by the names they have in the library: X(field, symbol). */
#define CUDA_DRIVER_FUNCTIONS(X)                                                                   \
    X(init, cuInit)                                                                                \
    X(driver_version, cuDriverGetVersion)                                                          \
    X(error_string, cuGetErrorString)                                                              \
    X(device_count, cuDeviceGetCount)                                                              \
    X(device_get, cuDeviceGet)                                                                     \
    X(device_name, cuDeviceGetName)                                                                \
    X(device_attribute, cuDeviceGetAttribute)                                                      \
    X(context_retain, cuDevicePrimaryCtxRetain)                                                    \
    X(context_release, cuDevicePrimaryCtxRelease)                                                  \
    X(context_push, cuCtxPushCurrent)                                                              \
    X(context_pop, cuCtxPopCurrent)                                                                \
    X(module_load, cuModuleLoadData)                                                               \
    X(module_unload, cuModuleUnload)                                                               \
    X(module_function, cuModuleGetFunction)                                                        \
    X(function_load, cuFuncLoad)                                                                   \
    X(function_set, cuFuncSetAttribute)                                                            \
    X(alloc, cuMemAlloc)                                                                           \
    X(free, cuMemFree)                                                                             \
    X(alloc_host, cuMemHostAlloc)                                                                  \
    X(free_host, cuMemFreeHost)                                                                    \
    X(copy_up, cuMemcpyHtoDAsync)                                                                  \
    X(copy_down, cuMemcpyDtoHAsync)                                                                \
    X(copy, cuMemcpyAsync)                                                                         \
    X(copy_2d, cuMemcpy2DAsync)                                                                    \
    X(fill_bytes, cuMemsetD8Async)                                                                 \
    X(pointer_attribute, cuPointerGetAttribute)                                                    \
    X(stream_create, cuStreamCreate)                                                               \
    X(stream_destroy, cuStreamDestroy)                                                             \
    X(stream_wait, cuStreamSynchronize)                                                            \
    X(capture_begin, cuStreamBeginCapture)                                                         \
    X(capture_end, cuStreamEndCapture)                                                             \
    X(graph_instantiate, cuGraphInstantiateWithFlags)                                              \
    X(graph_launch, cuGraphLaunch)                                                                 \
    X(graph_exec_destroy, cuGraphExecDestroy)                                                      \
    X(graph_destroy, cuGraphDestroy)                                                               \
    X(launch, cuLaunchKernelEx)                                                                    \
    X(event_create, cuEventCreate)                                                                 \
    X(event_destroy, cuEventDestroy)                                                               \
    X(event_record, cuEventRecord)                                                                 \
    X(event_wait, cuEventSynchronize)                                                              \
    X(event_elapsed, cuEventElapsedTime)                                                           \
    X(tensor_map_tiled, cuTensorMapEncodeTiled)                                                    \
    X(tensor_map_im2col, cuTensorMapEncodeIm2col)

struct cuda_driver {
#define CUDA_DRIVER_FIELD(field, symbol) __typeof__(&(symbol)) field;
    CUDA_DRIVER_FUNCTIONS(CUDA_DRIVER_FIELD)
#undef CUDA_DRIVER_FIELD
    int version; /* of CUDA the driver can do: 1000 * major + 10 * minor */
};

/* Opens the driver on first use; it stays open. MIEN_EDEVICE with a sentence that says what is
 * missing: the library, a function of it, or a device. */
int cuda_driver_get(const struct cuda_driver **out);
/* MIEN_OK where r is CUDA_SUCCESS; else the code for it, with `what` failed and the driver's
 * reason.
 */
int cuda_check(CUresult r, const char *what);

#endif
