/*
 * bench.h - `checkkern --bench`: how fast each slot of each table is, as a share of what the
 * instruction set could do, so that it is plain which kernel is worth another look.
 *
 * A slot is one row of a table in bench_conv.c, bench_pointwise.c, bench_scale.c or bench_scan.c:
 * the shapes of real layers, and a function that makes one call and says how much work that was.
 * Rates are the best of several windows, as the peaks they are compared with are: other processes
 * only ever make them smaller.
 */
#ifndef MIEN_TESTS_BENCH_H
#define MIEN_TESTS_BENCH_H

#include "kernels/kern.h"

#include <stddef.h>

/* What a slot's work is counted in, and what its rate is a percentage of. Operations are counted
 * two a multiply-add; bytes are those the slot's definition reads and writes. */
enum bench_limit {
    BENCH_F32,    /* fp32 multiply-adds of the table's instruction set */
    BENCH_BF16,   /* vdpbf16ps */
    BENCH_U8,     /* vpdpbusd */
    BENCH_COPY,   /* copying within the first-level cache by the table's vectors */
    BENCH_READ,   /* summing a first-level cache's content by them */
    BENCH_MEMORY, /* summing what no cache holds by them */
    BENCH_LIMITS
};

/* A layer's part in a call; the fields a slot has no use for are zero. */
struct bench_shape {
    const char *text; /* where it comes from */
    int w;            /* output pixels, rows of a matrix */
    int kh, kw, cin, cout, stride;
    int groups;
    enum kern_act act;
    int residual;
};

/* Memory for calls, 64-byte aligned, filled with values of -1..1; sizes in floats. */
enum { BENCH_ARRAY = 1 << 22, BENCH_WEIGHTS = 1 << 24 };
struct bench_arrays {
    float *src, *dst, *res, *vector; /* [BENCH_ARRAY] each */
    float *weights;                  /* [BENCH_WEIGHTS]: 64 MB, more than caches hold */
};

struct bench_slot {
    const char *name; /* NULL ends a table */
    size_t field;     /* of struct kern: the function pointer that is the slot */
    enum bench_limit limit;
    const struct bench_shape *shapes; /* ended by one without text */
    /* Calls the slot as a layer of that shape does; returns the work: operations or bytes. */
    double (*call)(const struct kern *k, const struct bench_shape *s, const struct bench_arrays *a);
};

/* Name and field of a slot. */
#define BENCH_SLOT(slot) .name = #slot, .field = offsetof(struct kern, slot)

extern const struct bench_slot bench_conv_slots[], bench_pointwise_slots[], bench_scale_slots[],
    bench_scan_slots[];

/* The best rate of a call that returns its work, in work a second, over some 15 ms; *seconds gets
 * the time of one call then and may be NULL. */
double bench_rate(double (*call)(void *argument), void *argument, double *seconds);
/* Bytes a second by vectors of 16, 32 or 64 bytes; limit is BENCH_COPY, _READ or _MEMORY. */
double bench_memory_rate(enum bench_limit limit, int vector_bytes, const struct bench_arrays *a);

/* Prints the tables, or only `table`, and only slots whose name contains `slot` (NULL: all).
 * Returns 0, or 1 where that leaves nothing. */
int bench_run(const char *table, const char *slot);

#endif
