/* pool.cu - windows' maxima and averages, eight channels a thread. */
#include "cuda/kernels/wide.cuh"

DEVICE void pool_start(const cuda_pool &p, float v[WIDE]) {
#pragma unroll
    for (int i = 0; i < WIDE; i++) v[i] = p.average ? 0.0f : -INFINITY;
}

DEVICE void pool_take(const cuda_pool &p, float v[WIDE], const float in[WIDE]) {
#pragma unroll
    for (int i = 0; i < WIDE; i++) v[i] = p.average ? v[i] + in[i] : fmaxf(v[i], in[i]);
}

DEVICE void pool_end(const cuda_pool &p, float v[WIDE], int pixels) {
    float part = 1.0f / (float)pixels;
#pragma unroll
    for (int i = 0; i < WIDE; i++)
        if (p.average) v[i] *= part;
}

KERNEL(pool_wide, cuda_pool, WIDE_THREADS, 5) {
    int wide = view_is_wide(p.in), size = type_size(p.in.type);
    grid_wait();
    grid_release();
    uint32_t n = wide_places(p.e.out, p.e.batch), thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t i = thread; i < n; i += gridDim.x * blockDim.x) {
        wide_place o = wide_place_of(p.e.out, i);
        int top = o.y * p.stride - p.pad_top, left = o.x * p.stride - p.pad_left;
        int y0 = max(top, 0), y1 = min(top + p.kh, p.in.h);
        int x0 = max(left, 0), x1 = min(left + p.kw, p.in.w);
        float v[WIDE];
        pool_start(p, v);
        const char *row = view_at(p.in, o.b, y0, x0, o.c);
        for (int y = y0; y < y1; y++, row += (int64_t)p.in.row * size)
            for (int x = x0; x < x1; x++) {
                float in[WIDE];
                load_values(p.in, row + (int64_t)(x - x0) * p.in.px * size, o.c, o.n, wide, in);
                pool_take(p, v, in);
            }
        pool_end(p, v, p.count ? p.count : (y1 - y0) * (x1 - x0));
        wide_epilogue e;
        wide_epilogue_of(p.e, o.c, o.n, e);
        store_sums(p.e, e, v, o.b, o.y, o.x);
    }
    store_halo_wide(p.e.out, p.e.batch, thread, gridDim.x * blockDim.x);
}

/*
 * A window that is the whole map, one output a channel: too few threads if each walked it alone.
 * A block has POOL_GROUPS groups of channels of one image; POOL_LANES threads share the pixels of
 * each, and add up what they have in shared memory, in an order that is always the same.
 */
KERNEL(pool_global, cuda_pool, POOL_LANES *POOL_GROUPS, 2) {
    float *parts = (float *)shared_memory(); /* [POOL_LANES][POOL_GROUPS][WIDE] */
    int groups = (p.in.c + WIDE - 1) / WIDE, blocks = (groups + POOL_GROUPS - 1) / POOL_GROUPS;
    int group = (int)blockIdx.x % blocks * POOL_GROUPS + (int)threadIdx.x % POOL_GROUPS;
    int lane = (int)threadIdx.x / POOL_GROUPS, b = (int)blockIdx.x / blocks;
    int c = group * WIDE, n = min(p.in.c - c, (int)WIDE), wide = view_is_wide(p.in);
    float v[WIDE];
    pool_start(p, v);
    grid_wait();
    grid_release();
    if (n > 0)
        for (int i = lane; i < p.in.h * p.in.w; i += POOL_LANES) {
            float in[WIDE];
            load_values(p.in, view_at(p.in, b, i / p.in.w, i % p.in.w, c), c, n, wide, in);
            pool_take(p, v, in);
        }
#pragma unroll
    for (int i = 0; i < WIDE; i++) parts[(int)threadIdx.x * WIDE + i] = v[i];
    block_sync();
    if (lane == 0 && n > 0) {
        pool_start(p, v);
        for (int i = 0; i < POOL_LANES; i++) {
            float in[WIDE];
            load_floats(parts + (i * POOL_GROUPS + (int)threadIdx.x) * WIDE, WIDE, in);
            pool_take(p, v, in);
        }
        pool_end(p, v, p.in.h * p.in.w);
        wide_epilogue e;
        wide_epilogue_of(p.e, c, n, e);
        store_sums(p.e, e, v, b, 0, 0);
    }
    store_halo_wide(p.e.out, p.e.batch, blockIdx.x * blockDim.x + threadIdx.x,
                    gridDim.x * blockDim.x);
}
