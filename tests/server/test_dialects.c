/* Which rows of the table --api switches on. */
#include "server/dialects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int speaks(const char *list, const char *name) {
    const struct api **chosen = dialects_choose(list);
    int found = 0;

    assert_non_null(chosen);
    for (const struct api **api = chosen; *api; api++)
        if ((*api)->name && strcmp((*api)->name, name) == 0) found = 1;
    free(chosen);
    return found;
}

static int count(const char *list) {
    const struct api **chosen = dialects_choose(list);
    int n = 0;

    assert_non_null(chosen);
    while (chosen[n]) n++;
    free(chosen);
    return n;
}

static void test_choice(void **state) {
    int all = 0, unnamed = 0;
    (void)state;

    for (const struct api *const *api = APIS; *api; api++, all++) unnamed += !(*api)->name;
    assert_int_equal(count(NULL), unnamed);
    assert_int_equal(count("all"), all);
    assert_true(unnamed < all);
    assert_true(speaks("deepstack", "deepstack"));
    assert_false(speaks("deepstack", "codeproject"));
    assert_true(speaks("codeproject,deepstack", "codeproject"));
    assert_false(speaks(NULL, "deepstack"));
}

static void test_check(void **state) {
    char why[WHY_SIZE];
    (void)state;

    assert_int_equal(dialects_check("all", why), 0);
    assert_int_equal(dialects_check("deepstack,codeproject", why), 0);
    assert_int_equal(dialects_check("deepstac", why), -1);
    assert_non_null(strstr(why, "there is no dialect 'deepstac': they are "));
    assert_non_null(strstr(why, "deepstack, "));
    assert_int_equal(dialects_check("", why), -1);
    assert_int_equal(dialects_check("deepstack,", why), -1);
    assert_int_equal(dialects_check("deepstack,,codeproject", why), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_check),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
