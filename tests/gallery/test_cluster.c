/* Groups of faces: cases worked out by hand, made-up persons, and what must not depend on threads
 * or order. */
#include "engine/err.h"
#include "gallery/cluster.h"
#include "mien.h"
#include "tests/gallery/search_cases.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DIMS = 64, PERSONS = 60, MOST = 1500 };

/* Faces in an index of their own. */
struct album {
    struct index *index;
    struct cluster_face faces[MOST];
    int person[MOST]; /* by id */
    size_t n;
};

static struct album *album_open(int dims, int threads) {
    struct album *a = calloc(1, sizeof *a);
    assert_int_equal(index_open(dims, &(struct index_options){.threads = threads}, &a->index), 0);
    return a;
}

static void album_close(struct album *a) {
    index_close(a->index);
    free(a);
}

static void put(struct album *a, int64_t id, const float *v, int person) {
    assert_int_equal(index_add(a->index, id, v), 0);
    a->faces[a->n++] = (struct cluster_face){id, GROUP_NONE};
    a->person[id] = person;
}

/* A face at that many degrees of a circle, of the id n. */
static void put_at(struct album *a, double degrees) {
    double x = degrees * acos(-1) / 180;
    put(a, (int64_t)a->n, (float[]){(float)cos(x), (float)sin(x)}, 0);
}

/* A face of a made-up person: scores of about 0.74 within, about 0 to others. */
static void put_face(struct album *a, int64_t id, int person, uint64_t *seed) {
    float own[DIMS], noise[DIMS], v[DIMS];
    uint64_t same = 1000 + (uint64_t)person;
    double sum = 0;
    case_row(CASE_EVEN, &same, DIMS, own);
    case_row(CASE_EVEN, seed, DIMS, noise);
    for (int i = 0; i < DIMS; i++) {
        v[i] = own[i] + 0.6f * noise[i];
        sum += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < DIMS; i++) v[i] = (float)((double)v[i] / sqrt(sum));
    put(a, id, v, person);
}

/* Person p has p % 20 + 1 faces; ids go round the persons. */
static struct album *made_album(int threads) {
    struct album *a = album_open(DIMS, threads);
    uint64_t seed = 3;
    int64_t id = 0;
    for (int round = 0; round < 20; round++)
        for (int p = 0; p < PERSONS; p++)
            if (p % 20 >= round) put_face(a, id++, p, &seed);
    return a;
}

static void run(struct album *a, const struct cluster_apart *apart, size_t n_apart) {
    assert_int_equal(cluster_run(a->index, NULL, a->faces, a->n, apart, n_apart), 0);
}

/* The group of an id. */
static int64_t group_of(const struct album *a, int64_t id) {
    for (size_t i = 0; i < a->n; i++)
        if (a->faces[i].id == id) return a->faces[i].group;
    return GROUP_NONE;
}

static void test_by_hand(void **state) {
    (void)state;
    /* 40 and 70 degrees come first (cos 30 = .866); their mean, 55, is .574 like 0. */
    for (int joined = 0; joined < 2; joined++) {
        struct album *a = album_open(2, 1);
        struct cluster_options o = {.join = joined ? 0.57f : 0.58f, .least = 0.3f, .neighbours = 5};
        put_at(a, 0);
        put_at(a, 40);
        put_at(a, 70);
        assert_int_equal(cluster_run(a->index, &o, a->faces, 3, NULL, 0), 0);
        assert_int_equal(group_of(a, 1), joined ? 0 : 1);
        assert_int_equal(group_of(a, 2), joined ? 0 : 1);
        assert_int_equal(group_of(a, 0), joined ? 0 : GROUP_NONE);
        album_close(a);
    }
}

/* Each face is .97 like the next, the ends are opposite: one group for whom one pair is enough. */
static void test_no_chains(void **state) {
    (void)state;
    struct album *a = album_open(2, 1);
    for (int i = 0; i <= 12; i++) put_at(a, 15 * i);
    run(a, NULL, 0);
    for (int i = 0; i <= 12; i++)
        for (int j = i + 8; j <= 12; j++) assert_int_not_equal(group_of(a, i), group_of(a, j));
    album_close(a);
}

static void test_persons(void **state) {
    (void)state;
    struct album *a = made_album(1);
    run(a, NULL, 0);
    for (size_t i = 0; i < a->n; i++) {
        int person = a->person[a->faces[i].id];
        /* The first of its person, in the order of ids, gives the name. */
        int64_t name = person % 20 == 0 ? GROUP_NONE : person;
        assert_int_equal(a->faces[i].group, name);
    }
    album_close(a);
}

static void test_threads_and_order(void **state) {
    (void)state;
    struct album *a = made_album(1), *b = made_album(3);
    for (size_t i = 0; i < b->n / 2; i++) {
        struct cluster_face t = b->faces[i];
        b->faces[i] = b->faces[b->n - 1 - i];
        b->faces[b->n - 1 - i] = t;
    }
    run(a, NULL, 0);
    run(b, NULL, 0);
    assert_memory_equal(a->faces, b->faces, a->n * sizeof *a->faces);
    album_close(a);
    album_close(b);
}

/* Of one person two faces are told apart: they never share a group, however like the others. */
static void test_apart(void **state) {
    (void)state;
    struct album *a = album_open(DIMS, 2);
    uint64_t seed = 9;
    for (int i = 0; i < 10; i++) put_face(a, i, 5, &seed);
    run(a, (struct cluster_apart[]){{3, 7}, {3, 99}, {4, 4}}, 3);
    assert_int_not_equal(group_of(a, 3), group_of(a, 7));
    int with = 0;
    for (int i = 0; i < 10; i++)
        with += group_of(a, i) == group_of(a, 3) || group_of(a, i) == group_of(a, 7);
    assert_int_equal(with, 10);
    album_close(a);
}

/* Two groups of one person stay two, for somebody made them so; new faces join, or wait. */
static void test_new_faces(void **state) {
    (void)state;
    struct album *a = album_open(DIMS, 2);
    uint64_t seed = 11;
    for (int i = 0; i < 40; i++) put_face(a, i, i % 4 ? 1 : 2, &seed);
    for (size_t i = 0; i < 40; i++) a->faces[i].group = i % 4 ? 500 + (int64_t)(i % 2) : 7;
    put_face(a, 40, 1, &seed);
    put_face(a, 41, 2, &seed);
    put_face(a, 42, 3, &seed);
    run(a, NULL, 0);
    for (int i = 0; i < 40; i++) assert_int_equal(group_of(a, i), i % 4 ? 500 + i % 2 : 7);
    assert_true(group_of(a, 40) == 500 || group_of(a, 40) == 501);
    assert_int_equal(group_of(a, 41), 7);
    assert_int_equal(group_of(a, 42), GROUP_NONE);
    put_face(a, 43, 3, &seed); /* and with another one the stranger is a group */
    run(a, NULL, 0);
    assert_int_equal(group_of(a, 42), 42);
    assert_int_equal(group_of(a, 43), 42);
    album_close(a);
}

/* Far more faces than a face lists neighbours. */
static void test_large_group(void **state) {
    (void)state;
    struct album *a = album_open(DIMS, 2);
    uint64_t seed = 13;
    for (int i = 0; i < 400; i++) put_face(a, i, 1, &seed);
    run(a, NULL, 0);
    for (int i = 0; i < 400; i++) assert_int_equal(group_of(a, i), 0);
    put_face(a, 400, 1, &seed);
    put_face(a, 401, 2, &seed);
    run(a, NULL, 0);
    assert_int_equal(group_of(a, 400), 0);
    assert_int_equal(group_of(a, 401), GROUP_NONE);
    album_close(a);
}

static void test_refusals(void **state) {
    (void)state;
    struct album *a = album_open(2, 1);
    put_at(a, 0);
    assert_int_equal(
        cluster_run(a->index, &(struct cluster_options){.neighbours = -1}, a->faces, 1, NULL, 0),
        MIEN_EINVAL);
    a->faces[1] = (struct cluster_face){77, GROUP_NONE};
    assert_int_equal(cluster_run(a->index, NULL, a->faces, 2, NULL, 0), MIEN_EINVAL);
    assert_string_equal(err_text(), "the index has no row 77");
    assert_int_equal(cluster_run(a->index, NULL, a->faces, 0, NULL, 0), 0);
    album_close(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),     cmocka_unit_test(test_no_chains),
        cmocka_unit_test(test_persons),     cmocka_unit_test(test_threads_and_order),
        cmocka_unit_test(test_apart),       cmocka_unit_test(test_new_faces),
        cmocka_unit_test(test_large_group), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
