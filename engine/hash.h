/*
 * hash.h - XXH64, a fast hash of 64 bits: to tell one file from another, not to resist an enemy.
 *
 * Yann Collet's xxHash, as its specification (doc/xxhash_spec.md of the xxHash repository) says,
 * with seed 0. Its own module because it is a pure function with published values to test against.
 */
#ifndef MIEN_ENGINE_HASH_H
#define MIEN_ENGINE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash {
    uint64_t lane[4], total;
    uint8_t rest[32]; /* bytes that do not fill a stripe yet */
    size_t kept;
};

void hash_start(struct hash *h);
void hash_add(struct hash *h, const void *bytes, size_t n);
uint64_t hash_end(const struct hash *h);
/* All in one. */
uint64_t hash_bytes(const void *bytes, size_t n);

#endif
