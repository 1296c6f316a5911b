/*
 * blobmaker.h - blobs in memory for tests: tensors of random values under given names, and
 * metadata.
 */
#ifndef MIEN_TESTS_ENGINE_BLOBMAKER_H
#define MIEN_TESTS_ENGINE_BLOBMAKER_H

#include "engine/blob.h"

#include <stddef.h>
#include <stdint.h>

struct blobmaker {
    char header[1 << 16];
    size_t header_size;
    float *data;
    size_t count, capacity;
    uint64_t state;
    uint8_t *bytes; /* the finished file */
    size_t size;
};

void blobmaker_open(struct blobmaker *m, uint64_t seed);
/* meta is the inside of a JSON object: "\"arch\":\"x\"". Keys mien and input are added. */
void blobmaker_meta(struct blobmaker *m, const char *meta);
/* The same without input, which meta has then. */
void blobmaker_meta_with_input(struct blobmaker *m, const char *meta);
/* A tensor of uniform values in low..high; dims 0 ends the shape early. */
void blobmaker_tensor(struct blobmaker *m, const char *name, float low, float high, int d0, int d1,
                      int d2, int d3);
/* The four tensors of a batch norm of c channels. */
void blobmaker_bn(struct blobmaker *m, const char *name, int c);
/* Builds the file; the blob points into m, which must outlive it. Fails the test on an error. */
struct blob *blobmaker_finish(struct blobmaker *m);
void blobmaker_close(struct blobmaker *m);

/* Uniform in low..high, from the maker's own sequence. */
float blobmaker_random(struct blobmaker *m, float low, float high);
int blobmaker_int(struct blobmaker *m, int low, int high);

#endif
