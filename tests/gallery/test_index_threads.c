/* Searches while rows come and go: every hit was there, with its score, and nothing better that was
 * there all the time is missing. Built with the thread sanitizer, too
 * (tests/build/test_thread_sanitizer.sh). */
#include "gallery/index.h"
#include "tests/gallery/search_cases.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DIMS = 24, WRITERS = 2, SEARCHERS = 2, EACH = 30000, KEPT = 1500, HITS = 10 };
enum { ROWS = WRITERS * EACH, RECORDS = 100 };

/* When a call began and ended, by a clock that ticks at each look. */
struct span {
    long begin, end;
};

struct record {
    float query[DIMS];
    struct span span;
    int count, rc;
    struct index_hit hits[HITS];
};

/* Row i has the id i, is added once and removed once at most. */
struct scene {
    struct index *index;
    float rows[ROWS][DIMS];
    struct span added[ROWS], removed[ROWS]; /* 0: never */
    atomic_char gone[ROWS];
    atomic_long clock;
    atomic_int writing, failed;
    struct record records[SEARCHERS][RECORDS]; /* of each searcher the last */
    int done[SEARCHERS];
};

struct part {
    struct scene *scene;
    int number;
};

static long tick(struct scene *s) {
    return atomic_fetch_add(&s->clock, 1) + 1;
}

static void add(struct scene *s, int i) {
    s->added[i].begin = tick(s);
    if (index_add(s->index, i, s->rows[i])) atomic_store(&s->failed, 1);
    s->added[i].end = tick(s);
}

static void leave(struct scene *s, int i) {
    s->removed[i].begin = tick(s);
    if (index_remove(s->index, i)) atomic_store(&s->failed, 1);
    s->removed[i].end = tick(s);
    atomic_store(&s->gone[i], 1);
}

/* One comes, and of those before it one goes. */
static void *write_rows(void *argument) {
    const struct part *p = argument;
    struct scene *s = p->scene;
    uint64_t seed = (uint64_t)p->number;
    int *mine = malloc(sizeof *mine * (KEPT + 1)), n = 0;
    for (int i = p->number * EACH; i < (p->number + 1) * EACH; i++) {
        add(s, i);
        mine[n++] = i;
        if (n <= KEPT) continue;
        int victim = case_int(&seed, n);
        leave(s, mine[victim]);
        mine[victim] = mine[--n];
    }
    free(mine);
    atomic_fetch_sub(&s->writing, 1);
    return NULL;
}

static void *search_rows(void *argument) {
    const struct part *p = argument;
    struct scene *s = p->scene;
    uint64_t seed = 1000 + (uint64_t)p->number;
    int last = 0;
    for (int i = 0; !last; i++) {
        last = atomic_load(&s->writing) == 0; /* and once with nobody writing */
        struct record *r = &s->records[p->number][i % RECORDS];
        case_row(CASE_CROWD, &seed, DIMS, r->query);
        r->span.begin = tick(s);
        r->rc = index_search(s->index, r->query, 1, HITS, NULL, r->hits, &r->count);
        r->span.end = tick(s);
        s->done[p->number] = i + 1;
    }
    return NULL;
}

static int fetch(void *context, int64_t id, float *v) {
    struct scene *s = context;
    if (atomic_load(&s->gone[id])) return 1;
    memcpy(v, s->rows[id], sizeof s->rows[id]);
    return 0;
}

static float score(const struct scene *s, const struct record *r, int64_t id) {
    double sum = 0;
    for (int j = 0; j < DIMS; j++) sum += (double)s->rows[id][j] * (double)r->query[j];
    return (float)sum;
}

static int is_before(float score, int64_t id, const struct index_hit *hit) {
    return score != hit->score ? score > hit->score : id < hit->id;
}

static void check_record(const struct scene *s, const struct record *r) {
    assert_int_equal(r->rc, 0);
    for (int j = 0; j < r->count; j++) {
        const struct index_hit *h = &r->hits[j];
        assert_true(h->score == score(s, r, h->id));
        assert_true(s->added[h->id].begin < r->span.end);
        assert_true(!s->removed[h->id].end || s->removed[h->id].end > r->span.begin);
        if (j > 0) assert_true(is_before(r->hits[j - 1].score, r->hits[j - 1].id, h));
    }
    for (int i = 0; i < ROWS; i++) {
        if (s->added[i].end > r->span.begin) continue;
        if (s->removed[i].begin && s->removed[i].begin < r->span.end) continue;
        int found = 0;
        for (int j = 0; j < r->count; j++) found |= r->hits[j].id == i;
        if (found) continue;
        assert_int_equal(r->count, HITS);
        assert_false(is_before(score(s, r, i), i, &r->hits[HITS - 1]));
    }
}

static void run(const struct index_options *options) {
    struct scene *s = calloc(1, sizeof *s);
    struct index_options o = *options;
    pthread_t threads[WRITERS + SEARCHERS];
    struct part parts[WRITERS + SEARCHERS];
    uint64_t seed = 77;
    o.context = s;
    assert_int_equal(index_open(DIMS, &o, &s->index), 0);
    for (int i = 0; i < ROWS; i++) case_row(CASE_CROWD, &seed, DIMS, s->rows[i]);
    atomic_store(&s->writing, WRITERS);
    for (int i = 0; i < WRITERS + SEARCHERS; i++) {
        parts[i] = (struct part){s, i < WRITERS ? i : i - WRITERS};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < WRITERS ? write_rows : search_rows, &parts[i]),
            0);
    }
    for (int i = 0; i < WRITERS + SEARCHERS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&s->failed), 0);
    assert_int_equal(index_rows(s->index), WRITERS * KEPT);
    for (int t = 0; t < SEARCHERS; t++)
        for (int i = 0; i < RECORDS && i < s->done[t]; i++) check_record(s, &s->records[t][i]);
    index_close(s->index);
    free(s);
}

static void test_floats_in_memory(void **state) {
    (void)state;
    run(&(struct index_options){.threads = 2});
}

/* Plain C, whose reads the sanitizer sees. */
static void test_floats_elsewhere(void **state) {
    (void)state;
    run(&(struct index_options){.threads = 2, .cpu = "c", .fetch = fetch});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floats_in_memory),
        cmocka_unit_test(test_floats_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
