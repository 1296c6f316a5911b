/*
 * depthwise.cu - depthwise convolutions (groups == c), which are bound by memory: nine products an
 * output against one load and one store.
 *
 * A thread computes eight channels of a few outputs along a row. Each input it loads is used by all
 * the outputs that it touches before the next is loaded, so that a row of the window costs
 * (outputs - 1) stride + kw loads of 16 bytes instead of outputs kw, and the weights of a row of
 * the window are in registers meanwhile. Neighbouring threads have neighbouring channels. Maps that
 * four outputs a thread would leave with too few threads for the device are computed with one.
 */
#include "cuda/kernels/wide.cuh"

/* Adds what input column x of the thread's (0 is the leftmost it needs) gives to each output. */
template <int KW, int STRIDE, int OUTPUTS>
DEVICE void add_column(float sum[OUTPUTS][WIDE], const float in[WIDE], const float wt[KW][WIDE],
                       int x) {
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++) {
        int tap = x - o * STRIDE;
        if (tap < 0 || tap >= KW) continue;
#pragma unroll
        for (int i = 0; i < WIDE; i++) sum[o][i] += in[i] * wt[tap][i];
    }
}

/* Windows of 3x3. TYPE: of the input, so that no load asks for it. */
template <int TYPE, int STRIDE, int OUTPUTS> DEVICE void depthwise_3x3(const cuda_gconv &p) {
    enum { K = 3, COLUMNS = (OUTPUTS - 1) * STRIDE + K };
    cuda_view in = p.in;
    in.type = TYPE;
    const cuda_view &out = p.e.out;
    int wide = view_is_wide(in), across = (out.w + OUTPUTS - 1) / OUTPUTS;
    cuda_view threads = out; /* a place is a thread's outputs */
    threads.w = across;
    grid_wait();
    grid_release();
    uint32_t n = wide_places(threads, p.e.batch), thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t i = thread; i < n; i += gridDim.x * blockDim.x) {
        wide_place o = wide_place_of(threads, i);
        int x0 = o.x * OUTPUTS, outputs = min((int)OUTPUTS, out.w - x0);
        const char *row = view_at(in, o.b, o.y * STRIDE - p.pad_top, x0 * STRIDE - p.pad_left, o.c);
        int last = (outputs - 1) * STRIDE + K, size = type_size(TYPE);
        float sum[OUTPUTS][WIDE];
#pragma unroll
        for (int j = 0; j < OUTPUTS * WIDE; j++) sum[j / WIDE][j % WIDE] = 0;
#pragma unroll 1
        for (int ky = 0; ky < K; ky++, row += (int64_t)in.row * size) {
            float wt[K][WIDE];
#pragma unroll
            for (int kx = 0; kx < K; kx++)
                load_floats(p.weights + (ky * K + kx) * out.c + o.c, o.n, wt[kx]);
#pragma unroll
            for (int x = 0; x < COLUMNS; x += K) { /* so many loads under way */
                wide_raw raw[K];
#pragma unroll
                for (int i = 0; i < K; i++)
                    load_raw(TYPE, row + (int64_t)min(x + i, last - 1) * in.px * size, o.n, wide,
                             raw[i]);
#pragma unroll
                for (int i = 0; i < K; i++) {
                    float v[WIDE];
                    unpack(TYPE, raw[i], v);
                    if (x + i < last) add_column<K, STRIDE, OUTPUTS>(sum, v, wt, x + i);
                }
            }
        }
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
    }

DEPTHWISE(f16, CUDA_F16)
DEPTHWISE(f32, CUDA_F32)
DEPTHWISE(u8, CUDA_U8)
