/* Pictures in JSON bodies: each shape of the documented ones, and the sentence for each way one can
 * be wrong. */
#include "server/json_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct json_body_limits base64_list = {.max_bytes = 6, .max_pictures = 3};
static const struct json_body_limits url_list = {
    .max_bytes = 6, .max_pictures = 3, .strings = PICTURE_URL};

static struct json_body read_with(const struct json_body_limits *limits, const char *text) {
    struct json_body b;
    char why[WHY_SIZE] = "";
    if (json_body_read(text, strlen(text), limits, &b, why)) fail_msg("%s: %s", text, why);
    assert_true(b.count > 0);
    assert_true(json_is_object(b.options));
    return b;
}

static void expect_bytes(const struct body_picture *p, const char *bytes) {
    assert_int_equal(p->status, 0);
    assert_int_equal(p->kind, PICTURE_BYTES);
    assert_null(p->url);
    assert_int_equal(p->size, strlen(bytes));
    assert_memory_equal(p->bytes, bytes, p->size);
}

static void expect_url(const struct body_picture *p, const char *url) {
    assert_int_equal(p->status, 0);
    assert_int_equal(p->kind, PICTURE_URL);
    assert_null(p->bytes);
    assert_string_equal(p->url, url);
}

static void refuse_with(const struct json_body_limits *limits, const char *text, int status,
                        const char *sentence) {
    struct json_body b;
    char why[WHY_SIZE] = "";
    int rc = json_body_read(*text ? text : NULL, strlen(text), limits, &b, why);
    if (rc != status || !strstr(why, sentence))
        fail_msg("%s: got %d '%s', expected %d '%s'", text, rc, why, status, sentence);
    assert_null(b.pictures);
    assert_null(b.options);
    assert_int_equal(b.count, 0);
}

static void refuse(const char *text, const char *sentence) {
    refuse_with(&base64_list, text, 400, sentence);
}

static void test_lists(void **state) {
    (void)state;
    struct json_body b =
        read_with(&base64_list,
                  "[\"Zm9v\", {\"image\": \"data:image/png;base64,Zm8=\"}, {\"url\": \"x:/\"}]");
    assert_int_equal(b.count, 3);
    assert_int_equal(b.list, 1);
    assert_int_equal(json_object_size(b.options), 0);
    expect_bytes(&b.pictures[0], "foo");
    expect_bytes(&b.pictures[1], "fo");
    expect_url(&b.pictures[2], "x:/");
    json_body_free(&b);
    b = read_with(&url_list, "[\"https://example.org/a.jpg\", {\"image\": \"Zg\"}]");
    assert_int_equal(b.count, 2);
    expect_url(&b.pictures[0], "https://example.org/a.jpg");
    expect_bytes(&b.pictures[1], "f");
    json_body_free(&b);
}

static void test_objects(void **state) {
    (void)state;
    struct json_body b =
        read_with(&base64_list, "{\"top\": 3, \"image\": \"Zm9v\", \"url\": null}");
    assert_int_equal(b.count, 1);
    assert_int_equal(b.list, 0);
    expect_bytes(&b.pictures[0], "foo");
    assert_int_equal(json_object_size(b.options), 1);
    assert_int_equal(json_integer_value(json_object_get(b.options, "top")), 3);
    json_body_free(&b);
    b = read_with(&base64_list, "{\"url\": \"https://example.org/\"}");
    assert_int_equal(b.list, 0);
    expect_url(&b.pictures[0], "https://example.org/");
    json_body_free(&b);
    b = read_with(&url_list, "{\"images\": [\"Zm9v\", {\"url\": \"http://u/\"}], \"size\": 640}");
    assert_int_equal(b.count, 2);
    assert_int_equal(b.list, 1);
    expect_bytes(&b.pictures[0], "foo"); /* the key says what strings are */
    expect_url(&b.pictures[1], "http://u/");
    json_body_free(&b);
    b = read_with(&base64_list, "{\"urls\": [\"http://u/\"]}");
    assert_int_equal(b.list, 1);
    expect_url(&b.pictures[0], "http://u/");
    json_body_free(&b);
    b = read_with(&base64_list,
                  "{\"b\": {\"url\": \"http://u/\"}, \"a\": \"Zm9v\", \"face\": \"all\"}");
    assert_int_equal(b.count, 2);
    assert_int_equal(b.list, 0);
    expect_bytes(&b.pictures[0], "foo");
    expect_url(&b.pictures[1], "http://u/");
    assert_string_equal(json_string_value(json_object_get(b.options, "face")), "all");
    json_body_free(&b);
}

static void test_wrong_shapes(void **state) {
    (void)state;
    refuse("", "the JSON is cut off");
    refuse("{\"image\": \"Zm9v\"", "the JSON is cut off");
    refuse("{\"image\": Zm9v}", "not valid JSON, near line 1, column 1");
    refuse("{} {}", "not valid JSON");
    refuse("{\"image\":\"\xff\"}", "not valid JSON");
    refuse("{\"image\":\"Zm9v\\u0000\"}", "not valid JSON");
    refuse("{\"image\":\"Zm9v\",\"image\":\"Zm9v\"}", "a key stands twice");
    refuse("{\"image\":\"Zm9v\",\"top\":1e999}", "a number too large");
    refuse("{\"image\":\"Zm9v\",\"top\":99999999999999999999}", "a number too large");
    refuse("3", "not valid JSON");
    refuse("\"Zm9v\"", "not valid JSON");
    refuse("null", "not valid JSON");
    refuse("{}", "one of image, url, images and urls");
    refuse("{\"top\":3}", "one of image, url, images and urls");
    refuse("{\"image\":\"Zm9v\",\"url\":\"http://u/\"}", "one of image, url");
    refuse("{\"a\":\"Zm9v\"}",
           "the JSON must have one of image, url, images and urls, or both a and b");
    refuse("{\"a\":\"Zm9v\",\"b\":\"Zm9v\",\"image\":\"Zm9v\"}", "one of image");
    refuse("{\"a\":\"Zm9v\",\"image\":\"Zm9v\"}", "one of image");
    refuse("{\"image\":[\"Zm9v\"]}", "\"image\" is a string");
    refuse("{\"url\":3}", "\"url\" is a string");
    refuse("{\"images\":\"Zm9v\"}", "\"images\" and \"urls\" are lists");
    refuse("[]", "the list of pictures is empty");
    refuse("{\"urls\":[]}", "the list of pictures is empty");
}

static void test_wrong_pictures(void **state) {
    (void)state;
    refuse("[\"Zm9v\", \"Zm9v!\"]", "picture 2: not base64: character 5 is wrong");
    refuse("[\"\"]", "picture 1: it is empty");
    refuse("[3]", "picture 1: a picture is a string, {\"image\": \"...\"} or {\"url\": \"...\"}");
    refuse("[null]", "picture 1: a picture is a string");
    refuse("[[\"Zm9v\"]]", "picture 1: a picture is a string");
    refuse("[{}]", "picture 1: a picture is a string");
    refuse("[{\"image\":\"Zm9v\",\"url\":\"http://u/\"}]", "picture 1: a picture is");
    refuse("[{\"image\":\"Zm9v\",\"top\":3}]", "picture 1: a picture is");
    refuse("{\"a\":\"Zm9v\",\"b\":\"?\"}", "\"b\": not base64");
    refuse("{\"image\":\"https://example.org/a.jpg\"}", "addresses go under \"url\"");
}

static void test_limits(void **state) {
    (void)state;
    refuse_with(&base64_list, "[\"Zm9v\",\"Zm9v\",\"Zm9v\",\"Zm9v\"]", 413,
                "4 pictures; at most 3");
    refuse_with(&base64_list, "[\"Zm9v\",\"Zm9vYmFyZg==\"]", 413, "picture 2: more than 6 bytes");
    struct json_body_limits one = {.max_bytes = 6, .max_pictures = 1};
    refuse_with(&one, "{\"a\":\"Zm9v\",\"b\":\"Zm9v\"}", 413, "2 pictures; at most 1");
    /* The list's length is looked at before any picture is. */
    refuse_with(&one, "[\"?\",\"?\"]", 413, "2 pictures; at most 1");
}

static void test_bad_ones_are_kept(void **state) {
    (void)state;
    struct json_body_limits keep = base64_list;
    keep.keep_bad = 1;
    struct json_body b = read_with(&keep, "[\"Zm9vYmFyZg\", \"Zm9v\", 7]");
    assert_int_equal(b.count, 3);
    assert_int_equal(b.pictures[0].status, 413);
    assert_string_equal(b.pictures[0].why, "picture 1: more than 6 bytes");
    assert_null(b.pictures[0].bytes);
    expect_bytes(&b.pictures[1], "foo");
    assert_int_equal(b.pictures[2].status, 400);
    assert_null(b.pictures[2].bytes);
    assert_null(b.pictures[2].url);
    json_body_free(&b);
}

/* Names of another dialect: a pair of addresses, one picture, and none of ours. */
static void test_other_keys(void **state) {
    static const struct body_key keys[] = {{"source", PICTURE_URL, BODY_PAIR},
                                           {"target", PICTURE_BYTES, BODY_PAIR},
                                           {"file", PICTURE_BYTES, BODY_ONE},
                                           {.name = NULL}};
    static const struct body_key pair[] = {
        {"1", PICTURE_BYTES, BODY_PAIR}, {"2", PICTURE_BYTES, BODY_PAIR}, {.name = NULL}};
    struct json_body_limits other = {.max_bytes = 6, .max_pictures = 3, .keys = keys};
    struct json_body b;
    (void)state;

    b = read_with(&other, "{\"target\":\"Zm9v\",\"source\":\"http://u/\",\"image\":3}");
    assert_int_equal(b.count, 2);
    expect_url(&b.pictures[0], "http://u/");
    expect_bytes(&b.pictures[1], "foo");
    assert_int_equal(json_object_size(b.options), 1);
    assert_int_equal(json_integer_value(json_object_get(b.options, "image")), 3);
    json_body_free(&b);
    b = read_with(&other, "[{\"file\":\"Zm9v\"}]");
    expect_bytes(&b.pictures[0], "foo");
    json_body_free(&b);
    refuse_with(&other, "{\"image\":\"Zm9v\"}", 400,
                "the JSON must have one of file, or both source and target");
    refuse_with(&other, "[{\"image\":\"Zm9v\"}]", 400,
                "a picture is a string, {\"file\": \"...\"}");
    refuse_with(&other, "{\"file\":\"http://u/\"}", 400, "an address where base64 belongs");
    other.keys = pair;
    refuse_with(&other, "{}", 400, "the JSON must have both 1 and 2");
    refuse_with(&other, "[{}]", 400, "a picture is a string");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),        cmocka_unit_test(test_objects),
        cmocka_unit_test(test_wrong_shapes), cmocka_unit_test(test_wrong_pictures),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_bad_ones_are_kept),
        cmocka_unit_test(test_other_keys)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
