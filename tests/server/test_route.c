/* The tables of paths: what fits which route, what other methods are told, and whose form errors
 * have. */
#include "server/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

extern const struct api api_detect_faces, api_kserve, api_status, api_v1;

static char params[REQUEST_PARAMS][REQUEST_PARAM];
static struct route_match match;

static const struct route *find(const char *method, const char *path) {
    memset(params, 'x', sizeof params);
    route_find(APIS, method, path, params, &match);
    return match.route;
}

static void test_slash_at_the_end(void **state) {
    (void)state;
    const struct route *r = find("POST", "/detect_faces_from_files/");
    assert_non_null(r);
    assert_ptr_equal(match.api, &api_detect_faces);
    assert_string_equal(r->path, "/detect_faces_from_files");
    assert_ptr_equal(find("POST", "/detect_faces_from_files"), r);
    assert_ptr_equal(find("GET", "/ready"), find("GET", "/ready/"));
    assert_null(find("POST", "//predict"));
    assert_null(find("POST", "/predict//"));
}

static void test_parameters(void **state) {
    (void)state;
    const struct route *r = find("GET", "/v2/models/a.b-c_1/versions/1/ready");
    assert_non_null(r);
    assert_string_equal(r->path, "/v2/models/{}/versions/{}/ready");
    assert_string_equal(params[0], "a.b-c_1");
    assert_string_equal(params[1], "1");
    assert_non_null(find("POST", "/v2/models/x/infer"));
    assert_string_equal(params[0], "x");
    assert_string_equal(params[1], "");
    assert_null(find("GET", "/v2/models//ready"));
}

static void test_long_parameter(void **state) {
    (void)state;
    char path[400] = "/v2/models/";
    memset(path + 11, 'a', 127);
    assert_non_null(find("GET", path));
    assert_int_equal(strlen(params[0]), 127);
    path[138] = 'a';
    assert_null(find("GET", path));
}

static void test_methods(void **state) {
    (void)state;
    assert_null(find("GET", "/predict"));
    assert_string_equal(match.allow, "POST, OPTIONS");
    assert_null(find("POST", "/health"));
    assert_string_equal(match.allow, "GET, HEAD, OPTIONS");
    assert_null(find("POST", "/style.css"));
    assert_string_equal(match.allow, "GET, HEAD, OPTIONS");
    assert_null(find("OPTIONS", "/v1/detect"));
    assert_string_equal(match.allow, "POST, OPTIONS");
    assert_ptr_equal(find("HEAD", "/health"), find("GET", "/health"));
    assert_string_equal(match.allow, "");
    assert_null(find("OPTIONS", "*"));
    assert_string_equal(match.allow, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS");
    assert_null(match.api);
}

static void test_no_such_path(void **state) {
    static const char *const paths[] = {"/nothing", "assets", "/assets", "", "*", "/../etc/passwd"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_null(find("GET", paths[i]));
        assert_string_equal(match.allow, "");
        assert_null(match.api);
    }
}

/* Below a dialect's prefix errors have its form, whether there is such a path or not. */
static void test_whose_errors(void **state) {
    (void)state;
    assert_null(find("GET", "/v2/nothing"));
    assert_ptr_equal(match.api, &api_kserve);
    assert_null(find("POST", "/v2"));
    assert_ptr_equal(match.api, &api_kserve);
    assert_null(find("GET", "/v1/nothing"));
    assert_ptr_equal(match.api, &api_v1);
    assert_null(find("GET", "/v22"));
    assert_null(match.api);
    assert_null(find("DELETE", "/metrics"));
    assert_ptr_equal(match.api, &api_status);
}

static void test_pages(void **state) {
    (void)state;
    const struct route *r = find("GET", "/");
    assert_non_null(r);
    assert_string_equal(r->path, "assets");
    assert_ptr_equal(find("GET", "/docs"), r);
    assert_ptr_equal(find("GET", "/openapi.json"), r);
}

static void test_positions(void **state) {
    (void)state;
    int n = 0;
    for (const struct api *const *api = APIS; *api; api++)
        for (const struct route *r = (*api)->routes; r->path; r++, n++) {
            int first = route_index(APIS, r); /* methods share their path's */
            assert_true(first >= 0 && first <= n);
            assert_string_equal(route_path(APIS, first), r->path);
            assert_string_equal(route_path(APIS, n), r->path);
        }
    assert_int_equal(route_count(APIS), n);
    assert_true(n > 20);
    assert_int_equal(route_index(APIS, NULL), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slash_at_the_end),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_long_parameter),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_no_such_path),
        cmocka_unit_test(test_whose_errors),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
