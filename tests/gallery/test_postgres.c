/* Galleries in PostgreSQL: what is said where one cannot be used, and that nothing acknowledged is
 * lost by a server that ends. That persons and events are what they are in a file is for the other
 * tests of this folder, with MIEN_TEST_STORE=postgresql. */
#include "gallery/postgres_open.h"
#include "gallery/postgres_schema.h"
#include "made.h"
#include "postgres.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int open_code(const char *path, int read_only) {
    mien_gallery_options options = {
        .struct_size = sizeof options, .read_only = read_only, .wait_ms = 1000};
    mien_gallery *g = (mien_gallery *)1;
    int rc = mien_gallery_open(path, &options, &g);

    assert_true(!g == (rc != 0));
    mien_gallery_close(g);
    return rc;
}

static void assert_said(const char *part) {
    if (!strstr(mien_gallery_error(), part))
        fail_msg("'%s' is not in '%s'", part, mien_gallery_error());
    assert_null(strchr(mien_gallery_error(), '\n'));
}

/* The first test: the library is looked for once a process. */
static void test_no_libpq(void **state) {
    int status = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        setenv("MIEN_LIBPQ", "/none", 1);
        _exit(open_code("postgresql:///x", 0) == MIEN_EDEVICE &&
                      strstr(mien_gallery_error(), "apt-get install libpq5")
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_servers_that_cannot_be_used(void **state) {
    char place[192];

    (void)state;
    snprintf(place, sizeof place, "postgresql:///none?user=master&host=%s", postgres_folder());
    assert_int_equal(open_code(place, 0), MIEN_EIO);
    assert_said("\"none\" does not exist");
    assert_int_equal(open_code("postgresql://someone:secret@/x?host=/none", 0), MIEN_EIO);
    assert_said("postgresql:///none/x: ");
    assert_null(strstr(mien_gallery_error(), "secret"));
    assert_int_equal(open_code("postgresql://%zz", 0), MIEN_EIO);
    assert_int_equal(open_code("postgresql:///x?colour=red", 0), MIEN_EIO);
    assert_said("colour");

    postgres_query("CREATE ROLE stranger LOGIN PASSWORD 'right'");
    snprintf(place, sizeof place, "postgresql://stranger:wrong@/postgres?host=%s",
             postgres_folder());
    assert_int_equal(open_code(place, 0), MIEN_EIO);
    assert_said("password authentication failed");
    snprintf(place, sizeof place, "postgres://stranger:right@/postgres?host=%s", postgres_folder());
    postgres_query("DROP SCHEMA IF EXISTS mien_gallery CASCADE");
    assert_int_equal(open_code(place, 1), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(open_code(place, 0), MIEN_EUNSUPPORTED); /* it may make nothing there */
    assert_said("permission denied");
    postgres_query("CREATE SCHEMA mien_gallery AUTHORIZATION stranger");
    assert_int_equal(open_code(place, 0), MIEN_OK);
}

static void test_schemas_that_are_no_galleries(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice");
    int version = 0;
    char back[96];

    postgres_query("UPDATE mien_gallery.settings SET value = 999 WHERE name = 'version'");
    assert_int_equal(open_code(m->path, 0), MIEN_EUNSUPPORTED);
    assert_said("was made by a newer mien (version 999 of its tables");
    postgres_query("DELETE FROM mien_gallery.settings WHERE name = 'version'");
    assert_int_equal(open_code(m->path, 0), MIEN_EFORMAT);
    assert_said("are not a gallery's");
    while (POSTGRES_SCHEMA[version]) version++;
    snprintf(back, sizeof back, "INSERT INTO mien_gallery.settings VALUES ('version', %d)",
             version);
    postgres_query(back);
    made_reopen(m);
    assert_int_equal(made_count(m, a), 0);
}

/* As a later version would come: a script more than this one has. */
static void test_migration(void **state) {
    struct made *m = *state;
    const char *more[16] = {0};
    struct store_options options = {.wait_ms = 1000};
    struct store *s;
    int n = 0;
    int64_t a = made_person(m, "Alice");

    for (; POSTGRES_SCHEMA[n]; n++) more[n] = POSTGRES_SCHEMA[n];
    assert_int_equal(STORE_POSTGRES.open(m->path, &options, &s), MIEN_OK);
    more[n] = "CREATE TABLE half (a bigint); INSERT INTO no_such_table VALUES (1)";
    assert_int_not_equal(postgres_migrate(s, more), MIEN_OK); /* and nothing of it is there */
    more[n] = "CREATE TABLE half (a bigint); UPDATE persons SET name = name || '!'";
    assert_int_equal(postgres_migrate(s, more), MIEN_OK);
    assert_int_equal(postgres_migrate(s, more), MIEN_OK); /* nothing left to do */
    STORE_POSTGRES.close(s);
    assert_string_equal(made_name(m, a), "Alice!");
    assert_int_equal(open_code(m->path, 0), MIEN_EUNSUPPORTED);
}

static void test_read_only(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice");
    mien_gallery_options options = {.struct_size = sizeof options, .read_only = 1};
    mien_gallery *g = NULL;

    assert_int_equal(mien_gallery_open(m->path, &options, &g), MIEN_OK);
    assert_int_equal(mien_gallery_rename(g, a, "x", NULL), MIEN_EIO);
    assert_said("read-only");
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
    assert_said("another process kept it locked; nothing was changed");
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_rename(g, a, "Bob", NULL), MIEN_OK);
    mien_gallery_close(g);
    assert_string_equal(made_name(m, a), "Bob");
}

struct nested {
    struct made *m;
    int persons, samples;
};

static int count_sample(void *context, const mien_gallery_sample *s) {
    (void)s;
    ++*(int *)context;
    return 0;
}

static int look_into_person(void *context, const mien_gallery_person *p) {
    struct nested *n = context;

    n->persons++;
    assert_string_equal(made_name(n->m, p->id), p->name);
    return mien_gallery_samples(n->m->gallery, p->id, 0, 0, count_sample, &n->samples);
}

static int stop_at_once(void *context, const mien_gallery_person *p) {
    (void)p;
    ++*(int *)context;
    return 1;
}

/* Statements while rows of another are coming, and rows that nobody wants any more. */
static void test_statements_within_each_other(void **state) {
    struct made *m = *state;
    struct nested n = {.m = m};
    char name[32];
    int seen = 0;

    for (int i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "somebody %d", i);
        int64_t person = made_person(m, name);
        for (int k = 0; k < i % 3; k++) made_sample(m, person, 3 * i + k);
    }
    if (mien_gallery_persons(m->gallery, m->collection, NULL, 0, 0, look_into_person, &n))
        fail_msg("%s", mien_gallery_error());
    assert_int_equal(n.persons, 30);
    assert_int_equal(n.samples, 30);
    assert_int_equal(
        mien_gallery_persons(m->gallery, m->collection, NULL, 0, 0, stop_at_once, &seen), 1);
    assert_int_equal(seen, 1);
    assert_int_equal(made_count(m, made_person(m, "last")), 0);
    assert_int_equal(made_problems(m), 0);
}

/* Without a gap, also after changes that came to nothing; and nobody writes them over. */
static void test_events(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), last = made_last_event(m);

    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_rename(m->gallery, a, "x", NULL), MIEN_OK);
    mien_gallery_rollback(m->gallery);
    assert_int_equal(mien_gallery_rename(m->gallery, a, "Bob", NULL), MIEN_OK);
    assert_int_equal(made_last_event(m), last + 1);
    assert_string_equal(
        postgres_query("DO $$ BEGIN DELETE FROM mien_gallery.events; EXCEPTION WHEN OTHERS THEN "
                       "UPDATE mien_gallery.events SET samples = 0; END $$;"
                       "SELECT count(*) FROM mien_gallery.events"),
        "2");
    assert_string_equal(
        postgres_query("DO $$ BEGIN UPDATE mien_gallery.events SET who = 'x'; EXCEPTION WHEN "
                       "OTHERS THEN NULL; END $$;"
                       "SELECT count(*) FROM mien_gallery.events WHERE who = 'tester'"),
        "2");
}

/* As libpq-fe.h has it. */
struct notice {
    char *channel;
};

/* Who listens is told of a change once it is committed. */
static void test_listeners_are_told(void **state) {
    struct made *m = *state;
    const struct libpq *pq = libpq_use();
    void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    struct pg_conn *conn = pq->connect((const char *[]){"dbname", NULL},
                                       (const char *[]){postgres_address(), NULL}, 1);
    struct notice *(*notifies)(struct pg_conn *) = NULL, *notice;
    void *found = library ? dlsym(library, "PQnotifies") : NULL;

    assert_non_null(found);
    memcpy(&notifies, &found, sizeof notifies);
    pq->clear(pq->exec(conn, "LISTEN mien_gallery"));
    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    made_person(m, "Alice");
    pq->clear(pq->exec(conn, "SELECT 1"));
    assert_null(notifies(conn));
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_OK);
    pq->clear(pq->exec(conn, "SELECT 1"));
    notice = notifies(conn);
    assert_non_null(notice);
    assert_string_equal(notice->channel, "mien_gallery");
    pq->freemem(notice);
    pq->finish(conn);
    dlclose(library);
}

static void test_texts_that_are_none(void **state) {
    struct made *m = *state;
    mien_gallery_person p = {
        .struct_size = sizeof p, .collection = m->collection, .name = "caf\xe9"};
    int64_t id;

    assert_int_equal(mien_gallery_person_add(m->gallery, &p, &id), MIEN_EINVAL);
    assert_said("a text is not UTF-8");
    p.name = "caf\xc3\xa9 \xf0\x9f\x99\x82";
    assert_int_equal(mien_gallery_person_add(m->gallery, &p, &id), MIEN_OK);
    assert_string_equal(made_name(m, id), p.name);
}

static int print_place(void *context, const char *sentence) {
    *(int *)context += strstr(sentence, "/postgres: the server's ") != NULL;
    return 0;
}

/* How many pieces of what was deleted are in the server's files. */
static int prove(mien_gallery *g, const char *receipt) {
    int found = -1, told = 0;

    if (mien_gallery_prove(g, receipt, print_place, &told, &found))
        fail_msg("%s", mien_gallery_error());
    assert_int_equal(told, found);
    return found;
}

/* What is deleted is no more to be had by statements, but stays in the server's files, as is
 * proved: until its owner cleans them. */
static void test_deletion(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Aurelia");
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
    char place[160];
    mien_gallery *g = NULL;

    made_sample(m, a, 1);
    assert_int_equal(mien_gallery_person_delete(m->gallery, a, &deletion), MIEN_OK);
    assert_int_equal(deletion.complete, 0);
    assert_string_equal(postgres_query("SELECT (SELECT count(*) FROM mien_gallery.persons) + "
                                       "(SELECT count(*) FROM mien_gallery.samples) + "
                                       "(SELECT count(*) FROM mien_gallery.changes)"),
                        "0");
    assert_int_equal(made_problems(m), 0);
    assert_true(prove(m->gallery, deletion.receipt) > 0);
    postgres_query("VACUUM FULL mien_gallery.samples");
    postgres_query("SELECT pg_switch_wal()");
    postgres_query("CHECKPOINT");
    assert_int_equal(prove(m->gallery, deletion.receipt), 0);

    postgres_query("CREATE ROLE guest LOGIN IN ROLE pg_read_all_data");
    snprintf(place, sizeof place, "postgresql:///postgres?user=guest&host=%s", postgres_folder());
    assert_int_equal(mien_gallery_open(place, NULL, &g), MIEN_OK);
    assert_int_equal(mien_gallery_prove(g, deletion.receipt, print_place, NULL, &(int){0}),
                     MIEN_EUNSUPPORTED);
    assert_said("the role may not do that there");
    mien_gallery_close(g);
    free(deletion.receipt);
}

static void test_check_finds(void **state) {
    struct made *m = *state;
    mien_gallery *g = m->gallery;

    made_sample(m, made_person(m, "Alice"), 1);
    assert_int_equal(made_problems(m), 0);
    postgres_query("UPDATE mien_gallery.samples SET embedding = 'x'");
    assert_int_equal(made_problems(m), 1);
    postgres_query("UPDATE mien_gallery.persons SET state = -1");
    assert_int_equal(made_problems(m), 2);
    assert_ptr_equal(m->gallery, g);
}

static int say_problem(void *context, const char *sentence) {
    (void)context;
    assert_non_null(strstr(sentence, "invalid page"));
    return 0;
}

/* A page of samples that is written over while the server is not there. */
static void test_damaged_page(void **state) {
    struct made *m = *state;
    int64_t person = made_person(m, "Alice");
    char path[192], noise[4096];
    FILE *file;
    int problems;

    for (int i = 0; i < 40; i++) made_sample(m, person, i);
    snprintf(path, sizeof path, "%s/data/%s", postgres_folder(),
             postgres_query("SELECT pg_relation_filepath('mien_gallery.samples')"));
    postgres_stop(0);
    file = fopen(path, "r+be");
    assert_non_null(file);
    memset(noise, 0x5a, sizeof noise);
    assert_int_equal(fwrite(noise, sizeof noise, 1, file), 1);
    fclose(file);
    postgres_start();
    assert_int_equal(mien_gallery_check(m->gallery, say_problem, NULL, &problems), MIEN_EFORMAT);
    assert_int_equal(problems, 1);
    assert_int_equal(mien_gallery_samples(m->gallery, person, 0, 0, count_sample, &(int){0}),
                     MIEN_EFORMAT);
    assert_said("is damaged");
    postgres_query("DROP SCHEMA mien_gallery CASCADE");
}

static int find(struct made *m, mien_gallery *through, int number, int64_t *person) {
    mien_gallery_match match = {0};
    float v[MADE_DIMS];
    int count = 0;

    made_embedding(number, v);
    if (mien_gallery_identify(through, m->collection, m->contract, v, 1, 1, NULL, &match, &count))
        fail_msg("%s", mien_gallery_error());
    *person = match.similarity > 0.999f ? match.person : 0;
    return count;
}

/* Adds persons with a sample each, of rising numbers, and writes down each once it is acknowledged,
 * until nobody reads. What fails says that nothing was changed, and is done again. */
static void enrol(struct made *m, int out) {
    m->gallery = NULL; /* the parent's */
    made_reopen(m);
    for (int number = 0;; number++) {
        float v[MADE_DIMS];
        mien_gallery_person p = {
            .struct_size = sizeof p, .collection = m->collection, .name = "somebody"};
        mien_gallery_sample s = {
            .struct_size = sizeof s, .contract = m->contract, .embedding = v, .dims = MADE_DIMS};
        int rc = -1;
        made_embedding(number, v);
        while (rc) {
            rc = mien_gallery_begin(m->gallery);
            if (rc) continue;
            rc = mien_gallery_person_add(m->gallery, &p, &s.person);
            if (rc == MIEN_OK) rc = mien_gallery_samples_add(m->gallery, &s, 1, NULL);
            if (rc)
                mien_gallery_rollback(m->gallery);
            else
                rc = mien_gallery_commit(m->gallery);
        }
        if (write(out, &s.person, sizeof s.person) != sizeof s.person) return;
    }
}

/* The server ends and comes back, in order and as by a crash, while one process enrols and this one
 * searches through a connection that was open before. */
static void test_server_ends_under_load(void **state) {
    enum { ENDS = 2, EACH = 25 };
    struct made *m = *state;
    int64_t persons[ENDS * EACH], found;
    int pipes[2], n = 0, status;
    pid_t child;

    assert_int_equal(pipe2(pipes, O_CLOEXEC), 0); /* not for the server */
    child = fork();
    if (child == 0) {
        close(pipes[0]);
        signal(SIGPIPE, SIG_IGN);
        enrol(m, pipes[1]);
        _exit(0);
    }
    close(pipes[1]);
    for (int i = 0; i < ENDS; i++) {
        for (int k = 0; k < EACH; k++, n++)
            assert_int_equal(read(pipes[0], &persons[n], sizeof *persons), sizeof *persons);
        postgres_stop(i % 2);
        postgres_start();
        for (int k = 0; k < n; k++) {
            find(m, m->gallery, k, &found);
            assert_int_equal(found, persons[k]);
        }
    }
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(made_problems(m), 0);
    assert_string_equal(postgres_query("SELECT (SELECT count(*) FROM mien_gallery.persons) - "
                                       "(SELECT count(*) FROM mien_gallery.samples)"),
                        "0");
}

/* Passes a connection's bytes on, both ways; of the first COMMIT the answer never comes. */
static int pass_on(int client, int server, int *swallow) {
    struct pollfd ends[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    char bytes[8192];

    for (int asked = 0;;) {
        if (poll(ends, 2, -1) < 0) return -1;
        for (int i = 0; i < 2; i++) {
            ssize_t n = ends[i].revents ? read(ends[i].fd, bytes, sizeof bytes) : 0;
            if (ends[i].revents && n <= 0) return 0;
            if (i == 0 && n > 0 && *swallow) asked = memmem(bytes, (size_t)n, "COMMIT", 6) != NULL;
            if (i == 1 && n > 0 && asked) {
                *swallow = 0;
                return 0;
            }
            if (n > 0 && write(ends[!i].fd, bytes, (size_t)n) != n) return -1;
        }
    }
}

static int open_socket(const char *folder, int own) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    const struct sockaddr *to = (const struct sockaddr *)&name;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(name.sun_path, sizeof name.sun_path, "%s/.s.PGSQL.5432", folder);
    assert_true(fd >= 0);
    assert_int_equal(own ? bind(fd, to, sizeof name) : connect(fd, to, sizeof name), 0);
    if (own) assert_int_equal(listen(fd, 8), 0);
    return fd;
}

/* A process between client and server, reached in the test's own folder. */
static pid_t start_between(const char *folder) {
    int listening = open_socket(folder, 1), swallow = 1;
    pid_t child = fork();

    if (child) {
        close(listening);
        return child;
    }
    for (;;) {
        int client = accept(listening, NULL, NULL), server = open_socket(postgres_folder(), 0);
        if (client < 0 || pass_on(client, server, &swallow) < 0) _exit(1);
        close(client);
        close(server);
    }
}

/* The connection is lost after the server has committed, and before it could say so: the change is
 * there, once, and the call says that it succeeded. Lost before: it is not, and says so. */
static void test_lost_while_committing(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), last = made_last_event(m);
    pid_t between = start_between(m->folder);
    mien_gallery_options options = {.struct_size = sizeof options};
    mien_gallery *g = NULL;
    char place[160];

    snprintf(place, sizeof place, "postgresql:///postgres?user=master&host=%s", m->folder);
    assert_int_equal(mien_gallery_open(place, &options, &g), MIEN_OK);
    assert_int_equal(mien_gallery_rename(g, a, "Bob", NULL), MIEN_OK);
    assert_int_equal(made_last_event(m), last + 1);
    assert_string_equal(made_name(m, a), "Bob");
    assert_int_equal(mien_gallery_begin(g), MIEN_OK);
    assert_int_equal(mien_gallery_rename(g, a, "Carol", NULL), MIEN_OK);
    postgres_query("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                   " WHERE state = 'idle in transaction'");
    assert_int_equal(mien_gallery_commit(g), MIEN_EIO);
    assert_said("the connection was lost: nothing was changed");
    assert_string_equal(made_name(m, a), "Bob");
    assert_int_equal(mien_gallery_rename(g, a, "Carol", NULL), MIEN_OK);
    mien_gallery_close(g);
    kill(between, SIGKILL);
    assert_int_equal(waitpid(between, NULL, 0), between);
}

int main(void) {
#define GALLERY_TEST(name) cmocka_unit_test_setup_teardown(name, made_setup, made_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_libpq),
        cmocka_unit_test(test_servers_that_cannot_be_used),
        GALLERY_TEST(test_schemas_that_are_no_galleries),
        GALLERY_TEST(test_migration),
        GALLERY_TEST(test_read_only),
        GALLERY_TEST(test_locked_by_another),
        GALLERY_TEST(test_statements_within_each_other),
        GALLERY_TEST(test_events),
        GALLERY_TEST(test_listeners_are_told),
        GALLERY_TEST(test_texts_that_are_none),
        GALLERY_TEST(test_deletion),
        GALLERY_TEST(test_check_finds),
        GALLERY_TEST(test_damaged_page),
        GALLERY_TEST(test_lost_while_committing),
        GALLERY_TEST(test_server_ends_under_load),
    };
    setenv("MIEN_TEST_STORE", "postgresql", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
