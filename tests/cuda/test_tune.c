/*
 * The lists of algorithms that measuring chooses from, and the file that keeps what was chosen.
 * That the fastest is chosen, tests/cuda/test_device.py shows.
 */
#include "cuda/judge.h"
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

/* The list that cuda_add_algorithm() should make: all sorted, the third of a tile left out, cut. */
static int expect(const struct cuda_algorithm *all, int n, struct cuda_algorithm *out) {
    char taken[64] = {0};
    int count = 0, alike[8] = {0};
    for (int round = 0; round < n; round++) {
        int best = -1;
        for (int i = 0; i < n; i++)
            if (!taken[i] && (best < 0 || all[i].cycles < all[best].cycles)) best = i;
        taken[best] = 1;
        if (alike[all[best].tile]++ < 2 && count < CUDA_MOST_ALGORITHMS) out[count++] = all[best];
    }
    return count;
}

static void test_lists(void **unused) {
    (void)unused;
    for (int round = 0; round < 2000; round++) {
        struct cuda_algorithm all[64], want[CUDA_MOST_ALGORITHMS], got[CUDA_MOST_ALGORITHMS];
        int n = draw(1, 40), tiles = draw(1, 8), count = 0;
        for (int i = 0; i < n; i++) {
            double cycles = 100 * i;
            all[i] = (struct cuda_algorithm){CUDA_MMA, draw(0, tiles - 1), draw(1, 16), cycles};
        }
        for (int i = n - 1; i > 0; i--) { /* in any order */
            int other = draw(0, i);
            struct cuda_algorithm swap = all[i];
            all[i] = all[other];
            all[other] = swap;
        }
        for (int i = 0; i < n; i++) cuda_add_algorithm(got, &count, &all[i]);
        assert_int_equal(count, expect(all, n, want));
        for (int i = 0; i < count; i++) assert_true(got[i].cycles == want[i].cycles);
    }
}

static void test_hopeless(void **unused) {
    (void)unused;
    struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS] = {
        {CUDA_MMA, 0, 1, 100}, {CUDA_MMA, 1, 1, 299}, {CUDA_MMA, 2, 1, 301}};
    assert_int_equal(cuda_trim_algorithms(algorithms, 3), 2);
    assert_int_equal(cuda_trim_algorithms(algorithms, 1), 1);
    assert_int_equal(cuda_trim_algorithms(algorithms, 0), 0);
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

static void set_half(char *to, int i, unsigned bits) {
    uint16_t h = (uint16_t)bits;
    memcpy(to + 2 * i, &h, sizeof h);
}

/* Rounding passes, what is computed wrong does not. */
static void test_judgement(void **unused) {
    (void)unused;
    enum { N = 1000 };
    char a[4 * N], b[4 * N];
    for (int i = 0; i < N; i++)
        set_half(a, i, (unsigned)draw(0x3400, 0x3FFF) | (draw(0, 1) ? 0x8000 : 0));
    memcpy(b, a, sizeof a);
    assert_true(cuda_judge_same(CUDA_F16, 0, a, b, 2 * N));
    for (int i = 0; i < N; i += 3) { /* a step, either way */
        uint16_t h;
        memcpy(&h, a + 2 * i, sizeof h);
        set_half(b, i, h ^ 1u);
    }
    assert_true(cuda_judge_same(CUDA_F16, 0, a, b, 2 * N));
    set_half(a, 5, 0x7C00); /* infinite in both, not a number in both */
    set_half(b, 5, 0x7C00);
    set_half(a, 6, 0x7E00);
    set_half(b, 6, 0x7FFF);
    assert_true(cuda_judge_same(CUDA_F16, 0, a, b, 2 * N));
    set_half(b, 7, 0x7F7F); /* not written */
    assert_false(cuda_judge_same(CUDA_F16, 0, a, b, 2 * N));
    memcpy(b, a, sizeof a);
    set_half(b, 5, 0x3C00); /* finite in one */
    assert_false(cuda_judge_same(CUDA_F16, 0, a, b, 2 * N));
    memcpy(b, a, sizeof a);
    memmove(b, a + 2, 2 * N - 2); /* one place further */
    assert_false(cuda_judge_same(CUDA_F16, 0, a, b, 2 * N));

    float f[N], g[N];
    for (int i = 0; i < N; i++) {
        f[i] = (float)draw(-1000, 1000);
        g[i] = f[i] * (1 + 1e-5f * (float)draw(-1, 1));
    }
    assert_true(cuda_judge_same(CUDA_F32, 1, (char *)f, (char *)g, sizeof f));
    for (int i = 0; i < N; i++) g[i] = f[i] * (1 + 1e-3f * (float)draw(-1, 1)); /* TF32 would be */
    assert_false(cuda_judge_same(CUDA_F32, 1, (char *)f, (char *)g, sizeof f));
    assert_true(cuda_judge_same(CUDA_F32, 0, (char *)f, (char *)g, sizeof f));
    memset(f, 0, sizeof f);
    assert_true(cuda_judge_same(CUDA_F32, 0, (char *)f, (char *)f, sizeof f));

    for (int i = 0; i < N; i++) a[i] = (char)draw(0, 255);
    memcpy(b, a, N);
    for (int i = 0; i < N; i += 10)
        if ((uint8_t)b[i] < 255) b[i]++;
    assert_true(cuda_judge_same(CUDA_U8, 0, a, b, N));
    for (int i = 0; i < N; i++) b[i] = (char)(a[i] ^ 2);
    assert_false(cuda_judge_same(CUDA_U8, 0, a, b, N));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_hopeless),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_judgement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
