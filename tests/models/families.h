/*
 * families.h - every network family as small as its builder takes it: the names and shapes of its
 * tensors, written from the publishers' code as docs/blob.md gives it, with a few channels.
 */
#ifndef MIEN_TESTS_MODELS_FAMILIES_H
#define MIEN_TESTS_MODELS_FAMILIES_H

#include "tests/engine/blobmaker.h"

enum { FAMILY_MOST_TENSORS = 320 };

struct family_tensor {
    char name[64];
    int dims[4]; /* 0 ends them early */
};

struct family {
    const char *arch;
    const char *variant; /* JSON with single quotes */
    const char *outputs; /* "name channels, ..." in order */
    void (*list)(struct family *f);
    int count;
    struct family_tensor tensors[FAMILY_MOST_TENSORS];
};

/* Their number; FAMILIES[i] has its tensors after family_list(i). */
extern const int FAMILY_COUNT;
struct family *family_list(int i);

/* A blob of the family's tensors with random values. m must outlive it. */
struct blob *family_blob(const struct family *f, struct blobmaker *m, uint64_t seed);

#endif
