/* epilogue.cuh - loads, stores and what happens to a sum in between, for all kernels. */
#ifndef MIEN_CUDA_KERNELS_EPILOGUE_CUH
#define MIEN_CUDA_KERNELS_EPILOGUE_CUH

#include "cuda/kernels/device.cuh"

/* enum kern_act (kernels/kern.h). */
enum {
    ACT_NONE,
    ACT_RELU,
    ACT_LEAKY,
    ACT_PRELU,
    ACT_SIGMOID,
    ACT_CLIP,
    ACT_HARD_SIGMOID,
    ACT_HARD_SWISH,
    ACT_SILU,
    ACT_TANH,
    ACT_GELU,
    ACT_MISH,
    ACT_ERF,
    ACT_EXP,
    ACT_ROOT,
    ACT_INVERSE
};

DEVICE int type_size(int type) {
    return type == CUDA_F32 ? 4 : type == CUDA_F16 ? 2 : 1;
}

/* Address of channel c of pixel y, x of image b. */
DEVICE char *view_at(const struct cuda_view &v, int b, int y, int x, int c) {
    int64_t at = b * v.image + (int64_t)y * v.row + (int64_t)x * v.px + c;
    return v.data + at * type_size(v.type);
}

/* Channel c of what `at` points to, as a float. */
DEVICE float view_load(const struct cuda_view &v, const char *at, int c) {
    if (v.type == CUDA_F32) return *(const float *)at;
    if (v.type == CUDA_F16) return half_to_float(*(const uint16_t *)at);
    return v.scale[c] * (float)((int)*(const uint8_t *)at - v.zero);
}

DEVICE float hard_sigmoid(float x, float alpha, float beta) {
    return fminf(fmaxf(alpha * x + beta, 0.0f), 1.0f);
}

/* tanh(log(1 + e^x)) = n / (n + 2) with n = e^x (e^x + 2); from x = 20 on it is 1. */
DEVICE float mish(float x) {
    float e = expf(fminf(x, 20.0f)), n = e * (e + 2.0f);
    return x * (n / (n + 2.0f));
}

/* slope: of leaky ones, else alpha. */
DEVICE float activate(float x, int act, float slope, float beta) {
    switch (act) {
    case ACT_RELU: return fmaxf(x, 0.0f);
    case ACT_LEAKY:
    case ACT_PRELU: return x < 0 ? slope * x : x;
    case ACT_SIGMOID: return 1.0f / (1.0f + expf(-x));
    case ACT_CLIP: return fminf(fmaxf(x, slope), beta);
    case ACT_HARD_SIGMOID: return hard_sigmoid(x, slope, beta);
    case ACT_HARD_SWISH: return x * hard_sigmoid(x, slope, beta);
    case ACT_SILU: return x / (1.0f + expf(-x));
    case ACT_TANH: return tanhf(x);
    case ACT_GELU: return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case ACT_MISH: return mish(x);
    case ACT_ERF: return erff(x);
    case ACT_EXP: return expf(fminf(fmaxf(x, -87.0f), 88.0f));
    case ACT_ROOT: return sqrtf(fmaxf(x, 0.0f));
    case ACT_INVERSE: return 1.0f / x;
    default: return x;
    }
}

/* The bias class of an output pixel: which borders it touches (engine/fold.h). */
DEVICE int border_class(const struct cuda_epilogue &e, int y, int x) {
    if (e.bias_classes == 1) return 0;
    return (y == 0) + 2 * (y == e.out.h - 1) + 4 * (x == 0) + 8 * (x == e.out.w - 1);
}

/* A value with its residual; without one it is 0, and added. */
DEVICE float combine(const struct cuda_epilogue &e, float v, float res) {
    return e.res_mul ? v * res : v + res;
}

/* Channel c of an output pixel from its sum; res: the residual there, 0 without one. */
DEVICE float finish(const struct cuda_epilogue &e, float sum, int border, int c, float res) {
    if (e.acc_scale) sum *= e.acc_scale[c];
    if (e.bias) sum += e.bias[border * e.out.c + c];
    if (!e.res_after) sum = combine(e, sum, res);
    sum = activate(sum, e.act, e.act == ACT_PRELU ? e.slope[c] : e.alpha, e.beta);
    return e.res_after ? combine(e, sum, res) : sum;
}

DEVICE void view_store(const struct cuda_epilogue &e, char *at, int c, float v) {
    if (e.out.type == CUDA_F32)
        *(float *)at = v;
    else if (e.out.type == CUDA_F16)
        *(uint16_t *)at = half_from_float(v);
    else
        *(uint8_t *)at =
            (uint8_t)fminf(fmaxf(rintf(v * e.inverse[c] + (float)e.out.zero), 0.0f), 255.0f);
}

/* The whole way of one sum: residual, bias, activation, store. */
DEVICE void store_sum(const struct cuda_epilogue &e, float sum, int b, int y, int x, int c) {
    float res = 0;
    if (e.has_res) {
        const char *at = view_at(e.res, b, y >> e.res_shift, x >> e.res_shift, c);
        res = view_load(e.res, at, c);
    }
    view_store(e, view_at(e.out, b, y, x, c), c, finish(e, sum, border_class(e, y, x), c, res));
}

/*
 * Fills the halo of a tensor of `batch` images with what stands for zero; every kernel that writes
 * a tensor ends with this. The grid's threads share the work: this is thread `thread` of `threads`.
 */
DEVICE void store_halo(const struct cuda_view &v, int batch, int64_t thread, int64_t threads) {
    int above = v.top * (v.left + v.w + v.right), below = v.bottom * (v.left + v.w + v.right);
    int beside = v.left + v.right, pixels = above + below + v.h * beside;
    if (pixels == 0) return;
    for (int64_t i = thread; i < (int64_t)batch * pixels * v.c; i += threads) {
        int c = (int)(i % v.c), at = (int)(i / v.c % pixels), b = (int)(i / v.c / pixels), y, x;
        if (at < above) {
            y = at / (v.left + v.w + v.right) - v.top;
            x = at % (v.left + v.w + v.right) - v.left;
        } else if (at < above + below) {
            y = v.h + (at - above) / (v.left + v.w + v.right);
            x = (at - above) % (v.left + v.w + v.right) - v.left;
        } else {
            y = (at - above - below) / beside;
            x = (at - above - below) % beside;
            x = x < v.left ? x - v.left : v.w + x - v.left;
        }
        char *to = view_at(v, b, y, x, c);
        if (v.type == CUDA_F32)
            *(float *)to = 0;
        else if (v.type == CUDA_F16)
            *(uint16_t *)to = 0;
        else
            *(uint8_t *)to = (uint8_t)v.zero;
    }
}

/*
 * Pixel `at` of a network's input with its halo, counted over a batch: the border colour outside of
 * the picture, inside what make(b, y, x, colour) says. Channels beyond the third become zero.
 */
template <class maker>
DEVICE void store_input(const struct cuda_view &v, const float border[3], int64_t at, maker make) {
    int full_w = v.left + v.w + v.right, full_h = v.top + v.h + v.bottom;
    int x = (int)(at % full_w) - v.left, y = (int)(at / full_w % full_h) - v.top;
    int b = (int)(at / full_w / full_h);
    float colour[3] = {border[0], border[1], border[2]};
    if (y >= 0 && y < v.h && x >= 0 && x < v.w) make(b, y, x, colour);
    for (int c = 0; c < v.px; c++) {
        float value = c > 2 ? 0 : colour[c];
        char *to = view_at(v, b, y, x, c);
        if (v.type == CUDA_F32)
            *(float *)to = value;
        else
            *(uint16_t *)to = half_from_float(value);
    }
}

/* How many there are. */
DEVICE int64_t input_pixels(const struct cuda_view &v, int batch) {
    return (int64_t)batch * (v.top + v.h + v.bottom) * (v.left + v.w + v.right);
}

/* This thread among all of a grid of one dimension of blocks, and how many there are. */
DEVICE int64_t grid_thread() {
    return (int64_t)(blockIdx.x + gridDim.x * (blockIdx.y + (int64_t)gridDim.y * blockIdx.z)) *
               blockDim.x +
           threadIdx.x;
}

DEVICE int64_t grid_threads() {
    return (int64_t)gridDim.x * gridDim.y * gridDim.z * blockDim.x;
}

#endif
