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

CUresult images_find(const struct cuda_driver *driver, const char *kernel, CUfunction *out) {
    CUresult r = CUDA_ERROR_NOT_FOUND;
    for (int i = 0; i < count && r == CUDA_ERROR_NOT_FOUND; i++)
        r = driver->module_function(out, modules[i], kernel);
    return r;
}
