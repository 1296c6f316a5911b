/* Labels against what a network says: classes of several labels, years and their groups, numbers,
 * and what is no answer. */
#include "eval/question.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 8 };

/* Samples of one column, which lie on the lines from 2 on. */
struct column {
    struct samples samples;
    struct sample at[MOST];
    const char *fields[MOST], *names[1];
};

static void fill(struct column *c, const char *name, int n, const char *const *texts) {
    memset(c, 0, sizeof *c);
    c->names[0] = name;
    for (int i = 0; i < n; i++) {
        c->fields[i] = texts[i];
        c->at[i] = (struct sample){"x.jpg", &c->fields[i], i + 2};
    }
    c->samples = (struct samples){
        .name = "t.csv", .n = n, .columns = 1, .at = c->at, .columns_at = c->names};
}

#define FILL(c, name, ...)                                                                         \
    fill(c, name, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)),             \
         (const char *[]){__VA_ARGS__})

static struct question *make(struct column *c, const mien_attribute *t, int part) {
    struct question *q;
    char why[EVAL_WHY] = "";
    if (question_make(&q, t->name, t, part, &c->samples, 0, why)) fail_msg("%s", why);
    return q;
}

static const char *const RACES[] = {"white", "black", "east_asian", "southeast_asian"};
static const mien_attribute RACE = {.struct_size = sizeof RACE,
                                    .name = "race",
                                    .kind = MIEN_DISTRIBUTION,
                                    .first = 1,
                                    .count = 4,
                                    .unit = "",
                                    .high = 1,
                                    .labels = RACES};
static const mien_attribute AGE = {.struct_size = sizeof AGE,
                                   .name = "age",
                                   .kind = MIEN_VALUE,
                                   .count = 1,
                                   .unit = "years",
                                   .high = 100};
static const mien_attribute MASK = {.struct_size = sizeof MASK,
                                    .name = "mask",
                                    .kind = MIEN_PROBABILITY,
                                    .count = 1,
                                    .unit = "",
                                    .high = 1};
static const mien_attribute POSE = {.struct_size = sizeof POSE,
                                    .name = "pose",
                                    .kind = MIEN_ANGLES,
                                    .count = 3,
                                    .unit = "",
                                    .low = -90,
                                    .high = 90};
/* Told of three groups; an item's values are years, the ends of an interval, a probability each. */
static const char *const GROUPS[] = {"0-9", "10-29", "30+"};
static const double EDGES[] = {0, 10, 30, 100};
static const mien_attribute GROUPED = {.struct_size = sizeof GROUPED,
                                       .name = "age",
                                       .kind = MIEN_VALUE,
                                       .count = 1,
                                       .unit = "years",
                                       .high = 100,
                                       .groups = 3,
                                       .interval = 0.8f,
                                       .group_labels = GROUPS,
                                       .group_edges = EDGES};

static const struct outcome *last(const struct question *q) {
    assert_true(q->subject.n > 0);
    return &q->subject.at[q->subject.n - 1];
}

static void classes_of_labels(void **state) {
    (void)state;
    struct column c;
    FILL(&c, "race", "Asian", "White", "", "asian");
    struct question *q = make(&c, &RACE, 0);
    /* In the network's order; "black" is in none of the data and stays a class of its own. */
    assert_int_equal(q->subject.nlabels, 3);
    assert_string_equal(q->subject.labels[0], "White");
    assert_string_equal(q->subject.labels[1], "black");
    assert_string_equal(q->subject.labels[2], "Asian");
    assert_int_equal(q->truths.label[3], 2);
    /* Both Asian labels together are likelier than white. */
    const float values[] = {9, 0.4f, 0, 0.3f, 0.3f};
    assert_int_equal(question_judge(q, 0, values), MIEN_OK);
    assert_int_equal(last(q)->answer, 2);
    assert_true(fabs(last(q)->confidence - 0.6) < 1e-6 && last(q)->marks[0] == 1);
    assert_int_equal(question_judge(q, 1, values), MIEN_OK);
    assert_true(last(q)->marks[0] == 0 && last(q)->badness > 0.59);
    assert_int_equal(question_judge(q, 2, values), MIEN_OK); /* its label is not known */
    assert_int_equal(q->subject.n, 2);
    assert_int_equal(question_judge(q, 3, NULL), MIEN_OK); /* no face: wrong, not unsure */
    assert_int_equal(last(q)->answer, NO_ANSWER);
    assert_true(last(q)->marks[0] == 0 && isnan(last(q)->confidence));
    const float nans[] = {0, NAN, NAN, NAN, NAN};
    assert_int_equal(question_judge(q, 0, nans), MIEN_OK);
    assert_int_equal(last(q)->answer, NO_ANSWER);
    assert_true(last(q)->marks[0] == 0 && isnan(last(q)->confidence));
    question_free(q);
}

static void groups_of_the_data(void **state) {
    (void)state;
    struct column c;
    FILL(&c, "age", "20-29", "0-2", "more than 70", "3-19");
    struct question *q = make(&c, &AGE, 0);
    assert_int_equal(q->subject.nlabels, 4);
    assert_int_equal(q->subject.nmarks, 2); /* no mean error of ranges */
    assert_string_equal(q->subject.labels[0], "0-2");
    assert_string_equal(q->subject.labels[3], "more than 70");
    static const struct {
        float years;
        int sample, right, within;
    } cases[] = {{29.9f, 0, 1, 1}, {30, 0, 1, 1}, {70, 0, 0, 1}, {2.9f, 1, 1, 1}, {3, 1, 0, 1},
                 {-1, 1, 1, 1},    {25, 1, 0, 0}, {71, 2, 1, 1}, {69, 2, 0, 1},   {19.9f, 3, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(question_judge(q, cases[i].sample, &cases[i].years), MIEN_OK);
        assert_int_equal(last(q)->marks[0], cases[i].right);
        assert_int_equal(last(q)->marks[1], cases[i].within);
    }
    const float nan = NAN;
    assert_int_equal(question_judge(q, 0, &nan), MIEN_OK);
    assert_int_equal(last(q)->answer, NO_ANSWER);
    question_free(q);
}

/* The likeliest of the data's groups, each with its share of the network's, and not the years'. */
static void groups_of_the_network(void **state) {
    (void)state;
    struct column c;
    FILL(&c, "age", "0-9", "10-19", "20-29", "30+");
    struct question *q = make(&c, &GROUPED, 0);
    const float child[] = {24, 1, 60, 0.5f, 0.3f, 0.2f}; /* half of 0.3 each are 10-19 and 20-29 */
    assert_int_equal(question_judge(q, 0, child), MIEN_OK);
    assert_int_equal(last(q)->answer, 0);
    assert_true(fabs(last(q)->confidence - 0.5) < 1e-6 && last(q)->marks[0] == 1);
    const float young[] = {15, 9, 31, 0.1f, 0.7f, 0.2f};
    assert_int_equal(question_judge(q, 2, young), MIEN_OK);
    assert_int_equal(last(q)->answer, 1); /* of equals the first */
    assert_true(fabs(last(q)->confidence - 0.35) < 1e-6);
    assert_true(last(q)->marks[0] == 0 && last(q)->marks[1] == 1);
    const float old[] = {29, 9, 80, 0.1f, 0.3f, 0.6f};
    assert_int_equal(question_judge(q, 3, old), MIEN_OK);
    assert_int_equal(last(q)->answer, 3);
    assert_true(fabs(last(q)->confidence - 0.6) < 1e-6);
    const float nans[] = {29, 9, 80, NAN, NAN, NAN};
    assert_int_equal(question_judge(q, 3, nans), MIEN_OK);
    assert_int_equal(last(q)->answer, NO_ANSWER);
    question_free(q);
}

static void years_themselves(void **state) {
    (void)state;
    struct column c;
    FILL(&c, "age", "26", "3", "", "80");
    struct question *q = make(&c, &AGE, 0);
    const float years = 31.5f;
    assert_int_equal(q->subject.nlabels, AGE_GROUPS);
    assert_int_equal(q->subject.nmarks, 3);
    assert_int_equal(question_judge(q, 0, &years), MIEN_OK);
    assert_true(last(q)->marks[0] == 0 && last(q)->marks[1] == 1 && last(q)->marks[2] == 5.5);
    assert_int_equal(question_judge(q, 3, NULL), MIEN_OK);
    assert_true(last(q)->marks[0] == 0 && last(q)->marks[1] == 0 && isnan(last(q)->marks[2]));
    question_free(q);
}

static void truths_and_angles(void **state) {
    (void)state;
    struct column c;
    FILL(&c, "mask", "yes", "0");
    struct question *q = make(&c, &MASK, 0);
    const float p = 0.2f, angles[] = {1, 12.5f, 3};
    assert_int_equal(question_judge(q, 0, &p), MIEN_OK);
    assert_true(last(q)->answer == 0 && fabs(last(q)->confidence - 0.8) < 1e-6);
    assert_int_equal(question_judge(q, 1, &p), MIEN_OK);
    assert_true(last(q)->marks[0] == 1);
    question_free(q);
    FILL(&c, "yaw", "10", "");
    q = make(&c, &POSE, 1);
    assert_int_equal(q->subject.unit[0], UNIT_DEGREES);
    assert_int_equal(question_judge(q, 0, angles), MIEN_OK);
    assert_true(last(q)->marks[0] == 2.5);
    assert_int_equal(question_judge(q, 1, angles), MIEN_OK);
    assert_int_equal(q->subject.n, 1);
    question_free(q);
}

static void refused(struct column *c, const mien_attribute *t, const char *sentence) {
    struct question *q;
    char why[EVAL_WHY] = "";
    assert_int_equal(question_make(&q, t->name, t, 0, &c->samples, 0, why), MIEN_EINVAL);
    assert_string_equal(why, sentence);
    assert_null(q);
}

static void unknown_labels(void **state) {
    (void)state;
    struct column c;
    FILL(&c, "race", "White", "", "Martian");
    refused(&c, &RACE,
            "t.csv:4: race 'Martian' is none of white, black, east_asian, "
            "southeast_asian");
    FILL(&c, "race", "Asian", "East Asian");
    refused(&c, &RACE, "t.csv:3: race 'East Asian' is a part of another label of the column");
    FILL(&c, "age", "20-29", "old");
    refused(&c, &AGE, "t.csv:3: age 'old' is neither an age nor a range such as 20-29");
    FILL(&c, "age", "20-29", "31");
    refused(&c, &AGE, "t.csv:3: age '31' stands in a column of both ages and ranges");
    FILL(&c, "age", "20-29", "25-34");
    refused(&c, &AGE, "t.csv: the ranges '20-29' and '25-34' of age overlap");
    FILL(&c, "age", "nan");
    refused(&c, &AGE, "t.csv:2: age 'nan' is neither an age nor a range such as 20-29");
    FILL(&c, "mask", "perhaps");
    refused(&c, &MASK, "t.csv:2: mask 'perhaps' is neither yes nor no");
    FILL(&c, "pose", "left");
    refused(&c, &POSE, "t.csv:2: pose 'left' is no number");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_of_labels),     cmocka_unit_test(groups_of_the_data),
        cmocka_unit_test(groups_of_the_network), cmocka_unit_test(years_themselves),
        cmocka_unit_test(truths_and_angles),     cmocka_unit_test(unknown_labels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
