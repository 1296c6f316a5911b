/*
 * The lists of ways that measuring chooses from, and the file that keeps what was chosen. That the
 * fastest is chosen, tests/cuda/test_device.py shows.
 */
#include "cuda/tune.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t state = 1;

static int draw(int low, int high) {
    state = state * 1664525 + 1013904223;
    return low + (int)(state >> 16) % (high - low + 1);
}

/* The list that cuda_add_way() should make: all sorted, the third of a tile left out, cut. */
static int expect(const struct cuda_way *all, int n, struct cuda_way *out) {
    char taken[64] = {0};
    int count = 0, alike[8] = {0};
    for (int round = 0; round < n; round++) {
        int best = -1;
        for (int i = 0; i < n; i++)
            if (!taken[i] && (best < 0 || all[i].cycles < all[best].cycles)) best = i;
        taken[best] = 1;
        if (alike[all[best].tile]++ < 2 && count < CUDA_MOST_WAYS) out[count++] = all[best];
    }
    return count;
}

static void test_lists(void **unused) {
    (void)unused;
    for (int round = 0; round < 2000; round++) {
        struct cuda_way all[64], want[CUDA_MOST_WAYS], got[CUDA_MOST_WAYS];
        int n = draw(1, 40), tiles = draw(1, 8), count = 0;
        for (int i = 0; i < n; i++) {
            double cycles = 100 * i;
            all[i] = (struct cuda_way){CUDA_MMA, draw(0, tiles - 1), draw(1, 16), cycles};
        }
        for (int i = n - 1; i > 0; i--) { /* in any order */
            int other = draw(0, i);
            struct cuda_way swap = all[i];
            all[i] = all[other];
            all[other] = swap;
        }
        for (int i = 0; i < n; i++) cuda_add_way(got, &count, &all[i]);
        assert_int_equal(count, expect(all, n, want));
        for (int i = 0; i < count; i++) assert_true(got[i].cycles == want[i].cycles);
    }
}

static void test_hopeless(void **unused) {
    (void)unused;
    struct cuda_way ways[CUDA_MOST_WAYS] = {
        {CUDA_MMA, 0, 1, 100}, {CUDA_MMA, 1, 1, 299}, {CUDA_MMA, 2, 1, 301}};
    assert_int_equal(cuda_trim_ways(ways, 3), 2);
    assert_int_equal(cuda_trim_ways(ways, 1), 1);
    assert_int_equal(cuda_trim_ways(ways, 0), 0);
}

/* Whatever is in a file: lines that say something are taken, the last one of a signature counts. */
static void test_file(void **unused) {
    (void)unused;
    struct cuda_tuning t = {.on = 1};
    cuda_tuning_read(&t, NULL);
    cuda_tuning_read(&t, "");
    cuda_tuning_read(&t, "garbage\n\n0000000000000001 conv_a 1\n"
                         "0000000000000002 conv_b\n"        /* no splits */
                         "0000000000000003 conv_c 2 more\n" /* more than splits */
                         "0000000000000004 conv-d 2\n"      /* no name of a kernel */
                         "0000000000000001 conv_e 3\n"      /* later */
                         "00000000000000010 conv_f 3\n"     /* 17 digits */
                         "0000000000000005 aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee 1\n"
                         "0000000000000006 conv_g 4"); /* no end */
    assert_int_equal(t.count, 2);
    assert_int_equal(t.known[0].signature, 1);
    assert_string_equal(t.known[0].kernel, "conv_e");
    assert_int_equal(t.known[0].splits, 3);
    assert_int_equal(t.known[1].signature, 6);
    free(t.known);
    memset(&t, 0, sizeof t);
    char line[64];
    for (int i = 0; i < 5000; i++) { /* more than are kept */
        snprintf(line, sizeof line, "%016x k%d 1\n", i + 1, i);
        cuda_tuning_read(&t, line);
    }
    assert_true(t.count <= 1 << 12);
    free(t.known);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_hopeless),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
