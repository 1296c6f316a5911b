/* Order, suppression, scaling and clipping, by hand. */
#include "check.h"
#include "vision/nms.h"

#include <limits.h>
#include <stdlib.h>

static const struct nms_limit NO_LIMIT = {100, 100, INT_MAX};

static void add(struct candidates *c, float x1, float y1, float x2, float y2, float score) {
    if (c->n == c->capacity) assert_int_equal(candidates_grow(c, 2 * c->n + 1), 0);
    c->at[c->n] =
        (struct candidate){.face = {.box = {x1, y1, x2, y2}, .score = score}, .order = c->n};
    c->n++;
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
    candidates_nms(&c, iou, plus_one, &NO_LIMIT);
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
    candidates_nms(&c, 0.4f, 0, &NO_LIMIT);
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
    candidates_nms(&c, 0.4f, 0, &NO_LIMIT);
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

/* A score an order: many equal ones, spread by a multiplier that is coprime to n. */
static void many(struct candidates *c, int n) {
    for (int i = 0; i < n; i++) {
        float x = (float)(i * 7919LL % n % 100), y = (float)(i % 90);
        int score = (int)(i * 7919LL % n / 10);
        add(c, x, y, x + 3, y + 4, (float)score / (float)n);
    }
}

/* What is kept is what sorting would have put first, ties by order. */
static void best(void **state) {
    (void)state;
    static const int most[] = {1, 2, 7, 500, 999, 1000, 2000};
    for (size_t m = 0; m < sizeof most / sizeof *most; m++) {
        struct candidates all = {0}, few = {0};
        many(&all, 1000);
        many(&few, 1000);
        candidates_keep_best(&few, most[m]);
        assert_int_equal(few.n, most[m] < 1000 ? most[m] : 1000);
        candidates_sort(&all);
        candidates_sort(&few);
        for (int i = 0; i < few.n; i++) assert_int_equal(few.at[i].order, all.at[i].order);
        candidates_free(&all);
        candidates_free(&few);
    }
}

/* Ending early gives the first of what all would have given; boxes outside do not count. */
static void ends_early(void **state) {
    (void)state;
    for (int most = 1; most < 80; most++) {
        struct candidates all = {0}, few = {0};
        struct nms_limit limit = {50, 60, most};
        many(&all, 1000);
        many(&few, 1000);
        candidates_sort(&all);
        candidates_sort(&few);
        int64_t pairs = candidates_nms(&all, 0.3f, 1, &NO_LIMIT);
        assert_true(candidates_nms(&few, 0.3f, 1, &limit) < pairs);
        candidates_clip(&all, 50, 60);
        candidates_clip(&few, 50, 60);
        assert_true(all.n > most);
        assert_int_equal(few.n, most);
        for (int i = 0; i < most; i++) assert_int_equal(few.at[i].order, all.at[i].order);
        candidates_free(&all);
        candidates_free(&few);
    }
}

/* The dearest picture: as many candidates as anchors, and none suppresses another. */
static void dearest(void **state) {
    (void)state;
    struct candidates c = {0};
    struct nms_limit limit = {1e6f, 1e6f, CANDIDATES_BEST};
    const int64_t best = CANDIDATES_BEST;
    many(&c, 120000);
    candidates_keep_best(&c, CANDIDATES_BEST);
    candidates_sort(&c);
    int64_t pairs = candidates_nms(&c, 1, 1, &limit);
    assert_int_equal(c.n, CANDIDATES_BEST);
    assert_true(pairs <= best * (best - 1) / 2);
    candidates_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order),      cmocka_unit_test(overlaps),       cmocka_unit_test(greedy),
        cmocka_unit_test(odd_boxes),  cmocka_unit_test(scale_and_clip), cmocka_unit_test(best),
        cmocka_unit_test(ends_early), cmocka_unit_test(dearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
