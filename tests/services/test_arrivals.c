/* Pictures that come into a folder: those that are there, written, moved in, linked in, in folders
 * that come, and after the folder itself has gone and come back. */
#include "services/arrivals.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mien-arrivals-XXXXXX", why[256];

static struct {
    char names[1 << 14]; /* "a.jpg b.jpg " as they were told */
    int stop;
} seen;

static int see(void *context, const char *name) {
    (void)context;
    strncat(seen.names, name, sizeof seen.names - strlen(seen.names) - 1);
    strncat(seen.names, " ", sizeof seen.names - strlen(seen.names) - 1);
    return seen.stop;
}

static char *at(const char *name) {
    static char path[2][512];
    static int turn;
    snprintf(path[turn ^= 1], sizeof path[0], "%s/%s", folder, name);
    return path[turn];
}

static int begin(const char *name) {
    int fd = open(at(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    return fd;
}

static void make(const char *name) {
    close(begin(name));
}

/* What is told within a moment: long enough on any machine, since it ends where it is there. */
static void expect(struct arrivals *a, const char *name) {
    char want[256];
    snprintf(want, sizeof want, "%s ", name);
    for (int i = 0; i < 200 && !strstr(seen.names, want); i++)
        assert_int_equal(arrivals_wait(a, 50, see, NULL), 0);
    assert_non_null(strstr(seen.names, want));
    seen.names[0] = '\0';
}

static void test_comes(void **state) {
    (void)state;
    struct arrivals *a = arrivals_open(folder, why, sizeof why);
    assert_non_null(a);
    make("there.jpg");
    make("note.txt");
    make(".hidden.jpg");
    assert_int_equal(mkdir(at("sub"), 0700), 0);
    make("sub/deep.PNG");
    assert_int_equal(arrivals_wait(a, 0, see, NULL), 0);
    assert_non_null(strstr(seen.names, "there.jpg "));
    assert_non_null(strstr(seen.names, "sub/deep.PNG "));
    assert_null(strstr(seen.names, "note"));
    assert_null(strstr(seen.names, "hidden"));
    seen.names[0] = '\0';

    int fd = begin("half.jpg"); /* is told of when it is closed */
    make("whole.jpg");
    expect(a, "whole.jpg");
    assert_null(strstr(seen.names, "half"));
    close(fd);
    expect(a, "half.jpg");
    make("part.tmp");
    assert_int_equal(rename(at("part.tmp"), at("moved.jpg")), 0);
    expect(a, "moved.jpg");
    assert_int_equal(link(at("there.jpg"), at("linked.jpg")), 0);
    expect(a, "linked.jpg");
    make("there.jpg"); /* anew */
    expect(a, "there.jpg");
    arrivals_close(a);
}

static void test_folders(void **state) {
    (void)state;
    struct arrivals *a = arrivals_open(folder, why, sizeof why);
    arrivals_wait(a, 0, see, NULL);
    seen.names[0] = '\0';
    assert_int_equal(mkdir(at("new"), 0700), 0);
    assert_int_equal(mkdir(at("new/er"), 0700), 0);
    make("new/er/one.jpg");
    expect(a, "new/er/one.jpg");
    make("new/er/two.jpg");
    expect(a, "new/er/two.jpg");
    assert_int_equal(rename(at("new"), at("renamed")), 0);
    expect(a, "renamed/er/one.jpg");
    make("renamed/er/three.jpg"); /* by its new name */
    expect(a, "renamed/er/three.jpg");
    assert_int_equal(symlink(folder, at("loop")), 0);
    arrivals_look_again(a);
    expect(a, "whole.jpg");
    assert_null(strstr(seen.names, "loop"));
    arrivals_close(a);
}

static void test_folder_comes_back(void **state) {
    (void)state;
    char other[64];
    struct arrivals *a = arrivals_open(folder, why, sizeof why);
    arrivals_wait(a, 0, see, NULL);
    seen.names[0] = '\0';
    snprintf(other, sizeof other, "%s.other", folder);
    assert_int_equal(rename(folder, other), 0);
    arrivals_wait(a, 100, see, NULL);
    assert_int_equal(rename(other, folder), 0);
    expect(a, "whole.jpg");
    make("late.jpg");
    expect(a, "late.jpg");
    seen.stop = 7;
    make("last.jpg");
    int rc = 0;
    for (int i = 0; i < 200 && !rc; i++) rc = arrivals_wait(a, 50, see, NULL);
    assert_int_equal(rc, 7);
    seen.stop = 0;
    arrivals_close(a);
    assert_null(arrivals_open(at("whole.jpg"), why, sizeof why));
    assert_non_null(strstr(why, "no folder"));
    arrivals_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_folder_comes_back),
    };
    char remove[256];
    if (!mkdtemp(folder)) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(remove, sizeof remove, "rm -rf '%s'", folder);
    return system(remove) ? 1 : failed;
}
