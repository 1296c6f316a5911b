#include "engine/backend.h"

#include <stddef.h>

const struct backend_ops *backend_find(enum mien_device device) {
    switch (device) {
    case MIEN_DEVICE_CPU: return &cpu_backend;
#ifdef MIEN_HAVE_CUDA
    case MIEN_DEVICE_CUDA: return &cuda_backend;
#endif
    default: return NULL;
    }
}
