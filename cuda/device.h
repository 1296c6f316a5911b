/*
 * device.h - one GPU: its context, and mien's kernels loaded onto it.
 */
#ifndef MIEN_CUDA_DEVICE_H
#define MIEN_CUDA_DEVICE_H

#include "cuda/choose.h"
#include "cuda/driver.h"

/* A compiled file of cuda/kernels/, made when mien is built (cmake/cuda.cmake). */
struct cuda_image {
    const char *name;
    const void *bytes; /* a fat binary: code for several GPUs */
};
extern const struct cuda_image cuda_images[];
extern const int cuda_image_count;

enum { CUDA_MAX_IMAGES = 32 };

struct cuda_device {
    const struct cuda_driver *driver;
    CUdevice id;
    CUcontext context;
    CUmodule modules[CUDA_MAX_IMAGES];
    int nmodules;
    char name[64];
    int multiprocessors, capability; /* 10 * major + minor */
    int shared;                      /* bytes of shared memory a block may ask for */
};

/* Opens device `index` and loads the kernels; close it with cuda_device_close(). MIEN_EDEVICE says
 * what is missing. */
int cuda_device_open(struct cuda_device *dev, int index);
void cuda_device_close(struct cuda_device *dev);

/* Between the two, calls of the driver in this thread are for this device. */
int cuda_enter(const struct cuda_device *dev);
void cuda_leave(const struct cuda_device *dev);

/* Memory on the device, and memory of the host that the device copies from and to by itself; both
 * aligned to 256 bytes. *out is 0 or NULL on failure. Freeing nothing is allowed. */
int cuda_alloc(const struct cuda_device *dev, size_t bytes, CUdeviceptr *out);
void cuda_free(const struct cuda_device *dev, CUdeviceptr p);
int cuda_alloc_host(const struct cuda_device *dev, size_t bytes, void **out);
void cuda_free_host(const struct cuda_device *dev, void *p);

/* Does p point to a GPU's memory? */
int cuda_is_device(const struct cuda_device *dev, const void *p);

/* Has the driver bring shape->kernel onto the device now, which it else does at the first launch,
 * and cannot while launches are being recorded. */
int cuda_ready(const struct cuda_device *dev, const struct cuda_launch *shape);
/* Launches shape->kernel on a stream with the one struct it takes. early: it may start while the
 * kernel before it still runs (grid_wait() in kernels/ptx.cuh). */
int cuda_launch(const struct cuda_device *dev, CUstream stream, const struct cuda_launch *shape,
                const void *params, int early);

/* What `launch` puts into the stream, as a graph that does it again; *out is NULL on failure. */
int cuda_record(const struct cuda_device *dev, CUstream stream, int (*launch)(void *),
                void *context, CUgraphExec *out);

#endif
