/*
 * shelf.h - pictures that stay in a device's memory, for runs to come.
 *
 * Getting and giving back device memory makes a GPU wait for all its work, so what is given back is
 * kept for the next picture, up to a limit.
 */
#ifndef MIEN_CUDA_SHELF_H
#define MIEN_CUDA_SHELF_H

#include "cuda/device.h"
#include "engine/backend.h"

#include <pthread.h>

struct cuda_shelf {
    pthread_mutex_t lock;
    CUstream stream; /* made by the first upload */
    struct {
        CUdeviceptr memory;
        size_t room;
    } kept[8];
};
void cuda_shelf_open(struct cuda_shelf *s);
void cuda_shelf_close(const struct cuda_device *dev, struct cuda_shelf *s);
/* Between cuda_enter() and cuda_leave(). As backend_ops.upload and forget; out->owner is the
 * caller's to fill. */
int cuda_shelf_upload(const struct cuda_device *dev, struct cuda_shelf *s, const uint8_t *pixels,
                      ptrdiff_t pitch, int width, int height, struct backend_pixels *out);
void cuda_shelf_forget(const struct cuda_device *dev, struct cuda_shelf *s,
                       const struct backend_pixels *pixels);

#endif
