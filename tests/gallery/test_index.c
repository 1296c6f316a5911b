/* What the index finds is what comparing the query with the floats of every row finds: bit for bit,
 * in order, whatever the rows, the kernels and the threads. */
#include "engine/err.h"
#include "gallery/index.h"
#include "gallery/quantise.h"
#include "kernels/kern.h"
#include "mien.h"
#include "tests/gallery/search_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 3000, QUERIES = 70, HITS = 40 };

/* Rows in the index and beside it. */
struct world {
    int dims, n;
    uint64_t state;
    struct index *index;
    float *rows, *queries; /* [MOST][dims], [QUERIES][dims] */
    int64_t ids[MOST];
    char there[MOST];
};

static void world_close(struct world *w) {
    index_close(w->index);
    free(w->rows);
    free(w->queries);
    free(w);
}

static struct world *world_open(int dims, enum case_kind kind, int n,
                                const struct index_options *options) {
    struct world *w = calloc(1, sizeof *w);
    w->dims = dims;
    w->n = n;
    w->state = (uint64_t)(dims * 100 + (int)kind);
    w->rows = malloc(sizeof(float) * MOST * (size_t)dims);
    w->queries = malloc(sizeof(float) * QUERIES * (size_t)dims);
    assert_int_equal(index_open(dims, options, &w->index), 0);
    for (int i = 0; i < n; i++) {
        float *v = w->rows + (ptrdiff_t)i * dims;
        case_row(kind, &w->state, dims, v);
        w->ids[i] = (int64_t)(i * 7919 % MOST) - 100; /* in no order, some below zero */
        w->there[i] = 1;
        assert_int_equal(index_add(w->index, w->ids[i], v), 0);
    }
    for (int i = 0; i < QUERIES; i++) {
        float *v = w->queries + (ptrdiff_t)i * dims;
        if (n > 0 && i % 3 == 0)
            memcpy(v, w->rows + (ptrdiff_t)case_int(&w->state, n) * dims,
                   sizeof(float) * (size_t)dims);
        else
            case_row(i % 3 == 1 ? kind : CASE_EVEN, &w->state, dims, v);
    }
    return w;
}

static void compare(const struct world *w, int n, int k, const struct index_filter *filter) {
    struct index_hit *hits = calloc((size_t)(n * k), sizeof *hits);
    struct index_hit *expected = calloc((size_t)k, sizeof *expected);
    int counts[QUERIES];
    assert_int_equal(index_search(w->index, w->queries, n, k, filter, hits, counts), 0);
    for (int i = 0; i < n; i++) {
        int found = case_search(w->dims, w->rows, w->ids, w->there, w->n,
                                w->queries + (ptrdiff_t)i * w->dims, k, filter, expected);
        assert_int_equal(counts[i], found);
        for (int j = 0; j < found; j++) {
            assert_int_equal(hits[i * k + j].id, expected[j].id);
            assert_memory_equal(&hits[i * k + j].score, &expected[j].score, sizeof(float));
        }
    }
    free(hits);
    free(expected);
}

static void test_exact(void **state) {
    (void)state;
    for (int t = 0; kern_table_name(t); t++) {
        struct kern kern;
        const char *cpu = kern_table_name(t);
        if (kern_init(&kern, cpu) < 0) continue;
        struct index_options o = {.threads = 1 + t % 3, .cpu = cpu};
        for (int kind = 0; kind < CASE_KINDS; kind++) {
            struct world *w = world_open(kind % 2 ? 192 : 61, (enum case_kind)kind, 700, &o);
            compare(w, 1, 10, NULL);
            compare(w, 21, HITS, NULL);
            world_close(w);
        }
    }
}

static void test_sizes(void **state) {
    static const int sizes[] = {0, 1, 2, 31, 32, 33, 1000, MOST},
                     dims[] = {1, 2, 3, 4, 512, 128, 6, 5};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct world *w = world_open(dims[i], CASE_EVEN, sizes[i], NULL);
        compare(w, QUERIES, 1, NULL);
        compare(w, 3, 25, NULL);
        world_close(w);
    }
}

static int is_odd(void *context, int64_t id) {
    (void)context;
    return (id & 1) != 0;
}

static int64_t seventh(void *context, int64_t id) {
    (void)context;
    return id / 7;
}

static void test_filters(void **state) {
    static const struct index_filter filters[] = {
        {.least = 0.3f},
        {.least = -2, .allow = is_odd},
        {.least = -2, .group = seventh},
        {.least = 0.05f, .allow = is_odd, .group = seventh},
        {.least = 2}, /* nothing */
    };
    (void)state;
    for (int kind = 0; kind < CASE_KINDS; kind++) {
        struct world *w = world_open(64, (enum case_kind)kind, 900, NULL);
        for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
            compare(w, 11, 12, &filters[i]);
        world_close(w);
    }
}

/* Of two groups one has all of the best rows: the other one is the second hit all the same. */
static void test_one_group_in_front(void **state) {
    static const struct index_filter by_seven = {.least = -2, .group = seventh};
    struct index_hit hits[2];
    struct index *x;
    int count;
    (void)state;
    assert_int_equal(index_open(2, &(struct index_options){.threads = 1}, &x), 0);
    for (int64_t id = 0; id < 7; id++) {
        float angle = 0.01f * (float)(7 - id);
        assert_int_equal(index_add(x, id, (float[]){cosf(angle), sinf(angle)}), 0);
    }
    assert_int_equal(index_add(x, 7, (float[]){0, 1}), 0);
    assert_int_equal(index_search(x, (float[]){1, 0}, 1, 2, &by_seven, hits, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(hits[0].id, 6);
    assert_int_equal(hits[1].id, 7);
    index_close(x);
}

/* The bounds themselves, on rows of each kind and with the integers computed here. */
static void test_bounds(void **state) {
    enum { DIMS = 192 };
    uint64_t seed = 5;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        float v[DIMS], q[DIMS];
        uint8_t bytes[DIMS];
        int8_t values[DIMS];
        double length, score = 0;
        case_row((enum case_kind)(round % CASE_KINDS), &seed, DIMS, v);
        case_row((enum case_kind)(round / CASE_KINDS % CASE_KINDS), &seed, DIMS, q);
        double scale = (double)kern_bf16_to_f32(quantise_row(DIMS, v, bytes, &length));
        struct query query = quantise_query(DIMS, q, length, values);
        int32_t sum = query.start;
        for (int i = 0; i < DIMS; i++) {
            sum += bytes[i] * values[i];
            score += (double)v[i] * (double)q[i];
        }
        double upper = query_upper(&query, scale, sum), lower = query_lower(&query, scale, sum);
        assert_true(lower <= score && score <= upper);
        assert_true(upper - lower < 0.2);
        assert_true((float)sum * (float)scale >= query_least(&query, upper));
    }
}

/* Rows come and go, far more than there are at any time: what is there is found, and memory stays
 * in proportion. */
static void test_churn(void **state) {
    (void)state;
    struct world *w = world_open(32, CASE_EVEN, MOST, NULL);
    size_t before = index_memory(w->index);
    int alive = MOST;
    for (int round = 0; round < 60000; round++) {
        int i = case_int(&w->state, MOST);
        float *v = w->rows + (ptrdiff_t)i * w->dims;
        if (w->there[i]) {
            assert_int_equal(index_remove(w->index, w->ids[i]), 0);
            alive--;
        } else {
            case_row(CASE_EVEN, &w->state, w->dims, v);
            assert_int_equal(index_add(w->index, w->ids[i], v), 0);
            alive++;
        }
        w->there[i] = (char)!w->there[i];
        if (round % 6000 == 0) compare(w, 5, 10, NULL);
    }
    assert_int_equal(index_rows(w->index), alive);
    assert_true(index_memory(w->index) <= 2 * before);
    for (int i = 0; i < MOST; i++)
        if (w->there[i]) assert_int_equal(index_remove(w->index, w->ids[i]), 0);
    memset(w->there, 0, sizeof w->there);
    compare(w, 2, 10, NULL);
    world_close(w);
}

static int no_floats(void *context, int64_t id, float *v) {
    (void)context;
    (void)id;
    (void)v;
    return MIEN_EIO;
}

/* 512 bytes and 16, where the floats are elsewhere. */
static void test_memory_of_a_row(void **state) {
    enum { ROWS = 65536, DIMS = 512 };
    static const struct index_options o = {.threads = 1, .fetch = no_floats};
    struct index *x;
    float v[DIMS] = {0};
    (void)state;
    assert_int_equal(index_open(DIMS, &o, &x), 0);
    for (int i = 0; i < ROWS; i++) {
        v[i % DIMS] = 1;
        assert_int_equal(index_add(x, (int64_t)i * i, v), 0);
        v[i % DIMS] = 0;
    }
    assert_true(index_memory(x) <= (size_t)ROWS * (DIMS + 16));
    index_close(x);
}

/* Floats that are elsewhere: what `answer` says of row 1, and is said to have of it. */
struct elsewhere {
    int answer, asked;
    float first;
};

static int fetch_elsewhere(void *context, int64_t id, float *v) {
    struct elsewhere *e = context;
    e->asked++;
    memset(v, 0, 4 * sizeof *v);
    v[id % 4] = id == 1 ? e->first : 1;
    if (id == 1 && e->answer < 0) return err_set(e->answer, "the disk is on fire");
    return id == 1 ? e->answer : 0;
}

static void test_floats_elsewhere(void **state) {
    struct elsewhere e = {.first = 1};
    struct index_options o = {.threads = 1, .fetch = fetch_elsewhere, .context = &e};
    struct index *x;
    struct index_hit hits[4];
    int count;
    (void)state;
    assert_int_equal(index_open(4, &o, &x), 0);
    for (int64_t id = 0; id < 4; id++) {
        float v[4] = {0};
        v[id] = 1;
        assert_int_equal(index_add(x, id, v), 0);
    }
    float query[4] = {0, 1, 0, 0};
    assert_int_equal(index_search(x, query, 1, 1, NULL, hits, &count), 0);
    assert_int_equal(e.asked, 1); /* rounding rules the others out */
    assert_int_equal(count, 1);
    assert_int_equal(hits[0].id, 1);
    e.answer = MIEN_EIO;
    assert_int_equal(index_search(x, query, 1, 4, NULL, hits, &count), MIEN_EIO);
    assert_string_equal(err_text(), "the disk is on fire");
    e.answer = 1; /* gone, but the index was not told */
    assert_int_equal(index_search(x, query, 1, 4, NULL, hits, &count), MIEN_EFORMAT);
    assert_string_equal(err_text(), "row 1 is in the index, but its values are nowhere");
    e.answer = 0;
    e.first = 0.5f;
    assert_int_equal(index_search(x, query, 1, 4, NULL, hits, &count), MIEN_EFORMAT);
    assert_string_equal(err_text(), "the values of row 1 are not those that were added");
    assert_int_equal(index_remove(x, 1), 0);
    assert_int_equal(index_search(x, query, 1, 4, NULL, hits, &count), 0);
    assert_int_equal(count, 3);
    index_close(x);
}

static void test_refusals(void **state) {
    struct index *x = NULL;
    float v[4] = {1, 0, 0, 0}, bad[4] = {1, 1, 0, 0};
    struct index_hit hit;
    int count;
    (void)state;
    assert_int_equal(index_open(0, NULL, &x), MIEN_EINVAL);
    assert_int_equal(index_open(INDEX_MAX_DIMS + 1, NULL, &x), MIEN_EINVAL);
    assert_int_equal(index_open(4, &(struct index_options){.cpu = "z80"}, &x), MIEN_EDEVICE);
    assert_null(x);
    assert_int_equal(index_open(4, NULL, &x), 0);
    assert_int_equal(index_add(x, 1, v), 0);
    assert_int_equal(index_add(x, 1, v), MIEN_EINVAL);
    assert_string_equal(err_text(), "the index has row 1 already");
    assert_int_equal(index_remove(x, 2), MIEN_EINVAL);
    assert_int_equal(index_add(x, 2, bad), MIEN_EINVAL);
    assert_int_equal(index_search(x, bad, 1, 1, NULL, &hit, &count), MIEN_EINVAL);
    assert_int_equal(index_search(x, v, 1, 0, NULL, &hit, &count), MIEN_EINVAL);
    bad[0] = NAN;
    assert_int_equal(index_add(x, 2, bad), MIEN_EINVAL);
    assert_int_equal(index_rows(x), 1);
    index_close(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_one_group_in_front),
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_memory_of_a_row),
        cmocka_unit_test(test_floats_elsewhere),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
