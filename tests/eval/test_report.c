/* From outcomes to a report, and from there to JSON, text and pictures: what is in them, by hand.
 */
#include "eval/outcomes.h"
#include "eval/plots.h"
#include "eval/report_json.h"
#include "eval/report_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SAMPLES = 6 };

/* Six people of two groups, of whom one was not answered and one could not be read. */
struct made {
    struct samples samples;
    struct sample at[SAMPLES];
    const char *fields[SAMPLES], *names[1];
    struct groups groups;
    struct subject subject;
    unsigned char judged[SAMPLES];
};

static void make(struct made *m) {
    static const char *const labels[] = {"male", "female"};
    static char *const files[] = {"a.jpg", "b,b.jpg", "c.jpg", "d\n.jpg", "e.jpg", "f.jpg"};
    static const char *const races[] = {"White", "White", "White", "Black", "Black", ""};
    static const struct outcome outcomes[] = {{0, 0, 0, 0, 0, 0.9, 0.9, {1}},
                                              {1, 0, 1, 0, 0, 0.8, 0.8, {0}},
                                              {2, 1, 1, 0, 0, 0.7, 0.7, {1}},
                                              {3, 1, 0, 0, 0, 0.95, 0.95, {0}},
                                              {4, 1, NO_ANSWER, 0, 0, NAN, 0, {0}}};
    char why[EVAL_WHY];
    memset(m, 0, sizeof *m);
    m->names[0] = "race";
    for (int i = 0; i < SAMPLES; i++) {
        m->fields[i] = races[i];
        m->at[i] = (struct sample){files[i], &m->fields[i], 0};
        m->judged[i] = i < 5;
    }
    m->samples = (struct samples){
        .name = "t", .n = SAMPLES, .columns = 1, .at = m->at, .columns_at = m->names};
    m->subject = (struct subject){
        .name = "gender", .nlabels = 2, .labels = labels, .nmarks = 1, .mark = {"accuracy"}};
    for (int i = 0; i < 5; i++) assert_int_equal(subject_add(&m->subject, &outcomes[i]), MIEN_OK);
    assert_int_equal(groups_make(&m->groups, &m->samples, NULL, why), MIEN_OK);
}

static void report_of(struct made *m, int mistakes, struct report *r) {
    const struct subject *subject = &m->subject;
    make(m);
    memset(r, 0, sizeof *r);
    assert_int_equal(outcomes_report(&subject, 1, &m->samples, &m->groups, m->judged, mistakes, r),
                     MIEN_OK);
}

static void drop(struct made *m, struct report *r) {
    report_free(r);
    groups_free(&m->groups);
    subject_free(&m->subject);
}

static void figures(void **state) {
    (void)state;
    struct made m;
    struct report r;
    report_of(&m, 1, &r);
    assert_int_equal(r.nrows, 3); /* all, Black, White; who has no race is in none */
    assert_int_equal(r.rows[0].n, 5);
    assert_true(r.rows[0].figures[0].value == 0.4 && r.rows[0].figures[0].n == 5);
    assert_string_equal(r.rows[1].value[0], "Black");
    assert_true(r.rows[1].figures[0].value == 0 && r.rows[1].n == 2);
    assert_true(fabs(r.rows[2].figures[0].value - 2.0 / 3) < 1e-15);
    const int counts[] = {1, 1, 0, 1, 1, 1};
    assert_memory_equal(r.confusions[0].counts, counts, sizeof counts);
    assert_int_equal(calibration_count(&r.calibrations[0].bins), 4);
    assert_int_equal(r.nmistakes, 1); /* the surest of two; no answer is none */
    assert_string_equal(r.mistakes[0].file, "d\n.jpg");
    drop(&m, &r);
    report_of(&m, 0, &r);
    assert_int_equal(r.nmistakes, 0);
    drop(&m, &r);
}

/* The worst first, and as many of each subject. */
static void mistakes(void **state) {
    (void)state;
    static const double bad[] = {1, 5, 3, 4, 2};
    struct report r = {0};
    for (int s = 0; s < 2; s++) {
        for (int i = 0; i < 5; i++) {
            struct report_mistake one = {"f", s ? "b" : "a", "t", "w", NAN, bad[i]};
            assert_int_equal(report_add_mistake(&r, &one, 3), 0);
        }
    }
    assert_int_equal(r.nmistakes, 6);
    for (int i = 0; i < 6; i++) {
        assert_string_equal(r.mistakes[i].subject, i < 3 ? "a" : "b");
        assert_true(r.mistakes[i].badness == 5 - i % 3);
    }
    report_free(&r);
}

static void json(void **state) {
    (void)state;
    struct made m;
    struct report r;
    json_t *object = json_object(), *accuracy, *group, *confusion;
    int failed = 0;
    report_of(&m, 5, &r);
    report_add_json(object, &r, &failed);
    assert_false(failed);
    accuracy = json_object_get(
        json_object_get(json_object_get(json_object_get(object, "all"), "gender"), "accuracy"),
        "value");
    assert_true(json_number_value(accuracy) == 0.4);
    group = json_array_get(json_object_get(object, "groups"), 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(group, "by"), "race")),
                        "Black");
    confusion = json_object_get(json_object_get(object, "confusion"), "gender");
    assert_int_equal(json_array_size(json_object_get(confusion, "counts")), 2);
    assert_int_equal(json_array_size(json_object_get(object, "mistakes")), 2);
    assert_null(json_object_get(object, "curves"));
    json_decref(object);
    drop(&m, &r);
}

static void text(void **state) {
    (void)state;
    struct made m;
    struct report r;
    char *printed;
    size_t size;
    FILE *out = open_memstream(&printed, &size);
    report_of(&m, 5, &r);
    r.rows[1].figures[0] = metrics_share(0, 0); /* a group nobody of which was asked */
    report_print(&r, out);
    fclose(out);
    assert_non_null(strstr(printed, "5  40.0 (11.8-76.9)\n")); /* Wilson's 2 of 5 */
    assert_non_null(strstr(printed, "by race\n  Black"));
    assert_non_null(strstr(printed, " 2  -\n"));
    assert_non_null(strstr(printed, "d?.jpg: gender female, said male 0.95\n"));
    free(printed);
    drop(&m, &r);
}

static void answers(void **state) {
    (void)state;
    struct made m;
    struct report r;
    const struct subject *subject = &m.subject;
    char *written;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    report_of(&m, 5, &r);
    outcomes_write(&subject, 1, &m.samples, out);
    fclose(out);
    assert_string_equal(written, "file,subject,truth,answer,confidence,figure,mark\n"
                                 "a.jpg,gender,male,male,0.900000,accuracy,1\n"
                                 "\"b,b.jpg\",gender,male,female,0.800000,accuracy,0\n"
                                 "c.jpg,gender,female,female,0.700000,accuracy,1\n"
                                 "\"d\n.jpg\",gender,female,male,0.950000,accuracy,0\n"
                                 "e.jpg,gender,female,,,accuracy,0\n");
    free(written);
    drop(&m, &r);
}

/* The colour of a pixel, 0xRRGGBB. */
static unsigned at(const mien_image *image, int x, int y) {
    const uint8_t *p = image->pixels + y * image->pitch + 3 * x;
    return (unsigned)(p[0] << 16 | p[1] << 8 | p[2]);
}

static void plots(void **state) {
    (void)state;
    static const char *const names[] = {"precision-recall.png", "calibration-gender.png",
                                        "confusion-gender.png", "groups-gender-accuracy.png"};
    struct made m;
    struct report r;
    char name[PLOT_NAME];
    mien_image *image;
    report_of(&m, 5, &r);
    struct report_curve *curve = report_add_curve(&r, "all", 2);
    curve->x = "recall";
    curve->y = "precision";
    curve->points[0][0] = 0.5;
    curve->points[0][1] = curve->points[1][1] = 0.5;
    curve->points[1][0] = 1;
    assert_int_equal(plots_count(&r), 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(plots_draw(&r, i, &image, name), MIEN_OK);
        assert_string_equal(name, names[i]);
        assert_int_equal(at(image, 0, 0), 0xffffff);
        assert_int_equal(at(image, image->width - 1, image->height - 1), 0xffffff);
        if (i == 0) { /* the curve runs through the middle of the right half, and not elsewhere */
            assert_int_equal(at(image, 710, 495), CANVAS_SERIES[0]);
            assert_int_not_equal(at(image, 710, 400), CANVAS_SERIES[0]);
        }
        mien_image_free(image);
    }
    drop(&m, &r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures), cmocka_unit_test(mistakes),
                                       cmocka_unit_test(json),    cmocka_unit_test(text),
                                       cmocka_unit_test(answers), cmocka_unit_test(plots)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
