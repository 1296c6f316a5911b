/*
 * pictures.cu - bytes of pictures to a network's input: copied, scaled by tables of taps, or
 * warped.
 *
 * A thread a pixel, with the sums of kernels/c/scale.c and vision/align.c in their order. This file
 * is compiled without fused multiply-adds (cmake/cuda.cmake), so that its results are the CPU's.
 */
#include "cuda/kernels/epilogue.cuh"
#include "cuda/kernels/picture_params.h"

enum { THREADS = 256 };

struct colour {
    float c[3];
};

DEVICE const uint8_t *pixel_of(const cuda_picture &p, int64_t x, int64_t y) {
    return p.pixels + y * p.pitch + 3 * x;
}

DEVICE colour copied(const cuda_picture &p, int x, int y) {
    const uint8_t *at = pixel_of(p, x, y);
    return {{(float)at[0], (float)at[1], (float)at[2]}};
}

/* Rows first: each column's sum, then the sum of those. */
DEVICE colour scaled(const cuda_picture &p, int x, int y) {
    colour sum = {{0, 0, 0}};
    const float *across = p.weight + (int64_t)(x / 4) * p.taps * 4 + x % 4;
    const float *down = p.row_weight + (int64_t)y * p.most;
    int rows = p.row_count[y];
    for (int k = 0; k < p.taps; k++) {
        const uint8_t *at = pixel_of(p, p.first[x] + k, p.row_first[y]);
        colour column = {{0, 0, 0}};
        for (int t = 0; t < rows; t++, at += p.pitch)
            for (int c = 0; c < 3; c++) column.c[c] += down[t] * (float)at[c];
        for (int c = 0; c < 3; c++) sum.c[c] += across[4 * k] * column.c[c];
    }
    return sum;
}

DEVICE colour pixel_or_black(const cuda_picture &p, int x, int y) {
    if (x < 0 || y < 0 || x >= p.width || y >= p.height) return {{0, 0, 0}};
    return copied(p, x, y);
}

/* vision/align.c, align_warp() and sample(). */
DEVICE colour warped(const cuda_picture &p, int column, int row) {
    double u = column - p.tx, v = row - p.ty;
    double x = p.a * u - p.b * v, y = p.b * u + p.a * v;
    if (!(x > -1 && y > -1 && x < p.width && y < p.height)) return {{0, 0, 0}};
    int x0 = (int)floor(x), y0 = (int)floor(y);
    float fx = (float)(x - x0), fy = (float)(y - y0);
    colour a = pixel_or_black(p, x0, y0), b = pixel_or_black(p, x0 + 1, y0);
    colour c = pixel_or_black(p, x0, y0 + 1), d = pixel_or_black(p, x0 + 1, y0 + 1), out;
    for (int i = 0; i < 3; i++) {
        float top = a.c[i] + fx * (b.c[i] - a.c[i]), bottom = c.c[i] + fx * (d.c[i] - c.c[i]);
        out.c[i] = (float)(uint8_t)(top + fy * (bottom - top) + 0.5f);
    }
    return out;
}

/* Pixel x, y of the input; black beside and below the picture. */
DEVICE colour made(const cuda_picture &p, int x, int y) {
    if (x >= p.w || y >= p.h) return {{0, 0, 0}};
    switch (p.how) {
    case CUDA_COPIED: return copied(p, x, y);
    case CUDA_SCALED: return scaled(p, x, y);
    default: return warped(p, x, y);
    }
}

/* A thread a pixel with its halo, as input_plain. */
KERNEL(input_pictures, cuda_pictures, THREADS, 1) {
    grid_wait();
    int64_t n = input_pixels(p.out, p.batch);
    for (int64_t i = grid_thread(); i < n; i += grid_threads())
        store_input(p.out, p.border, i, [&](int b, int y, int x, float *of) {
            colour value = made(p.pictures[b], x, y);
            for (int c = 0; c < 3; c++) of[c] = value.c[c];
        });
}
