/* Memory of freed workspaces that is kept for the next: which piece is taken, and how much stays.
 */
#include "engine/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MB = 1 << 20, KEEP = 10 * MB, MOST = 20 * MB };

static struct pages_pool pool;

static int setup(void **state) {
    (void)state;
    pages_pool_init(&pool);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), 0);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pages_pool_destroy(&pool);
    return 0;
}

static struct pages_piece get(size_t bytes) {
    struct pages_piece piece;
    pages_pool_alloc(&pool, bytes, &piece);
    assert_non_null(piece.p);
    assert_true(piece.bytes >= bytes && piece.asked == bytes);
    memset(piece.p, 1, piece.bytes);
    return piece;
}

/* The smallest that is large enough; what it has beyond that counts as what is kept does. */
static void test_best_fit(void **state) {
    (void)state;
    struct pages_piece three = get(3 * MB), four = get(4 * MB), small, none = {.p = NULL};
    void *p = three.p, *q = four.p;
    pages_pool_free(&pool, &four);
    pages_pool_free(&pool, &three);
    assert_null(three.p);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), 7 * MB);
    three = get(5 * MB / 2);
    assert_ptr_equal(three.p, p);
    small = get(MB + 1);
    assert_ptr_equal(small.p, q);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), MB / 2 + 3 * MB - 1);
    four = get(4 * MB);
    assert_true(four.p != q);
    pages_pool_free(&pool, &small);
    pages_pool_free(&pool, &three);
    pages_pool_free(&pool, &four);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), 7 * MB); /* the oldest is gone */
    pages_pool_free(&pool, &none);
    assert_int_equal(pages_pool_keep(&pool, 3 * MB, 3 * MB), 0); /* one of four would remain */
}

/* One that is larger than all that may be kept stays until another comes; who wants little does not
 * get it. */
static void test_a_large_one(void **state) {
    (void)state;
    struct pages_piece large = get(KEEP + MB), small = get(2 * MB);
    void *p = large.p;
    pages_pool_free(&pool, &large);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), KEEP + MB);
    large = get(KEEP);
    assert_ptr_equal(large.p, p);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), MB);
    pages_pool_free(&pool, &large);
    large = get(2 * MB);
    assert_true(large.p != p);
    pages_pool_free(&pool, &large);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), 2 * MB);
    pages_pool_free(&pool, &small);
    large = get(MOST + 1);
    pages_pool_free(&pool, &large);
    assert_int_equal(pages_pool_keep(&pool, KEEP, MOST), 0);
}

/* As many as there are places, the oldest go. */
static void test_many(void **state) {
    (void)state;
    struct pages_piece pieces[2 * PAGES_SPARES];
    for (int i = 0; i < 2 * PAGES_SPARES; i++) pieces[i] = get(1000 + (size_t)i);
    for (int i = 0; i < 2 * PAGES_SPARES; i++) pages_pool_free(&pool, &pieces[i]);
    assert_int_equal(pool.n, PAGES_SPARES);
    assert_int_equal(pool.spare[0].bytes, 1000 + PAGES_SPARES);
}

/* Sizes no memory has. */
static void test_no_memory(void **state) {
    (void)state;
    struct pages_piece piece;
    pages_pool_alloc(&pool, SIZE_MAX / 2, &piece);
    assert_null(piece.p);
    pages_pool_free(&pool, &piece);
    assert_int_equal(pool.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_best_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
