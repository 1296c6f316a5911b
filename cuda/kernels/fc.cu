/*
 * fc.cu - matrix products of at most eight rows: fully connected layers of small batches.
 *
 * Such a layer costs what reading its weights costs, once, so as many bytes as can be have to be
 * under way: a block of 256 threads has a few outputs and shares all of k, 16 bytes of a row of
 * weights a thread and step. Two outputs a block for one row make 256 blocks of 512 outputs; for
 * up to eight rows it is four, because each input is then loaded for twice as many products.
 * A thread's sums meet its warp's by shuffles and the other warps' in shared memory.
 */
#include "cuda/kernels/wide.cuh"

/* Element i of 16 bytes; of weights, bytes have a sign. */
DEVICE float input_of(type_f16, const quad &q, int i) {
    return half_to_float((uint16_t)(q.w[i / 2] >> (16 * (i % 2))));
}

DEVICE float input_of(type_f32, const quad &q, int i) {
    return float_of(q.w[i]);
}

DEVICE int input_of(type_u8, const quad &q, int i) {
    return (int)(q.w[i / 4] >> (8 * (i % 4)) & 255);
}

DEVICE float weight_of(type_f16, const quad &q, int i) {
    return input_of(type_f16(), q, i);
}

DEVICE float weight_of(type_f32, const quad &q, int i) {
    return float_of(q.w[i]);
}

DEVICE int weight_of(type_u8, const quad &q, int i) {
    return (int)(int8_t)(q.w[i / 4] >> (8 * (i % 4)) & 255);
}

/* 16 bytes of which those from `valid` on become zero and are not read. */
template <class T> DEVICE quad load_chunk(const char *from, int valid) {
    if (valid >= 16) return *(const quad *)from;
    quad q;
    q.w[0] = q.w[1] = q.w[2] = q.w[3] = 0;
    for (int i = 0; i < 16; i++)
        if (i < valid) q.w[i / 4] |= (uint32_t)(uint8_t)from[i] << (8 * (i % 4));
    return q;
}

/* Chunk i of the weights of each output. Rows exist up to a multiple of CUDA_PACK_ROWS. */
template <class T, int OUTPUTS>
DEVICE void load_weights(const cuda_conv &p, const char *weights, int i, quad wt[OUTPUTS]) {
#pragma unroll
    for (int o = 0; o < OUTPUTS; o++)
        wt[o] = *(const quad *)(weights + ((int64_t)o * p.k_pad * T::SIZE + (int64_t)i * 16));
}

template <class T, int ROWS, int OUTPUTS> DEVICE void fc(const cuda_conv &p) {
    enum { EACH = 16 / T::SIZE, WARPS = FC_THREADS / 32 };
    typedef typename T::sum sum_type;
    sum_type *parts = (sum_type *)shared_memory(); /* [WARPS][ROWS][OUTPUTS] */
    int w = p.e.out.w, h = p.e.out.h, rows = p.e.batch * h * w;
    int first = (int)blockIdx.x * OUTPUTS;
    int run_chunks = p.depth_pad / EACH, chunks = p.taps * run_chunks;
    const char *weights = p.weights + (int64_t)first * p.k_pad * T::SIZE;

    int64_t at[ROWS]; /* elements from p.in.data to each row's window */
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        int row = min(r, rows - 1), x = row % w, y = row / w % h, b = row / w / h;
        at[r] = b * p.in.image + (int64_t)(y * p.stride - p.pad_top) * p.in.row +
                (int64_t)(x * p.stride - p.pad_left) * p.in.px;
    }
    sum_type sum[ROWS][OUTPUTS];
#pragma unroll
    for (int i = 0; i < ROWS * OUTPUTS; i++) sum[i / OUTPUTS][i % OUTPUTS] = 0;

    /* Weights are asked for a step ahead, the first before the inputs are there. */
    quad wt[OUTPUTS], next[OUTPUTS];
    if ((int)threadIdx.x < chunks) load_weights<T, OUTPUTS>(p, weights, (int)threadIdx.x, wt);
    grid_wait();
    grid_release();
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < chunks; i += FC_THREADS) {
        if (i + FC_THREADS < chunks) load_weights<T, OUTPUTS>(p, weights, i + FC_THREADS, next);
        int tap = i / run_chunks, chunk = i - tap * run_chunks;
        int64_t run = (int64_t)(tap / p.across) * p.in.row + (int64_t)(tap % p.across) * p.in.px +
                      chunk * EACH;
        int valid = (p.depth - chunk * EACH) * T::SIZE;
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            quad in = load_chunk<T>(p.in.data + (at[r] + run) * T::SIZE, valid);
#pragma unroll
            for (int o = 0; o < OUTPUTS; o++)
#pragma unroll
                for (int j = 0; j < EACH; j++)
                    sum[r][o] += input_of(T(), in, j) * weight_of(T(), wt[o], j);
        }
#pragma unroll
        for (int o = 0; o < OUTPUTS; o++) wt[o] = next[o];
    }

#pragma unroll
    for (int i = 0; i < ROWS * OUTPUTS; i++) {
        sum_type v = sum[i / OUTPUTS][i % OUTPUTS];
#pragma unroll
        for (int mask = 16; mask > 0; mask /= 2) v += shuffle_xor(v, mask);
        if (threadIdx.x % 32 == 0) parts[(int)threadIdx.x / 32 * ROWS * OUTPUTS + i] = v;
    }
    block_sync();
    int row = (int)threadIdx.x / OUTPUTS, c = first + (int)threadIdx.x % OUTPUTS;
    if (row < ROWS && row < rows && c < p.e.out.c) {
        sum_type v = 0;
        for (int i = 0; i < WARPS; i++) v += parts[i * ROWS * OUTPUTS + (int)threadIdx.x];
        store_sum(p.e, (float)v, row / w / h, row / w % h, row % w, c);
    }
    store_halo_wide(p.e.out, p.e.batch, blockIdx.x * blockDim.x + threadIdx.x,
                    gridDim.x * blockDim.x);
}

#define FC(type, rows, outputs, blocks)                                                            \
    KERNEL(fc_##type##_r##rows, cuda_conv, FC_THREADS, blocks) {                                   \
        fc<type_##type, rows, outputs>(p);                                                         \
    }

/* Bytes by bytes are multiplied one at a time here, which keeps up with memory for one row alone;
 * for more, conv_mma.cuh's tiles do. */
FC(f16, 1, 2, 4)
FC(f16, 4, 4, 2)
FC(f16, 8, 4, 1)
FC(f32, 1, 2, 4)
FC(f32, 4, 4, 2)
FC(f32, 8, 4, 1)
FC(u8, 1, 2, 4)
