/*
 * wide.cuh - epilogue.cuh for eight neighbouring channels at a time.
 *
 * Sixteen bytes is the widest a thread loads or stores at once, and eight fp16 fill it. Where a
 * tensor's addresses do not allow that, or fewer channels than eight are left, the same functions
 * go channel by channel, so that callers need no second path.
 */
#ifndef MIEN_CUDA_KERNELS_WIDE_CUH
#define MIEN_CUDA_KERNELS_WIDE_CUH

#include "cuda/kernels/epilogue.cuh"
#include "cuda/kernels/tiles.h"

/* Element types of products as template parameters, and what sums of products are. */
struct type_f16 {
    enum { TYPE = CUDA_F16, SIZE = 2 };
    typedef float sum;
};

struct type_f32 {
    enum { TYPE = CUDA_F32, SIZE = 4 };
    typedef float sum;
};

struct type_u8 {
    enum { TYPE = CUDA_U8, SIZE = 1 };
    typedef int sum;
};

template <typename sum> struct alignas(16) four_sums { sum v[4]; };

template <typename sum> struct alignas(8) two_sums { sum v[2]; };

struct alignas(16) quad {
    uint32_t w[4];
};

struct alignas(8) pair {
    uint32_t w[2];
};

DEVICE float float_of(uint32_t bits) {
    union {
        uint32_t u;
        float f;
    } v;
    v.u = bits;
    return v.f;
}

DEVICE uint32_t bits_of(float f) {
    union {
        uint32_t u;
        float f;
    } v;
    v.f = f;
    return v.u;
}

/* Whether channels 0, 8, 16... of every pixel are where wide loads and stores may go. */
DEVICE int view_is_wide(const cuda_view &v) {
    int size = type_size(v.type);
    uint32_t bits = (uint32_t)(uintptr_t)v.data | (uint32_t)(v.image * size) |
                    (uint32_t)(v.row * size) | (uint32_t)(v.px * size);
    return bits % (size == 1 ? 8 : 16) == 0;
}

/* Eight floats from an address that is a multiple of 16. */
DEVICE void load_eight(const float *p, float out[WIDE]) {
    quad low = *(const quad *)p, high = *(const quad *)(p + 4);
    for (int i = 0; i < 4; i++) {
        out[i] = float_of(low.w[i]);
        out[4 + i] = float_of(high.w[i]);
    }
}

/* n floats of an array, zeros after them; wide where they happen to lie so. */
DEVICE void load_floats(const float *p, int n, float out[WIDE]) {
    if (n == WIDE && (uintptr_t)p % 16 == 0) {
        load_eight(p, out);
        return;
    }
    for (int i = 0; i < WIDE; i++) out[i] = i < n ? p[i] : 0.0f;
}

/* Eight channels as they came from memory; `high` is the second half of fp32. Loads stay apart from
 * what needs them, so that a thread can have several under way. */
struct wide_raw {
    quad low, high;
};

/* n channels of what `at` points to, the rest 0. */
DEVICE void load_raw(int type, const char *at, int n, int wide, wide_raw &r) {
    if (wide && n == WIDE) {
        if (type == CUDA_U8) {
            pair q = *(const pair *)at;
            r.low.w[0] = q.w[0];
            r.low.w[1] = q.w[1];
        } else {
            r.low = *(const quad *)at;
            if (type == CUDA_F32) r.high = *(const quad *)(at + 16);
        }
        return;
    }
#pragma unroll
    for (int i = 0; i < 4; i++) r.low.w[i] = r.high.w[i] = 0;
#pragma unroll
    for (int i = 0; i < WIDE; i++) {
        if (i >= n) continue;
        if (type == CUDA_F32)
            (i < 4 ? r.low : r.high).w[i % 4] = ((const uint32_t *)at)[i];
        else if (type == CUDA_F16)
            r.low.w[i / 2] |= (uint32_t)((const uint16_t *)at)[i] << (16 * (i % 2));
        else
            r.low.w[i / 4] |= (uint32_t)((const uint8_t *)at)[i] << (8 * (i % 4));
    }
}

/* As floats; bytes as they are stored. */
DEVICE void unpack(int type, const wide_raw &r, float out[WIDE]) {
    if (type == CUDA_F32) {
#pragma unroll
        for (int i = 0; i < WIDE; i++) out[i] = float_of((i < 4 ? r.low : r.high).w[i % 4]);
    } else if (type == CUDA_F16) {
#pragma unroll
        for (int i = 0; i < WIDE; i++)
            out[i] = half_to_float((uint16_t)(r.low.w[i / 2] >> (16 * (i % 2))));
    } else {
#pragma unroll
        for (int i = 0; i < WIDE; i++) out[i] = (float)(r.low.w[i / 4] >> (8 * (i % 4)) & 255);
    }
}

/* As values of channels c to c + n - 1 of v. */
DEVICE void unpack_values(const cuda_view &v, const wide_raw &r, int c, int n, float out[WIDE]) {
    unpack(v.type, r, out);
    if (v.type != CUDA_U8) return;
    for (int i = 0; i < WIDE; i++)
        if (i < n) out[i] = v.scale[c + i] * (out[i] - (float)v.zero);
}

DEVICE void load_values(const cuda_view &v, const char *at, int c, int n, int wide,
                        float out[WIDE]) {
    wide_raw r;
    load_raw(v.type, at, n, wide, r);
    unpack_values(v, r, c, n, out);
}

/* What an epilogue does to channels c to c + n - 1, fetched once for many pixels. */
struct wide_epilogue {
    float scale[WIDE], bias[WIDE], slope[WIDE], inverse[WIDE];
    int c, n, out_wide, res_wide;
};

DEVICE void wide_epilogue_of(const cuda_epilogue &e, int c, int n, wide_epilogue &w) {
    w.c = c;
    w.n = n;
    w.out_wide = view_is_wide(e.out);
    w.res_wide = e.has_res && view_is_wide(e.res);
    for (int i = 0; i < WIDE; i++) {
        w.scale[i] = w.inverse[i] = 1;
        w.bias[i] = 0;
        w.slope[i] = e.alpha;
    }
    if (e.acc_scale) load_floats(e.acc_scale + c, n, w.scale);
    if (e.bias && e.bias_classes == 1) load_floats(e.bias + c, n, w.bias);
    if (e.act == ACT_PRELU) load_floats(e.slope + c, n, w.slope);
    if (e.out.type == CUDA_U8) load_floats(e.inverse + c, n, w.inverse);
}

/* Values as a tensor of `type` stores them; zero, inverse: of bytes, as struct cuda_view and struct
 * cuda_epilogue have them. */
DEVICE void pack_values(int type, const float v[WIDE], int zero, const float inverse[WIDE],
                        wide_raw &r) {
    if (type == CUDA_F32) {
#pragma unroll
        for (int i = 0; i < WIDE; i++) (i < 4 ? r.low : r.high).w[i % 4] = bits_of(v[i]);
    } else if (type == CUDA_F16) {
        for (int i = 0; i < 4; i++) r.low.w[i] = half2_from_floats(v[2 * i], v[2 * i + 1]);
    } else {
        r.low.w[0] = r.low.w[1] = 0;
        for (int i = 0; i < WIDE; i++) {
            float stored = rintf(v[i] * inverse[i] + (float)zero);
            r.low.w[i / 4] |= (uint32_t)fminf(fmaxf(stored, 0.0f), 255.0f) << (8 * (i % 4));
        }
    }
}

DEVICE void store_values(const cuda_epilogue &e, const wide_epilogue &w, char *at,
                         const float v[WIDE]) {
    if (!w.out_wide || w.n < WIDE) {
        for (int i = 0; i < WIDE; i++)
            if (i < w.n) view_store(e, at + i * type_size(e.out.type), w.c + i, v[i]);
        return;
    }
    wide_raw r;
    pack_values(e.out.type, v, e.out.zero, w.inverse, r);
    if (e.out.type == CUDA_U8) {
        *(pair *)at = {{r.low.w[0], r.low.w[1]}};
    } else {
        *(quad *)at = r.low;
        if (e.out.type == CUDA_F32) *(quad *)(at + 16) = r.high;
    }
}

/* The residual at an output pixel, where there is one. */
DEVICE void load_residual(const cuda_epilogue &e, const wide_epilogue &w, int b, int y, int x,
                          wide_raw &r) {
    if (!e.has_res) return;
    const char *at = view_at(e.res, b, y >> e.res_shift, x >> e.res_shift, w.c);
    load_raw(e.res.type, at, w.n, w.res_wide, r);
}

/* store_sum() for the channels of w, residual: what load_residual() gave for the pixel. One switch
 * a group: activate() would be one a channel. */
DEVICE void store_sums(const cuda_epilogue &e, const wide_epilogue &w, float v[WIDE],
                       const wide_raw &residual, int b, int y, int x) {
    float res[WIDE];
    for (int i = 0; i < WIDE; i++) res[i] = 0;
    if (e.has_res) unpack_values(e.res, residual, w.c, w.n, res);
    if (e.bias && e.bias_classes != 1) {
        float bias[WIDE];
        load_floats(e.bias + border_class(e, y, x) * e.out.c + w.c, w.n, bias);
        for (int i = 0; i < WIDE; i++) v[i] = v[i] * w.scale[i] + bias[i];
    } else {
        for (int i = 0; i < WIDE; i++) v[i] = v[i] * w.scale[i] + w.bias[i];
    }
    if (!e.res_after)
        for (int i = 0; i < WIDE; i++) v[i] = combine(e, v[i], res[i]);
    switch (e.act) {
    case ACT_NONE: break;
    case ACT_RELU:
        for (int i = 0; i < WIDE; i++) v[i] = fmaxf(v[i], 0.0f);
        break;
    case ACT_LEAKY:
    case ACT_PRELU:
        for (int i = 0; i < WIDE; i++) v[i] = v[i] < 0 ? w.slope[i] * v[i] : v[i];
        break;
    default:
        for (int i = 0; i < WIDE; i++) v[i] = activate(v[i], e.act, e.alpha, e.beta);
    }
    if (e.res_after)
        for (int i = 0; i < WIDE; i++) v[i] = combine(e, v[i], res[i]);
    store_values(e, w, view_at(e.out, b, y, x, w.c), v);
}

/* The same for who has but one pixel. */
DEVICE void store_sums(const cuda_epilogue &e, const wide_epilogue &w, float v[WIDE], int b, int y,
                       int x) {
    wide_raw residual;
    load_residual(e, w, b, y, x, residual);
    store_sums(e, w, v, residual, b, y, x);
}

/* store_halo(), a group of channels at a time; thread `thread` of `threads`. */
DEVICE void store_halo_wide(const cuda_view &v, int batch, uint32_t thread, uint32_t threads) {
    uint32_t full = v.left + v.w + v.right, above = v.top * full, below = v.bottom * full;
    uint32_t beside = v.left + v.right, pixels = above + below + v.h * beside;
    if (pixels == 0) return;
    uint32_t groups = (uint32_t)(v.c + WIDE - 1) / WIDE;
    int wide = view_is_wide(v), size = type_size(v.type);
    uint32_t byte = v.type == CUDA_U8 ? (uint32_t)v.zero & 255 : 0;
    for (uint32_t i = thread; i < batch * pixels * groups; i += threads) {
        uint32_t pixel = i / groups, b = pixel / pixels, at = pixel % pixels;
        int c = (int)(i % groups) * WIDE, n = min(v.c - c, (int)WIDE), y, x;
        if (at < above) {
            y = (int)(at / full) - v.top;
            x = (int)(at % full) - v.left;
        } else if (at < above + below) {
            y = v.h + (int)((at - above) / full);
            x = (int)((at - above) % full) - v.left;
        } else {
            y = (int)((at - above - below) / beside);
            x = (int)((at - above - below) % beside);
            x = x < v.left ? x - v.left : v.w + x - v.left;
        }
        char *to = view_at(v, (int)b, y, x, c);
        if (wide && n == WIDE) {
            for (int j = 0; j < size; j++) {
                pair q;
                q.w[0] = q.w[1] = byte * 0x01010101u;
                ((pair *)to)[j] = q;
            }
        } else {
            for (int j = 0; j < n * size; j++) to[j] = (char)byte;
        }
    }
}

/* Where group i of eight channels of a tensor is: groups of a pixel first, then x, y, image. */
struct wide_place {
    int b, y, x, c, n;
};

DEVICE wide_place wide_place_of(const cuda_view &v, uint32_t i) {
    uint32_t groups = (uint32_t)(v.c + WIDE - 1) / WIDE;
    wide_place o;
    o.c = (int)(i % groups) * WIDE;
    o.n = min(v.c - o.c, (int)WIDE);
    i /= groups;
    o.x = (int)(i % (uint32_t)v.w);
    i /= (uint32_t)v.w;
    o.y = (int)(i % (uint32_t)v.h);
    o.b = (int)(i / (uint32_t)v.h);
    return o;
}

DEVICE uint32_t wide_places(const cuda_view &v, int batch) {
    return (uint32_t)batch * v.h * v.w * ((v.c + WIDE - 1) / WIDE);
}

#endif
