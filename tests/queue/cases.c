#include "cases.h"

#include "queue/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LEASE_MS = 150, SEEN_MAX = 600 };

static const char *(*fresh_place)(void);
static char place[512];

/* Copies of what a queue hands out. */
struct seen {
    int n;
    struct job jobs[SEEN_MAX];
    char file[SEEN_MAX][64], result[SEEN_MAX][64], options[SEEN_MAX][64], bytes[SEEN_MAX][64];
};

static int see(void *context, const struct job *job) {
    struct seen *s = context;
    assert_true(s->n < SEEN_MAX);
    s->jobs[s->n] = *job;
    snprintf(s->file[s->n], 64, "%s", job->file ? job->file : "(none)");
    snprintf(s->result[s->n], 64, "%s", job->result ? job->result : "(none)");
    snprintf(s->options[s->n], 64, "%s", job->options ? job->options : "(none)");
    assert_true(job->n < 64);
    memset(s->bytes[s->n], 0, 64);
    if (job->bytes) memcpy(s->bytes[s->n], job->bytes, job->n);
    s->n++;
    return 0;
}

static struct queue *open_again(int tries, int room) {
    struct queue_options o = {.place = place, .tries = tries, .lease_ms = LEASE_MS, .room = room};
    struct queue *q = NULL;
    char why[QUEUE_WHY] = "";
    int rc = queue_open(&o, &q, why);
    if (rc) print_error("%s\n", why);
    assert_int_equal(rc, QUEUE_OK);
    return q;
}

static struct queue *open_new(int tries, int room) {
    snprintf(place, sizeof place, "%s", fresh_place());
    return open_again(tries, room);
}

static void add(struct queue *q, const char *file, enum job_priority priority, char id[JOB_ID]) {
    struct job job = {.file = file, .priority = priority, .options = "{\"top\":3}"};
    assert_int_equal(queue_submit(q, &job, 1), QUEUE_OK);
    assert_true(job_id_is_good(job.id));
    if (id) memcpy(id, job.id, JOB_ID);
}

static struct seen *claim(struct queue *q, const char *worker, int most) {
    static struct seen s;
    s.n = 0;
    assert_int_equal(queue_claim(q, worker, most, see, &s), QUEUE_OK);
    return &s;
}

static int end_one(struct queue *q, const char *worker, const char *id, int failed,
                   const char *result) {
    struct job_end end = {.failed = failed, .result = result};
    memcpy(end.id, id, JOB_ID);
    assert_int_equal(queue_end(q, worker, &end, 1), QUEUE_OK);
    return end.taken;
}

static struct seen *get(struct queue *q, const char *id) {
    static struct seen s;
    s.n = 0;
    assert_int_equal(queue_get(q, id, see, &s), QUEUE_OK);
    assert_int_equal(s.n, 1);
    return &s;
}

static void check_counts(struct queue *q, int queued, int running, int done, int failed,
                         int cancelled, int dead) {
    struct queue_counts c;
    assert_int_equal(queue_count(q, &c), QUEUE_OK);
    assert_int_equal(c.of[JOB_QUEUED], queued);
    assert_int_equal(c.of[JOB_RUNNING], running);
    assert_int_equal(c.of[JOB_DONE], done);
    assert_int_equal(c.of[JOB_FAILED], failed);
    assert_int_equal(c.of[JOB_CANCELLED], cancelled);
    assert_int_equal(c.of[JOB_DEAD], dead);
}

static void let_lease_end(void) {
    usleep((LEASE_MS + 60) * 1000);
}

static void test_life(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char id[JOB_ID];
    struct job carried = {.file = "x.png",
                          .bytes = "a\0b\xff",
                          .n = 4,
                          .priority = JOB_LOW,
                          .trace = "t1",
                          .owner = "me",
                          .callback = "https://example.org/"};
    add(q, "/a.jpg", JOB_NORMAL, id);
    assert_int_equal(queue_submit(q, &carried, 1), QUEUE_OK);
    check_counts(q, 2, 0, 0, 0, 0, 0);
    struct seen *s = claim(q, "w", 10);
    assert_int_equal(s->n, 2);
    assert_string_equal(s->jobs[0].id, id);
    assert_string_equal(s->file[0], "/a.jpg");
    assert_string_equal(s->options[0], "{\"top\":3}");
    assert_int_equal(s->jobs[0].tries, 1);
    assert_null(s->jobs[0].bytes);
    assert_int_equal(s->jobs[1].n, 4);
    assert_memory_equal(s->bytes[1], "a\0b\xff", 4);
    assert_int_equal(claim(q, "other", 10)->n, 0);
    check_counts(q, 0, 2, 0, 0, 0, 0);
    assert_int_equal(end_one(q, "w", id, 0, "{\"faces\":[]}"), 1);
    assert_int_equal(end_one(q, "w", carried.id, 1, "{\"error\":\"no\"}"), 1);
    check_counts(q, 0, 0, 1, 1, 0, 0);
    s = get(q, id);
    assert_string_equal(s->result[0], "{\"faces\":[]}");
    assert_int_equal(s->jobs[0].state, JOB_DONE);
    assert_true(s->jobs[0].created > 0 && s->jobs[0].finished >= s->jobs[0].created);
    assert_int_equal(queue_get(q, "00000000000000000000000000000000", see, s), QUEUE_ENOTFOUND);
    assert_int_equal(queue_get(q, "nonsense", see, s), QUEUE_ENOTFOUND);
    queue_close(q);
}

static void test_submitted_twice(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    struct job job = {.file = "/a.jpg", .priority = JOB_NORMAL};
    assert_int_equal(queue_submit(q, &job, 1), QUEUE_OK);
    assert_int_equal(queue_submit(q, &job, 1), QUEUE_OK); /* its answer was lost */
    check_counts(q, 1, 0, 0, 0, 0, 0);
    assert_int_equal(claim(q, "w", 5)->n, 1);
    assert_int_equal(queue_submit(q, &job, 1), QUEUE_OK);
    check_counts(q, 0, 1, 0, 0, 0, 0);
    queue_close(q);
}

static void test_order(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    add(q, "low", JOB_LOW, NULL);
    add(q, "n1", JOB_NORMAL, NULL);
    add(q, "n2", JOB_NORMAL, NULL);
    add(q, "high", JOB_HIGH, NULL);
    struct seen *s = claim(q, "w", 3);
    assert_int_equal(s->n, 3);
    assert_string_equal(s->file[0], "high");
    assert_string_equal(s->file[1], "n1");
    assert_string_equal(s->file[2], "n2");
    assert_string_equal(claim(q, "w", 3)->file[0], "low");
    queue_close(q);
}

static void test_room(void **state) {
    (void)state;
    struct queue *q = open_new(3, 3);
    struct job jobs[2] = {{.file = "1", .priority = JOB_NORMAL},
                          {.file = "2", .priority = JOB_NORMAL}};
    struct job more[2] = {{.file = "3", .priority = JOB_NORMAL},
                          {.file = "4", .priority = JOB_NORMAL}};
    assert_int_equal(queue_submit(q, jobs, 2), QUEUE_OK);
    assert_int_equal(queue_submit(q, more, 2), QUEUE_EFULL); /* none of them is in */
    assert_non_null(strstr(queue_why(q), "2 jobs wait, of 3"));
    check_counts(q, 2, 0, 0, 0, 0, 0);
    assert_int_equal(claim(q, "w", 1)->n, 1);
    assert_int_equal(queue_submit(q, more, 2), QUEUE_OK);
    queue_close(q);
}

static void test_dead_worker(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char id[3][JOB_ID];
    for (int i = 0; i < 3; i++) add(q, "x", JOB_NORMAL, id[i]);
    assert_int_equal(claim(q, "dies", 3)->n, 3);
    assert_int_equal(claim(q, "lives", 3)->n, 0);
    let_lease_end();
    for (int i = 0; i < 3; i++) { /* each alone, since one of them may have been the cause */
        struct seen *s = claim(q, "lives", 3);
        assert_int_equal(s->n, 1);
        assert_int_equal(s->jobs[0].tries, 2);
        assert_int_equal(end_one(q, "lives", s->jobs[0].id, 0, "{\"by\":\"lives\"}"), 1);
    }
    /* One thought dead comes back with results: those that are there stay. */
    for (int i = 0; i < 3; i++) assert_int_equal(end_one(q, "dies", id[i], 0, "{}"), 0);
    assert_string_equal(get(q, id[1])->result[0], "{\"by\":\"lives\"}");
    check_counts(q, 0, 0, 3, 0, 0, 0);
    queue_close(q);
}

static void test_late_result(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char id[JOB_ID];
    add(q, "x", JOB_NORMAL, id);
    claim(q, "slow", 1);
    let_lease_end();
    assert_int_equal(claim(q, "second", 1)->n, 1);
    /* The slow one is first after all, and as good. */
    assert_int_equal(end_one(q, "slow", id, 0, "{\"by\":\"slow\"}"), 1);
    assert_int_equal(end_one(q, "second", id, 0, "{\"by\":\"second\"}"), 0);
    assert_string_equal(get(q, id)->result[0], "{\"by\":\"slow\"}");
    check_counts(q, 0, 0, 1, 0, 0, 0);
    let_lease_end();
    assert_int_equal(claim(q, "third", 1)->n, 0);
    queue_close(q);
}

static void test_renew(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char id[1][JOB_ID];
    add(q, "x", JOB_NORMAL, id[0]);
    claim(q, "w", 1);
    for (int i = 0; i < 4; i++) {
        usleep(LEASE_MS * 1000 / 2);
        assert_int_equal(queue_renew(q, "w", (const char(*)[JOB_ID])id, 1), QUEUE_OK);
        assert_int_equal(queue_renew(q, "stranger", (const char(*)[JOB_ID])id, 1), QUEUE_OK);
        assert_int_equal(claim(q, "other", 1)->n, 0);
    }
    let_lease_end();
    assert_int_equal(claim(q, "other", 1)->n, 1);
    queue_close(q);
}

static void test_poison(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char id[JOB_ID], later[JOB_ID];
    add(q, "poison", JOB_NORMAL, id);
    for (int i = 0; i < 3; i++) {
        struct seen *s = claim(q, "w", 1);
        assert_int_equal(s->n, 1);
        assert_int_equal(s->jobs[0].tries, i + 1);
        let_lease_end();
    }
    add(q, "good", JOB_NORMAL, later);
    assert_string_equal(claim(q, "w", 2)->file[0], "good");
    check_counts(q, 0, 1, 0, 0, 0, 1);
    assert_int_equal(get(q, id)->jobs[0].state, JOB_DEAD);
    assert_int_equal(queue_retry(q, id), QUEUE_OK);
    assert_int_equal(claim(q, "w", 1)->jobs[0].tries, 1);
    assert_int_equal(end_one(q, "w", id, 0, "{}"), 1);
    check_counts(q, 0, 1, 1, 0, 0, 0);
    queue_close(q);
}

static void test_release(void **state) {
    (void)state;
    struct queue *q = open_new(1, 100);
    char id[1][JOB_ID];
    add(q, "x", JOB_NORMAL, id[0]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(claim(q, "w", 1)->jobs[0].tries, 1);
        assert_int_equal(queue_release(q, "w", (const char(*)[JOB_ID])id, 1), QUEUE_OK);
        check_counts(q, 1, 0, 0, 0, 0, 0);
    }
    queue_close(q);
}

static void test_cancel(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char waits[JOB_ID], runs[JOB_ID];
    add(q, "runs", JOB_NORMAL, runs);
    claim(q, "w", 1);
    add(q, "waits", JOB_NORMAL, waits);
    assert_int_equal(queue_cancel(q, waits), QUEUE_OK);
    assert_int_equal(queue_cancel(q, runs), QUEUE_OK);
    assert_int_equal(queue_cancel(q, runs), QUEUE_ESTATE);
    assert_non_null(strstr(queue_why(q), "is cancelled"));
    assert_int_equal(queue_retry(q, "00000000000000000000000000000000"), QUEUE_ENOTFOUND);
    assert_int_equal(claim(q, "w", 5)->n, 0);
    assert_int_equal(end_one(q, "w", runs, 0, "{}"), 0);
    assert_string_equal(get(q, runs)->result[0], "(none)");
    check_counts(q, 0, 0, 0, 0, 2, 0);
    assert_int_equal(queue_retry(q, waits), QUEUE_OK);
    assert_string_equal(claim(q, "w", 5)->file[0], "waits");
    assert_int_equal(end_one(q, "w", waits, 1, "{\"error\":\"e\"}"), 1);
    assert_int_equal(queue_retry(q, waits), QUEUE_OK);
    assert_string_equal(get(q, waits)->result[0], "(none)");
    assert_int_equal(queue_retry(q, waits), QUEUE_ESTATE);
    queue_close(q);
}

static void test_list(void **state) {
    (void)state;
    struct queue *q = open_new(3, 1000);
    static char ids[20][JOB_ID];
    static struct seen s;
    for (int i = 0; i < 20; i++) add(q, "x", JOB_NORMAL, ids[i]);
    struct seen *taken = claim(q, "w", 5);
    for (int i = 0; i < 5; i++) end_one(q, "w", taken->jobs[i].id, 0, "{\"n\":1}");
    struct queue_filter f = {.state = -1, .limit = 8, .results = 1};
    s.n = 0;
    assert_int_equal(queue_list(q, &f, see, &s), QUEUE_OK);
    assert_int_equal(s.n, 8);
    f.after = ids[7];
    assert_int_equal(queue_list(q, &f, see, &s), QUEUE_OK);
    f.after = ids[15];
    assert_int_equal(queue_list(q, &f, see, &s), QUEUE_OK);
    assert_int_equal(s.n, 20);
    for (int i = 0; i < 20; i++) assert_string_equal(s.jobs[i].id, ids[i]);
    assert_string_equal(s.result[4], "{\"n\":1}");
    assert_string_equal(s.result[5], "(none)");
    f = (struct queue_filter){.state = JOB_QUEUED, .limit = 100, .after = ids[9]};
    s.n = 0;
    assert_int_equal(queue_list(q, &f, see, &s), QUEUE_OK);
    assert_int_equal(s.n, 10);
    queue_close(q);
}

static void test_purge(void **state) {
    (void)state;
    struct queue *q = open_new(3, 100);
    char id[2][JOB_ID];
    int purged;
    for (int i = 0; i < 2; i++) add(q, "x", JOB_NORMAL, id[i]);
    claim(q, "w", 1);
    end_one(q, "w", id[0], 0, "{}");
    assert_int_equal(queue_purge(q, queue_now() - 60000, 10, &purged), QUEUE_OK);
    assert_int_equal(purged, 0);
    assert_int_equal(queue_purge(q, queue_now() + 1000, 10, &purged), QUEUE_OK);
    assert_int_equal(purged, 1);
    static struct seen s;
    assert_int_equal(queue_get(q, id[0], see, &s), QUEUE_ENOTFOUND);
    check_counts(q, 1, 0, 0, 0, 0, 0);
    queue_close(q);
}

/* Processes that take and end jobs side by side: each job is ended once. */
static void test_many_workers(void **state) {
    (void)state;
    enum { WORKERS = 3, JOBS = 300 };
    struct queue *q = open_new(3, 1000);
    int ends[2], total = 0, taken;
    static struct job jobs[JOBS];
    for (int i = 0; i < JOBS; i++)
        jobs[i] = (struct job){.file = "x", .priority = (enum job_priority)(i % 3)};
    assert_int_equal(queue_submit(q, jobs, JOBS), QUEUE_OK);
    assert_int_equal(pipe(ends), 0);
    queue_close(q);
    for (int i = 0; i < WORKERS; i++) {
        if (fork()) continue;
        char name[16];
        struct queue *mine = open_again(1, 1000);
        int mine_taken = 0;
        snprintf(name, sizeof name, "w%d", i);
        for (;;) {
            struct seen *s = claim(mine, name, 7);
            if (s->n == 0) break;
            for (int k = 0; k < s->n; k++)
                mine_taken += end_one(mine, name, s->jobs[k].id, 0, "{}");
        }
        queue_close(mine);
        _exit(write(ends[1], &mine_taken, sizeof mine_taken) != sizeof mine_taken);
    }
    for (int i = 0; i < WORKERS; i++) {
        int status;
        assert_int_equal(read(ends[0], &taken, sizeof taken), sizeof taken);
        total += taken;
        assert_true(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(total, JOBS);
    q = open_again(3, 1000);
    check_counts(q, 0, 0, JOBS, 0, 0, 0);
    queue_close(q);
}

int queue_cases(const char *(*fresh)(void)) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),         cmocka_unit_test(test_submitted_twice),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_room),
        cmocka_unit_test(test_dead_worker),  cmocka_unit_test(test_late_result),
        cmocka_unit_test(test_renew),        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_release),      cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_list),         cmocka_unit_test(test_purge),
        cmocka_unit_test(test_many_workers),
    };
    fresh_place = fresh;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
