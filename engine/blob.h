/*
 * blob.h - weights files: safetensors with mien's metadata (docs/blob.md).
 *
 * A blob's header is read and checked whole (offsets, sizes, types, overlaps) and only then used,
 * so that the rest of the engine can trust every pointer it gets from here. Large tensors are read
 * when they are wanted (blob_source.h), and whatever happens to the file meanwhile is an error at
 * worst. Halves are widened as they are read: nobody else ever sees any. It is its own module
 * because it is the one place that parses untrusted weights bytes; tests/fuzz/blob_fuzz.c aims at
 * it.
 */
#ifndef MIEN_ENGINE_BLOB_H
#define MIEN_ENGINE_BLOB_H

#include "engine/blob_source.h"

#include <stddef.h>
#include <stdint.h>

enum { BLOB_MAX_DIMS = 4 };

enum blob_type { BLOB_F32, BLOB_F16 };

struct blob_tensor {
    const char *name;
    int dims;
    int64_t shape[BLOB_MAX_DIMS];
    size_t count;      /* product of shape, at least 1 */
    const float *data; /* [shape...] row-major; see blob_acquire() */
    /* Of a blob's own: what the file holds, and where. */
    enum blob_type type;
    size_t offset; /* bytes from the start of the file */
};

struct blob;
struct json_t;

/* Opens and checks the file. MIEN_EIO where it cannot be read, MIEN_EWEIGHTS where it is broken. */
int blob_open(const char *path, struct blob **out);
/* The same for bytes in memory, which must outlive the blob; label names them in errors. */
int blob_from_memory(const void *bytes, size_t size, const char *label, struct blob **out);
void blob_close(struct blob *b);

const char *blob_label(const struct blob *b);                 /* path or label, for messages */
size_t blob_size(const struct blob *b);                       /* bytes of the file */
const char *blob_meta(const struct blob *b, const char *key); /* NULL where absent */
const struct json_t *blob_metadata(const struct blob *b);     /* all of it, for blob_save */
int blob_count(const struct blob *b);
const struct blob_tensor *blob_at(const struct blob *b, int i);              /* in order of name */
const struct blob_tensor *blob_find(const struct blob *b, const char *name); /* NULL where absent */
/* Writes a copy of the blob to path in which the tensors whose names begin with prefix are replaced
 * by tensors[0..n-1], which are floats; the others stay of the type they are. The file appears
 * whole or not at all, and may be the one the blob was opened from. MIEN_EIO, MIEN_ENOMEM. */
int blob_save(const struct blob *b, const char *path, const char *prefix,
              const struct blob_tensor *tensors, int n);
/* That of the file when it was opened; 0 where the blob is bytes in memory. */
int blob_identity(const struct blob *b, struct blob_identity *out);
/* Hash of all bytes of the file (hash.h), which are read and not kept. MIEN_EIO, MIEN_ENOMEM. */
int blob_hash(const struct blob *b, uint64_t *hash);
/* Has the values of a tensor in memory until blob_release(), from any number of threads. Those of
 * one dimension, and small ones, always are; others are zeros without. MIEN_EIO where the file
 * cannot be read. */
int blob_acquire(const struct blob *b, const struct blob_tensor *t);
void blob_release(const struct blob *b, const struct blob_tensor *t);
/* The bytes of a tensor as the file has them, blob_stored_bytes() many, until the blob is closed or
 * the tensor released; nobody else may use the tensor meanwhile. MIEN_EIO. */
int blob_stored(const struct blob *b, const struct blob_tensor *t, const void **bytes);
size_t blob_stored_bytes(const struct blob_tensor *t);
/* "F32": a type's name in the header. */
const char *blob_type_name(enum blob_type type);
/* MIEN_EIO where the file was written to since it was opened: what was read of it may be of two. */
int blob_check(const struct blob *b);

#endif
