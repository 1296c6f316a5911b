#include "tests/cuda/images.h"

#include "cuda/device.h"

static CUmodule modules[CUDA_MAX_IMAGES];
static int count;

CUresult images_load(const struct cuda_driver *driver) {
    for (int i = 0; i < cuda_image_count && count < CUDA_MAX_IMAGES; i++) {
        CUresult r = driver->module_load(&modules[count], cuda_images[i].bytes);
        if (r == CUDA_ERROR_NO_BINARY_FOR_GPU) continue; /* Hopper's, on others */
        if (r != CUDA_SUCCESS) return r;
        count++;
    }
    return CUDA_SUCCESS;
}

/* As cuda/device.c does it. */
CUresult images_find(const struct cuda_driver *driver, const struct cuda_launch *launch,
                     CUfunction *out) {
    CUdevice device;
    int most = 0;
    CUresult r = CUDA_ERROR_NOT_FOUND;
    for (int i = 0; i < count && r == CUDA_ERROR_NOT_FOUND; i++)
        r = driver->module_function(out, modules[i], launch->kernel);
    if (r != CUDA_SUCCESS || launch->shared <= 48 << 10) return r;
    r = driver->device_get(&device, 0);
    if (r == CUDA_SUCCESS)
        r = driver->device_attribute(&most, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN,
                                     device);
    if (r != CUDA_SUCCESS) return r;
    return driver->function_set(*out, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, most);
}
