#include "kernels/c/c.h"

static void gather_c(enum kern_type type, int c, const int32_t *from, const void *src, void *dst) {
    switch (kern_type_size(type)) {
    case 4:
        for (int j = 0; j < c; j++) ((uint32_t *)dst)[j] = ((const uint32_t *)src)[from[j]];
        break;
    case 2:
        for (int j = 0; j < c; j++) ((uint16_t *)dst)[j] = ((const uint16_t *)src)[from[j]];
        break;
    default:
        for (int j = 0; j < c; j++) ((uint8_t *)dst)[j] = ((const uint8_t *)src)[from[j]];
        break;
    }
}

static void blend_f32_c(int c, const float *const src[4], const float share[4], float *dst) {
    const float *p = src[0], *q = src[1], *r = src[2], *s = src[3];
    for (int j = 0; j < c; j++)
        dst[j] = share[0] * p[j] + share[1] * q[j] + share[2] * r[j] + share[3] * s[j];
}

void kern_init_c_gather(struct kern *k) {
    k->gather = gather_c;
    k->blend_f32 = blend_f32_c;
}
