/* Average precision on cases small enough to work out by hand: those of
 * tests/accuracy/test_metrics.py, whose twin in numpy is compared with on random boxes by
 * tests/cli/test_eval_detect.py. */
#include "eval/detection.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 4 };
static const double FACE[4] = {0, 0, 20, 20}, OTHER[4] = {100, 0, 120, 20};
static const double NEAR[4] = {1, 0, 21, 20}, AWAY[4] = {200, 0, 220, 20};

static void near(double a, double b) {
    if (!(fabs(a - b) < 1e-12)) fail_msg("%.15g is not %.15g", a, b);
}

static void overlaps(void **state) {
    (void)state;
    /* Sides count a pixel more: 10 wide, 10 high each, 5 columns shared: 50 / 150. */
    const double a[4] = {0, 0, 9, 9}, b[4] = {5, 0, 14, 9}, c[4] = {20, 0, 29, 9};
    near(detection_overlap(a, b), 1.0 / 3);
    near(detection_overlap(a, c), 0);
    near(detection_overlap(a, a), 1);
}

/* AP of one picture; boxes with scores falling from 0.9 on. */
static double ap(const double *const *boxes, int n, const double *const *faces,
                 const unsigned char *count, int m) {
    static const double scores[MOST] = {0.9, 0.5, 0.3, 0.1};
    double b[MOST][4], f[MOST][4];
    struct detection_event events[MOST];
    struct detection_picture picture = {events, n, 0};
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 4; k++) b[i][k] = boxes[i][k];
    for (int i = 0; i < m; i++)
        for (int k = 0; k < 4; k++) f[i][k] = faces[i][k];
    for (int i = 0; i < m; i++) picture.faces += count[i];
    detection_judge((const double(*)[4])b, scores, n, (const double(*)[4])f, count, m, events);
    return detection_ap(&picture, 1, scores[n - 1], scores[0], NULL);
}

#define AP(count, boxes, ...)                                                                      \
    ap(boxes, (int)(sizeof(boxes) / sizeof *(boxes)), (const double *const[]){__VA_ARGS__},        \
       (const unsigned char *)(count), (int)sizeof(count) - 1)

static void by_hand(void **state) {
    (void)state;
    const double *const found[] = {FACE, OTHER}, *const alarm[] = {OTHER, FACE};
    const double *const half[] = {FACE, AWAY}, *const twice[] = {FACE, NEAR, OTHER};
    near(AP("\1\1", found, FACE, OTHER), 1);
    near(AP("\1", alarm, FACE), 0.5);         /* precision 0, then 1/2 at recall 1 */
    near(AP("\1\1", half, FACE, OTHER), 0.5); /* recall stops at 1/2 with precision 1 */
    near(AP("\1\0", alarm, FACE, OTHER), 1);  /* what does not count is no false alarm */
    near(AP("\1\1", twice, FACE, OTHER), 0.5 + 0.5 * 2 / 3); /* found twice: one is false */
    assert_true(isnan(AP("\0\0", found, FACE, OTHER)));
}

static void at_a_score(void **state) {
    (void)state;
    struct detection_event events[] = {
        {0.9, 0, 1, 0}, {0.8, -1, 1, 1}, {0.7, -1, 0, 0}, {0.5, 1, 1, 0}, {0.4, -1, 1, 1}};
    struct detection_picture picture = {events, 5, 2};
    int found, alarms;
    detection_at(&picture, 0.5, &found, &alarms);
    assert_int_equal(found, 2);
    assert_int_equal(alarms, 1);
    detection_at(&picture, 0, &found, &alarms);
    assert_int_equal(alarms, 2);
    detection_at(&picture, 0.95, &found, &alarms);
    assert_int_equal(found + alarms, 0);
}

/* In a picture without faces every box is a false alarm, which WIDER's curve does not count. */
static void empty_picture(void **state) {
    (void)state;
    struct detection_event event;
    const double box[1][4] = {{0, 0, 9, 9}}, score = 0.9;
    detection_judge(box, &score, 1, NULL, NULL, 0, &event);
    assert_int_equal(event.face, -1);
    assert_int_equal(event.alarm, 1);
    assert_int_equal(event.judged, 0);
}

/* A hundred pictures, half of whose face is found: the interval of a share of 100. */
static void interval(void **state) {
    (void)state;
    enum { PICTURES = 100 };
    struct detection_event hit = {0.9, 0, 1, 0};
    struct detection_picture pictures[PICTURES];
    struct figure f, again;
    for (int i = 0; i < PICTURES; i++) pictures[i] = (struct detection_picture){&hit, i % 2, 1};
    assert_int_equal(detection_figure(pictures, PICTURES, 0.9, 0.9, 400, 7, &f), 0);
    assert_int_equal(detection_figure(pictures, PICTURES, 0.9, 0.9, 400, 7, &again), 0);
    near(f.value, 0.5);
    assert_int_equal(f.n, PICTURES);
    near(f.low, again.low);
    near(f.high, again.high);
    if (!(fabs(f.low - 0.40) < 0.03 && fabs(f.high - 0.60) < 0.03))
        fail_msg("%g to %g is no interval of 50 of 100", f.low, f.high);
    assert_int_equal(detection_figure(pictures, 0, 0.9, 0.9, 400, 7, &f), 0);
    assert_true(f.n == 0 && isnan(f.value));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(overlaps), cmocka_unit_test(by_hand),
                                       cmocka_unit_test(at_a_score),
                                       cmocka_unit_test(empty_picture), cmocka_unit_test(interval)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
