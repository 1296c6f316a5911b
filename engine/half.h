/*
 * half.h - IEEE half precision on the host: what blobs may hold and GPUs compute with.
 */
#ifndef MIEN_ENGINE_HALF_H
#define MIEN_ENGINE_HALF_H

#include <stdint.h>
#include <string.h>

/* To nearest, ties to even; what is too large becomes infinite, a NaN stays one. */
static inline uint16_t half_from_float(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
    if (size > 0x7F800000) return (uint16_t)(sign | 0x7E00);
    if (size >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* 65520 and above */
    if (size < 0x38800000) { /* below 2^-14: a multiple of 2^-24, which adding 1/2 leaves over */
        float magnitude;
        memcpy(&magnitude, &size, sizeof magnitude);
        magnitude += 0.5f;
        memcpy(&size, &magnitude, sizeof size);
        return (uint16_t)(sign | (size - 0x3F000000));
    }
    size += 0xC8000FFF + (size >> 13 & 1); /* exponent from bias 127 to 15, and half a unit */
    return (uint16_t)(sign | size >> 13);
}

static inline float half_to_float(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x7FFF) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    f *= 0x1p112f; /* exponent from bias 15 to 127, subnormals too */
    memcpy(&bits, &f, sizeof bits);
    if ((h & 0x7C00) == 0x7C00) bits |= 0x7F800000; /* infinities and NaNs */
    bits |= sign;
    memcpy(&f, &bits, sizeof f);
    return f;
}

#endif
