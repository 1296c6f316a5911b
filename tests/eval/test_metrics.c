/* Intervals by published values, calibration by hand, and chance that is the same everywhere. */
#include "eval/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void near(double a, double b, double by) {
    if (!(fabs(a - b) <= by)) fail_msg("%.9g is not %.9g", a, b);
}

/* Newcombe (1998), table I: Wilson's method without continuity correction. */
static void wilson(void **state) {
    (void)state;
    static const struct {
        int right, n;
        double low, high;
    } cases[] = {{81, 263, 0.2553, 0.3662},
                 {15, 148, 0.0624, 0.1605},
                 {0, 20, 0.0000, 0.1611},
                 {1, 29, 0.0061, 0.1718}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct figure f = metrics_share(cases[i].right, cases[i].n);
        near(f.value, (double)cases[i].right / cases[i].n, 1e-15);
        near(f.low, cases[i].low, 5.1e-5);
        near(f.high, cases[i].high, 5.1e-5);
    }
    struct figure none = metrics_share(0, 0), all = metrics_share(7, 7);
    assert_true(none.n == 0 && isnan(none.value) && isnan(none.low) && isnan(none.high));
    assert_true(all.value == 1 && all.high == 1 && all.low < 1);
}

static void means(void **state) {
    (void)state;
    struct figure f = metrics_mean(1 + 2 + 3 + 6, 1 + 4 + 9 + 36, 4); /* deviation sqrt(14 / 3) */
    near(f.value, 3, 1e-12);
    near(f.high - f.value, 1.959963984540054 * sqrt(14.0 / 3 / 4), 1e-12);
    near(f.value - f.low, f.high - f.value, 1e-12);
    f = metrics_mean(5, 25, 1);
    assert_true(f.value == 5 && f.low == 5 && f.high == 5);
    assert_true(isnan(metrics_mean(0, 0, 0).value));
}

static void calibration(void **state) {
    (void)state;
    struct calibration c;
    memset(&c, 0, sizeof c);
    assert_true(isnan(calibration_error(&c)));
    /* Two of 0.92, one right; one of 0.41, right: (2 |0.92 - 0.5| + |0.41 - 1|) / 3. */
    calibration_add(&c, 0.92, 1);
    calibration_add(&c, 0.92, 0);
    calibration_add(&c, 0.41, 1);
    near(calibration_error(&c), (2 * 0.42 + 0.59) / 3, 1e-12);
    calibration_add(&c, 1, 1); /* the last bin has its end */
    calibration_add(&c, 0, 0);
    assert_int_equal(c.bin[CALIBRATION_BINS - 1].n, 1);
    assert_int_equal(c.bin[0].n, 1);
    assert_int_equal(calibration_count(&c), 5);
}

/* The first values of SplitMix64 from 1234567 on, as Rosetta Code lists them. */
static void chance(void **state) {
    (void)state;
    uint64_t seed = 1234567, count[3] = {0};
    static const uint64_t published[] = {6457827717110365317U, 3203168211198807973U};
    for (int i = 0; i < 2; i++) assert_int_equal(random_below(&seed, 1 << 30), published[i] >> 34);
    for (int i = 0; i < 30000; i++) count[random_below(&seed, 3)]++;
    for (int i = 0; i < 3; i++) assert_in_range(count[i], 9700, 10300);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wilson), cmocka_unit_test(means),
                                       cmocka_unit_test(calibration), cmocka_unit_test(chance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
