/* The slot that searches are made of: many rows of bytes, few queries. */
#include "tests/checkkern/bench.h"

/* w: queries, cin: values of a row. One query is bound by memory, sixteen by arithmetic. */
static const struct bench_shape ONE_SHAPES[] = {
    {.text = "1 query of 512", .w = 1, .cin = 512},
    {.text = "1 query of 192", .w = 1, .cin = 192},
    {.text = NULL},
};
static const struct bench_shape MANY_SHAPES[] = {
    {.text = "8 queries of 512", .w = 8, .cin = 512},
    {.text = "16 queries of 512", .w = 16, .cin = 512},
    {.text = "16 queries of 192", .w = 16, .cin = 192},
    {.text = NULL},
};

/* All rows the array holds; returns their bytes. */
static double scan(const struct kern *k, const struct bench_shape *s,
                   const struct bench_arrays *a) {
    static const int32_t start[16];
    float least[16];
    uint32_t above[16];
    size_t size = (size_t)s->cin * KERN_SCAN_ROWS;
    size_t blocks = BENCH_WEIGHTS * sizeof(float) / size;
    struct kern_queries q = {s->w, s->cin, (const int8_t *)a->src, start, least};
    for (int i = 0; i < s->w; i++) least[i] = 1e30f;
    for (size_t b = 0; b < blocks; b++)
        k->scan_u8(&q, (const uint8_t *)a->weights + b * size, (const uint16_t *)(void *)a->vector,
                   (int32_t *)(void *)a->dst, above);
    return (double)(blocks * size);
}

static double scan_many(const struct kern *k, const struct bench_shape *s,
                        const struct bench_arrays *a) {
    return 2 * s->w * scan(k, s, a);
}

const struct bench_slot bench_scan_slots[] = {
    {BENCH_SLOT(scan_u8), .limit = BENCH_MEMORY, .shapes = ONE_SHAPES, .call = scan},
    {BENCH_SLOT(scan_u8), .limit = BENCH_U8, .shapes = MANY_SHAPES, .call = scan_many},
    {.name = NULL},
};
