/*
 * sha256.h - SHA-256 (FIPS 180-4), by which pictures and networks are told apart, and by which a
 * receipt knows what was deleted without holding it. Its own module because it is a pure function
 * with published values to test against.
 */
#ifndef MIEN_GALLERY_SHA256_H
#define MIEN_GALLERY_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t total; /* bytes */
    uint8_t block[64];
};

void sha256_start(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *bytes, size_t n);
void sha256_end(struct sha256 *h, uint8_t out[32]);

#endif
