/* The file of a gallery: what it is, who may read it, and what is said where it cannot be used.
 * Nothing acknowledged is lost by any of it. */
#include "gallery/sqlite_open.h"
#include "gallery/sqlite_schema.h"
#include "made.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int open_code(const char *path, int read_only, int wait_ms) {
    mien_gallery_options options = {
        .struct_size = sizeof options, .read_only = read_only, .wait_ms = wait_ms};
    mien_gallery *g = (mien_gallery *)1;
    int rc = mien_gallery_open(path, &options, &g);

    assert_true(!g == (rc != 0));
    mien_gallery_close(g);
    return rc;
}

static void assert_said(const char *part) {
    if (!strstr(mien_gallery_error(), part))
        fail_msg("'%s' is not in '%s'", part, mien_gallery_error());
}

static void test_nobody_else_may_read_it(void **state) {
    struct made *m = *state;
    static const char *const ends[] = {"", "-wal", "-shm"};

    for (int i = 0; i < 3; i++) {
        char path[128];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", m->path, ends[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 077, 0);
    }
}

static void write_file(const char *path, const void *bytes, size_t n, long at) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), n);
    close(fd);
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_files_that_are_no_galleries(void **state) {
    struct made *m = *state;
    char path[128], text[4096];

    snprintf(path, sizeof path, "%s/other", m->folder);
    memset(text, 'x', sizeof text);
    write_file(path, text, sizeof text, 0);
    assert_int_equal(open_code(path, 0, 100), MIEN_EFORMAT);
    assert_said("is not a gallery");
    unlink(path);
    run_sql(path, "CREATE TABLE t (a)");
    assert_int_equal(open_code(path, 0, 100), MIEN_EFORMAT);
    assert_said("of another program");
    snprintf(path, sizeof path, "%s/none", m->folder);
    assert_int_equal(open_code(path, 1, 100), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/no/folder", m->folder);
    assert_int_equal(open_code(path, 0, 100), MIEN_EIO);
    assert_said("No such file");
    assert_int_equal(open_code(m->folder, 0, 100), MIEN_EIO);
}

static void test_a_newer_version_is_left_alone(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice");
    int version = 0;
    char back[64];

    run_sql(m->path, "PRAGMA user_version = 999");
    assert_int_equal(open_code(m->path, 0, 100), MIEN_EUNSUPPORTED);
    assert_said("was made by a newer mien (version 999 of its tables");
    while (GALLERY_SCHEMA[version]) version++;
    snprintf(back, sizeof back, "PRAGMA user_version = %d", version);
    run_sql(m->path, back);
    made_reopen(m);
    assert_int_equal(made_count(m, a), 0);
}

/* As a later version would come: a script more than this one has. */
static void test_migration(void **state) {
    struct made *m = *state;
    const char *more[8] = {0};
    char path[128];
    int n = 0, version = 0;
    sqlite3_stmt *statement = NULL;
    struct store s = {.path = path};
    int64_t a = made_person(m, "Alice");

    snprintf(path, sizeof path, "%s", m->path);
    for (; GALLERY_SCHEMA[n]; n++) more[n] = GALLERY_SCHEMA[n];
    more[n] = "CREATE TABLE half (a); INSERT INTO no_such_table VALUES (1)";
    assert_int_equal(sqlite3_open(path, &s.db), SQLITE_OK);
    assert_int_not_equal(sqlite_migrate(&s, more), MIEN_OK); /* and nothing of it is there */
    more[n] = "CREATE TABLE half (a); UPDATE persons SET name = name || '!'";
    assert_int_equal(sqlite_migrate(&s, more), MIEN_OK);
    assert_int_equal(sqlite_migrate(&s, more), MIEN_OK); /* nothing left to do */
    sqlite3_prepare_v2(s.db, "PRAGMA user_version", -1, &statement, NULL);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(version, n + 1);
    sqlite3_close(s.db);
    assert_string_equal(made_name(m, a), "Alice!");
    assert_int_equal(open_code(path, 0, 100),
                     MIEN_EUNSUPPORTED); /* this version has no such script */
}

static void test_read_only(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), id;
    mien_gallery_options options = {.struct_size = sizeof options, .read_only = 1};
    mien_gallery *g = NULL;
    mien_gallery_person p = {.struct_size = sizeof p, .collection = m->collection, .name = "Bob"};

    assert_int_equal(mien_gallery_open(m->path, &options, &g), MIEN_OK);
    assert_int_equal(mien_gallery_person_add(g, &p, &id), MIEN_EIO);
    assert_said("read-only");
    assert_int_equal(mien_gallery_rename(g, a, "x", NULL), MIEN_EIO);
    mien_gallery_close(g);
    assert_string_equal(made_name(m, a), "Alice");
}

static void test_locked_by_another(void **state) {
    struct made *m = *state;
    mien_gallery_options options = {.struct_size = sizeof options, .wait_ms = 1};
    int64_t a = made_person(m, "Alice");
    mien_gallery *g = NULL;

    assert_int_equal(mien_gallery_open(m->path, &options, &g), MIEN_OK);
    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_rename(g, a, "Bob", NULL), MIEN_GALLERY_EBUSY);
    assert_said("another process kept it locked for 1 ms; nothing was changed");
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_rename(g, a, "Bob", NULL), MIEN_OK);
    mien_gallery_close(g);
    assert_string_equal(made_name(m, a), "Bob");
}

/* In a process of its own, whose files may not grow beyond what is left of a small disk. */
static int fill_disk(struct made *m, int64_t person) {
    struct rlimit limit = {.rlim_cur = 400000, .rlim_max = 400000};
    float v[MADE_DIMS];
    char *crop = calloc(1, 10000);
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .person = person,
                             .contract = m->contract,
                             .embedding = v,
                             .dims = MADE_DIMS,
                             .crop = crop,
                             .crop_bytes = 10000};
    int rc = MIEN_OK, added = 0;

    made_embedding(1, v);
    m->gallery = NULL;
    made_reopen(m);
    signal(SIGXFSZ, SIG_IGN);
    if (!crop || setrlimit(RLIMIT_FSIZE, &limit)) return 255;
    while (rc == MIEN_OK && added < 200) {
        rc = mien_gallery_samples_add(m->gallery, &s, 1, NULL);
        added += rc == MIEN_OK;
    }
    if (rc != MIEN_GALLERY_EFULL) print_message("%d: %s\n", rc, mien_gallery_error());
    /* Reading goes on, and shows what was acknowledged. */
    if (made_count(m, person) != added) rc = 0;
    free(crop);
    return rc == MIEN_GALLERY_EFULL ? added : 255;
}

static void test_full_disk(void **state) {
    struct made *m = *state;
    int64_t person = made_person(m, "Alice");
    int status = 0;
    pid_t child;

    mien_gallery_close(m->gallery);
    m->gallery = NULL;
    child = fork();
    if (child == 0) _exit(fill_disk(m, person));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 1, 199);
    made_reopen(m);
    assert_int_equal(made_count(m, person), WEXITSTATUS(status));
    assert_int_equal(made_problems(m), 0);
    made_sample(m, person, 2); /* there is room again */
}

static int count_problem(void *context, const char *sentence) {
    (void)sentence;
    ++*(int *)context;
    return 0;
}

/* Every page in turn is overwritten: what is read is told as damaged, or is right, and nothing else
 * happens. */
static void test_corrupt_pages(void **state) {
    struct made *m = *state;
    char copy[128], bytes[4096], noise[4096];
    int64_t person = made_person(m, "Alice");
    struct stat st;
    int noticed = 0, pages;

    for (int i = 0; i < 40; i++) made_sample(m, person, i);
    mien_gallery_close(m->gallery);
    m->gallery = NULL;
    assert_int_equal(stat(m->path, &st), 0);
    pages = (int)(st.st_size / (long)sizeof bytes);
    memset(noise, 0x5a, sizeof noise);
    snprintf(copy, sizeof copy, "%s/copy.db", m->folder);
    for (int page = 0; page < pages; page++) {
        FILE *in = fopen(m->path, "rb");
        mien_gallery *g = NULL;
        int problems = 0, told = 0, rc;
        assert_non_null(in);
        unlink(copy);
        for (long at = 0; fread(bytes, 1, sizeof bytes, in) == sizeof bytes; at += 4096)
            write_file(copy, at / 4096 == page ? noise : bytes, sizeof bytes, at);
        fclose(in);
        rc = mien_gallery_open(copy, NULL, &g);
        if (rc == MIEN_OK) rc = mien_gallery_check(g, count_problem, &told, &problems);
        noticed += rc == MIEN_EFORMAT || (rc == MIEN_OK && problems > 0 && told == problems);
        if (rc && rc != MIEN_EFORMAT) fail_msg("page %d: %d %s", page, rc, mien_gallery_error());
        mien_gallery_close(g);
    }
    assert_int_equal(noticed, pages);
    made_reopen(m);
    assert_int_equal(made_count(m, person), 40);
}

static void test_backup(void **state) {
    struct made *m = *state;
    char path[128];
    int64_t person = made_person(m, "Alice"), sample = made_sample(m, person, 3);
    struct stat st;

    snprintf(path, sizeof path, "%s/backup.db", m->folder);
    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_backup(m->gallery, path), MIEN_EINVAL);
    mien_gallery_rollback(m->gallery);
    assert_int_equal(mien_gallery_backup(m->gallery, path), MIEN_OK);
    assert_int_equal(mien_gallery_backup(m->gallery, path), MIEN_EIO); /* never written over */
    assert_said("exists");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    made_sample(m, person, 4);

    snprintf(m->path, sizeof m->path, "%.*s", (int)sizeof m->path - 1, path);
    made_reopen(m);
    assert_int_equal(made_count(m, person), 1);
    assert_int_equal(made_person_of(m, sample), person);
    assert_int_equal(made_problems(m), 0);
}

/* Rows as no call makes them. */
static void test_check_finds(void **state) {
    static const char *const harm[] = {
        "UPDATE persons SET state = -1",
        "UPDATE samples SET embedding = x'00'",
        "UPDATE samples SET state = 7",
        "UPDATE samples SET person = 99",
        "INSERT INTO not_persons SELECT id, person FROM samples",
        "UPDATE persons SET state = 99",
        "DELETE FROM changes WHERE field = 3",
        "DELETE FROM changes WHERE field = 2",
        "UPDATE settings SET value = 1",
    };
    struct made *m = *state;

    made_sample(m, made_person(m, "Alice"), 1);
    assert_int_equal(made_problems(m), 0);
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        char copy[128];
        mien_gallery *g;
        int problems = 0, told = 0;
        snprintf(copy, sizeof copy, "%s/harm%zu.db", m->folder, i);
        assert_int_equal(mien_gallery_backup(m->gallery, copy), MIEN_OK);
        run_sql(copy, harm[i]);
        assert_int_equal(mien_gallery_open(copy, NULL, &g), MIEN_OK);
        assert_int_equal(mien_gallery_check(g, count_problem, &told, &problems), MIEN_OK);
        if (!problems) fail_msg("not found: %s", harm[i]);
        mien_gallery_close(g);
    }
    sqlite3 *db;
    assert_int_equal(sqlite3_open(m->path, &db), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "DELETE FROM events", NULL, NULL, NULL), SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "UPDATE events SET who = ''", NULL, NULL, NULL),
                         SQLITE_OK);
    sqlite3_close(db);
}

/* One in memory has no file, and is nobody else's. */
static void test_in_memory(void **state) {
    mien_gallery *a = NULL, *b = NULL;
    int64_t collection;

    (void)state;
    assert_int_equal(mien_gallery_open(":memory:", NULL, &a), 0);
    assert_int_equal(mien_gallery_open(":memory:", NULL, &b), 0);
    assert_int_equal(mien_gallery_collection_use(a, "people", 1, &collection), 0);
    assert_int_equal(mien_gallery_collection_use(b, "people", 0, &collection),
                     MIEN_GALLERY_ENOTFOUND);
    mien_gallery_close(a);
    mien_gallery_close(b);
    assert_int_equal(access(":memory:", F_OK), -1);
}

static int see_event(void *context, const mien_gallery_event *event) {
    *(size_t *)context += strlen(event->who);
    return 0;
}

static int see_person(void *context, const mien_gallery_person *p) {
    *(size_t *)context += strlen(p->name);
    return 0;
}

/* Values of types and relations that no call makes: whatever is asked ends, with what is there or a
 * sentence. */
static void test_odd_values(void **state) {
    static const char *const harm[] = {
        "UPDATE events SET who = x'00ff'",
        "UPDATE persons SET name = x'00ff'",
        "UPDATE changes SET field = 99",
        "UPDATE changes SET field = -1 WHERE field = 1",
        "UPDATE events SET undoes = id",
        "UPDATE persons SET name = x'00ff', metadata = 5",
        "UPDATE samples SET embedding = 'text', crop = 5, source = x'01'",
    };
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), b = made_person(m, "Bob");

    made_sample(m, a, 1);
    assert_int_equal(mien_gallery_rename(m->gallery, a, "Anna", NULL), MIEN_OK);
    assert_int_equal(mien_gallery_merge(m->gallery, b, a, NULL), MIEN_OK);
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        char copy[128];
        mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
        mien_gallery *g;
        size_t seen = 0;
        int problems = 0, told = 0;
        snprintf(copy, sizeof copy, "%s/odd%zu.db", m->folder, i);
        assert_int_equal(mien_gallery_backup(m->gallery, copy), MIEN_OK);
        run_sql(copy, "DROP TRIGGER events_are");
        run_sql(copy, harm[i]);
        assert_int_equal(mien_gallery_open(copy, NULL, &g), MIEN_OK);
        assert_int_equal(mien_gallery_check(g, count_problem, &told, &problems), MIEN_OK);
        assert_int_equal(mien_gallery_events(g, 0, 0, 0, see_event, &seen), MIEN_OK);
        assert_int_equal(mien_gallery_persons(g, m->collection, NULL, 0, 0, see_person, &seen), 0);
        for (int64_t event = 1; event < 8; event++) mien_gallery_undo(g, event, NULL);
        mien_gallery_rename(g, a, "Dora", NULL);
        if (mien_gallery_person_delete(g, a, &deletion) == MIEN_OK) free(deletion.receipt);
        mien_gallery_close(g);
    }
}

int main(void) {
#define GALLERY_TEST(name) cmocka_unit_test_setup_teardown(name, made_setup, made_teardown)
    const struct CMUnitTest tests[] = {
        GALLERY_TEST(test_nobody_else_may_read_it),
        GALLERY_TEST(test_files_that_are_no_galleries),
        GALLERY_TEST(test_a_newer_version_is_left_alone),
        GALLERY_TEST(test_migration),
        GALLERY_TEST(test_read_only),
        GALLERY_TEST(test_locked_by_another),
        GALLERY_TEST(test_full_disk),
        GALLERY_TEST(test_corrupt_pages),
        GALLERY_TEST(test_backup),
        GALLERY_TEST(test_check_finds),
        cmocka_unit_test(test_in_memory),
        GALLERY_TEST(test_odd_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
