/* WIDER's text as it publishes it, JSON, and the sentence for each thing wrong with either. */
#include "eval/annotations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct annotations *out, char *why) {
    return annotations_parse(text, strlen(text), "a", out, why);
}

/* The first lines of wider_face_val_bbx_gt.txt are of this form; a picture without faces has a line
 * of zeros. */
static void wider(void **state) {
    (void)state;
    struct annotations a;
    char why[EVAL_WHY] = "";
    assert_int_equal(parse("24--Soldier_Firing/24_a.jpg\n"
                           "4\n"
                           "10 50 40 44 2 0 0 0 0 0 \n"
                           "100 50 40 300 0 0 0 0 0 0 \n"
                           "7 8 3 9 0 0 0 0 0 0 \n"
                           "7 8 60 70 0 0 0 1 0 0 \n"
                           "0--Parade/none.jpg\r\n"
                           "0\r\n"
                           "0 0 0 0 0 0 0 0 0 0 \r\n"
                           "0--Parade/0.jpg\n"
                           "1\n"
                           "1 2 60 70",
                           &a, why),
                     MIEN_OK);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.nlevels, 4);
    assert_string_equal(a.levels[0], "all");
    assert_string_equal(a.at[0].file, "24--Soldier_Firing/24_a.jpg");
    const double box[4] = {10, 50, 50, 94};
    assert_memory_equal(a.at[0].boxes[0], box, sizeof box);
    assert_int_equal(a.at[0].levels[0], 1 | 8); /* all, small */
    assert_int_equal(a.at[0].levels[1], 1 | 2); /* large */
    assert_int_equal(a.at[0].levels[2], 1);     /* below 10 pixels: none of the paper's */
    assert_int_equal(a.at[0].levels[3], 0);     /* invalid */
    assert_int_equal(a.at[1].n, 0);
    assert_string_equal(a.at[2].file, "0--Parade/0.jpg");
    assert_int_equal(a.at[2].levels[0], 1 | 4);
    annotations_free(&a);
}

static void json(void **state) {
    (void)state;
    struct annotations a;
    char why[EVAL_WHY] = "";
    assert_int_equal(
        parse(" [{\"file\": \"x.jpg\", \"width\": 9, \"boxes\": [[1,2,3.5,4],[5,6,7,8]],"
              "\"easy\": [1], \"hard\": [0, 1]},"
              "{\"file\": \"y.jpg\", \"boxes\": [], \"easy\": [], \"hard\": []}]",
              &a, why),
        MIEN_OK);
    assert_int_equal(a.n, 2);
    assert_int_equal(a.nlevels, 2);
    assert_string_equal(a.levels[1], "hard");
    assert_int_equal(a.at[0].levels[0], 2);
    assert_int_equal(a.at[0].levels[1], 3);
    assert_true(a.at[0].boxes[0][2] == 3.5);
    annotations_free(&a);
    assert_int_equal(parse("[{\"file\": \"x\", \"boxes\": [[1,2,3,4]]}]", &a, why), MIEN_OK);
    assert_int_equal(a.nlevels, 1);
    assert_string_equal(a.levels[0], "all");
    assert_int_equal(a.at[0].levels[0], 1);
    annotations_free(&a);
}

static void broken(void **state) {
    (void)state;
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "a: no picture is in it"},
        {"a.jpg", "a:1: no number of faces follows the picture of line 1"},
        {"a.jpg\nb.jpg\n", "a:2: no number of faces follows the picture of line 1"},
        {"a.jpg\n-1\n", "a:2: no number of faces follows the picture of line 1"},
        {"a.jpg\n999999999999999999999\n", "a:2: no number of faces follows the picture of line 1"},
        {"a.jpg\n2\n1 2 3 4\n", "a:3: a face is x, y, width, height and up to six more numbers"},
        {"a.jpg\n1\n1 2 3\n", "a:3: a face is x, y, width, height and up to six more numbers"},
        {"a.jpg\n1\n1 2 nan 4\n", "a:3: a face is x, y, width, height and up to six more numbers"},
        {"a.jpg\n1\n1 2 3 4 5 6 7 8 9 10 11\n",
         "a:3: a face is x, y, width, height and up to six more numbers"},
        {"[]", "a: no picture is in it"},
        {"{}", "a is no list of pictures"},
        {"[{\"file\": \"x\"}]", "a: picture 1: no list \"boxes\""},
        {"[{\"boxes\": []}]", "a: picture 1: no \"file\""},
        {"[7]", "a: picture 1: no \"file\""},
        {"[{\"file\": \"x\", \"boxes\": [[1, 2, 3]]}]",
         "a: picture 1: a box is four numbers, x1, y1, x2, y2"},
        {"[{\"file\": \"x\", \"boxes\": [[1, 2, 3, \"4\"]]}]",
         "a: picture 1: a box is four numbers, x1, y1, x2, y2"},
        {"[{\"file\": \"x\", \"boxes\": [[1, 2, 3, 1e300]]}]",
         "a: picture 1: a box is four numbers, x1, y1, x2, y2"},
        {"[{\"file\": \"x\", \"boxes\": [[5, 2, 3, 4]]}]",
         "a: picture 1: a box ends before it begins"},
        {"[{\"file\": \"x\", \"boxes\": [[1, 2, 3, 4]], \"easy\": [1]}]",
         "a: picture 1: a level names a box that is not there"},
        {"[{\"file\": \"x\", \"boxes\": [], \"easy\": []}, {\"file\": \"y\", \"boxes\": []}]",
         "a: picture 2: a level that the first picture has is missing"},
    };
    struct annotations a;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char why[EVAL_WHY] = "";
        assert_int_equal(parse(cases[i].text, &a, why), MIEN_EFORMAT);
        assert_string_equal(why, cases[i].why);
        assert_null(a.at);
    }
    char why[EVAL_WHY] = "";
    assert_int_equal(parse("[{\"file\": 1,}]", &a, why), MIEN_EFORMAT);
    assert_ptr_equal(strstr(why, "a:1: "), why); /* jansson's sentence */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(wider), cmocka_unit_test(json),
                                       cmocka_unit_test(broken)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
