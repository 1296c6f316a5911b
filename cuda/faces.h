/*
 * faces.h - a detector's outputs to faces on the device, behind a plan's steps on the same stream:
 * of a run only the faces travel down.
 */
#ifndef MIEN_CUDA_FACES_H
#define MIEN_CUDA_FACES_H

#include "cuda/steps.h"
#include "engine/backend.h"
#include "vision/faces.h"

/* Memory for it; starts with zeros, and serves runs of one plan. */
struct cuda_finder {
    CUdeviceptr memory;
    void *host; /* pinned: what is copied down */
    int most;   /* faces an image it has room for */
};
void cuda_finder_free(const struct cuda_device *dev, struct cuda_finder *f);

/* Can the device do this? Not with more images, levels or anchors than a launch takes. */
int cuda_faces_possible(const struct plan_graph *g, const struct faces_post *want);

/* Puts kernels into run->stream that look at run->output, and the copy of what they found. first:
 * what `want` calls the run's image 0. */
int cuda_faces_find(const struct cuda_run *run, struct cuda_finder *f,
                    const struct faces_post *want, int first);
/* When the stream has come past: to where they are wanted. True where an image has more candidates
 * than the device takes, and a count of -1. */
int cuda_faces_read(const struct cuda_run *run, const struct cuda_finder *f,
                    const struct faces_post *want, int first);

#endif
