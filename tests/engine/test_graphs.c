/* Small networks through folding, planning and the CPU backend, against the oracle. */
#include "engine/backend.h"
#include "engine/err.h"
#include "engine/fold.h"
#include "tests/engine/graphs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* Batch 2, both kernel tables, one and two threads: all the same and all right. */
static void check_net(struct blobmaker *m, graphs_fn *fn, int h, int w, const char *what) {
    struct blob *blob = blobmaker_finish(m);
    struct net *plain = graphs_build(blob, fn), *folded = graphs_build(blob, fn);
    if (fold_net(folded) != 0) fail_msg("%s", err_text());
    size_t image = (size_t)h * (size_t)w * 3;
    float *input = malloc(2 * image * sizeof(float));
    for (size_t i = 0; i < 2 * image; i++) input[i] = blobmaker_random(m, 0, 255);
    struct oracle_value *wanted[2];
    for (int b = 0; b < 2; b++) {
        wanted[b] = calloc((size_t)plain->count, sizeof *wanted[b]);
        oracle_run(plain, input + (size_t)b * image, h, w, wanted[b]);
    }
    for (int t = 0; kern_table_name(t); t++) {
        struct kern probe;
        if (kern_init(&probe, kern_table_name(t)) != 0) continue;
        double tolerance = probe.igemm[KERN_F32][0].split ? 3e-5 : 2e-6; /* floats as two bf16 */
        float *one[16], *two[16];
        graphs_run(folded, input, 2, h, w, 1, kern_table_name(t), NULL, one);
        graphs_run(folded, input, 2, h, w, 2, kern_table_name(t), NULL, two);
        for (int b = 0; b < 2; b++) {
            for (int i = 0; i < plain->noutputs; i++) {
                const struct oracle_value *want = &wanted[b][plain->outputs[i].value];
                size_t n = graphs_count(want);
                double error = graphs_error(want, one[i] + (size_t)b * n);
                if (!(error <= tolerance))
                    fail_msg("%s: output %s differs by %.3g relative", what, plain->outputs[i].name,
                             error);
                assert_memory_equal(one[i] + (size_t)b * n, two[i] + (size_t)b * n,
                                    n * sizeof(float));
            }
        }
        for (int i = 0; i < plain->noutputs; i++) {
            free(one[i]);
            free(two[i]);
        }
    }
    for (int b = 0; b < 2; b++) {
        oracle_free(plain, wanted[b]);
        free(wanted[b]);
    }
    free(input);
    net_free(plain);
    net_free(folded);
    blob_close(blob);
    blobmaker_close(m);
}

static void test_stem(void **state) {
    (void)state;
    graphs_stem(check_net);
}

static void test_border_bias(void **state) {
    (void)state;
    graphs_border_bias(check_net);
}

static void test_border_bias_thin(void **state) {
    (void)state;
    graphs_border_bias_thin(check_net);
}

static void test_fpn(void **state) {
    (void)state;
    graphs_fpn(check_net);
}

static void test_tensorflow(void **state) {
    (void)state;
    graphs_tensorflow(check_net);
}

static void test_wide(void **state) {
    (void)state;
    graphs_wide(check_net);
}

static void test_deep(void **state) {
    (void)state;
    graphs_deep(check_net);
}

static void test_activations(void **state) {
    (void)state;
    graphs_activations(check_net);
}

static void test_gates(void **state) {
    (void)state;
    graphs_gates(check_net);
}

static void test_gathers(void **state) {
    (void)state;
    graphs_shuffles(check_net);
    graphs_places(check_net);
    graphs_resizes(check_net);
    graphs_reshapes(check_net);
}

static void test_norms(void **state) {
    (void)state;
    graphs_norms(check_net);
    graphs_matmuls(check_net);
}

static void test_dilated(void **state) {
    (void)state;
    graphs_dilated(check_net);
}

static void test_large_average(void **state) {
    (void)state;
    graphs_large_average(check_net);
    graphs_pooled(check_net);
}

static void test_uneven(void **state) {
    (void)state;
    graphs_uneven(check_net);
}

static void test_random_graphs(void **state) {
    const char *many = getenv("MIEN_RANDOM_GRAPHS");

    (void)state;
    graphs_random(many ? atoi(many) : 60, check_net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stem),
        cmocka_unit_test(test_border_bias),
        cmocka_unit_test(test_border_bias_thin),
        cmocka_unit_test(test_fpn),
        cmocka_unit_test(test_tensorflow),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_deep),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_gates),
        cmocka_unit_test(test_gathers),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_dilated),
        cmocka_unit_test(test_large_average),
        cmocka_unit_test(test_uneven),
        cmocka_unit_test(test_random_graphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
