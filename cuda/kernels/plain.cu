/*
 * plain.cu - every step in its simplest form, a thread an output: what faster kernels are compared
 * with on the device, and what computes shapes they do not take.
 */
#include "cuda/kernels/epilogue.cuh"

enum { THREADS = 256 };

/* Channel, column, row and image of output `at` of a tensor, channels innermost. */
struct place {
    int b, y, x, c;
};

DEVICE place place_of(const cuda_view &v, int64_t at) {
    place o;
    o.c = (int)(at % v.c);
    at /= v.c;
    o.x = (int)(at % v.w);
    at /= v.w;
    o.y = (int)(at % v.h);
    o.b = (int)(at / v.h);
    return o;
}

DEVICE int64_t outputs_of(const cuda_view &v, int batch) {
    return (int64_t)batch * v.h * v.w * v.c;
}

template <typename input, typename weight, typename sum>
DEVICE sum product(const cuda_conv &p, const place &o, float (*in)(input), float (*wt)(weight)) {
    const char *src =
        view_at(p.in, o.b, o.y * p.stride - p.pad_top, o.x * p.stride - p.pad_left, 0);
    const weight *w = (const weight *)p.weights + (int64_t)o.c * p.k_pad;
    sum total = 0;
    for (int t = 0; t < p.taps; t++) {
        int64_t ky = t / p.across * (1 + p.gap), kx = t % p.across * (1 + p.gap);
        const input *run = (const input *)src + ky * p.in.row + kx * p.in.px;
        for (int i = 0; i < p.depth; i++)
            total += (sum)in(run[i]) * (sum)wt(w[(int64_t)t * p.depth_pad + i]);
    }
    return total;
}

DEVICE float from_float(float v) {
    return v;
}

DEVICE float from_byte(uint8_t v) {
    return v;
}

DEVICE float from_int8(int8_t v) {
    return v;
}

KERNEL(conv_plain, cuda_conv, THREADS, 1) {
    grid_wait();
    int64_t n = outputs_of(p.e.out, p.e.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        place o = place_of(p.e.out, i);
        float sum;
        if (p.in.type == CUDA_U8)
            sum = (float)product<uint8_t, int8_t, int>(p, o, from_byte, from_int8);
        else if (p.in.type == CUDA_F16)
            sum = product<uint16_t, uint16_t, float>(p, o, half_to_float, half_to_float);
        else
            sum = product<float, float, float>(p, o, from_float, from_float);
        store_sum(p.e, sum, o.b, o.y, o.x, o.c);
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

/* An input as the weights of grouped convolutions want it: bytes as they are. */
DEVICE float unscaled(const cuda_view &v, const char *at) {
    if (v.type == CUDA_F32) return *(const float *)at;
    if (v.type == CUDA_F16) return half_to_float(*(const uint16_t *)at);
    return *(const uint8_t *)at;
}

KERNEL(gconv_plain, cuda_gconv, THREADS, 1) {
    grid_wait();
    int64_t n = outputs_of(p.e.out, p.e.batch);
    int cout = p.e.out.c, outputs = cout / p.groups, inputs = p.in.c / p.groups;
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        place o = place_of(p.e.out, i);
        int first = o.c / outputs * inputs;
        float sum = 0;
        for (int t = 0; t < p.kh * p.kw; t++)
            for (int k = 0; k < inputs; k++) {
                const char *at =
                    view_at(p.in, o.b, o.y * p.stride - p.pad_top + t / p.kw * (1 + p.gap),
                            o.x * p.stride - p.pad_left + t % p.kw * (1 + p.gap), first + k);
                sum += unscaled(p.in, at) * p.weights[((int64_t)t * inputs + k) * cout + o.c];
            }
        store_sum(p.e, sum, o.b, o.y, o.x, o.c);
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

/* A value's way through the epilogue; it is read at its place divided by `shrink`. */
DEVICE void pass_on(const cuda_pointwise &p, int shrink) {
    int64_t n = outputs_of(p.e.out, p.e.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        place o = place_of(p.e.out, i);
        float v = view_load(p.in, view_at(p.in, o.b, o.y / shrink, o.x / shrink, o.c), o.c);
        if (p.scale) v = v * p.scale[o.c] + p.shift[o.c];
        store_sum(p.e, v, o.b, o.y, o.x, o.c);
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

KERNEL(pointwise_plain, cuda_pointwise, THREADS, 1) {
    grid_wait();
    pass_on(p, 1);
}

/* in is the small map: nearest neighbour, factor 2. */
KERNEL(upsample_plain, cuda_pointwise, THREADS, 1) {
    grid_wait();
    pass_on(p, 2);
}

DEVICE float blend(const cuda_gather &p, const place &o) {
    float down, right, v = 0;
    int ys[2], xs[2];
    ys[0] = places_between(&p.rows, o.y, &ys[1], &down);
    xs[0] = places_between(&p.columns, o.x, &xs[1], &right);
    for (int k = 0; k < 4; k++) {
        float share = (k / 2 ? down : 1 - down) * (k % 2 ? right : 1 - right);
        v += share * view_load(p.in, view_at(p.in, o.b, ys[k / 2], xs[k % 2], o.c), o.c);
    }
    return v;
}

DEVICE float cubic(const cuda_gather &p, const place &o) {
    int ys[PLACES_TAPS], xs[PLACES_TAPS];
    float down[PLACES_TAPS], right[PLACES_TAPS], v = 0;
    places_cubic(&p.rows, o.y, ys, down);
    places_cubic(&p.columns, o.x, xs, right);
    for (int k = 0; k < PLACES_TAPS; k++) {
        float sum = 0;
        for (int j = 0; j < PLACES_TAPS; j++)
            sum += right[j] * view_load(p.in, view_at(p.in, o.b, ys[k], xs[j], o.c), o.c);
        v += down[k] * sum;
    }
    return v;
}

/* The value as many values behind the image's first as the output's is. */
DEVICE float flat(const cuda_gather &p, const place &o) {
    int64_t at = ((int64_t)o.y * p.e.out.w + o.x) * p.e.out.c + o.c, pixel = at / p.in.c;
    int c = (int)(at % p.in.c), y = (int)(pixel / p.in.w), x = (int)(pixel % p.in.w);
    return view_load(p.in, view_at(p.in, o.b, y, x, c), c);
}

KERNEL(gather_plain, cuda_gather, THREADS, 1) {
    grid_wait();
    int64_t n = outputs_of(p.e.out, p.e.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        place o = place_of(p.e.out, i);
        float v = 0;
        if (p.rows.kind == PLACES_LINEAR) {
            v = blend(p, o);
        } else if (p.rows.kind == PLACES_CUBIC) {
            v = cubic(p, o);
        } else if (p.rows.kind == PLACES_FLAT) {
            v = flat(p, o);
        } else {
            int y = places_at(&p.rows, o.y), x = places_at(&p.columns, o.x);
            int c = places_channel(&p.channels, o.c, places_phase(&p.rows, o.y),
                                   places_phase(&p.columns, o.x));
            if (y >= 0 && x >= 0) v = view_load(p.in, view_at(p.in, o.b, y, x, c), c);
        }
        store_sum(p.e, v, o.b, o.y, o.x, o.c);
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

KERNEL(pool_plain, cuda_pool, THREADS, 1) {
    grid_wait();
    int64_t n = outputs_of(p.e.out, p.e.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        place o = place_of(p.e.out, i);
        int top = o.y * p.stride - p.pad_top, left = o.x * p.stride - p.pad_left;
        int y0 = max(top, 0), y1 = min(top + p.kh, p.in.h);
        int x0 = max(left, 0), x1 = min(left + p.kw, p.in.w);
        float v = p.average ? 0.0f : -INFINITY;
        for (int y = y0; y < y1; y++)
            for (int x = x0; x < x1; x++) {
                float u = view_load(p.in, view_at(p.in, o.b, y, x, o.c), o.c);
                v = p.average ? v + u : fmaxf(v, u);
            }
        if (p.average) v *= 1.0f / (float)(p.count ? p.count : (y1 - y0) * (x1 - x0));
        store_sum(p.e, v, o.b, o.y, o.x, o.c);
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

/* A warp a pixel. */
KERNEL(softmax_plain, cuda_pointwise, THREADS, 1) {
    grid_wait();
    int lane = threadIdx.x % 32;
    int64_t pixels = (int64_t)p.e.batch * p.in.h * p.in.w;
    for (int64_t i = grid_thread() / 32; i < pixels; i += grid_threads() / 32) {
        int x = (int)(i % p.in.w), y = (int)(i / p.in.w % p.in.h), b = (int)(i / p.in.w / p.in.h);
        float most = -INFINITY, sum = 0;
        for (int c = lane; c < p.in.c; c += 32)
            most = fmaxf(most, view_load(p.in, view_at(p.in, b, y, x, c), c));
        for (int mask = 16; mask > 0; mask /= 2) most = fmaxf(most, shuffle_xor(most, mask));
        for (int c = lane; c < p.in.c; c += 32)
            sum += expf(view_load(p.in, view_at(p.in, b, y, x, c), c) - most);
        for (int mask = 16; mask > 0; mask /= 2) sum += shuffle_xor(sum, mask);
        for (int c = lane; c < p.in.c; c += 32) {
            float v = view_load(p.in, view_at(p.in, b, y, x, c), c);
            store_sum(p.e, expf(v - most) / sum, b, y, x, c);
        }
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

/* A warp a value. */
KERNEL(matmul_plain, cuda_matmul, THREADS, 1) {
    grid_wait();
    int lane = threadIdx.x % 32;
    int64_t n = outputs_of(p.e.out, p.e.batch);
    for (int64_t i = grid_thread() / 32; i < n; i += grid_threads() / 32) {
        place o = place_of(p.e.out, i);
        int row = o.c / p.columns, column = row / p.rows * p.columns + o.c % p.columns;
        float sum = 0;
        for (int k = lane; k < p.inner; k += 32) {
            int a = row * p.inner + k, b = column * p.inner + k;
            sum += view_load(p.a, view_at(p.a, o.b, 0, 0, a), a) *
                   view_load(p.b, view_at(p.b, o.b, 0, 0, b), b);
        }
        for (int mask = 16; mask > 0; mask /= 2) sum += shuffle_xor(sum, mask);
        if (lane == 0) store_sum(p.e, sum, o.b, 0, 0, o.c);
    }
    store_halo(p.e.out, p.e.batch, grid_thread(), grid_threads());
}

/* A thread a pixel with its halo. */
KERNEL(input_plain, cuda_input, THREADS, 1) {
    grid_wait();
    const cuda_view &v = p.out;
    int64_t n = input_pixels(v, p.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads())
        store_input(v, p.border, i, [&](int b, int y, int x, float *colour) {
            const float *src = p.src + (((int64_t)b * v.h + y) * v.w + x) * 3;
            for (int c = 0; c < 3; c++) colour[c] = src[c];
        });
}

KERNEL(output_plain, cuda_output, THREADS, 1) {
    grid_wait();
    int64_t n = outputs_of(p.in, p.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        place o = place_of(p.in, i);
        p.dst[i] = view_load(p.in, view_at(p.in, o.b, o.y, o.x, o.c), o.c);
    }
}
