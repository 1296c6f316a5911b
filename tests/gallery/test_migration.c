/* A collection from one network to another: found by either meanwhile, how far the two agree, there
 * and back; and galleries of the version before. */
#include "gallery/sqlite_open.h"
#include "gallery/sqlite_schema.h"
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PERSONS = 3, EACH = 2, SAMPLES = PERSONS * EACH };

/* Persons with samples under the contract of struct made, of embeddings 10 * person and the next.
 */
struct people {
    int64_t persons[PERSONS], samples[SAMPLES], contract; /* the further one */
};

static struct people make_people(struct made *m) {
    struct people p;
    mien_gallery_contract further = {
        .struct_size = sizeof further, .name = "new", .hash = "def", .dims = MADE_DIMS};

    assert_int_equal(mien_gallery_contract_use(m->gallery, &further, &p.contract), 0);
    for (int i = 0; i < SAMPLES; i++) {
        if (i % EACH == 0) p.persons[i / EACH] = made_person(m, "somebody");
        p.samples[i] = made_sample(m, p.persons[i / EACH], 10 * (i / EACH) + i % EACH);
    }
    return p;
}

/* Sample i gets the embedding of that number. */
static int64_t embed(struct made *m, const struct people *p, int i, int number) {
    float v[MADE_DIMS];
    int64_t added = -1, event;

    made_embedding(number, v);
    if (mien_gallery_embeddings_add(m->gallery, p->contract, &p->samples[i], v, 1, &added, &event))
        fail_msg("%s", mien_gallery_error());
    assert_int_equal(added > 0, event > 0);
    return added;
}

/* The sample that is an embedding, under a contract; 0: none is. */
static int64_t find(struct made *m, int64_t contract, int number) {
    mien_gallery_identify_options by = {.struct_size = sizeof by, .by = MIEN_GALLERY_BY_SAMPLE};
    mien_gallery_match match = {0};
    float v[MADE_DIMS];
    int n;

    made_embedding(number, v);
    assert_int_equal(
        mien_gallery_identify(m->gallery, m->collection, contract, v, 1, 1, &by, &match, &n), 0);
    return n && match.similarity > 0.999f ? match.sample : 0;
}

static int count(void *context, const mien_gallery_sample *s) {
    assert_true(s->dims == MADE_DIMS);
    ++*(int *)context;
    return 0;
}

static int without(struct made *m, int64_t contract) {
    int n = 0;

    assert_int_equal(
        mien_gallery_samples_without(m->gallery, m->collection, contract, 0, 0, count, &n), 0);
    return n;
}

static void test_found_by_either(void **state) {
    struct made *m = *state;
    struct people p = make_people(m);
    mien_gallery_clustering c = {.struct_size = sizeof c};
    mien_gallery_cluster_options all = {.struct_size = sizeof all, .named = 1};
    int64_t dropped, event;
    mien_gallery_match match;
    float v[MADE_DIMS];

    assert_int_equal(find(m, m->contract, 11), p.samples[3]);
    assert_int_equal(find(m, p.contract, 500), 0);
    assert_int_equal(without(m, p.contract), SAMPLES);
    assert_int_equal(embed(m, &p, 3, 500), 1);
    assert_int_equal(find(m, m->contract, 11), p.samples[3]);
    assert_int_equal(find(m, p.contract, 500), p.samples[3]); /* by a search that was there */
    made_embedding(500, v);
    assert_int_equal(mien_gallery_compare(m->gallery, p.persons[1], p.contract, v, &match), 0);
    assert_int_equal(match.sample, p.samples[3]);
    assert_int_equal(match.samples, 1);
    assert_int_equal(without(m, p.contract), SAMPLES - 1);
    assert_int_equal(without(m, m->contract), 0);
    assert_int_equal(mien_gallery_cluster(m->gallery, m->collection, p.contract, &all, &c), 0);
    assert_int_equal(c.faces, 1);
    made_reopen(m);
    assert_int_equal(find(m, p.contract, 500), p.samples[3]);
    assert_int_equal(embed(m, &p, 3, 501), 1); /* in its place */
    assert_int_equal(find(m, p.contract, 500), 0);
    assert_int_equal(find(m, p.contract, 501), p.samples[3]);
    assert_int_equal(made_problems(m), 0);

    assert_int_equal(mien_gallery_undo(m->gallery, made_last_event(m), NULL),
                     MIEN_GALLERY_ECONFLICT);
    assert_int_equal(
        mien_gallery_embeddings_drop(m->gallery, m->collection, p.contract, &dropped, &event), 0);
    assert_int_equal(dropped, 1);
    assert_int_equal(find(m, p.contract, 501), 0);
    assert_int_equal(find(m, m->contract, 11), p.samples[3]);
    assert_int_equal(
        mien_gallery_embeddings_drop(m->gallery, m->collection, p.contract, &dropped, &event), 0);
    assert_int_equal(event, 0);
}

static void test_refused(void **state) {
    struct made *m = *state;
    struct people p = make_people(m);
    float v[2][MADE_DIMS] = {{0}};
    int64_t added, gone[2] = {p.samples[0], p.samples[0] + 99};
    mien_gallery_deletion d = {.struct_size = sizeof d};

    made_embedding(1, v[0]);
    assert_int_equal(
        mien_gallery_embeddings_add(m->gallery, p.contract, p.samples, v[0], 2, &added, NULL),
        MIEN_EINVAL); /* the second is of length 0 */
    assert_int_equal(without(m, p.contract), SAMPLES);
    assert_int_equal(mien_gallery_embeddings_add(m->gallery, 5, p.samples, v[0], 1, &added, NULL),
                     MIEN_GALLERY_ENOTFOUND);
    made_embedding(2, v[1]);
    assert_int_equal(
        mien_gallery_embeddings_add(m->gallery, p.contract, gone, v[0], 2, &added, NULL), 0);
    assert_int_equal(added, 1);
    assert_int_equal(
        mien_gallery_embeddings_add(m->gallery, m->contract, gone, v[0], 2, &added, NULL), 0);
    assert_int_equal(added, 0); /* it was made under that */
    assert_int_equal(mien_gallery_person_delete(m->gallery, p.persons[0], &d), 0);
    free(d.receipt);
    assert_int_equal(find(m, p.contract, 1), 0);
    assert_int_equal(made_problems(m), 0);
}

static int ignore(void *context, const char *sentence) {
    (void)context;
    (void)sentence;
    return 0;
}

/* A further embedding is deleted with its sample, and the receipt knows it. */
static void test_deletion(void **state) {
    struct made *m = *state;
    struct people p = make_people(m);
    mien_gallery_deletion d = {.struct_size = sizeof d};
    char path[128];
    int found[2] = {-1, -1};

    if (strncmp(m->path, "postgresql:", 11) == 0) skip(); /* has no files to copy */
    (void)embed(m, &p, 0, 700);
    snprintf(path, sizeof path, "%s/copy.db", m->folder);
    assert_int_equal(mien_gallery_backup(m->gallery, path), 0);
    /* The sample has nothing else that is not in another, too. */
    (void)made_sample(m, p.persons[1], 0);
    assert_int_equal(mien_gallery_samples_delete(m->gallery, p.samples, 1, &d), 0);
    for (int i = 0; i < 2; i++) {
        mien_gallery *g = NULL;
        assert_int_equal(mien_gallery_open(i ? path : m->path, NULL, &g), 0);
        assert_int_equal(mien_gallery_prove(g, d.receipt, ignore, NULL, &found[i]), 0);
        mien_gallery_close(g);
    }
    assert_true(found[0] > 0);        /* embedding 0 is somebody else's, too */
    assert_true(found[1] > found[0]); /* 700 is in the copy only */
    free(d.receipt);
}

static int see_contract(void *context, const mien_gallery_collection *c) {
    *(int64_t *)context = c->contract;
    return 0;
}

static int64_t current(struct made *m) {
    int64_t contract = -1;

    assert_int_equal(mien_gallery_collections(m->gallery, see_contract, &contract), 0);
    return contract;
}

static void test_there_and_back(void **state) {
    struct made *m = *state;
    struct people p = make_people(m);
    int64_t event, undone;

    assert_int_equal(current(m), 0);
    for (int i = 0; i < SAMPLES; i++) (void)embed(m, &p, i, 300 + i);
    assert_int_equal(mien_gallery_migrate(m->gallery, m->collection, p.contract, &event), 0);
    assert_int_equal(current(m), p.contract);
    assert_int_equal(mien_gallery_contract_check(m->gallery, m->collection, p.contract), 0);
    assert_int_equal(mien_gallery_contract_check(m->gallery, m->collection, m->contract),
                     MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_migrate(m->gallery, m->collection, p.contract, NULL),
                     MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_migrate(m->gallery, m->collection, 5, NULL),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(
        mien_gallery_embeddings_drop(m->gallery, m->collection, p.contract, NULL, NULL),
        MIEN_GALLERY_ECONFLICT);
    assert_int_equal(find(m, m->contract, 11), p.samples[3]);
    assert_int_equal(mien_gallery_undo(m->gallery, event, &undone), 0);
    assert_int_equal(current(m), 0);
    assert_int_equal(mien_gallery_contract_check(m->gallery, m->collection, m->contract), 0);
    assert_int_equal(mien_gallery_undo(m->gallery, undone, NULL), 0);
    assert_int_equal(current(m), p.contract);
    assert_int_equal(find(m, p.contract, 303), p.samples[3]);
    assert_int_equal(made_problems(m), 0);
}

static int see_difference(void *context, int64_t sample, int64_t person, int64_t by_a,
                          int64_t by_b) {
    int64_t *seen = context;

    seen[0]++;
    seen[1] = sample;
    seen[2] = person;
    seen[3] = by_a;
    seen[4] = by_b;
    return 0;
}

static void test_agreement(void **state) {
    struct made *m = *state;
    struct people p = make_people(m);
    mien_gallery_agreement a = {.struct_size = sizeof a};
    int64_t seen[5] = {0};

    /* Under the first: each sample once more, so that the most alike other is one's own. */
    for (int i = 0; i < SAMPLES; i++)
        (void)made_sample(m, p.persons[i / EACH], 10 * (i / EACH) + i % EACH);
    /* Under the second both samples of a person are the same, but one is the next person's. */
    for (int i = 0; i < SAMPLES; i++) (void)embed(m, &p, i, 900 + (i == 1 ? 1 : i / EACH));
    assert_int_equal(mien_gallery_compare_contracts(m->gallery, m->collection, m->contract,
                                                    p.contract, see_difference, seen, &a),
                     0);
    assert_int_equal(a.samples, SAMPLES);
    assert_int_equal(a.right_a, SAMPLES);
    assert_int_equal(seen[0], SAMPLES - a.same);
    assert_true(a.right_b == 2 || a.right_b == 3); /* the last person's, and perhaps sample 0 */
    assert_int_equal(seen[1], p.samples[3]);
    assert_int_equal(seen[2], p.persons[1]);
    assert_int_equal(seen[3], p.persons[1]);
    assert_int_equal(seen[4], p.persons[0]);
}

/* Of version 1, as the release before made it. */
static void test_an_older_gallery(void **state) {
    struct made *m = *state;
    const char *const first[] = {GALLERY_SCHEMA[0], NULL};
    char path[128];
    struct store s = {.path = path};
    mien_gallery *g = NULL;
    int64_t contract = -1;

    snprintf(path, sizeof path, "%s/older.db", m->folder);
    assert_int_equal(sqlite3_open(path, &s.db), SQLITE_OK);
    assert_int_equal(sqlite_migrate(&s, first), 0);
    assert_int_equal(sqlite3_exec(s.db,
                                  "INSERT INTO collections VALUES (1, 'default', 7);"
                                  "INSERT INTO contracts VALUES (2, 'net', 'abc', 16);"
                                  "UPDATE settings SET value = 9",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(s.db);
    if (mien_gallery_open(path, NULL, &g)) fail_msg("%s", mien_gallery_error());
    mien_gallery_close(m->gallery);
    m->gallery = g;
    m->collection = 1;
    m->contract = 2;
    struct people p = make_people(m);
    assert_int_equal(embed(m, &p, 2, 800), 1);
    assert_int_equal(find(m, p.contract, 800), p.samples[2]);
    assert_int_equal(mien_gallery_collections(g, see_contract, &contract), 0);
    assert_int_equal(contract, 0);
    assert_int_equal(made_problems(m), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, made_setup, made_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_found_by_either), TEST(test_refused),   TEST(test_deletion),
        TEST(test_there_and_back),  TEST(test_agreement), TEST(test_an_older_gallery),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
