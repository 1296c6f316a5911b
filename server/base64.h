/*
 * base64.h - pictures that come as text.
 *
 * Takes what clients really send: RFC 4648's base64 or its URL-safe alphabet, whole or without the
 * padding, broken into lines or not, with or without "data:image/jpeg;base64," in front. Anything
 * else is refused, also bits that a padding should have left zero. Its own module because it is a
 * pure function of untrusted bytes, tested and fuzzed as such; nettle does the decoding.
 */
#ifndef MIEN_SERVER_BASE64_H
#define MIEN_SERVER_BASE64_H

#include "server/why.h"

#include <stddef.h>
#include <stdint.h>

/* Decodes text[0..length), which need not end in a NUL and may hold some.
 * max: the most bytes the result may have; what would be more is refused before it is decoded.
 * Returns 0 with *bytes (malloc'ed, never NULL, the caller's to free) and *size; or 400 (no
 * base64), 413 (more than max bytes), 500 (no memory) with a sentence in why, *bytes NULL and
 * *size 0. */
int base64_to_bytes(const char *text, size_t length, size_t max, uint8_t **bytes, size_t *size,
                    char why[WHY_SIZE]);

#endif
