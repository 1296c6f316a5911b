/* Faces without a name become groups: what comes of a run, of the next, of what people say of them
 * and do meanwhile. Which faces are alike enough is test_cluster.c's. */
#include "made.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

enum { PERSONS = 6, FACES = 4 };

/* Another face of a person for each n. */
static void look_like(int person, int n, float *v) {
    float noise[MADE_DIMS];
    double sum = 0;

    made_embedding(person, v);
    made_embedding(1000 + 100 * person + n, noise);
    for (int i = 0; i < MADE_DIMS; i++) {
        v[i] += 0.3f * noise[i];
        sum += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < MADE_DIMS; i++) v[i] = (float)((double)v[i] / sqrt(sum));
}

static int64_t add_face(struct made *m, int person, int n) {
    float v[MADE_DIMS];
    mien_gallery_sample face = {.struct_size = sizeof face,
                                .contract = m->contract,
                                .embedding = v,
                                .dims = MADE_DIMS,
                                .quality = -1};
    int64_t id;

    look_like(person, n, v);
    assert_int_equal(mien_gallery_faces_add(m->gallery, m->collection, &face, 1, &id), 0);
    return id;
}

/* Faces 0..FACES - 1 of each person; samples: [PERSONS][FACES]. */
static void add_faces(struct made *m, int64_t samples[PERSONS][FACES]) {
    for (int n = 0; n < FACES; n++)
        for (int p = 0; p < PERSONS; p++) samples[p][n] = add_face(m, p, n);
}

static mien_gallery_clustering run_with(struct made *m, mien_gallery_cluster_options *o) {
    mien_gallery_clustering c = {.struct_size = sizeof c};

    if (o) o->struct_size = sizeof *o;
    if (mien_gallery_cluster(m->gallery, m->collection, m->contract, o, &c))
        fail_msg("%s", mien_gallery_error());
    assert_int_equal(made_problems(m), 0);
    return c;
}

static mien_gallery_clustering run(struct made *m) {
    return run_with(m, NULL);
}

static int count_group(void *context, const mien_gallery_person *p) {
    assert_string_equal(p->name, "");
    ++*(int *)context;
    return 0;
}

static int groups_of(struct made *m, int64_t least) {
    int n = 0;

    assert_int_equal(mien_gallery_groups(m->gallery, m->collection, least, 0, 0, count_group, &n),
                     0);
    return n;
}

static void test_groups(void **state) {
    struct made *m = *state;
    int64_t s[PERSONS][FACES], late;
    mien_gallery_clustering c;

    add_faces(m, s);
    assert_int_equal(groups_of(m, 1), PERSONS * FACES);
    assert_int_equal(groups_of(m, 2), 0);
    c = run(m);
    assert_int_equal(c.faces, PERSONS * FACES);
    assert_int_equal(c.made, PERSONS);
    assert_int_equal(c.joined, PERSONS * (FACES - 1));
    assert_int_equal(c.waiting, 0);
    assert_int_equal(c.last_event - c.first_event, PERSONS - 1);
    assert_int_equal(groups_of(m, FACES), PERSONS);
    for (int p = 0; p < PERSONS; p++)
        for (int n = 1; n < FACES; n++)
            assert_int_equal(made_person_of(m, s[p][n]), made_person_of(m, s[p][0]));

    c = run(m); /* nothing is left to do */
    assert_int_equal(c.joined, 0);
    assert_int_equal(c.first_event, 0);

    late = add_face(m, 2, FACES);
    (void)add_face(m, PERSONS, 0);
    c = run(m);
    assert_int_equal(c.joined, 1);
    assert_int_equal(c.made, 0);
    assert_int_equal(c.waiting, 1);
    assert_int_equal(made_person_of(m, late), made_person_of(m, s[2][0]));
}

struct history {
    int grouped;
    mien_gallery_event last;
};

static int see_event(void *context, const mien_gallery_event *e) {
    struct history *h = context;

    h->grouped += e->kind == MIEN_GALLERY_GROUPED;
    h->last = *e;
    return 0;
}

static void test_undo(void **state) {
    struct made *m = *state;
    int64_t s[PERSONS][FACES], alone[FACES], group, event = 0;
    struct history h = {0};

    add_faces(m, s);
    for (int n = 0; n < FACES; n++) alone[n] = made_person_of(m, s[3][n]);
    run(m);
    group = made_person_of(m, s[3][0]);
    assert_int_equal(group, alone[0]); /* of the first face */
    assert_int_equal(mien_gallery_events(m->gallery, group, 0, 0, see_event, &h), 0);
    assert_int_equal(h.grouped, 1);
    assert_int_equal(h.last.samples, FACES - 1);
    assert_string_equal(mien_gallery_event_name(h.last.kind), "grouped");
    assert_int_equal(mien_gallery_undo(m->gallery, h.last.id, &event), 0);
    for (int n = 0; n < FACES; n++) assert_int_equal(made_person_of(m, s[3][n]), alone[n]);
    assert_int_equal(groups_of(m, 2), PERSONS - 1);
    assert_int_equal(mien_gallery_undo(m->gallery, event, NULL), 0);
    assert_int_equal(made_person_of(m, s[3][FACES - 1]), group);
    assert_int_equal(made_problems(m), 0);
}

/* A group that got a name keeps its faces, and takes others only where that is wanted. */
static void test_names(void **state) {
    struct made *m = *state;
    mien_gallery_cluster_options o = {.named = 1};
    int64_t s[PERSONS][FACES], alice, late[2];
    mien_gallery_clustering c;

    add_faces(m, s);
    run(m);
    alice = made_person_of(m, s[0][0]);
    assert_int_equal(mien_gallery_rename(m->gallery, alice, "Alice", NULL), 0);
    assert_int_equal(groups_of(m, 2), PERSONS - 1);
    late[0] = add_face(m, 0, FACES);
    late[1] = add_face(m, 0, FACES + 1);
    c = run(m);
    assert_int_equal(c.faces, (PERSONS - 1) * FACES + 2);
    assert_int_equal(c.made, 1);
    assert_int_equal(made_count(m, alice), FACES);
    assert_int_equal(made_person_of(m, late[1]), made_person_of(m, late[0]));
    assert_int_equal(mien_gallery_undo(m->gallery, c.first_event, NULL), 0);
    c = run_with(m, &o);
    assert_int_equal(c.joined, 2);
    assert_int_equal(c.made, 0);
    assert_int_equal(made_count(m, alice), FACES + 2);
}

/* What was told apart, or split, is never one again. */
static void test_apart(void **state) {
    struct made *m = *state;
    int64_t s[PERSONS][FACES], group, other, split, into;

    add_faces(m, s);
    run(m);
    group = made_person_of(m, s[1][0]);
    assert_int_equal(mien_gallery_not_this_person(m->gallery, s[1][2], group, &other, NULL), 0);
    assert_int_equal(mien_gallery_split(m->gallery, &s[1][3], 1, "", &split, NULL), 0);
    /* The two are alike, and nobody said that they are not one. */
    assert_int_equal(run(m).joined, 1);
    assert_int_equal(made_person_of(m, s[1][3]), made_person_of(m, s[1][2]));
    assert_int_equal(made_count(m, group), 2);

    /* Nor where the person has become a part of another. */
    into = made_person_of(m, add_face(m, 1, FACES));
    assert_int_equal(mien_gallery_merge(m->gallery, group, into, NULL), 0);
    assert_int_equal(mien_gallery_split(m->gallery, &s[1][3], 1, "", &split, NULL), 0);
    assert_int_equal(run(m).joined, 0);
    assert_int_equal(made_count(m, split), 1);
    assert_int_equal(made_count(m, into), 3);
}

struct naming {
    struct made *m;
    int64_t sample;
};

static int name_it(void *context, double share) {
    const struct naming *n = context;
    int64_t person = made_person_of(n->m, n->sample);

    assert_true(share > 0 && share <= 1);
    assert_int_equal(mien_gallery_rename(n->m->gallery, person, "Bob", NULL), 0);
    return 0;
}

/* Others use the gallery while faces are compared: what they do to a face stands. */
static void test_meanwhile(void **state) {
    struct made *m = *state;
    struct naming naming = {.m = m};
    mien_gallery_cluster_options o = {.progress = name_it, .context = &naming};
    int64_t s[PERSONS][FACES], bob;
    mien_gallery_clustering c;

    add_faces(m, s);
    naming.sample = s[4][1]; /* a face that is not its group's first */
    c = run_with(m, &o);
    bob = made_person_of(m, s[4][1]);
    assert_string_equal(made_name(m, bob), "Bob");
    assert_int_equal(made_count(m, bob), 1);
    assert_int_equal(c.joined, PERSONS * (FACES - 1) - 1);
    assert_int_equal(made_count(m, made_person_of(m, s[4][0])), FACES - 1);
}

/* Of one that is its group's first: nobody is enrolled as whom somebody has just named. */
static void test_named_meanwhile(void **state) {
    struct made *m = *state;
    struct naming naming = {.m = m};
    mien_gallery_cluster_options o = {.progress = name_it, .context = &naming};
    int64_t s[PERSONS][FACES];

    add_faces(m, s);
    naming.sample = s[4][0];
    assert_int_equal(run_with(m, &o).made, PERSONS - 1);
    assert_int_equal(made_count(m, made_person_of(m, s[4][0])), 1);
    assert_int_equal(made_count(m, made_person_of(m, s[4][1])), 1);
}

static int stop(void *context, double share) {
    (void)context;
    (void)share;
    return 7;
}

static void test_refused(void **state) {
    struct made *m = *state;
    mien_gallery_cluster_options o = {.struct_size = sizeof o, .join = 1.5f};
    mien_gallery_clustering c = {.struct_size = sizeof c};
    mien_gallery *g = m->gallery;
    int64_t s[PERSONS][FACES];

    add_faces(m, s);
    assert_int_equal(mien_gallery_cluster(g, m->collection, m->contract, NULL, NULL), MIEN_EINVAL);
    assert_int_equal(mien_gallery_cluster(g, m->collection, m->contract, &o, &c), MIEN_EINVAL);
    assert_int_equal(mien_gallery_cluster(g, m->collection, 5, NULL, &c), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_cluster(g, 5, m->contract, NULL, &c), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_begin(g), 0);
    assert_int_equal(mien_gallery_cluster(g, m->collection, m->contract, NULL, &c), MIEN_EINVAL);
    mien_gallery_rollback(g);
    o = (mien_gallery_cluster_options){.struct_size = sizeof o, .progress = stop};
    assert_int_equal(mien_gallery_cluster(g, m->collection, m->contract, &o, &c), 7);
    assert_int_equal(groups_of(m, 2), 0);
}

/* Embeddings lie in a file while they are compared. */
static void test_no_room(void **state) {
    struct made *m = *state;
    mien_gallery_clustering c = {.struct_size = sizeof c};
    int64_t s[PERSONS][FACES];
    struct rlimit limit;

    add_faces(m, s);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, limit.rlim_max}), 0);
    assert_int_equal(mien_gallery_cluster(m->gallery, m->collection, m->contract, NULL, &c),
                     MIEN_GALLERY_EFULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(run(m).made, PERSONS);
}

/* All faces of a picture or none. */
static void test_faces_add(void **state) {
    struct made *m = *state;
    float v[2][MADE_DIMS] = {{0}};
    mien_gallery_sample faces[2];
    int64_t ids[2];

    made_embedding(1, v[0]);
    for (int i = 0; i < 2; i++)
        faces[i] = (mien_gallery_sample){.struct_size = sizeof faces[i],
                                         .contract = m->contract,
                                         .embedding = v[i],
                                         .dims = MADE_DIMS,
                                         .quality = -1};
    assert_int_equal(mien_gallery_faces_add(m->gallery, m->collection, faces, 2, ids), MIEN_EINVAL);
    assert_non_null(strstr(mien_gallery_error(), "face 1 of 2"));
    assert_int_equal(groups_of(m, 0), 0);
    made_embedding(2, v[1]);
    assert_int_equal(mien_gallery_faces_add(m->gallery, 5, faces, 2, ids), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_faces_add(m->gallery, m->collection, faces, 2, ids), 0);
    assert_int_not_equal(made_person_of(m, ids[0]), made_person_of(m, ids[1]));
    assert_int_equal(mien_gallery_undo(m->gallery, made_last_event(m), NULL), 0);
    assert_int_equal(groups_of(m, 1), 1);
    faces[0].person = made_person_of(m, ids[0]);
    assert_int_equal(mien_gallery_faces_add(m->gallery, m->collection, faces, 1, ids), MIEN_EINVAL);
    assert_int_equal(made_problems(m), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, made_setup, made_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_groups),  TEST(test_undo),      TEST(test_names),
        TEST(test_apart),   TEST(test_meanwhile), TEST(test_named_meanwhile),
        TEST(test_refused), TEST(test_no_room),   TEST(test_faces_add),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
