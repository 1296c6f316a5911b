/* Order, suppression, scaling and clipping, by hand. */
#include "check.h"
#include "vision/nms.h"

#include <stdlib.h>

static void add(struct candidates *c, float x1, float y1, float x2, float y2, float score) {
    c->at = realloc(c->at, (size_t)(c->n + 1) * sizeof *c->at);
    c->at[c->n] =
        (struct candidate){.face = {.box = {x1, y1, x2, y2}, .score = score}, .order = c->n};
    c->n++;
    c->capacity = c->n;
}

static void order(void **state) {
    (void)state;
    struct candidates c = {0};
    static const float scores[] = {0.5f, 0.9f, 0.5f, 0.7f, 0.9f, 0.5f};
    static const int want[] = {1, 4, 3, 0, 2, 5};
    for (int i = 0; i < 6; i++) add(&c, 0, 0, 1, 1, scores[i]);
    candidates_sort(&c);
    assert_int_equal(c.n, 6);
    for (int i = 0; i < 6; i++) assert_int_equal(c.at[i].order, want[i]);
    candidates_free(&c);
    candidates_sort(&c); /* of nothing */
    assert_int_equal(c.n, 0);
}

/* Two boxes of 10x10, one 5 to the right: IoU 50/150 = 0.3333, or 66/176 = 0.375 with +1 (widths
 * 11, shared 6x11, areas 121). */
static int kept_at(float iou, int plus_one) {
    struct candidates c = {0};
    add(&c, 0, 0, 10, 10, 0.9f);
    add(&c, 5, 0, 15, 10, 0.8f);
    candidates_nms(&c, iou, plus_one);
    int n = c.n;
    candidates_free(&c);
    return n;
}

static void overlaps(void **state) {
    (void)state;
    assert_int_equal(kept_at(0.333f, 0), 1);
    assert_int_equal(kept_at(0.334f, 0), 2);
    assert_int_equal(kept_at(0.374f, 1), 1);
    assert_int_equal(kept_at(0.376f, 1), 2);
}

/* A suppresses B; B would have suppressed C, which stays: suppression is greedy. */
static void greedy(void **state) {
    (void)state;
    struct candidates c = {0};
    add(&c, 0, 0, 10, 10, 0.9f);
    add(&c, 4, 0, 14, 10, 0.8f); /* IoU with the first 60/140 */
    add(&c, 8, 0, 18, 10, 0.7f); /* with the first 20/180, with the second 60/140 */
    add(&c, 50, 50, 60, 60, 0.6f);
    candidates_nms(&c, 0.4f, 0);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.at[0].order, 0);
    assert_int_equal(c.at[1].order, 2);
    assert_int_equal(c.at[2].order, 3);
    candidates_free(&c);
}

/* Boxes inside out or without area neither suppress nor crash. */
static void odd_boxes(void **state) {
    (void)state;
    struct candidates c = {0};
    add(&c, 10, 10, 0, 0, 0.9f);
    add(&c, 5, 5, 5, 5, 0.8f);
    add(&c, 5, 5, 5, 5, 0.7f);
    add(&c, 0, 0, 10, 10, 0.6f);
    candidates_nms(&c, 0.4f, 0);
    assert_int_equal(c.n, 4);
    candidates_clip(&c, 100, 100);
    assert_int_equal(c.n, 1);
    assert_int_equal(c.at[0].order, 3);
    candidates_free(&c);
}

static void scale_and_clip(void **state) {
    (void)state;
    struct candidates c = {0};
    add(&c, -5, 10, 30, 40, 0.9f);
    add(&c, 60, 10, 70, 20, 0.8f); /* 120..140 after scaling: right of the picture */
    c.at[0].face.landmarks[4][0] = -3;
    c.at[0].face.landmarks[4][1] = 50;
    candidates_scale(&c, 2, 3);
    candidates_clip(&c, 50, 100);
    assert_int_equal(c.n, 1);
    const mien_face *f = &c.at[0].face;
    assert_true(f->box[0] == 0 && f->box[1] == 30 && f->box[2] == 50 && f->box[3] == 100);
    assert_true(f->landmarks[4][0] == -6 && f->landmarks[4][1] == 150);
    candidates_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),     cmocka_unit_test(overlaps),       cmocka_unit_test(greedy),
        cmocka_unit_test(odd_boxes), cmocka_unit_test(scale_and_clip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
