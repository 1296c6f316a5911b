/*
 * depthwise.cuh - a few neighbouring outputs of a depthwise convolution (groups == c) by one
 * thread.
 *
 * A thread computes eight channels of up to `outputs` outputs along a row. Each input it loads is
 * used by all the outputs that it touches before the next is loaded, so that a row of the window
 * costs (outputs - 1) stride + kw loads of 16 bytes instead of outputs kw, and the weights of a row
 * of the window are in registers meanwhile.
 */
#ifndef MIEN_CUDA_KERNELS_DEPTHWISE_CUH
#define MIEN_CUDA_KERNELS_DEPTHWISE_CUH

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

/*
 * Outputs x0 to x0 + count - 1 of row o.y of image o.b, channels of o, windows of 3x3.
 *
 * TYPE: of the input, so that no load asks for it. wide: view_is_wide() of it. whole: there are
 * always eight channels, and weights lie at multiples of 16 bytes. TOGETHER: loads under way at a
 * time.
 */
template <int TYPE, int STRIDE, int OUTPUTS, int TOGETHER>
DEVICE void depthwise_3x3_sums(const cuda_gconv &p, int wide, int whole, const wide_place &o,
                               int x0, int count, float sum[OUTPUTS][WIDE]) {
    enum { K = 3, COLUMNS = (OUTPUTS - 1) * STRIDE + K };
    cuda_view in = p.in;
    in.type = TYPE;
    const char *row = view_at(in, o.b, o.y * STRIDE - p.pad_top, x0 * STRIDE - p.pad_left, o.c);
    int last = (count - 1) * STRIDE + K, size = type_size(TYPE);
#pragma unroll
    for (int j = 0; j < OUTPUTS * WIDE; j++) sum[j / WIDE][j % WIDE] = 0;
#pragma unroll 1
    for (int ky = 0; ky < K; ky++, row += (int64_t)in.row * size) {
        float wt[K][WIDE];
#pragma unroll
        for (int kx = 0; kx < K; kx++) {
            const float *from = p.weights + (ky * K + kx) * p.e.out.c + o.c;
            if (whole)
                load_eight(from, wt[kx]);
            else
                load_floats(from, o.n, wt[kx]);
        }
#pragma unroll
        for (int x = 0; x < COLUMNS; x += TOGETHER) {
            wide_raw raw[TOGETHER];
#pragma unroll
            for (int i = 0; i < TOGETHER; i++)
                load_raw(TYPE, row + (int64_t)min(x + i, last - 1) * in.px * size,
                         whole ? WIDE : o.n, wide, raw[i]);
#pragma unroll
            for (int i = 0; i < TOGETHER; i++) {
                float v[WIDE];
                unpack(TYPE, raw[i], v);
                if (x + i < last) add_column<K, STRIDE, OUTPUTS>(sum, v, wt, x + i);
            }
        }
    }
}

#endif
