/*
 * conv_wgmma.cuh - convolutions of fp16 and of bytes on Hopper's tensor cores, fed by its copy
 * engine.
 *
 * A block computes tiles of output pixels by output channels (wgmma_tiles.h). One warp only starts
 * copies, each a box of a step's pixels or weights, into a ring of stages in shared memory; groups
 * of four warps multiply what has come. Two barriers a stage hand it back and forth: `full` ends a
 * phase when both boxes are there, `empty` when every multiplying warp is done with them. No thread
 * computes an address of an input: im2col maps (cuda_conv_wgmma) make the engine walk windows.
 *
 * Blocks stay, and take every gridDim.x-th tile, so that the first copies of a tile, and where
 * groups take turns all of its multiplications, run during the stores of the tile before.
 * Neighbouring blocks have the same pixels and other channels: a map is read from memory once and
 * then from L2, and weights are in L2 all the time. Where a map is too small for that to matter,
 * the blocks of a cluster share a tile, and there is a cluster a tile.
 *
 * Both types walk k in steps of 128 bytes and multiply 32 bytes at a time: they differ in what the
 * product is and in its sums, floats or int32_t.
 */
#ifndef MIEN_CUDA_KERNELS_CONV_WGMMA_CUH
#define MIEN_CUDA_KERNELS_CONV_WGMMA_CUH

#include "cuda/kernels/hopper.cuh"
#include "cuda/kernels/wgmma_tiles.h"
#include "cuda/kernels/wide.cuh"

#include <type_traits>

enum {
    LINE = CUDA_WGMMA_LINE, /* bytes of a row in a stage: of k in a step */
    PRODUCT = 32,           /* of those multiply_group() takes */
    GROUP_THREADS = 128,
    GROUP_ROWS = 64
};

/* The ring, and a place in it. */
struct ring {
    char *stages;
    uint64_t *full, *empty;
    int count, slot;
    unsigned parity; /* of the phase that `full` ends for the reader here; the writer's `empty` is
                      * one behind */
};

DEVICE void ring_next(ring &r) {
    if (++r.slot == r.count) {
        r.slot = 0;
        r.parity ^= 1;
    }
}

DEVICE void ring_skip(ring &r, int stages) {
    int slot = r.slot + stages;
    r.slot = slot % r.count;
    r.parity ^= slot / r.count & 1;
}

/* A part of a tile's sum that a block takes on: steps first to last - 1 of k. */
struct part {
    int tile, m, n, split, first, last;
};

DEVICE int parts_of(const cuda_conv_wgmma &p) {
    return p.tiles_m * p.tiles_n * p.conv.splits;
}

DEVICE part part_of(const cuda_conv_wgmma &p, int i) {
    part w;
    int steps = p.conv.taps * p.chunks, splits = p.conv.splits;
    w.split = i % splits;
    w.tile = i / splits;
    w.n = w.tile % p.tiles_n;
    w.m = w.tile / p.tiles_n;
    w.first = (int)((int64_t)steps * w.split / splits);
    w.last = (int)((int64_t)steps * (w.split + 1) / splits);
    return w;
}

/* Where the copies of a part are: the first window's first pixel, and the tap of the next step. */
struct walk {
    int b, y, x, kx, ky, chunk, column;
};

DEVICE walk walk_of(const cuda_conv_wgmma &p, const part &w, int pixels) {
    walk o;
    int at = w.m * pixels, tap = w.first / p.chunks;
    o.x = at % p.conv.e.out.w * p.conv.stride;
    at /= p.conv.e.out.w;
    o.y = at % p.conv.e.out.h * p.conv.stride;
    o.b = at / p.conv.e.out.h;
    o.chunk = w.first % p.chunks;
    o.kx = tap % p.conv.across;
    o.ky = tap / p.conv.across;
    o.column = tap * p.conv.depth_pad;
    return o;
}

DEVICE void walk_next(const cuda_conv_wgmma &p, walk &o) {
    if (++o.chunk < p.chunks) return;
    o.chunk = 0;
    o.column += p.conv.depth_pad;
    if (++o.kx < p.conv.across) return;
    o.kx = 0;
    o.ky++;
}

template <class T, int pixels, int channels>
DEVICE void copy_weights(const cuda_conv_wgmma &p, const ring &r, const part &w, const walk &o) {
    char *stage = r.stages + r.slot * ((pixels + channels) * LINE);
    barrier_expect(r.full + r.slot, (pixels + channels) * LINE);
    copy_box(stage + pixels * LINE, p.b, o.column + o.chunk * (LINE / T::SIZE), w.n * channels,
             r.full + r.slot);
}

template <class T, int pixels, int channels>
DEVICE void copy_pixels(const cuda_conv_wgmma &p, const ring &r, const walk &o) {
    copy_windows(r.stages + r.slot * ((pixels + channels) * LINE), p.a, o.chunk * (LINE / T::SIZE),
                 o.x, o.y, o.b, o.kx, o.ky, r.full + r.slot);
}

/* All copies of a block, by one thread. Weights do not depend on the kernel before this one: as
 * many as the ring holds are asked for before that has ended. */
template <class T, int pixels, int channels>
DEVICE void copy_all(const cuda_conv_wgmma &p, ring r) {
    int early = 0;
    ring at = r;
    part w = part_of(p, (int)blockIdx.x);
    walk o = walk_of(p, w, pixels);
    for (; early < r.count && early < w.last - w.first; early++) {
        copy_weights<T, pixels, channels>(p, at, w, o);
        walk_next(p, o);
        ring_next(at);
    }
    grid_wait();
    for (int i = (int)blockIdx.x; i < parts_of(p); i += (int)gridDim.x) {
        w = part_of(p, i);
        o = walk_of(p, w, pixels);
        for (int step = w.first; step < w.last; step++) {
            if (early > 0)
                early--;
            else {
                barrier_wait(r.empty + r.slot, r.parity ^ 1);
                copy_weights<T, pixels, channels>(p, r, w, o);
            }
            copy_pixels<T, pixels, channels>(p, r, o);
            walk_next(p, o);
            ring_next(r);
        }
    }
    grid_release();
}

/* The sums of a part, for 64 * blocks pixels from `row` of the tile on: sum[i] is of the i-th 64.
 * next: whose turn it is when all products are on their way; NULL: nobody's. */
template <int pixels, int channels, int blocks, int count, typename sum_type>
DEVICE void multiply_all(ring &r, const part &w, int row, uint64_t *next,
                         sum_type (&sum)[blocks][count]) {
#pragma unroll
    for (int i = 0; i < blocks; i++)
#pragma unroll
        for (int j = 0; j < count; j++) sum[i][j] = 0;
    uint64_t *read = NULL;
    for (int step = w.first; step < w.last; step++) {
        char *stage = r.stages + r.slot * ((pixels + channels) * LINE);
        barrier_wait(r.full + r.slot, r.parity);
        multiply_begin();
#pragma unroll
        for (int k = 0; k < LINE; k += PRODUCT)
#pragma unroll
            for (int i = 0; i < blocks; i++)
                multiply_group(sum[i], matrix_descriptor(stage + (row + i * GROUP_ROWS) * LINE + k),
                               matrix_descriptor(stage + pixels * LINE + k));
        multiply_commit();
        multiply_wait<1>();
        if (read && threadIdx.x % 32 == 0) barrier_arrive(read);
        read = r.empty + r.slot;
        ring_next(r);
    }
    if (next && threadIdx.x % 32 == 0) barrier_arrive(next);
    multiply_wait<0>();
#pragma unroll
    for (int i = 0; i < blocks; i++) multiply_end(sum[i]);
    if (threadIdx.x % 32 == 0) barrier_arrive(read);
}

/*
 * Puts this block's part of a tile beside the others' and, where they are all there, adds them up
 * in their order: 1, and the sums are the tile's. A thread's sums are its own in every block, so
 * where they stand in the meantime is free: four of one thread beside those of the next. Called by
 * thread `thread` of the `threads` that share the tile, with a barrier and a word of theirs.
 */
template <int threads, int blocks, int count, typename sum_type>
DEVICE int gather_parts(const cuda_conv &p, const part &w, int thread, int barrier, int *last,
                        sum_type (&sum)[blocks][count]) {
    sum_type *tile =
        (sum_type *)p.partial + (int64_t)w.tile * p.splits * (threads * blocks * count);
    sum_type *own = tile + (int64_t)w.split * (threads * blocks * count);
#pragma unroll
    for (int i = 0; i < blocks * count / 4; i++) {
        four_sums<sum_type> q;
        for (int j = 0; j < 4; j++) q.v[j] = sum[i * 4 / count][i * 4 % count + j];
        *(four_sums<sum_type> *)(own + (i * threads + thread) * 4) = q;
    }
    device_fence();
    threads_sync(barrier, threads);
    if (thread == 0) {
        *last = atomic_add(p.arrived + w.tile, 1u) == (unsigned)p.splits - 1;
        if (*last) p.arrived[w.tile] = 0;
    }
    threads_sync(barrier, threads);
    if (!*last) return 0;
    device_fence();
#pragma unroll
    for (int i = 0; i < blocks * count; i++) sum[i / count][i % count] = 0;
    for (int s = 0; s < p.splits; s++) {
        const sum_type *from = tile + (int64_t)s * (threads * blocks * count);
#pragma unroll
        for (int i = 0; i < blocks * count / 4; i++) {
            four_sums<sum_type> q =
                *(const four_sums<sum_type> *)(from + (i * threads + thread) * 4);
            for (int j = 0; j < 4; j++) sum[i * 4 / count][i * 4 % count + j] += q.v[j];
        }
    }
    return 1;
}

/* Four neighbouring lanes have four values each: lane t gets the t-th of each, in their order. */
DEVICE void transpose_four(float v[4], int t) {
#pragma unroll
    for (int mask = 1; mask < 4; mask *= 2)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (i & mask) continue;
            float got = shuffle_xor(t & mask ? v[i] : v[i | mask], mask);
            if (t & mask)
                v[i] = got;
            else
                v[i | mask] = got;
        }
}

/* Channels from c on of an output pixel, counted over the batch, through the epilogue. What that is
 * made of is fetched for each pixel: kept for all, it would not fit beside the sums. */
template <typename sum_type>
DEVICE void store_pixel(const cuda_epilogue &e, int pixel, int c, float v[WIDE]) {
    int map = e.out.h * e.out.w, b = pixel / map, y = (pixel - b * map) / e.out.w;
    wide_epilogue wide;
    wide_epilogue_of(e, c, min(e.out.c - c, (int)WIDE), wide);
    for (int k = 0; k < WIDE; k++)
        if (std::is_same<sum_type, float>::value) wide.scale[k] = 1;
    store_sums(e, wide, v, b, y, pixel - b * map - y * e.out.w);
}

/*
 * A group's sums through the epilogue. A thread has two neighbouring channels of every eight; four
 * lanes trade those of 32 channels so that each has eight of them, which is what a 16-byte store of
 * fp16 takes. first: output pixel of the warp's first row.
 */
template <int channels, int blocks, int count, typename sum_type>
DEVICE void store_all(const cuda_epilogue &e, int first, int channel,
                      sum_type (&sum)[blocks][count]) {
    int lane = threadIdx.x % 32, t = lane % 4, map = e.out.h * e.out.w;
#pragma unroll
    for (int j = 0; j < count; j += 16) {
        int c = channel + j * 2 + t * WIDE;
#pragma unroll
        for (int i = 0; i < blocks; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float even[4], odd[4], v[WIDE];
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    even[k] = (float)sum[i][j + 4 * k + 2 * half];
                    odd[k] = (float)sum[i][j + 4 * k + 2 * half + 1];
                }
                transpose_four(even, t);
                transpose_four(odd, t);
                int pixel = first + i * GROUP_ROWS + half * 8 + lane / 4;
                if (c >= e.out.c || pixel >= e.batch * map) continue;
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    v[2 * k] = even[k];
                    v[2 * k + 1] = odd[k];
                }
                store_pixel<sum_type>(e, pixel, c, v);
            }
    }
}

/*
 * The blocks of a cluster have a part each of one tile's sum, block i split i. Each leaves its sums
 * where its ring was, adds up those of a share of the pixels, in the order of the splits, and
 * stores them. The copying warp comes along to both meetings: the second is there because nobody
 * may end while others still read.
 */
template <int channels, typename sum_type>
DEVICE void store_shared(const cuda_conv_wgmma &p, sum_type *sums, const part &w,
                         sum_type (&sum)[1][channels / 2]) {
    enum { PITCH = channels + CONV_SUM_PAD, GROUPS = channels / WIDE };
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const cuda_epilogue &e = p.conv.e;
    threads_sync(1, GROUP_THREADS); /* all warps are done with the ring */
    sum_type *own = sums + (warp * 16 + lane / 4) * PITCH + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < channels / 2; i += 2) {
        two_sums<sum_type> q = {{sum[0][i], sum[0][i + 1]}};
        *(two_sums<sum_type> *)(own + i % 4 / 2 * 8 * PITCH + i / 4 * 8) = q;
    }
    cluster_sync();
    int splits = p.conv.splits, rows = GROUP_ROWS / splits, map = e.out.h * e.out.w;
    for (int i = threadIdx.x; i < rows * GROUPS; i += GROUP_THREADS) {
        int row = w.split * rows + i / GROUPS, pixel = w.m * GROUP_ROWS + row;
        int group = i % GROUPS * WIDE, c = w.n * channels + group;
        if (c >= e.out.c || pixel >= e.batch * map) continue;
        sum_type all[WIDE] = {0, 0, 0, 0, 0, 0, 0, 0};
        for (int s = 0; s < splits; s++)
#pragma unroll
            for (int half = 0; half < WIDE; half += 4) {
                sum_type more[4];
                load_cluster(more, sums + row * PITCH + group + half, s);
#pragma unroll
                for (int j = 0; j < 4; j++) all[half + j] += more[j];
            }
        float v[WIDE];
        for (int j = 0; j < WIDE; j++) v[j] = (float)all[j];
        store_pixel<sum_type>(e, pixel, c, v);
    }
    cluster_sync();
}

/* What a multiplying group does: all parts of its block, or every groups-th of them. turn[g] ends a
 * phase when it is group g's turn; the first one's first comes by itself. */
template <class T, int pixels, int channels, int groups, int turns>
DEVICE void multiply_and_store(const cuda_conv_wgmma &p, ring r, uint64_t *turn, int *last) {
    constexpr int members = (turns ? 1 : groups) * GROUP_THREADS; /* threads that share a tile */
    constexpr int blocks = pixels / GROUP_ROWS / (turns ? 1 : groups);
    static_assert(blocks * GROUP_ROWS * members == pixels * GROUP_THREADS, "whole groups");
    int group = groups == 1 ? 0 : (int)threadIdx.x / GROUP_THREADS;
    int warp = threadIdx.x % GROUP_THREADS / 32;
    int row = turns ? 0 : group * blocks * GROUP_ROWS, mine = 0;
    unsigned parity = group == 0;
    for (int i = (int)blockIdx.x; i < parts_of(p); i += (int)gridDim.x) {
        part w = part_of(p, i);
        typename T::sum sum[blocks][channels / 2];
        if constexpr (turns) {
            int now = mine++ % groups;
            if (now != group) {
                ring_skip(r, w.last - w.first);
                continue;
            }
            barrier_wait(turn + group, parity);
            parity ^= 1;
        }
        multiply_all<pixels, channels>(r, w, row, turns ? turn + (group + 1) % groups : NULL, sum);
        if (p.conv.splits > 1 &&
            !gather_parts<members>(p.conv, w, (int)threadIdx.x % members, turns ? 1 + group : 1,
                                   turns ? last + group : last, sum))
            continue;
        store_all<channels>(p.conv.e, w.m * pixels + row + warp * 16, w.n * channels, sum);
    }
}

template <class T, int pixels, int channels, int groups, int turns, int copiers, int shared>
DEVICE void convolve(const cuda_conv_wgmma &p) {
    constexpr int threads = groups * GROUP_THREADS;
    ring r;
    r.stages = shared_memory();
    r.full = (uint64_t *)(r.stages + p.stages * ((pixels + channels) * LINE));
    r.empty = r.full + p.stages;
    r.count = p.stages;
    r.slot = 0;
    r.parity = 0;
    uint64_t *turn = r.empty + p.stages;
    if (threadIdx.x == 0) {
        for (int i = 0; i < p.stages; i++) {
            barrier_init(r.full + i, 1);
            barrier_init(r.empty + i, (turns ? 1 : groups) * GROUP_THREADS / 32);
        }
        for (int i = 0; i < groups; i++) barrier_init(turn + i, GROUP_THREADS / 32);
        barrier_init_fence();
    }
    block_sync();

    if (threadIdx.x >= threads) {
        if constexpr (copiers == 4) registers_release<40>();
        if (threadIdx.x == threads) {
            tensor_map_prefetch(p.a);
            tensor_map_prefetch(p.b);
            copy_all<T, pixels, channels>(p, r);
        }
        if constexpr (shared) {
            cluster_sync();
            cluster_sync();
        }
    } else {
        if constexpr (copiers == 4) registers_acquire<232>();
        grid_wait();
        store_halo_wide(p.conv.e.out, p.conv.e.batch, blockIdx.x * threads + threadIdx.x,
                        gridDim.x * threads);
        if constexpr (shared) {
            /* One part. Without the loop ptxas runs one multiplication after the other (C7515). */
            for (int i = (int)blockIdx.x; i < parts_of(p); i += (int)gridDim.x) {
                part w = part_of(p, i);
                typename T::sum sum[1][channels / 2];
                multiply_all<pixels, channels>(r, w, 0, NULL, sum);
                store_shared<channels>(p, (typename T::sum *)r.stages, w, sum);
            }
        } else {
            multiply_and_store<T, pixels, channels, groups, turns>(p, r, turn, (int *)(turn + 2));
        }
    }
}

/* The kernels of a tile; name: conv_wgmma or, of bytes, conv_wgmma_u8. */
#define CONV_WGMMA(name, type, pixels, channels, groups, turns, copiers, blocks)                   \
    KERNEL(name##_##pixels##x##channels, cuda_conv_wgmma, CUDA_WGMMA_THREADS(groups, copiers),     \
           blocks) {                                                                               \
        convolve<type, pixels, channels, groups, turns, copiers, 0>(p);                            \
    }
#define CONV_CLUSTER(name, type, pixels, channels, blocks)                                         \
    KERNEL(name##_##pixels##x##channels##_cluster, cuda_conv_wgmma, CUDA_WGMMA_THREADS(1, 1),      \
           blocks) {                                                                               \
        convolve<type, pixels, channels, 1, 0, 1, 1>(p);                                           \
    }

#endif
