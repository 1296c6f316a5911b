/*
 * pack_cache.h - packed weights kept in a file, so that the next start reads them instead of
 * packing the blob.
 *
 * A file holds the packed weights of one blob for one kernel table and precision. It lies beside
 * the blob as <name>.<variant>.packed, or in $XDG_CACHE_HOME/mien (~/.cache/mien) where that folder
 * cannot be written. It is never the only copy of anything: whatever is odd about it (truncated, of
 * another version, layout, blob or owner) makes it a file that is not there, and nothing here fails
 * in a way the caller has to handle. The engine computes where each array lies; a file holds no
 * offsets that could lie, only bytes. Its own module because, beside blob.c, it is the one that
 * trusts bytes of a file; tests/fuzz/pack_cache_fuzz.c aims at it.
 *
 * A file may be damaged, replaced or cut off at any time, so it is copied before it is looked at,
 * and hashes of all its weights are compared, a piece a thread while it is read: nothing that
 * happens to the file afterwards reaches a process that runs.
 */
#ifndef MIEN_ENGINE_PACK_CACHE_H
#define MIEN_ENGINE_PACK_CACHE_H

#include "engine/blob.h"

struct pool;

struct pack_cache_key {
    const struct blob *blob;
    const char *variant; /* of kernels and precision, part of a file's name: "avx512-fp32" */
    uint64_t layout;     /* hash of all that decides the bytes but the blob's own */
    size_t bytes;        /* of packed weights */
    struct pool *pool;   /* whose threads read and hash; NULL: the caller's does */
};

/* The packed weights, read-only and aligned to a page, or NULL where they have to be packed. */
const void *pack_cache_read(const struct pack_cache_key *key);
void pack_cache_free(const void *weights, size_t bytes);
/* Keeps packed weights for the next start, if that is possible. */
void pack_cache_write(const struct pack_cache_key *key, const void *weights);

/* The user's folder for what mien keeps, $XDG_CACHE_HOME/mien or ~/.cache/mien; NULL where there is
 * none. create: it is made where that is possible. The caller frees it. */
char *pack_cache_folder(int create);

/* For tests. */
enum pack_cache_verdict {
    PACK_CACHE_USELESS,
    PACK_CACHE_MOVED, /* good if the blob's hash is what the file says */
    PACK_CACHE_GOOD
};
/* What a file is worth for a blob of this identity, by its header and size and the hash of its
 * weights; *hash is what it says of the blob. */
enum pack_cache_verdict pack_cache_check(const void *header, size_t size, uint64_t weights,
                                         const struct pack_cache_key *key,
                                         const struct blob_identity *blob, uint64_t *hash);
/* A hash of the hashes of pieces. MIEN_ENOMEM. */
int pack_cache_hash(struct pool *pool, const void *weights, size_t bytes, uint64_t *hash);
enum { PACK_CACHE_HEADER = 4096 }; /* bytes before the weights */

#endif
