#include "cuda/hopper.h"

#include "cuda/kernels/tiles.h"
#include "cuda/kernels/wgmma_tiles.h"

#include <string.h>

_Static_assert(sizeof(struct cuda_tensor_map) == sizeof(CUtensorMap), "a tensor map's bytes");

enum {
    LINE = CUDA_WGMMA_LINE,
    MOST_SPLITS = 16,
    MOST_STAGES = 8,             /* beyond what memory's latency takes */
    SHARED_PROCESSOR = 228 << 10 /* of which each block costs 1 KB more than it has */
};

struct tile {
    const char *f16, *u8; /* kernels */
    int pixels, channels, groups, turns, copiers, blocks, cluster;
};

#define TILE(m, n, groups, turns, copiers, blocks)                                                 \
    {"conv_wgmma_" #m "x" #n, "conv_wgmma_u8_" #m "x" #n, m, n, groups, turns, copiers, blocks, 0},
#define CLUSTER_TILE(m, n, blocks)                                                                 \
    {"conv_wgmma_" #m "x" #n "_cluster",                                                           \
     "conv_wgmma_u8_" #m "x" #n "_cluster",                                                        \
     m,                                                                                            \
     n,                                                                                            \
     1,                                                                                            \
     0,                                                                                            \
     1,                                                                                            \
     blocks,                                                                                       \
     1},
static const struct tile tiles[CUDA_HOPPER_TILE_COUNT] = {
    CUDA_WGMMA_TILES(TILE) CUDA_WGMMA_CLUSTER_TILES(CLUSTER_TILE)};

static int64_t windows_of(const struct cuda_conv *p) {
    return (int64_t)p->e.batch * p->e.out.h * p->e.out.w;
}

static int size_of(const struct cuda_conv *p) {
    return cuda_type_size(p->in.type);
}

static int chunks_of(const struct cuda_conv *p) {
    return (int)cuda_ceil_div((int64_t)p->depth * size_of(p), LINE);
}

/* Where the first window starts. */
static const char *first_pixel(const struct cuda_conv *p) {
    return p->in.data -
           ((int64_t)p->pad_top * p->in.row + (int64_t)p->pad_left * p->in.px) * size_of(p);
}

/* Strides of a tensor map are multiples of 16 bytes below 2^40. That of a dimension of 1 is never
 * used, but looked at: it is what the dimensions below it take. */
static cuuint64_t map_stride(int64_t bytes, cuuint64_t count, cuuint64_t below) {
    return count > 1 ? (cuuint64_t)bytes : below;
}

/*
 * What the copy engine can describe: a run is some channels of one pixel, unless there is only one
 * window and one run of it; windows are less than 128 pixels wide and high, their distance is at
 * most 8 pixels.
 */
static int fits(const struct cuda_conv *p) {
    int kw = p->across, kh = p->taps / p->across;
    int one = p->taps == 1 && p->e.out.h == 1 && p->e.out.w == 1;
    int64_t size = size_of(p);
    if (p->in.type != CUDA_F16 && p->in.type != CUDA_U8) return 0;
    if (p->depth * size < 32 || p->depth * size % 16) return 0;
    if (!one && p->depth > p->in.px) return 0;
    if (kw > 128 || kh > 128 || p->stride > 8 || p->gap) return 0;
    uint64_t bits = (uint64_t)(uintptr_t)first_pixel(p) | (uint64_t)(uintptr_t)p->weights;
    if (p->e.batch > 1) bits |= (uint64_t)(p->in.image * size);
    if (!one) bits |= (uint64_t)(p->in.row * size) | (uint64_t)(p->in.px * size);
    return bits % 16 == 0 && windows_of(p) < (int64_t)1 << 30;
}

int cuda_hopper_shape(const struct cuda_conv *p, int tile, int splits, int processors,
                      struct cuda_launch *out) {
    const struct tile *t = &tiles[tile];
    int64_t count =
        cuda_ceil_div(windows_of(p), t->pixels) * cuda_ceil_div(p->e.out.c, t->channels) * splits;
    if (!fits(p) || splits < 1 || splits > p->taps * chunks_of(p) || count > 0x7FFFFFFF) return 0;
    /* 8 blocks are what every device takes as a cluster */
    if (t->cluster && splits != 2 && splits != 4 && splits != 8) return 0;
    /* A deep ring where blocks would be few, but room beside it for a block of the next kernel,
     * which fetches its weights before it may start. */
    int64_t blocks = cuda_ceil_div(count, processors);
    if (blocks < 2) blocks = 2;
    if (blocks > t->blocks) blocks = t->blocks;
    int shared = (int)(SHARED_PROCESSOR / blocks) - 1024, stages = 1;
    while (stages < MOST_STAGES && CUDA_WGMMA_SHARED(t->pixels, t->channels, stages + 1) <= shared)
        stages++;
    memset(out, 0, sizeof *out);
    out->kernel = p->in.type == CUDA_U8 ? t->u8 : t->f16;
    int64_t resident = (int64_t)processors * t->blocks;
    out->grid[0] = (unsigned)(count < resident || t->cluster ? count : resident);
    out->grid[1] = out->grid[2] = 1;
    out->block = (unsigned)CUDA_WGMMA_THREADS(t->groups, t->copiers);
    out->shared = (unsigned)CUDA_WGMMA_SHARED(t->pixels, t->channels, stages);
    out->splits = splits;
    if (t->cluster)
        out->cluster = (unsigned)splits;
    else
        cuda_share_tiles(out, count / splits, t->pixels * t->channels, splits);
    return 1;
}

/*
 * Cycles a launch takes, roughly, as conv_cycles() of mma.c says it: a multiprocessor multiplies
 * 2048 fp16 or 4096 bytes a cycle and gets some 48 bytes a cycle from the L2 cache when all of them
 * want some. Not measured yet.
 */
static double cycles_of(const struct cuda_conv *p, int tile, int splits, int processors) {
    const struct tile *t = &tiles[tile];
    double area = (double)t->pixels * t->channels;
    double multiply = area * LINE / 4096;
    double fetch = (double)(t->pixels + t->channels) * LINE / 48;
    double part = (double)cuda_ceil_div((int64_t)p->taps * chunks_of(p), splits);
    double step = multiply > fetch ? multiply : fetch, alone = multiply + 60;
    double once = 600 + area / 16;
    if (t->cluster)
        once = 1300 + area / 16 / splits;
    else if (splits > 1)
        once += 1500 + area * 4 * splits / 64;
    int64_t count =
        cuda_ceil_div(windows_of(p), t->pixels) * cuda_ceil_div(p->e.out.c, t->channels) * splits;
    int64_t round = (int64_t)processors * t->blocks, rest = count % round;
    if (t->turns && count > round) once /= 2; /* the other half is hidden */
    double full = t->blocks * part * step, cycles;
    if (full < part * alone) full = part * alone;
    int64_t rounds = count / round;
    cycles = 1500 + (double)rounds * (full + once);
    if (rest) {
        double last = (double)cuda_ceil_div(rest, processors) * part * step;
        cycles += (last < part * alone ? part * alone : last) + once;
    }
    return cycles;
}

int cuda_hopper_list(const struct cuda_machine *m, const struct cuda_conv *p,
                     struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    static const int splits[] = {1, 2, 3, 4, 6, 8, 12, MOST_SPLITS};
    int count = 0;
    /* wgmma is of 9.0 alone: neither older nor newer devices run it. A few rows are a matter of
     * reading weights fast, which fc.cu does. */
    if (m->capability != 90 || (m->cap && strcmp(m->cap, "wgmma") != 0)) return 0;
    if (windows_of(p) <= FC_MOST_ROWS) return 0;
    for (int tile = 0; tile < CUDA_HOPPER_TILE_COUNT; tile++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            struct cuda_algorithm algorithm = {
                .family = CUDA_WGMMA, .tile = tile, .splits = splits[i]};
            struct cuda_launch one;
            if (splits[i] > 1 && splits[i] * 2 > p->taps * chunks_of(p)) continue;
            if (!cuda_hopper_shape(p, tile, splits[i], m->processors, &one)) continue;
            algorithm.cycles = cycles_of(p, tile, splits[i], m->processors);
            cuda_add_algorithm(out, &count, &algorithm);
        }
    return cuda_trim_algorithms(out, count);
}

/* Drivers up to CUDA 13.1 leave a bit in the maps of tensors below 128 KB that does not belong
 * there; it is taken out, as NVIDIA's own CUTLASS does (cute/atom/copy_traits_sm90_tma.hpp). */
static void mend(const struct cuda_driver *driver, int size, const cuuint64_t *dims,
                 const cuuint64_t *strides, int rank, CUtensorMap *map) {
    cuuint64_t bytes = dims[0] * (cuuint64_t)size;
    for (int i = 1; i < rank; i++) bytes += (dims[i] - 1) * strides[i - 1];
    if (driver->version <= 13010 && bytes < 128 << 10) map->opaque[1] &= ~((cuuint64_t)1 << 21);
}

/* Of elements; weights of int8_t are bytes as any. */
static CUtensorMapDataType data_type(const struct cuda_conv *p) {
    return p->in.type == CUDA_U8 ? CU_TENSOR_MAP_DATA_TYPE_UINT8 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
}

/*
 * The input from the first window's first pixel to the last window's last. The box of pixels that
 * windows start at ends (kw - 1, kh - 1) before the last pixel; walking it by `stride` is walking
 * the outputs.
 */
static int map_input(const struct cuda_driver *driver, const struct cuda_conv *p,
                     const struct tile *t, CUtensorMap *map) {
    int kw = p->across, kh = p->taps / p->across, stride = p->stride, size = size_of(p);
    cuuint64_t dims[4] = {
        (cuuint64_t)p->depth, (cuuint64_t)(p->e.out.w - 1) * (cuuint64_t)stride + (cuuint64_t)kw,
        (cuuint64_t)(p->e.out.h - 1) * (cuuint64_t)stride + (cuuint64_t)kh, (cuuint64_t)p->e.batch};
    cuuint64_t strides[3];
    strides[0] = map_stride((int64_t)p->in.px * size, dims[1], dims[0] * (cuuint64_t)size);
    strides[1] = map_stride((int64_t)p->in.row * size, dims[2], strides[0] * dims[1]);
    strides[2] = map_stride(p->in.image * size, dims[3], strides[1] * dims[2]);
    int lower[2] = {0, 0}, upper[2] = {1 - kw, 1 - kh};
    cuuint32_t steps[4] = {1, (cuuint32_t)stride, (cuuint32_t)stride, 1};
    CUresult r = driver->tensor_map_im2col(
        map, data_type(p), 4, (void *)first_pixel(p), dims, strides, lower, upper,
        (cuuint32_t)(LINE / size), (cuuint32_t)t->pixels, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
        CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
        CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    mend(driver, size, dims, strides, 4, map);
    return r == CUDA_SUCCESS;
}

static int map_weights(const struct cuda_driver *driver, const struct cuda_conv *p,
                       const struct tile *t, CUtensorMap *map) {
    int size = size_of(p);
    cuuint64_t dims[2] = {(cuuint64_t)p->k_pad,
                          (cuuint64_t)cuda_ceil_div(p->e.out.c, CUDA_PACK_ROWS) * CUDA_PACK_ROWS};
    cuuint64_t strides[1] = {(cuuint64_t)p->k_pad * (cuuint64_t)size};
    cuuint32_t box[2] = {(cuuint32_t)(LINE / size), (cuuint32_t)t->channels}, steps[2] = {1, 1};
    CUresult r = driver->tensor_map_tiled(
        map, data_type(p), 2, (void *)p->weights, dims, strides, box, steps,
        CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
        CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    mend(driver, size, dims, strides, 2, map);
    return r == CUDA_SUCCESS;
}

int cuda_hopper_fill(const struct cuda_driver *driver, const struct cuda_conv *p,
                     const struct cuda_launch *launch, struct cuda_conv_wgmma *out) {
    const struct tile *t = tiles;
    while (strcmp(t->f16, launch->kernel) != 0 && strcmp(t->u8, launch->kernel) != 0) t++;
    memset(out, 0, sizeof *out);
    out->conv = *p;
    out->chunks = chunks_of(p);
    out->tiles_m = (int)cuda_ceil_div(windows_of(p), t->pixels);
    out->tiles_n = (int)cuda_ceil_div(p->e.out.c, t->channels);
    out->stages = ((int)launch->shared - CUDA_WGMMA_REST) / ((t->pixels + t->channels) * LINE + 16);
    CUtensorMap a, b;
    if (!map_input(driver, p, t, &a) || !map_weights(driver, p, t, &b)) return 0;
    memcpy(&out->a, &a, sizeof a);
    memcpy(&out->b, &b, sizeof b);
    return 1;
}
