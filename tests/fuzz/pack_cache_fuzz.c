/*
 * pack_cache_fuzz.c - feeds arbitrary bytes to the check of a cache file.
 *
 * The first byte says whether the header's own hash is put right before, without which next to
 * nothing would get past it. What the check accepts must have the size the engine asked for, to
 * the byte, and is read whole.
 */
#include "engine/hash.h"
#include "engine/pack_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHECK = 96 /* where the header's hash of all before it lies */, BYTES = 320 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct blob_identity blob = {1, 2, 3, 4, 5, 6};
    const struct pack_cache_key key = {.variant = "fuzz", .layout = 7, .bytes = BYTES};
    if (size < 1) return 0;
    int mend = data[0] & 1;
    size--;
    uint8_t *file = malloc(size + 1);
    if (!file) return 0;
    memcpy(file, data + 1, size);
    if (mend && size >= CHECK + 8) {
        uint64_t hash = hash_bytes(file, CHECK);
        memcpy(file + CHECK, &hash, sizeof hash);
    }
    uint8_t *exact = realloc(file, size ? size : 1); /* so that one byte beyond is one too far */
    uint64_t hash = 0, weights = 0;
    if (size > PACK_CACHE_HEADER &&
        pack_cache_hash(NULL, exact + PACK_CACHE_HEADER, size - PACK_CACHE_HEADER, &weights))
        return 0;
    enum pack_cache_verdict v = pack_cache_check(exact, size, weights, &key, &blob, &hash);
    volatile unsigned sum = 0;
    if (v != PACK_CACHE_USELESS) {
        if (size != PACK_CACHE_HEADER + BYTES) __builtin_trap();
        for (size_t i = 0; i < BYTES; i++) sum = sum + exact[PACK_CACHE_HEADER + i];
    }
    free(exact);
    return 0;
}
