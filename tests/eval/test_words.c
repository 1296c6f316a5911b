/* What data sets call things: the labels of FairFace, UTKFace and Adience as they are written
 * there. */
#include "eval/words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const RACES[] = {"white",           "black",  "latino",        "east_asian",
                                    "southeast_asian", "indian", "middle_eastern"};
static const char *const GENDERS[] = {"male", "female"};

/* member: 1 and 0 as text. */
static void check(const char *text, const char *const *labels, int n, const char *member) {
    unsigned char got[8];
    int count = words_labels(text, labels, n, got), expected = 0;
    for (int i = 0; i < n; i++) {
        expected += member[i] == '1';
        assert_int_equal(got[i], member[i] - '0');
    }
    assert_int_equal(count, expected);
}

static void races(void **state) {
    (void)state;
    check("White", RACES, 7, "1000000");
    check("Latino_Hispanic", RACES, 7, "0010000");
    check("East Asian", RACES, 7, "0001000");
    check("Southeast Asian", RACES, 7, "0000100");
    check("Middle Eastern", RACES, 7, "0000001");
    check("Asian", RACES, 7, "0001100");
    check("Others", RACES, 7, "0010001");
    check("Martian", RACES, 7, "0000000");
    check("", RACES, 7, "0000000");
}

static void genders(void **state) {
    (void)state;
    check("Male", GENDERS, 2, "10");
    check("f", GENDERS, 2, "01");
    check("woman", GENDERS, 2, "01");
    check("Fmale", GENDERS, 2, "00");
    check("0", GENDERS, 2, "00"); /* data sets do not agree on it */
}

static void columns(void **state) {
    (void)state;
    assert_true(words_column_is("Age_Group", "age"));
    assert_true(words_column_is("sex", "gender"));
    assert_true(words_column_is("File Name", "file"));
    assert_true(words_column_is("mask", "mask"));
    assert_false(words_column_is("sex", "age"));
    assert_false(words_column_is("age", "file"));
}

static void years(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double low, high;
    } cases[] = {{"0-2", 0, 3},          {"20-29", 20, 30},      {"more than 70", 70, INFINITY},
                 {"70+", 70, INFINITY},  {"> 60", 60, INFINITY}, {"(25, 32)", 25, 33},
                 {"(60, 100)", 60, 101}, {"34", 34, 34},         {"34.5", 34.5, 34.5}};
    static const char *const wrong[] = {"",     "-3",     "old",     "29-20", "20-",       "nan",
                                        "inf",  "20-29x", "+",       "70+1",  "more than", "1e999",
                                        "(20)", "20,",    "99999-1", "--"};
    double low, high;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(words_years(cases[i].text, &low, &high), 0);
        assert_true(low == cases[i].low && high == cases[i].high);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(words_years(wrong[i], &low, &high), -1);
}

static void others(void **state) {
    (void)state;
    double v;
    assert_int_equal(words_number("-12.5", &v), 0);
    assert_true(v == -12.5);
    assert_int_equal(words_number("nan", &v), -1);
    assert_int_equal(words_number("12 ", &v), -1);
    assert_int_equal(words_number("", &v), -1);
    assert_int_equal(words_truth("Yes"), 1);
    assert_int_equal(words_truth("FALSE"), 0);
    assert_int_equal(words_truth("maybe"), -1);
    assert_true(words_same("East_Asian", "east asian"));
    assert_false(words_same("east", "east asian"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(races), cmocka_unit_test(genders),
                                       cmocka_unit_test(columns), cmocka_unit_test(years),
                                       cmocka_unit_test(others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
