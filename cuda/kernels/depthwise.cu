/*
 * depthwise.cu - depthwise convolutions, which are bound by memory: nine products an output against
 * one load and one store. Neighbouring threads have neighbouring channels. Maps that four outputs a
 * thread would leave with too few threads for the device are computed with one.
 */
#include "cuda/kernels/depthwise.cuh"

/* Windows of 3x3. */
template <int TYPE, int STRIDE, int OUTPUTS> DEVICE void depthwise_3x3(const cuda_gconv &p) {
    const cuda_view &out = p.e.out;
    cuda_view in = p.in, threads = out; /* a place is a thread's outputs */
    in.type = TYPE;
    threads.w = (out.w + OUTPUTS - 1) / OUTPUTS;
    int wide = view_is_wide(in);
    grid_wait();
    grid_release();
    uint32_t n = wide_places(threads, p.e.batch), thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t i = thread; i < n; i += gridDim.x * blockDim.x) {
        wide_place o = wide_place_of(threads, i);
        int x0 = o.x * OUTPUTS, outputs = min((int)OUTPUTS, out.w - x0);
        float sum[OUTPUTS][WIDE];
        depthwise_3x3_sums<TYPE, STRIDE, OUTPUTS, 3>(p, wide, 0, o, x0, outputs, sum);
        wide_epilogue e;
        wide_epilogue_of(p.e, o.c, o.n, e);
#pragma unroll
        for (int j = 0; j < OUTPUTS; j++)
            if (j < outputs) store_sums(p.e, e, sum[j], o.b, o.y, x0 + j);
    }
    store_halo_wide(out, p.e.batch, thread, gridDim.x * blockDim.x);
}

/* Any window, any stride; an output a thread. */
template <int TYPE> DEVICE void depthwise_any(const cuda_gconv &p) {
    cuda_view in = p.in;
    in.type = TYPE;
    const cuda_view &out = p.e.out;
    int wide = view_is_wide(in), size = type_size(TYPE);
    grid_wait();
    grid_release();
    uint32_t n = wide_places(out, p.e.batch), thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t i = thread; i < n; i += gridDim.x * blockDim.x) {
        wide_place o = wide_place_of(out, i);
        const char *row =
            view_at(in, o.b, o.y * p.stride - p.pad_top, o.x * p.stride - p.pad_left, o.c);
        const float *weights = p.weights + o.c;
        float sum[WIDE];
#pragma unroll
        for (int j = 0; j < WIDE; j++) sum[j] = 0;
        for (int ky = 0; ky < p.kh; ky++, row += (int64_t)in.row * size)
            for (int kx = 0; kx < p.kw; kx++, weights += out.c) {
                float v[WIDE], wt[WIDE];
                wide_raw raw;
                load_raw(TYPE, row + (int64_t)kx * in.px * size, o.n, wide, raw);
                unpack(TYPE, raw, v);
                load_floats(weights, o.n, wt);
#pragma unroll
                for (int j = 0; j < WIDE; j++) sum[j] += v[j] * wt[j];
            }
        wide_epilogue e;
        wide_epilogue_of(p.e, o.c, o.n, e);
        store_sums(p.e, e, sum, o.b, o.y, o.x);
    }
    store_halo_wide(out, p.e.batch, thread, gridDim.x * blockDim.x);
}

/*
 * Any window that is large where there are few outputs, as the one at the end of a MobileFaceNet:
 * one thread each would wait for 49 loads in turn. Here SHARE_LANES threads share an output's
 * window, and add up what they have: four of a warp, then a block's warps, always in the same
 * order.
 */
template <int TYPE> DEVICE void depthwise_shared(const cuda_gconv &p) {
    enum { WARPS = SHARE_LANES * SHARE_GROUPS / 32 };
    float *parts = (float *)shared_memory(); /* [WARPS][SHARE_GROUPS][WIDE] */
    cuda_view in = p.in;
    in.type = TYPE;
    const cuda_view &out = p.e.out;
    int wide = view_is_wide(in), size = type_size(TYPE), lane = (int)threadIdx.x / SHARE_GROUPS;
    uint32_t group = threadIdx.x % SHARE_GROUPS, n = wide_places(out, p.e.batch);
    grid_wait();
    grid_release();
    for (uint32_t i = blockIdx.x * SHARE_GROUPS; i < n; i += gridDim.x * SHARE_GROUPS) {
        wide_place o = wide_place_of(out, min(i + group, n - 1));
        const char *window =
            view_at(in, o.b, o.y * p.stride - p.pad_top, o.x * p.stride - p.pad_left, o.c);
        float sum[WIDE];
#pragma unroll
        for (int j = 0; j < WIDE; j++) sum[j] = 0;
        for (int t = lane; t < p.kh * p.kw; t += SHARE_LANES) {
            float v[WIDE], wt[WIDE];
            wide_raw raw;
            int64_t at = (int64_t)(t / p.kw) * in.row + (int64_t)(t % p.kw) * in.px;
            load_raw(TYPE, window + at * size, o.n, wide, raw);
            unpack(TYPE, raw, v);
            load_floats(p.weights + t * out.c + o.c, o.n, wt);
#pragma unroll
            for (int j = 0; j < WIDE; j++) sum[j] += v[j] * wt[j];
        }
#pragma unroll
        for (int j = 0; j < WIDE; j++) {
            for (int mask = SHARE_GROUPS; mask < 32; mask *= 2) sum[j] += shuffle_xor(sum[j], mask);
            if (threadIdx.x % 32 < SHARE_GROUPS)
                parts[(threadIdx.x / 32 * SHARE_GROUPS + group) * WIDE + j] = sum[j];
        }
        block_sync();
        if (threadIdx.x < SHARE_GROUPS && i + group < n) {
            for (int w = 1; w < WARPS; w++)
                for (int j = 0; j < WIDE; j++)
                    sum[j] += parts[(w * SHARE_GROUPS + group) * WIDE + j];
            wide_epilogue e;
            wide_epilogue_of(p.e, o.c, o.n, e);
            store_sums(p.e, e, sum, o.b, o.y, o.x);
        }
        block_sync();
    }
    store_halo_wide(out, p.e.batch, blockIdx.x * blockDim.x + threadIdx.x, gridDim.x * blockDim.x);
}

#define DEPTHWISE_3X3(name, type, stride, outputs)                                                 \
    KERNEL(name, cuda_gconv, WIDE_THREADS, outputs == 4 ? 4 : 5) {                                 \
        depthwise_3x3<type, stride, outputs>(p);                                                   \
    }
#define DEPTHWISE(name, type)                                                                      \
    DEPTHWISE_3X3(depthwise_##name##_3x3_s1_x4, type, 1, 4)                                        \
    DEPTHWISE_3X3(depthwise_##name##_3x3_s1_x1, type, 1, 1)                                        \
    DEPTHWISE_3X3(depthwise_##name##_3x3_s2_x4, type, 2, 4)                                        \
    DEPTHWISE_3X3(depthwise_##name##_3x3_s2_x1, type, 2, 1)                                        \
    KERNEL(depthwise_##name##_any, cuda_gconv, WIDE_THREADS, 5) {                                  \
        depthwise_any<type>(p);                                                                    \
    }                                                                                              \
    KERNEL(depthwise_##name##_shared, cuda_gconv, SHARE_LANES *SHARE_GROUPS, 2) {                  \
        depthwise_shared<type>(p);                                                                 \
    }

DEPTHWISE(f16, CUDA_F16)
DEPTHWISE(f32, CUDA_F32)
DEPTHWISE(u8, CUDA_U8)
