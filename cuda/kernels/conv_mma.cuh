/*
 * conv_mma.cuh - convolutions as matrix products on tensor cores, for sm_80 and up.
 *
 * A block computes a tile of output pixels by output channels (tiles.h). Steps of k go through a
 * ring in shared memory that copy_async() fills while earlier ones are multiplied; no matrix is
 * ever built, the input is read in place and its halo makes edges ordinary.
 *
 * fp16, fp32 and bytes share everything but the product itself. A step is 128 bytes of k for any
 * type, a row of the tile is one line of 128 bytes, and load_matrices() hands out 16-byte chunks of
 * it in the way each type's product wants its operands. Chunk c of row r is kept at c ^ (r % 8):
 * the eight rows a phase of load_matrices() reads, and the eight chunks of a row that are written,
 * then lie in different banks.
 *
 * fp32 is three products of TF32: x = big + small, each rounded to TF32, and small * big +
 * big * small + big * big has an error of about 1e-6 of the terms. Tensor cores round sums towards
 * zero, which adds up over long k; so every step is summed on its own and added in plain fp32.
 */
#ifndef MIEN_CUDA_KERNELS_CONV_MMA_CUH
#define MIEN_CUDA_KERNELS_CONV_MMA_CUH

#include "cuda/kernels/wide.cuh"

/* sum += a b, for 16 MT pixels by 8 NT channels and 32 bytes of k. */
template <int MT, int NT>
DEVICE void multiply(type_f16, float sum[MT][NT][4], const uint32_t a[MT][4],
                     const uint32_t b[NT][2]) {
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < NT; n++) multiply_f16(sum[m][n], a[m], b[n]);
}

template <int MT, int NT>
DEVICE void multiply(type_u8, int sum[MT][NT][4], const uint32_t a[MT][4],
                     const uint32_t b[NT][2]) {
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
        for (int n = 0; n < NT; n++) multiply_u8s8(sum[m][n], a[m], b[n]);
}

DEVICE void split_tf32(uint32_t x, uint32_t &big, uint32_t &small) {
    big = tf32_from_float(float_of(x));
    small = tf32_from_float(float_of(x) - float_of(big));
}

/* The small products first, and those of one sum apart from each other: they would wait. */
template <int MT, int NT>
DEVICE void multiply(type_f32, float sum[MT][NT][4], const uint32_t a[MT][4],
                     const uint32_t b[NT][2]) {
    uint32_t b_big[NT][2], b_small[NT][2];
#pragma unroll
    for (int n = 0; n < NT; n++)
#pragma unroll
        for (int i = 0; i < 2; i++) split_tf32(b[n][i], b_big[n][i], b_small[n][i]);
#pragma unroll
    for (int m = 0; m < MT; m++) {
        uint32_t big[4], small[4];
#pragma unroll
        for (int i = 0; i < 4; i++) split_tf32(a[m][i], big[i], small[i]);
#pragma unroll
        for (int n = 0; n < NT; n++) multiply_tf32(sum[m][n], small, b_big[n]);
#pragma unroll
        for (int n = 0; n < NT; n++) multiply_tf32(sum[m][n], big, b_small[n]);
#pragma unroll
        for (int n = 0; n < NT; n++) multiply_tf32(sum[m][n], big, b_big[n]);
    }
}

/* Where in k a thread copies: a chunk of 16 bytes of run `tap`. Offsets are in words of 4 bytes. */
struct conv_walk {
    int tap, column, chunk; /* column: tap % across */
    int offset;             /* of the run */
    int chunks, step, wrap; /* chunks of a run; words to the next run, and more to the next row */
};

template <class T> DEVICE conv_walk conv_walk_at(const cuda_conv &p, int chunk) {
    conv_walk w;
    int row = (int)((int64_t)p.in.row * T::SIZE / 4), px = p.across > 1 ? p.in.px * T::SIZE / 4 : 0;
    w.chunks = p.depth_pad * T::SIZE / 16;
    w.tap = chunk / w.chunks;
    w.chunk = chunk % w.chunks;
    w.column = w.tap % p.across;
    w.offset = w.tap / p.across * row + w.column * px;
    w.step = px;
    w.wrap = row - p.across * px;
    return w;
}

/* The next step's chunk: a few more runs, found without dividing. */
DEVICE void conv_walk_on(const cuda_conv &p, conv_walk &w) {
    w.chunk += CONV_STEP / 16;
    while (w.chunk >= w.chunks) {
        w.chunk -= w.chunks;
        w.tap++;
        w.offset += w.step;
        if (++w.column == p.across) {
            w.column = 0;
            w.offset += w.wrap;
        }
    }
}

/* 16 bytes from an address aligned to `unit`; bytes from `valid` on become zero. */
template <int unit> DEVICE void copy_chunk(char *to, const char *from, int valid) {
#pragma unroll
    for (int i = 0; i < 16; i += unit)
        copy_async<unit>(to + i, from + i, min(max(valid - i, 0), unit));
}

template <int threads, int rows> struct conv_rows {
    enum { EACH = rows * (CONV_STEP / 16) / threads };
    const char *first; /* the window of pixel 0, 0; it is aligned where channel 0 may not be */
    int offset[EACH];  /* from there to the windows of this thread's pixels, words of 4 bytes */
    uint32_t inside;   /* bit i: there is such a pixel */
};

/* Thread t copies chunk t % 8 of every step of rows t / 8, t / 8 + threads / 8...: a run of eight
 * threads reads 128 neighbouring bytes of the input. */
template <class T, int threads, int rows>
DEVICE void conv_rows_of(const cuda_conv &p, int first, int pixels, conv_rows<threads, rows> &r) {
    r.first = p.in.data - ((int64_t)p.pad_top * p.in.row + (int64_t)p.pad_left * p.in.px) * T::SIZE;
    r.inside = 0;
#pragma unroll
    for (int i = 0; i < conv_rows<threads, rows>::EACH; i++) {
        int pixel = first + (int)threadIdx.x / 8 + i * (threads / 8);
        r.offset[i] = 0;
        if (pixel >= pixels) continue;
        r.inside |= 1u << i;
        int w = p.e.out.w, h = p.e.out.h, x = pixel % w, y = pixel / w % h, b = pixel / w / h;
        int64_t at =
            b * p.in.image + (int64_t)y * p.stride * p.in.row + (int64_t)x * p.stride * p.in.px;
        r.offset[i] = (int)(at * T::SIZE / 4);
    }
}

template <class T, int unit, int threads, int rows>
DEVICE void copy_pixels(const cuda_conv &p, const conv_rows<threads, rows> &r, const conv_walk &w,
                        char *to) {
    int valid = w.tap < p.taps ? min(16, p.depth * T::SIZE - 16 * w.chunk) : 0;
    int row = (int)threadIdx.x / 8, chunk = ((int)threadIdx.x ^ row) % 8;
    to += row * CONV_STEP + chunk * 16;
#pragma unroll
    for (int i = 0; i < conv_rows<threads, rows>::EACH; i++) {
        int bytes = r.inside >> i & 1 ? valid : 0;
        const char *from = p.weights; /* where nothing is read: an address as good as any */
        if (bytes) from = r.first + (int64_t)(r.offset[i] + w.offset + 4 * w.chunk) * 4;
        copy_chunk<unit>(to + i * (threads / 8) * CONV_STEP, from, bytes);
    }
}

template <int threads, int rows>
DEVICE void copy_weights(const char *from, int64_t pitch, char *to) {
    int row = (int)threadIdx.x / 8, chunk = ((int)threadIdx.x ^ row) % 8;
    to += row * CONV_STEP + chunk * 16;
    from += row * pitch + (int)threadIdx.x % 8 * 16;
#pragma unroll
    for (int i = 0; i < rows; i += threads / 8)
        copy_async<16>(to + i * CONV_STEP, from + i * pitch, 16);
}

/* A warp's operands of 32 bytes of k, slice `slice` of a step. at_a, at_b: where this thread's row
 * of slice 0 is; swizzled places of the others differ in two bits. */
template <int MT, int NT>
DEVICE void load_operands(const char *a_rows, const char *b_rows, int at_a, int at_b, int slice,
                          uint32_t a[MT][4], uint32_t b[NT][2]) {
#pragma unroll
    for (int m = 0; m < MT; m++)
        load_matrices(a[m], a_rows + m * 16 * CONV_STEP + (at_a ^ (32 * slice)));
#pragma unroll
    for (int n = 0; n < NT; n += 2) {
        uint32_t both[4];
        load_matrices(both, b_rows + n * 8 * CONV_STEP + (at_b ^ (32 * slice)));
        b[n][0] = both[0];
        b[n][1] = both[1];
        b[n + 1][0] = both[2];
        b[n + 1][1] = both[3];
    }
}

/* Where the operands of warp `warp` of a tile's WM by WN are in a slot of pixels, and in one of
 * weights; where this thread's row of slice 0 is in them. */
struct conv_place {
    int a_rows, b_rows, at_a, at_b;
};

template <int BM, int BN, int WM, int WN> DEVICE conv_place conv_place_of(int warp, int lane) {
    conv_place o;
    o.a_rows = warp % WM * (BM / WM) * CONV_STEP;
    o.b_rows = warp / WM * (BN / WN) * CONV_STEP;
    o.at_a = lane % 16 * CONV_STEP + ((lane / 16) ^ (lane % 8)) * 16;
    o.at_b = (lane / 16 * 8 + lane % 8) * CONV_STEP + ((lane / 8 % 2) ^ (lane % 8)) * 16;
    return o;
}

/* A thread's sums. Those of fp32 are of a step, and then added to `total`: see above. */
template <class T, int MT, int NT> struct conv_sums {
    enum { OF_STEPS = (int)T::TYPE == (int)CUDA_F32, COUNT = MT * NT * 4 };
    typename T::sum now[MT][NT][4], total[MT][NT][4];
};

template <class T, int MT, int NT> DEVICE void clear(conv_sums<T, MT, NT> &s) {
#pragma unroll
    for (int i = 0; i < s.COUNT; i++) (&s.now[0][0][0])[i] = (&s.total[0][0][0])[i] = 0;
}

/* Adds a step of pixels and weights. meanwhile() is called when the first loads are under way. */
template <class T, int MT, int NT, class work>
DEVICE void multiply_step(const char *pixels, const char *weights, const conv_place &o,
                          conv_sums<T, MT, NT> &sums, work meanwhile) {
    enum { SLICES = CONV_STEP / 32 };
    uint32_t a[2][MT][4], b[2][NT][2];
    load_operands<MT, NT>(pixels + o.a_rows, weights + o.b_rows, o.at_a, o.at_b, 0, a[0], b[0]);
    meanwhile();
#pragma unroll
    for (int s = 0; s < SLICES; s++) {
        if (s + 1 < SLICES)
            load_operands<MT, NT>(pixels + o.a_rows, weights + o.b_rows, o.at_a, o.at_b, s + 1,
                                  a[(s + 1) % 2], b[(s + 1) % 2]);
        multiply<MT, NT>(T(), sums.now, a[s % 2], b[s % 2]);
    }
    if (sums.OF_STEPS) {
#pragma unroll
        for (int i = 0; i < sums.COUNT; i++) {
            (&sums.total[0][0][0])[i] += (&sums.now[0][0][0])[i];
            (&sums.now[0][0][0])[i] = 0;
        }
    }
}

/* Split-K: leaves this block's part in p.partial; true in the block that came last, with the sum of
 * all parts. Parts are added in their order, so that results do not depend on who came last. Each
 * thread stores and fetches its own sums, 16 bytes beside its neighbour's. */
template <int count, int threads, typename sum>
DEVICE int conv_join(const cuda_conv &p, sum *sums, unsigned *last) {
    int tile = (int)blockIdx.x;
    sum *part = (sum *)p.partial + (int64_t)tile * p.splits * count * threads + threadIdx.x * 4;
    sum *own = part + (int64_t)blockIdx.z * count * threads;
#pragma unroll
    for (int i = 0; i < count; i += 4) {
        four_sums<sum> q;
#pragma unroll
        for (int j = 0; j < 4; j++) q.v[j] = sums[i + j];
        *(four_sums<sum> *)(own + i * threads) = q;
    }
    device_fence();
    block_sync();
    if (threadIdx.x == 0) *last = atomic_add(p.arrived + tile, 1u) == (unsigned)p.splits - 1;
    block_sync();
    int came_last = (int)*last;
    block_sync();
    if (!came_last) return 0;
    device_fence();
    if (threadIdx.x == 0) p.arrived[tile] = 0;
#pragma unroll
    for (int i = 0; i < count; i++) sums[i] = 0;
    for (int s = 0; s < p.splits; s++, part += count * threads)
#pragma unroll
        for (int i = 0; i < count; i += 4) {
            four_sums<sum> q = *(const four_sums<sum> *)(part + i * threads);
#pragma unroll
            for (int j = 0; j < 4; j++) sums[i + j] += q.v[j];
        }
    return 1;
}

/* Eight sums of a row. Neighbours read 32 bytes apart: every other four threads begin with the
 * upper half, and eight of them meet all banks once. */
DEVICE void load_sums(const float *from, float v[WIDE]) {
    int swap = (int)threadIdx.x / 4 % 2;
    quad a = *(const quad *)(from + 4 * swap), b = *(const quad *)(from + 4 - 4 * swap);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        v[i] = float_of(swap ? b.w[i] : a.w[i]);
        v[4 + i] = float_of(swap ? a.w[i] : b.w[i]);
    }
}

/* Where a tile is. Its pixels are counted along rows of `across`, of which those beyond the map's
 * width are none. */
struct conv_tile {
    int first_pixel, pixels, across, first_channel;
};

/* Sums from shared memory, [rows][columns + CONV_SUM_PAD], to where they belong. Residuals of a few
 * pixels are asked for together: one after another they would take a trip to memory each. */
template <int threads, int rows, int columns>
DEVICE void conv_store(const cuda_conv &p, const float *sums, const conv_tile &tile) {
    enum {
        GROUPS = columns / WIDE,
        STEP = threads / GROUPS,
        EACH = rows / STEP,
        MOST = threads > 128 ? 2 : 4, /* large blocks have fewer registers */
        TOGETHER = EACH < MOST ? EACH : MOST
    };
    int group = (int)threadIdx.x % GROUPS, c = tile.first_channel + group * WIDE;
    int n = min(p.e.out.c - c, (int)WIDE);
    if (n <= 0) return;
    wide_epilogue e;
    wide_epilogue_of(p.e, c, n, e);
    int w = tile.across, h = p.e.out.h;
#pragma unroll 1
    for (int row = (int)threadIdx.x / GROUPS; row < rows; row += TOGETHER * STEP) {
        wide_raw res[TOGETHER];
#pragma unroll
        for (int i = 0; i < TOGETHER; i++) {
            int at = min(tile.first_pixel + row + i * STEP, tile.pixels - 1);
            load_residual(p.e, e, at / w / h, at / w % h, min(at % w, p.e.out.w - 1), res[i]);
        }
#pragma unroll
        for (int i = 0; i < TOGETHER; i++) {
            int at = tile.first_pixel + row + i * STEP;
            float v[WIDE];
            if (at >= tile.pixels) return;
            if (at % w >= p.e.out.w) continue;
            load_sums(sums + (row + i * STEP) * (columns + CONV_SUM_PAD) + group * WIDE, v);
            store_sums(p.e, e, v, res[i], at / w / h, at / w % h, at % w);
        }
    }
}

/* The end of a block: its sums to where they belong, where they are a tile's or the last part of
 * one, and the output's halo. shared: the block's, of which nothing is needed any more. */
template <class T, int BM, int BN, int WM, int WN>
DEVICE void conv_finish(const cuda_conv &p, const conv_tile &tile,
                        conv_sums<T, BM / WM / 16, BN / WN / 8> &all, char *shared) {
    enum { THREADS = WM * WN * 32, MT = BM / WM / 16, NT = BN / WN / 8, COUNT = MT * NT * 4 };
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    typename T::sum *sums = all.OF_STEPS ? &all.total[0][0][0] : &all.now[0][0][0];
    if (p.splits == 1 || conv_join<COUNT, THREADS>(p, sums, (unsigned *)shared)) {
        /* Eight floats of padding put rows four apart in different banks of a store of pairs. */
        float *out = (float *)shared + (warp % WM * (BM / WM) + lane / 4) * (BN + CONV_SUM_PAD) +
                     warp / WM * (BN / WN) + lane % 4 * 2;
#pragma unroll
        for (int i = 0; i < COUNT; i += 2) {
            int m = i / 4 / NT * 16 + i % 4 / 2 * 8, n = i / 4 % NT * 8;
            pair q;
            q.w[0] = bits_of((float)sums[i]);
            q.w[1] = bits_of((float)sums[i + 1]);
            *(pair *)(out + m * (BN + CONV_SUM_PAD) + n) = q;
        }
        block_sync();
        conv_store<THREADS, BM, BN>(p, (const float *)shared, tile);
    }
    if (blockIdx.z == 0)
        store_halo_wide(p.e.out, p.e.batch, blockIdx.x * THREADS + threadIdx.x,
                        gridDim.x * THREADS);
}

/* Tiles are numbered channels first: those that run at the same time share their pixels in the L2
 * cache, and all weights of a layer fit there anyway. */
template <int BM, int BN> DEVICE conv_tile conv_tile_of(const cuda_conv &p, int across) {
    int columns = (p.e.out.c + BN - 1) / BN;
    conv_tile o;
    o.first_pixel = (int)blockIdx.x / columns * BM;
    o.first_channel = (int)blockIdx.x % columns * BN;
    o.across = across;
    o.pixels = p.e.batch * p.e.out.h * across;
    return o;
}

/* The steps of k that a block sums, and its weights of the first of them. */
struct conv_part {
    int begin, count;
    const char *weights;
    int64_t pitch; /* bytes from channel to channel */
};

template <class T> DEVICE conv_part conv_part_of(const cuda_conv &p, int first_channel) {
    conv_part o;
    int steps = p.k_pad * T::SIZE / CONV_STEP, part = (steps + p.splits - 1) / p.splits;
    o.begin = min((int)blockIdx.z * part, steps);
    o.count = min(part, steps - o.begin);
    o.pitch = (int64_t)p.k_pad * T::SIZE;
    o.weights = p.weights + first_channel * o.pitch + (int64_t)o.begin * CONV_STEP;
    return o;
}

/* The whole kernel. */
template <class T, int BM, int BN, int WM, int WN, int STAGES, int UNIT>
DEVICE void conv_mma(const cuda_conv &p) {
    enum { THREADS = WM * WN * 32, SLOT = (BM + BN) * CONV_STEP };
    char *ring = shared_memory();
    int lane = (int)threadIdx.x % 32, warp = (int)threadIdx.x / 32;
    conv_tile tile = conv_tile_of<BM, BN>(p, p.e.out.w);
    conv_part part = conv_part_of<T>(p, tile.first_channel);

    /* Weights are nobody's result: they come while the kernel before this one still runs. */
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++)
        if (s < part.count)
            copy_weights<THREADS, BN>(part.weights + s * CONV_STEP, part.pitch,
                                      ring + s * SLOT + BM * CONV_STEP);
    conv_rows<THREADS, BM> rows;
    conv_rows_of<T, THREADS, BM>(p, tile.first_pixel, tile.pixels, rows);
    conv_walk walk = conv_walk_at<T>(p, part.begin * (CONV_STEP / 16) + (int)threadIdx.x % 8);
    grid_wait();
#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
        if (s < part.count) {
            copy_pixels<T, UNIT>(p, rows, walk, ring + s * SLOT);
            conv_walk_on(p, walk);
        }
        copy_async_commit();
    }
    /* Every block of this grid has its place by now: the next one takes only what is left. */
    grid_release();

    conv_sums<T, BM / WM / 16, BN / WN / 8> sums;
    clear(sums);
    conv_place place = conv_place_of<BM, BN, WM, WN>(warp, lane);

    int read = 0, write = STAGES - 1;
    for (int step = 0; step < part.count; step++) {
        copy_async_wait<STAGES - 2>();
        block_sync();
        const char *slot = ring + read * SLOT;
        multiply_step(slot, slot + BM * CONV_STEP, place, sums, [&] {
            /* All threads have passed the barrier and so are done with the slot before. */
            if (step + STAGES - 1 < part.count) {
                copy_weights<THREADS, BN>(part.weights + (int64_t)(step + STAGES - 1) * CONV_STEP,
                                          part.pitch, ring + write * SLOT + BM * CONV_STEP);
                copy_pixels<T, UNIT>(p, rows, walk, ring + write * SLOT);
                conv_walk_on(p, walk);
            }
            copy_async_commit();
        });
        read = read + 1 == STAGES ? 0 : read + 1;
        write = write + 1 == STAGES ? 0 : write + 1;
    }
    copy_async_wait<0>();
    block_sync();

    conv_finish<T, BM, BN, WM, WN>(p, tile, sums, ring);
}

/* The kernel of a tile: conv_<type>_<pixels>x<channels>_v<unit>. */
#define CONV_KERNEL(type, bm, bn, wm, wn, stages, unit, blocks)                                    \
    KERNEL(conv_##type##_##bm##x##bn##_v##unit, cuda_conv, wm *wn * 32, blocks) {                  \
        conv_mma<type_##type, bm, bn, wm, wn, stages, unit>(p);                                    \
    }

#endif
