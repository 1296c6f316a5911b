/* Memory of freed workspaces that is kept for the next: which piece is taken, and how much stays.
 */
#include "engine/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MB = 1 << 20, KEEP = 10 * MB };

static struct pages_pool pool;

static int setup(void **state) {
    (void)state;
    pages_pool_init(&pool, KEEP);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    pages_pool_destroy(&pool);
    return 0;
}

static char *get(size_t bytes, size_t *got) {
    char *p = pages_pool_alloc(&pool, bytes, got);
    assert_non_null(p);
    assert_true(*got >= bytes && *got <= 2 * bytes + 1);
    memset(p, 1, *got);
    return p;
}

/* The smallest that is large enough, and not twice as large as it has to be. */
static void test_best_fit(void **state) {
    (void)state;
    size_t three, four, got;
    void *p = get(3 * MB, &three), *q = get(4 * MB, &four);
    pages_pool_free(&pool, q, four);
    pages_pool_free(&pool, p, three);
    assert_int_equal(pool.kept, 7 * MB);
    assert_ptr_equal(get(5 * MB / 2, &got), p);
    assert_int_equal(got, 3 * MB);
    void *small = get(MB + 1, &got);
    assert_int_equal(got, MB + 1);
    assert_int_equal(pool.kept, 4 * MB);
    pages_pool_free(&pool, small, got);
    assert_ptr_equal(get(7 * MB / 2, &got), q);
    pages_pool_free(&pool, p, three);
    pages_pool_free(&pool, q, four);
}

/* No more than it may keep: the oldest go; what is small, or larger than all it may, is not kept.
 */
static void test_keeps_little(void **state) {
    (void)state;
    void *p[4];
    size_t got[4], none;
    for (int i = 0; i < 4; i++) p[i] = get((size_t)(3 * MB + i), &got[i]);
    for (int i = 0; i < 4; i++) pages_pool_free(&pool, p[i], got[i]);
    assert_int_equal(pool.n, 3);
    assert_int_equal(pool.spare[0].bytes, 3 * MB + 1);
    void *large = get(KEEP + 1, &none);
    pages_pool_free(&pool, large, none);
    assert_int_equal(pool.n, 3);
    pages_pool_free(&pool, get(100, &none), 100);
    assert_int_equal(pool.n, 3);
    for (int i = 0; i < 2 * PAGES_SPARES; i++) {
        void *one = pages_alloc(MB);
        assert_non_null(one);
        pages_pool_free(&pool, one, MB);
        assert_true(pool.kept <= KEEP && pool.n <= PAGES_SPARES);
    }
    pages_pool_free(&pool, NULL, MB);
}

/* Sizes no memory has. */
static void test_no_memory(void **state) {
    (void)state;
    size_t got;
    assert_null(pages_pool_alloc(&pool, SIZE_MAX / 2, &got));
    pages_pool_free(&pool, NULL, got);
    assert_int_equal(pool.n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_best_fit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_keeps_little, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_memory, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
