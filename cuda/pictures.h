/*
 * pictures.h - pictures on their way to a network: into the device's memory, and from there to
 * where the first layer reads them.
 *
 * A run's pictures differ in size from run to run while its steps are a captured graph, so this
 * happens in front of the graph, on the same stream: one copy of what the pictures need (tables of
 * taps, and those pixels that are not on the device already), then one kernel for the whole batch.
 */
#ifndef MIEN_CUDA_PICTURES_H
#define MIEN_CUDA_PICTURES_H

#include "cuda/steps.h"
#include "engine/backend.h"

#include <pthread.h>

/* Where a run's pictures stand in between; starts with zeros, grows to what the largest needed:
 * without uploads, all pixels of a batch. */
struct cuda_stage {
    struct backend_picture *pictures; /* [batch] */
    void *host;                       /* pinned */
    CUdeviceptr device;
    size_t size; /* bytes, of both */
};
void cuda_stage_free(const struct cuda_device *dev, struct cuda_stage *s);

/* Puts copies and a kernel into run->stream that make the input's pictures the network's input.
 * owner: pixels it has uploaded are read where they are. What input says may change afterwards, but
 * the stage not before the stream has come past. */
int cuda_pictures_bring(const struct cuda_run *run, const struct backend *owner,
                        struct cuda_stage *stage, const struct backend_input *input);

/* Memory for pictures that stay. Giving and taking device memory makes a GPU wait for all its work,
 * so what is given back is kept for the next picture, up to a limit. */
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
