/*
 * pointwise.cu - steps that look at a pixel once, eight channels a thread: all they cost is memory,
 * so all they need is wide loads and stores, neighbours beside each other.
 */
#include "cuda/kernels/wide.cuh"

/* shift: 1 reads a map of half the size (nearest neighbour). */
DEVICE void pointwise(const cuda_pointwise &p, int shift) {
    int wide = view_is_wide(p.in);
    grid_wait();
    grid_release();
    uint32_t n = wide_places(p.e.out, p.e.batch), thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t i = thread; i < n; i += gridDim.x * blockDim.x) {
        wide_place o = wide_place_of(p.e.out, i);
        float v[WIDE];
        load_values(p.in, view_at(p.in, o.b, o.y >> shift, o.x >> shift, o.c), o.c, o.n, wide, v);
        if (p.scale) {
            float scale[WIDE], add[WIDE];
            load_floats(p.scale + o.c, o.n, scale);
            load_floats(p.shift + o.c, o.n, add);
#pragma unroll
            for (int j = 0; j < WIDE; j++) v[j] = v[j] * scale[j] + add[j];
        }
        wide_epilogue e;
        wide_epilogue_of(p.e, o.c, o.n, e);
        store_sums(p.e, e, v, o.b, o.y, o.x);
    }
    store_halo_wide(p.e.out, p.e.batch, thread, gridDim.x * blockDim.x);
}

KERNEL(pointwise_wide, cuda_pointwise, WIDE_THREADS, 5) {
    pointwise(p, 0);
}

KERNEL(upsample_wide, cuda_pointwise, WIDE_THREADS, 5) {
    pointwise(p, 1);
}
