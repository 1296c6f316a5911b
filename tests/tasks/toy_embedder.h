/*
 * toy_embedder.h - small embedders of random weights, as files.
 */
#ifndef MIEN_TESTS_TASKS_TOY_EMBEDDER_H
#define MIEN_TESTS_TASKS_TOY_EMBEDDER_H

#include "tests/engine/blobmaker.h"

/* Writes what was made, and closes it. */
void toy_save(struct blobmaker *m, const char *path);
/* An embedder of aligned crops, a few channels wide, of 6 values; of another seed another one. */
void toy_embedder(const char *path, const char *name, const char *sha256, uint64_t seed);

#endif
