/* What brings pictures into networks. */
#include "tests/checkkern/bench.h"

/* w pixels of kh rows of a picture 1920 wide; the rows lie in the second-level cache. */
static const struct bench_shape ROWS_SHAPES[] = {
    {.text = "1024 px of 5 rows", .w = 1024, .kh = 5},
    {.text = "1024 px of 2 rows", .w = 1024, .kh = 2},
    {.text = NULL},
};

static double call_scale_rows(const struct kern *k, const struct bench_shape *s,
                              const struct bench_arrays *a) {
    k->scale_rows(s->w, s->kh, a->vector, (const uint8_t *)a->src, 3 * 1920, a->dst);
    return 2.0 * 3 * s->w * s->kh;
}

/* w pixels of kw taps each, from pixels `stride` apart. */
static const struct bench_shape COLUMNS_SHAPES[] = {
    {.text = "320 px of 5 taps", .w = 320, .kw = 5, .stride = 3},
    {.text = "320 px of 2 taps", .w = 320, .kw = 2, .stride = 2},
    {.text = NULL},
};

static double columns(const struct kern *k, const struct bench_shape *s,
                      const struct bench_arrays *a, enum kern_type type) {
    int first[320];
    for (int x = 0; x < s->w; x++) first[x] = x * s->stride;
    k->scale_columns(s->w, s->kw, first, a->vector, a->src, type, a->dst);
    return 2.0 * 3 * s->w * s->kw;
}

static double call_columns(const struct kern *k, const struct bench_shape *s,
                           const struct bench_arrays *a) {
    return columns(k, s, a, KERN_F32);
}

static double call_columns_bf16(const struct kern *k, const struct bench_shape *s,
                                const struct bench_arrays *a) {
    return columns(k, s, a, KERN_BF16);
}

static const struct bench_shape BYTES_SHAPES[] = {
    {.text = "640 px", .w = 1920},
    {.text = NULL},
};

static double call_from_bytes(const struct kern *k, const struct bench_shape *s,
                              const struct bench_arrays *a) {
    k->from_bytes(s->w, (const uint8_t *)a->src, KERN_F32, a->dst);
    return (1 + sizeof(float)) * (double)s->w;
}

const struct bench_slot bench_scale_slots[] = {
    {BENCH_SLOT(scale_rows), BENCH_F32, ROWS_SHAPES, call_scale_rows},
    {BENCH_SLOT(scale_columns), BENCH_F32, COLUMNS_SHAPES, call_columns},
    {.name = "scale_columns bf16",
     .field = offsetof(struct kern, scale_columns),
     BENCH_F32,
     COLUMNS_SHAPES,
     call_columns_bf16},
    {BENCH_SLOT(from_bytes), BENCH_COPY, BYTES_SHAPES, call_from_bytes},
    {.name = NULL},
};
