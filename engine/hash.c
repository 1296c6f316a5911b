#include "engine/hash.h"

#include <string.h>

enum { STRIPE = 32 };
static const uint64_t P1 = 0x9E3779B185EBCA87, P2 = 0xC2B2AE3D27D4EB4F, P3 = 0x165667B19E3779F9,
                      P4 = 0x85EBCA77C2B2AE63, P5 = 0x27D4EB2F165667C5;

static uint64_t rotate(uint64_t v, int bits) {
    return v << bits | v >> (64 - bits);
}

/* n little-endian bytes, at most 8. */
static uint64_t read_le(const uint8_t *p, int n) {
    uint64_t v = 0;
    for (int i = n - 1; i >= 0; i--) v = v << 8 | p[i];
    return v;
}

static uint64_t mix(uint64_t lane, uint64_t v) {
    return rotate(lane + v * P2, 31) * P1;
}

static void add_stripe(uint64_t lane[4], const uint8_t *p) {
    for (int i = 0; i < 4; i++) lane[i] = mix(lane[i], read_le(p + (size_t)i * 8, 8));
}

void hash_start(struct hash *h) {
    *h = (struct hash){.lane = {P1 + P2, P2, 0, 0 - P1}};
}

void hash_add(struct hash *h, const void *bytes, size_t n) {
    const uint8_t *p = bytes;
    h->total += n;
    if (h->kept) {
        size_t fill = n < STRIPE - h->kept ? n : STRIPE - h->kept;
        memcpy(h->rest + h->kept, p, fill);
        h->kept += fill;
        p += fill;
        n -= fill;
        if (h->kept < STRIPE) return;
        add_stripe(h->lane, h->rest);
        h->kept = 0;
    }
    uint64_t lane[4]; /* a copy stays in registers */
    memcpy(lane, h->lane, sizeof lane);
    for (; n >= STRIPE; n -= STRIPE, p += STRIPE) add_stripe(lane, p);
    memcpy(h->lane, lane, sizeof lane);
    if (n) memcpy(h->rest, p, n);
    h->kept = n;
}

uint64_t hash_end(const struct hash *h) {
    const uint8_t *p = h->rest;
    uint64_t v = P5;
    size_t n = h->kept;
    if (h->total >= STRIPE) {
        v = rotate(h->lane[0], 1) + rotate(h->lane[1], 7) + rotate(h->lane[2], 12) +
            rotate(h->lane[3], 18);
        for (int i = 0; i < 4; i++) v = (v ^ mix(0, h->lane[i])) * P1 + P4;
    }
    v += h->total;
    for (; n >= 8; n -= 8, p += 8) v = rotate(v ^ mix(0, read_le(p, 8)), 27) * P1 + P4;
    for (; n >= 4; n -= 4, p += 4) v = rotate(v ^ read_le(p, 4) * P1, 23) * P2 + P3;
    for (; n; n--, p++) v = rotate(v ^ *p * P5, 11) * P1;
    v = (v ^ v >> 33) * P2;
    v = (v ^ v >> 29) * P3;
    return v ^ v >> 32;
}

uint64_t hash_bytes(const void *bytes, size_t n) {
    struct hash h;
    hash_start(&h);
    hash_add(&h, bytes, n);
    return hash_end(&h);
}
