/* The table of paths: what fits which route, and what other methods are told. */
#include "server/handlers.h"
#include "server/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char params[REQUEST_PARAMS][128];
static const char *allow;

static const struct route *find(const char *method, const char *path) {
    memset(params, 0, sizeof params);
    return route_find(method, path, params, &allow);
}

static void test_slash_at_the_end(void **state) {
    (void)state;
    const struct route *r = find("POST", "/detect_faces_from_files/");
    assert_non_null(r);
    assert_ptr_equal(r->handle, handle_faces_from_files);
    assert_ptr_equal(find("POST", "/detect_faces_from_files"), r);
    assert_ptr_equal(find("GET", "/ready"), find("GET", "/ready/"));
    assert_null(find("POST", "//predict"));
    assert_null(find("POST", "/predict//"));
}

static void test_parameters(void **state) {
    (void)state;
    const struct route *r = find("GET", "/v2/models/a.b-c_1/versions/1/ready");
    assert_non_null(r);
    assert_ptr_equal(r->handle, handle_kserve_model_ready);
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
    assert_string_equal(allow, "POST");
    assert_null(find("POST", "/health"));
    assert_string_equal(allow, "GET, HEAD");
    assert_null(find("POST", "/style.css"));
    assert_string_equal(allow, "GET, HEAD");
    assert_ptr_equal(find("HEAD", "/health"), find("GET", "/health"));
    assert_null(find("GET", "/nothing"));
    assert_null(allow);
    assert_null(find("GET", "assets"));
    assert_null(find("GET", "/assets"));
    assert_null(find("GET", ""));
    assert_null(find("GET", "/../etc/passwd"));
}

static void test_pages(void **state) {
    (void)state;
    const struct route *r = find("GET", "/");
    assert_non_null(r);
    assert_ptr_equal(r->handle, handle_asset);
    assert_ptr_equal(find("GET", "/docs"), r);
    assert_ptr_equal(find("GET", "/openapi.json"), r);
    assert_int_equal(route_index(r), (int)(r - ROUTES));
    assert_int_equal(route_index(NULL), -1);
    assert_true(route_count() > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slash_at_the_end),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_long_parameter),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
