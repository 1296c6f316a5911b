/*
 * Weights that were steps already, as those of a quantised ONNX file are, under one scale of the
 * input: they get back their steps, or a finer grid, in which they are off by half a step at most.
 */
#include "engine/quantise.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CIN = 24, TAPS = 9, COUNT = CIN * TAPS };

/* The integers of a filter of steps[] times `scale`; *unit gets how many of its steps one is. */
static void quantise(const int *steps, float scale, float *filter, float *unit) {
    float in_scale[CIN], mean[CIN], bias = 0, acc = 0;
    for (int i = 0; i < CIN; i++) {
        in_scale[i] = 0.037f;
        mean[i] = 0;
    }
    for (int i = 0; i < COUNT; i++) filter[i] = (float)steps[i] * scale;
    struct net_storage input = {.type = KERN_U8, .scale = in_scale, .mean = mean, .zero = 0};
    struct quantise_layer layer = {
        .cin = CIN, .taps = TAPS, .cout = 1, .bias_classes = 1, .bias = &bias, .acc_scale = &acc};
    quantise_filter(&layer, &input, 0, filter);
    *unit = acc / (scale * in_scale[0]);
    assert_true(fabsf(bias) == 0);
}

/* The largest step: 127 as quantisers choose it. */
static void test_steps_are_kept(void **state) {
    (void)state;
    srand(1);
    for (int round = 0; round < 200; round++) {
        int steps[COUNT];
        float filter[COUNT], unit;
        for (int i = 0; i < COUNT; i++) steps[i] = rand() % 255 - 127;
        steps[rand() % COUNT] = round % 2 ? 127 : -127;
        quantise(steps, 0.001f * (float)(1 + rand() % 100), filter, &unit);
        for (int i = 0; i < COUNT; i++) assert_true(filter[i] == (float)steps[i]);
    }
}

/* One scale for all outputs leaves most below 127; -128 is one more than there is. */
static void test_other_steps_are_within_one(void **state) {
    (void)state;
    srand(2);
    for (int round = 0; round < 200; round++) {
        int steps[COUNT], most = round % 4 ? 1 + rand() % 126 : 128;
        float filter[COUNT], unit;
        for (int i = 0; i < COUNT; i++) steps[i] = rand() % (2 * most) - most;
        steps[0] = -most;
        quantise(steps, 0.02f, filter, &unit);
        assert_true(unit <= 128.0f / 127 + 1e-5f);
        for (int i = 0; i < COUNT; i++)
            assert_true(fabsf(filter[i] * unit - (float)steps[i]) <= 0.5f * unit + 1e-4f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_kept),
        cmocka_unit_test(test_other_steps_are_within_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
