/*
 * toy.h - blobs of networks with a few channels and random weights, with any metadata: for tests
 * that need some network, and those of metadata.
 */
#ifndef MIEN_TESTS_TASKS_TOY_H
#define MIEN_TESTS_TASKS_TOY_H

#include "tests/engine/blobmaker.h"

struct toy {
    struct blobmaker maker;
    struct blob *blob;
};

/* A blob of the first family of that arch (tests/models/families.h), whose last layer has `outputs`
 * channels (0: the family's). meta: key, text, key, text, ..., NULL; arch, variant and the input's
 * size, 32x32, are there already. */
struct toy *toy_open(const char *arch, int outputs, const char *const *meta);
void toy_close(struct toy *t);
/* The same as a file below /tmp, whose name is returned until the next call. */
const char *toy_file(const char *arch, int outputs, const char *const *meta);

#endif
