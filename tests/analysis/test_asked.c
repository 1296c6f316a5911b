/* What jobs ask, as JSON: every name, ranges, and what is no such object. */
#include "analysis/asked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct asked defaults(void) {
    struct asked a = {.options = {.top = 5, .pick = FACE_ALL}};
    mien_detect_options_default(&a.options.detect, sizeof a.options.detect);
    return a;
}

static void test_all(void **state) {
    (void)state;
    struct asked a = defaults();
    char why[ASKED_WHY];
    assert_int_equal(asked_read("{\"threshold\": 0.25, \"nms\": 0.5, \"size\": 320, \"search\": "
                                "\"thorough\", \"max_faces\": 7, \"top\": 2, \"face\": \"main\","
                                "\"quality\": true, \"embeddings\": true}",
                                &a, why),
                     0);
    assert_float_equal(a.options.detect.threshold, 0.25F, 0);
    assert_float_equal(a.options.detect.nms, 0.5F, 0);
    assert_int_equal(a.options.detect.size, 320);
    assert_int_equal(a.options.detect.search, MIEN_SEARCH_THOROUGH);
    assert_int_equal(a.options.detect.max_faces, 7);
    assert_int_equal(a.options.top, 2);
    assert_int_equal(a.options.pick, FACE_MAIN);
    assert_true(a.options.quality);
    assert_true(a.embeddings);
}

static void test_nothing(void **state) {
    (void)state;
    struct asked a = defaults(), before = a;
    char why[ASKED_WHY];
    assert_int_equal(asked_read(NULL, &a, why), 0);
    assert_int_equal(asked_read("{}", &a, why), 0);
    assert_float_equal(a.options.detect.threshold, before.options.detect.threshold, 0);
    assert_int_equal(a.options.detect.size, -1);
    assert_int_equal(a.options.top, 5);
    assert_false(a.embeddings);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {{"", "object"},
               {"[]", "object"},
               {"{\"top\": 3", "object"},
               {"{\"top\": 1, \"top\": 2}", "object"},
               {"{\"threshold\": 1.5}", "threshold must be a number from 0 to 1"},
               {"{\"threshold\": \"0.5\"}", "threshold"},
               {"{\"top\": 0}", "top must be an integer from 1"},
               {"{\"top\": 2.5}", "top"},
               {"{\"max_faces\": -1}", "max_faces"},
               {"{\"size\": 1000000}", "size"},
               {"{\"face\": \"best\"}", "face must be one of all, main, largest, centre"},
               {"{\"search\": 1}", "search must be one of fast, auto, thorough"},
               {"{\"quality\": 1}", "quality must be true or false"},
               {"{\"top\": 1, \"topp\": 1}", "no others"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct asked a = defaults();
        char why[ASKED_WHY] = "";
        assert_int_equal(asked_read(bad[i].text, &a, why), -1);
        assert_non_null(strstr(why, bad[i].says));
        assert_int_equal(a.options.top, 5); /* nothing of it was taken */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all), cmocka_unit_test(test_nothing),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
