/*
 * gather.cu - pixels and channels copied from where a rule says, between pixels, or as they lie
 * (kernels/places.h), eight channels a thread.
 */
#include "cuda/kernels/wide.cuh"

/* Channels of one pixel, neighbours at best. */
DEVICE void take_channels(const cuda_gather &p, const wide_place &o, int y, int x, int wide,
                          float v[WIDE]) {
    int row = places_phase(&p.rows, o.y), column = places_phase(&p.columns, o.x);
    int first = places_channel(&p.channels, o.c, row, column);
    if (p.run) {
        load_values(p.in, view_at(p.in, o.b, y, x, first), first, o.n, wide && first % WIDE == 0,
                    v);
        return;
    }
    const char *pixel = view_at(p.in, o.b, y, x, 0);
    for (int i = 0; i < WIDE; i++) {
        if (i >= o.n) continue;
        int c = places_channel(&p.channels, o.c + i, row, column);
        v[i] = view_load(p.in, pixel + (int64_t)c * type_size(p.in.type), c);
    }
}

DEVICE void take_blend(const cuda_gather &p, const wide_place &o, int wide, float v[WIDE]) {
    float down, right;
    int ys[2], xs[2];
    ys[0] = places_between(&p.rows, o.y, &ys[1], &down);
    xs[0] = places_between(&p.columns, o.x, &xs[1], &right);
    for (int k = 0; k < 4; k++) {
        float share = (k / 2 ? down : 1 - down) * (k % 2 ? right : 1 - right), corner[WIDE];
        load_values(p.in, view_at(p.in, o.b, ys[k / 2], xs[k % 2], o.c), o.c, o.n, wide, corner);
#pragma unroll
        for (int i = 0; i < WIDE; i++) v[i] += share * corner[i];
    }
}

DEVICE void take_cubic(const cuda_gather &p, const wide_place &o, int wide, float v[WIDE]) {
    int ys[PLACES_TAPS], xs[PLACES_TAPS];
    float down[PLACES_TAPS], right[PLACES_TAPS];
    places_cubic(&p.rows, o.y, ys, down);
    places_cubic(&p.columns, o.x, xs, right);
    for (int k = 0; k < PLACES_TAPS; k++) {
        float sums[WIDE], tap[WIDE];
        for (int i = 0; i < WIDE; i++) sums[i] = 0;
        for (int j = 0; j < PLACES_TAPS; j++) {
            load_values(p.in, view_at(p.in, o.b, ys[k], xs[j], o.c), o.c, o.n, wide, tap);
#pragma unroll
            for (int i = 0; i < WIDE; i++) sums[i] += right[j] * tap[i];
        }
        for (int i = 0; i < WIDE; i++) v[i] += down[k] * sums[i];
    }
}

/* All values as they lie. */
DEVICE void take_flat(const cuda_gather &p, const wide_place &o, float v[WIDE]) {
    int64_t at = ((int64_t)o.y * p.e.out.w + o.x) * p.e.out.c + o.c;
    for (int i = 0; i < WIDE; i++) {
        if (i >= o.n) continue;
        int64_t pixel = (at + i) / p.in.c;
        int c = (int)((at + i) % p.in.c);
        int y = (int)(pixel / p.in.w), x = (int)(pixel % p.in.w);
        v[i] = view_load(p.in, view_at(p.in, o.b, y, x, c), c);
    }
}

KERNEL(gather_wide, cuda_gather, WIDE_THREADS, 4) {
    int wide = view_is_wide(p.in);
    grid_wait();
    grid_release();
    uint32_t n = wide_places(p.e.out, p.e.batch), thread = blockIdx.x * blockDim.x + threadIdx.x;
    for (uint32_t i = thread; i < n; i += gridDim.x * blockDim.x) {
        wide_place o = wide_place_of(p.e.out, i);
        float v[WIDE];
        for (int k = 0; k < WIDE; k++) v[k] = 0;
        if (p.rows.kind == PLACES_LINEAR) {
            take_blend(p, o, wide, v);
        } else if (p.rows.kind == PLACES_CUBIC) {
            take_cubic(p, o, wide, v);
        } else if (p.rows.kind == PLACES_FLAT) {
            take_flat(p, o, v);
        } else {
            int y = places_at(&p.rows, o.y), x = places_at(&p.columns, o.x);
            if (y >= 0 && x >= 0) take_channels(p, o, y, x, wide, v);
        }
        wide_epilogue e;
        wide_epilogue_of(p.e, o.c, o.n, e);
        store_sums(p.e, e, v, o.b, o.y, o.x);
    }
    store_halo_wide(p.e.out, p.e.batch, thread, gridDim.x * blockDim.x);
}
