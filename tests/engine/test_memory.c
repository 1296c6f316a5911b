/* The memory planner, checked by brute force: blocks that live together must not share a byte. */
#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void check(struct memory_block *b, int n) {
    size_t total, peak = 0, sum = 0;
    assert_int_equal(memory_place(b, n, &total), 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(b[i].offset % MEMORY_ALIGN, 0);
        assert_true(b[i].offset + b[i].size <= total);
        sum += (b[i].size + MEMORY_ALIGN - 1) / MEMORY_ALIGN * MEMORY_ALIGN;
        for (int j = 0; j < i; j++) {
            int together = b[i].first <= b[j].last && b[j].first <= b[i].last;
            int apart =
                b[i].offset + b[i].size <= b[j].offset || b[j].offset + b[j].size <= b[i].offset;
            assert_true(!together || apart);
        }
    }
    for (int step = 0; step < 64; step++) { /* no placement can be smaller than the fullest step */
        size_t live = 0;
        for (int i = 0; i < n; i++)
            if (b[i].first <= step && step <= b[i].last) live += b[i].size;
        peak = live > peak ? live : peak;
    }
    assert_true(total >= peak && total <= sum);
}

static void test_random(void **state) {
    (void)state;
    enum { SEED = 1 };
    print_message("seed %d\n", SEED);
    srand(SEED);
    for (int round = 0; round < 500; round++) {
        struct memory_block b[40];
        int n = 1 + rand() % 40;
        for (int i = 0; i < n; i++) {
            int first = rand() % 60;
            b[i] = (struct memory_block){
                .size = (size_t)(1 + rand() % 5000), .first = first, .last = first + rand() % 4};
        }
        check(b, n);
    }
}

/* A chain, as networks are: the input and output of each step, never three at once. */
static void test_chain(void **state) {
    (void)state;
    struct memory_block b[50];
    size_t total;
    for (int i = 0; i < 50; i++)
        b[i] = (struct memory_block){.size = 4096, .first = i, .last = i + 1};
    assert_int_equal(memory_place(b, 50, &total), 0);
    assert_int_equal(total, 2 * 4096);
    assert_int_equal(memory_place(b, 0, &total), 0);
    assert_int_equal(total, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_chain)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
