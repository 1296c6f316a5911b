/* The queue in a file, and files that are no queue. */
#include "cases.h"
#include "queue/queue.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/mien-queue-XXXXXX";

static const char *fresh(void) {
    static char path[64];
    static int n;
    snprintf(path, sizeof path, "%s/%d.db", folder, n++);
    return path;
}

static int open_place(const char *place, int read_only, char why[QUEUE_WHY]) {
    struct queue_options o = {
        .place = place, .tries = 3, .lease_ms = 1000, .room = 10, .read_only = read_only};
    struct queue *q = NULL;
    int rc = queue_open(&o, &q, why);
    queue_close(q);
    return rc;
}

static void test_refusals(void **state) {
    (void)state;
    char why[QUEUE_WHY], path[64];
    sqlite3 *db;
    assert_int_equal(open_place("amqp://h/", 0, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "amqp://"));
    assert_int_equal(open_place("/nonexistent/q.db", 0, why), QUEUE_EFAILED);
    snprintf(path, sizeof path, "%s", fresh());
    assert_int_equal(open_place(path, 1, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "there is no queue"));
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(open_place(path, 0, why), QUEUE_OK);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_place(path, 0, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "newer mien (version 99"));
    snprintf(path, sizeof path, "%s", fresh());
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (x)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_place(path, 0, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "another program"));
    snprintf(path, sizeof path, "%s", fresh());
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < 200; i++) fputs("no database at all\n", f);
    fclose(f);
    assert_int_equal(open_place(path, 0, why), QUEUE_EFAILED);
    assert_non_null(strstr(why, "is no queue"));
}

static void test_ids(void **state) {
    (void)state;
    char last[JOB_ID] = "", id[JOB_ID], label[QUEUE_WHY];
    for (int i = 0; i < 100000; i++) {
        job_id_make(id);
        assert_true(strcmp(id, last) > 0);
        memcpy(last, id, JOB_ID);
    }
    assert_true(job_id_is_good(id));
    assert_false(job_id_is_good(""));
    assert_false(job_id_is_good("0123456789ABCDEF0123456789abcdef"));
    assert_string_equal(queue_label("redis://me:s%40@h:1/2", label), "redis://h:1/2");
    assert_string_equal(queue_label("/a@b/q.db", label), "/a@b/q.db");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals), cmocka_unit_test(test_ids)};
    char command[128];
    int failed;
    if (!mkdtemp(folder)) return 1;
    failed = queue_cases(fresh) + cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return failed + (system(command) != 0);
}
