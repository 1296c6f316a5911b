/*
 * norm.cu - normalisation over groups of channels of each pixel, a warp each, or of the whole map,
 * a block each. What differs from the mean is summed in a second pass, as the CPU does it.
 */
#include "cuda/kernels/epilogue.cuh"

enum { THREADS = 256 };

/* One group: of image b, channels from `first` on; where there is one pixel, y and x. */
struct norm_group {
    int b, first, y, x, pixels, width;
};

DEVICE float norm_load(const cuda_norm &p, const norm_group &g, int i) {
    int c = g.first + i % g.width, pixel = i / g.width;
    int y = p.pixels ? g.y : pixel / p.in.w, x = p.pixels ? g.x : pixel % p.in.w;
    return view_load(p.in, view_at(p.in, g.b, y, x, c), c);
}

DEVICE void norm_store(const cuda_norm &p, const norm_group &g, int i, float v) {
    int pixel = i / g.width;
    int y = p.pixels ? g.y : pixel / p.in.w, x = p.pixels ? g.x : pixel % p.in.w;
    store_sum(p.e, v, g.b, y, x, g.first + i % g.width);
}

DEVICE norm_group norm_group_of(const cuda_norm &p, int64_t unit) {
    norm_group g = {0, 0, 0, 0, 1, p.in.c / p.groups};
    g.first = (int)(unit % p.groups) * g.width;
    unit /= p.groups;
    if (p.pixels) {
        g.x = (int)(unit % p.in.w);
        g.y = (int)(unit / p.in.w % p.in.h);
        unit /= (int64_t)p.in.w * p.in.h;
    } else {
        g.pixels = p.in.h * p.in.w;
    }
    g.b = (int)unit;
    return g;
}

DEVICE float warp_sum(float v) {
    for (int mask = 16; mask > 0; mask /= 2) v += shuffle_xor(v, mask);
    return v;
}

/* In the order of the threads, whoever is first. */
DEVICE float block_sum(float v) {
    float *parts = (float *)shared_memory();
    block_sync();
    parts[threadIdx.x] = v;
    block_sync();
    float sum = 0;
    for (int i = 0; i < THREADS; i++) sum += parts[i];
    return sum;
}

template <class adder>
DEVICE void normalise(const cuda_norm &p, const norm_group &g, int lane, int lanes, adder add) {
    int n = g.pixels * g.width;
    float sum = 0, squares = 0;
    for (int i = lane; i < n; i += lanes) sum += norm_load(p, g, i);
    float mean = add(sum) / (float)n;
    for (int i = lane; i < n; i += lanes) {
        float d = norm_load(p, g, i) - mean;
        squares += d * d;
    }
    float factor = 1.0f / sqrtf(add(squares) / (float)n + p.epsilon);
    for (int i = lane; i < n; i += lanes) norm_store(p, g, i, (norm_load(p, g, i) - mean) * factor);
}

KERNEL(norm_pixels, cuda_norm, THREADS, 1) {
    grid_wait();
    int64_t n = (int64_t)p.e.batch * p.in.h * p.in.w * p.groups;
    for (int64_t i = grid_thread() / 32; i < n; i += grid_threads() / 32)
        normalise(p, norm_group_of(p, i), (int)threadIdx.x % 32, 32, warp_sum);
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

KERNEL(norm_maps, cuda_norm, THREADS, 1) {
    grid_wait();
    int64_t n = (int64_t)p.e.batch * p.groups;
    for (int64_t i = blockIdx.x; i < n; i += gridDim.x)
        normalise(p, norm_group_of(p, i), (int)threadIdx.x, THREADS, block_sum);
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}
