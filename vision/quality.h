/*
 * quality.h - what an embedder adds to the measures of a face: they are taken without a network,
 * and what the network's numbers are worth is its own to say (tasks/embed.c).
 */
#ifndef MIEN_VISION_QUALITY_H
#define MIEN_VISION_QUALITY_H

#include "mien.h"

/* An embedding's length before it was made 1, worth 0 at `bad` and 1 at `good`; nothing where bad
 * is not below good. */
void quality_add_norm(mien_quality *q, float norm, float bad, float good);

#endif
