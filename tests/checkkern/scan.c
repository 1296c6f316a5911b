#include "tests/checkkern/checkkern.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = KERN_SCAN_ROWS, MOST_QUERIES = 19 };

/* What a scan reads and writes, each array between guards. */
struct scan {
    int n, k;
    size_t row_words, scale_words, query_words;
    uint8_t *rows;
    uint16_t *scale;
    int8_t *query;
    float *start, *least, *sums, *above; /* start, sums, above: integers */
};

/* Extreme bytes are the rule, so that sums which do not fit 16 bits are, too. */
static void fill(struct check *k, struct scan *s) {
    int extreme = check_int(k, 0, 2) == 0;
    for (int i = 0; i < ROWS * s->k; i++) {
        int v = extreme ? 127 * (2 * check_int(k, 0, 1) - 1) : check_int(k, -127, 127);
        s->rows[i] = (uint8_t)(v + 128);
    }
    for (int i = 0; i < s->n * s->k; i++)
        s->query[i] =
            (int8_t)(extreme ? 127 * (2 * check_int(k, 0, 1) - 1) : check_int(k, -127, 127));
    for (int r = 0; r < ROWS; r++) s->scale[r] = kern_bf16_from_f32((check_float(k) + 1.5f) / 127);
    for (int i = 0; i < s->n; i++) {
        int32_t start = check_int(k, -1000000, 1000000);
        memcpy(s->start + i, &start, sizeof start);
        s->least[i] = 3000 * check_float(k);
    }
}

static struct scan scan_open(struct check *k) {
    struct scan s = {.n = check_int(k, 1, MOST_QUERIES), .k = 4 * check_int(k, 1, 70)};
    s.rows = check_elements(k, KERN_U8, (size_t)(ROWS * s.k), &s.row_words);
    s.scale = check_elements(k, KERN_BF16, ROWS, &s.scale_words);
    s.query = check_elements(k, KERN_U8, (size_t)(s.n * s.k), &s.query_words);
    s.start = check_guarded(k, (size_t)s.n);
    s.least = check_guarded(k, (size_t)s.n);
    s.sums = check_guarded(k, (size_t)(s.n * ROWS));
    s.above = check_guarded(k, (size_t)s.n);
    fill(k, &s);
    return s;
}

static void scan_close(struct check *k, struct scan *s) {
    check_guarded_free(k, "scan_u8", (float *)(void *)s->rows, s->row_words);
    check_guarded_free(k, "scan_u8", (float *)(void *)s->scale, s->scale_words);
    check_guarded_free(k, "scan_u8", (float *)(void *)s->query, s->query_words);
    check_guarded_free(k, "scan_u8", s->start, (size_t)s->n);
    check_guarded_free(k, "scan_u8", s->least, (size_t)s->n);
    check_guarded_free(k, "scan_u8", s->sums, (size_t)(s->n * ROWS));
    check_guarded_free(k, "scan_u8", s->above, (size_t)s->n);
}

/* The sum of one row and query, by its definition. */
static int32_t sum_of(const struct scan *s, int i, int r) {
    int32_t sum;
    memcpy(&sum, s->start + i, sizeof sum);
    for (int l = 0; l < s->k; l++)
        sum += s->rows[(l / 4 * ROWS + r) * 4 + l % 4] * s->query[i * s->k + l];
    return sum;
}

static int query_is_right(const struct scan *s, int i, uint32_t *any) {
    uint32_t above, expected = 0;
    int good = 1;
    for (int r = 0; r < ROWS; r++) {
        int32_t sum = sum_of(s, i, r), got;
        memcpy(&got, s->sums + i * ROWS + r, sizeof got);
        good = good && got == sum;
        if ((float)sum * kern_bf16_to_f32(s->scale[r]) >= s->least[i]) expected |= 1u << r;
    }
    memcpy(&above, s->above + i, sizeof above);
    *any |= expected;
    return good && above == expected;
}

/* Exact in every bit: what a search may leave out is decided by these. */
void check_scan(struct check *k) {
    struct scan s = scan_open(k);
    struct kern_queries q = {s.n, s.k, s.query, (const int32_t *)(const void *)s.start, s.least};
    uint32_t any = 0, got = k->kern.scan_u8(&q, s.rows, s.scale, (int32_t *)(void *)s.sums,
                                            (uint32_t *)(void *)s.above);
    for (int i = 0; i < s.n; i++) {
        k->cases++;
        if (query_is_right(&s, i, &any)) continue;
        printf("FAIL %s scan_u8 (query %d of %d, %d values)\n", k->table, i, s.n, s.k);
        k->failures++;
    }
    if (got != any) {
        printf("FAIL %s scan_u8 (%d queries): says %08x of %08x\n", k->table, s.n, got, any);
        k->failures++;
    }
    scan_close(k, &s);
}
