/* A process is killed while it enrols and merges, again and again: what it was told is there is
 * there afterwards, whole. MIEN_KILLS says how often (20). */
#include "made.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What the child says of a change that was acknowledged. */
struct done {
    int64_t person, samples[2], merged_into; /* merged_into 0: added, with two samples */
};

enum { DONE_MAX = 4096 };

static void add_two(struct made *m, struct done *done, int number) {
    float v[2][MADE_DIMS];
    mien_gallery_sample s[2];

    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    done->person = made_person(m, "somebody");
    for (int i = 0; i < 2; i++) {
        made_embedding(2 * number + i, v[i]);
        s[i] = (mien_gallery_sample){.struct_size = sizeof *s,
                                     .person = done->person,
                                     .contract = m->contract,
                                     .embedding = v[i],
                                     .dims = MADE_DIMS};
    }
    assert_int_equal(mien_gallery_samples_add(m->gallery, s, 2, done->samples), MIEN_OK);
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_OK);
}

/* Adds persons, merges every second into the one before, and writes down each change once it is
 * acknowledged; until it is killed. */
static void work(struct made *m, int out) {
    struct done last = {0};

    m->gallery = NULL; /* the parent's, which is closed */
    made_reopen(m);
    for (int i = 0;; i++) {
        struct done done = {0};
        add_two(m, &done, i);
        if (write(out, &done, sizeof done) != sizeof done) return;
        if (i % 2) {
            done.merged_into = last.person;
            assert_int_equal(mien_gallery_merge(m->gallery, done.person, last.person, NULL),
                             MIEN_OK);
            if (write(out, &done, sizeof done) != sizeof done) return;
        }
        last = done;
    }
}

/* Starts a child, kills it when it has said so many things, and reads the rest of what it said. */
static int run_and_kill(struct made *m, struct done *done, int after) {
    int pipes[2], n = 0, status;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        close(pipes[0]);
        work(m, pipes[1]);
        _exit(1);
    }
    close(pipes[1]);
    while (n < DONE_MAX && read(pipes[0], &done[n], sizeof *done) == sizeof *done)
        if (++n == after) {
            usleep((useconds_t)(rand() % 3000)); /* anywhere within what follows */
            kill(child, SIGKILL);
        }
    close(pipes[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return n;
}

static void check_done(struct made *m, const struct done *done, int n) {
    for (int i = 0; i < n; i++) {
        int64_t expected = done[i].person;
        for (int j = i; j < n; j++)
            if (done[j].person == expected && done[j].merged_into) expected = done[j].merged_into;
        for (int s = 0; s < 2; s++) {
            int64_t is = made_person_of(m, done[i].samples[s]);
            /* The last merge may have happened without anybody having been told. */
            if (i == n - 1 && is && is != expected && i > 0) expected = done[i - 1].person;
            assert_int_equal(is, expected);
        }
    }
}

/* Persons have two samples, or four; none has one or three. */
static int check_person(void *context, const mien_gallery_person *p) {
    (void)context;
    return p->samples == 2 || p->samples == 4 ? 0 : 1;
}

static void test_killed_while_it_writes(void **state) {
    struct made *m = *state;
    struct done *done = calloc(DONE_MAX, sizeof *done);
    const char *text = getenv("MIEN_KILLS");
    int kills = text ? atoi(text) : 20, acknowledged = 0;

    assert_non_null(done);
    srand(17);
    for (int k = 0; k < kills; k++) {
        mien_gallery_close(m->gallery);
        m->gallery = NULL;
        int n = run_and_kill(m, done, 1 + rand() % 12);
        made_reopen(m);
        check_done(m, done, n);
        acknowledged += n;
        if (k % 10 == 9 || k == kills - 1) assert_int_equal(made_problems(m), 0);
    }
    assert_int_equal(
        mien_gallery_persons(m->gallery, m->collection, NULL, 0, 0, check_person, NULL), 0);
    assert_true(acknowledged >= kills);
    free(done);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_while_it_writes, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
