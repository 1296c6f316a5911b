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

#endif
