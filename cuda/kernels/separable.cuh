/*
 * separable.cuh - a depthwise convolution of 3x3 and the 1x1 behind it as one kernel, for sm_80 and
 * up.
 *
 * It is conv_mma.cuh's product of pixels by weights, but pixels are not copied: threads compute
 * what the depthwise convolution gives for a step's channels, round it to the type it would be
 * stored in and leave it where load_matrices() looks. So that value, as large as the depthwise
 * convolution's input, is neither written nor read, and there is one launch instead of two.
 *
 * A thread computes SEPARABLE_RUN neighbours along a row. Rows of the tile therefore are counted in
 * whole runs: a map's row of 14 pixels takes 16.
 */
#ifndef MIEN_CUDA_KERNELS_SEPARABLE_CUH
#define MIEN_CUDA_KERNELS_SEPARABLE_CUH

#include "cuda/kernels/conv_mma.cuh"
#include "cuda/kernels/depthwise.cuh"

/* Eight channels, of which the first is `channel` of a step, to row `row` of a slot. */
template <int SIZE> DEVICE void put_channels(char *slot, int row, int channel, const wide_raw &v) {
    int chunk = channel * SIZE / 16;
    char *line = slot + row * CONV_STEP, *at = line + (chunk ^ (row % 8)) * 16;
    if (SIZE == 1) {
        *(pair *)(at + channel % 16) = {{v.low.w[0], v.low.w[1]}};
        return;
    }
    *(quad *)at = v.low;
    if (SIZE == 4) *(quad *)(line + ((chunk + 1) ^ (row % 8)) * 16) = v.high;
}

/* The depthwise convolution's channels from `first` on, a step of them, for a tile's pixels. What
 * is beyond its channels becomes zeros; rows that are no pixels, whatever is finite or not read. */
template <class T, int STRIDE, int THREADS, int BM>
DEVICE void put_depthwise(const cuda_gconv &p, const conv_tile &tile, int first, char *slot) {
    enum { RUN = SEPARABLE_RUN, GROUPS = CONV_STEP / T::SIZE / WIDE };
    const cuda_epilogue &e = p.e;
#pragma unroll 1
    for (int i = (int)threadIdx.x; i < BM / RUN * GROUPS; i += THREADS) {
        int channel = i % GROUPS * WIDE, row = i / GROUPS * RUN, at = tile.first_pixel + row;
        wide_raw raw[RUN];
#pragma unroll
        for (int j = 0; j < RUN; j++)
            for (int k = 0; k < 4; k++) raw[j].low.w[k] = raw[j].high.w[k] = 0;
        if (first + channel < e.out.c && at < tile.pixels) { /* whole runs of whole groups */
            wide_place o;
            o.c = first + channel;
            o.n = WIDE;
            o.x = at % tile.across;
            o.y = at / tile.across % e.out.h;
            o.b = at / tile.across / e.out.h;
            float sum[RUN][WIDE], slope[WIDE], inverse[WIDE];
            depthwise_3x3_sums<T::TYPE, STRIDE, RUN, (RUN - 1) * STRIDE + 3>(
                p, 1, 1, o, o.x, min((int)RUN, e.out.w - o.x), sum);
            /* what is below zero is multiplied by the slope */
            float below = e.act == ACT_NONE ? 1.0f : e.act == ACT_LEAKY ? e.alpha : 0.0f;
            for (int k = 0; k < WIDE; k++) slope[k] = below;
            if (e.act == ACT_PRELU) load_eight(e.slope + o.c, slope);
            if (T::SIZE == 1) load_eight(e.inverse + o.c, inverse);
#pragma unroll
            for (int j = 0; j < RUN; j++) {
                float v[WIDE];
                load_eight(e.bias + border_class(e, o.y, o.x + j) * e.out.c + o.c, v);
                for (int k = 0; k < WIDE; k++) {
                    v[k] += sum[j][k];
                    v[k] = v[k] < 0 ? v[k] * slope[k] : v[k];
                }
                pack_values(T::TYPE, v, e.out.zero, inverse, raw[j]);
            }
        }
#pragma unroll
        for (int j = 0; j < RUN; j++) put_channels<T::SIZE>(slot, row + j, channel, raw[j]);
    }
}

template <class T, int STRIDE, int BM, int BN, int WM, int WN>
DEVICE void separable(const cuda_separable &p) {
    enum {
        THREADS = WM * WN * 32,
        STAGES = SEPARABLE_STAGES,
        PIXELS = BM * CONV_STEP,
        WEIGHTS = BN * CONV_STEP,
        CHANNELS = CONV_STEP / T::SIZE /* of a step */
    };
    const cuda_conv &c = p.pointwise;
    char *pixels = shared_memory(), *ring = pixels + 2 * PIXELS;
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    int across = (c.e.out.w + SEPARABLE_RUN - 1) / SEPARABLE_RUN * SEPARABLE_RUN;
    conv_tile tile = conv_tile_of<BM, BN>(c, across);
    conv_part part = conv_part_of<T>(c, tile.first_channel);

    /* Weights are nobody's result: they come while the kernel before this one still runs. */
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
        if (s < part.count)
            copy_weights<THREADS, BN>(part.weights + s * CONV_STEP, part.pitch, ring + s * WEIGHTS);
        copy_async_commit();
    }
    grid_wait();
    grid_release();

    conv_sums<T, BM / WM / 16, BN / WN / 8> sums;
    clear(sums);
    conv_place place = conv_place_of<BM, BN, WM, WN>(warp, lane);

    int read = 0, write = STAGES - 1;
#pragma unroll 1
    for (int step = 0; step < part.count; step++) {
        /* Whoever multiplied this slot's last step has passed the barrier of the one between. */
        char *slot = pixels + step % 2 * PIXELS;
        put_depthwise<T, STRIDE, THREADS, BM>(p.depthwise, tile, (part.begin + step) * CHANNELS,
                                              slot);
        copy_async_wait<STAGES - 2>();
        block_sync();
        multiply_step(slot, ring + read * WEIGHTS, place, sums, [&] {
            if (step + STAGES - 1 < part.count)
                copy_weights<THREADS, BN>(part.weights + (int64_t)(step + STAGES - 1) * CONV_STEP,
                                          part.pitch, ring + write * WEIGHTS);
            copy_async_commit();
        });
        read = read + 1 == STAGES ? 0 : read + 1;
        write = write + 1 == STAGES ? 0 : write + 1;
    }
    copy_async_wait<0>();
    block_sync();

    conv_finish<T, BM, BN, WM, WN>(c, tile, sums, pixels);
}

/* The kernels of a tile: separable_<type>_<pixels>x<channels>_s<stride>. */
#define SEPARABLE_KERNEL(type, bm, bn, wm, wn, stride, blocks)                                     \
    KERNEL(separable_##type##_##bm##x##bn##_s##stride, cuda_separable, wm *wn * 32, blocks) {      \
        separable<type_##type, stride, bm, bn, wm, wn>(p);                                         \
    }

#endif
