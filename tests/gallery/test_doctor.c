/* What the doctor finds among persons made so that it is known what is wrong with them, and that
 * nothing is when its repairs were done. Faces of one person lie around an axis of its own, each
 * tilted to another one. */
#include "made.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const mien_gallery_doctor_options OPTIONS = {
    .struct_size = sizeof OPTIONS, .own = 0.5f, .another = 0.8f, .same = 0.99f};

/* A face whose cosine with the axis is `near`, and which leans to another axis by the rest. */
static int64_t face(struct made *m, int64_t person, int axis, float near, int leans) {
    float v[MADE_DIMS] = {0};
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .person = person,
                             .contract = m->contract,
                             .embedding = v,
                             .dims = MADE_DIMS,
                             .quality = -1};
    int64_t id = 0;

    v[axis] = near;
    v[leans] = sqrtf(1 - near * near);
    assert_int_equal(mien_gallery_samples_add(m->gallery, &s, 1, &id), 0);
    return id;
}

struct told {
    int n;
    struct {
        int kind, n;
        int64_t person, sample, like, other;
        float similarity, own;
    } at[16];
};

static int see(void *context, const mien_gallery_finding *f) {
    struct told *told = context;

    assert_true(told->n < 16);
    told->at[told->n].kind = (int)f->kind;
    told->at[told->n].n = f->n;
    told->at[told->n].person = f->person;
    told->at[told->n].sample = f->samples[f->n - 1];
    told->at[told->n].like = f->like;
    told->at[told->n].other = f->other;
    told->at[told->n].similarity = f->similarity;
    told->at[told->n++].own = f->own;
    return 0;
}

static void ask(struct made *m, struct told *told) {
    told->n = 0;
    if (mien_gallery_doctor(m->gallery, m->collection, m->contract, &OPTIONS, see, told))
        fail_msg("%s", mien_gallery_error());
}

static void test_healthy(void **state) {
    struct made *m = *state;
    struct told told;
    int64_t ann = made_person(m, "Ann"), unnamed = made_person(m, "");

    ask(m, &told);
    assert_int_equal(told.n, 0);
    for (int i = 0; i < 3; i++) face(m, ann, 0, 0.9f, 8 + i);
    face(m, unnamed, 0, 0.95f, 12); /* who has no name may be anybody */
    int64_t chain = made_person(m, "Chain");
    face(m, chain, 1, 1, 15); /* each like the next: 0.6, 0.6, and the ends 0.0 */
    face(m, chain, 1, 0.6f, 2);
    face(m, chain, 2, 1, 15);
    ask(m, &told);
    assert_int_equal(told.n, 0);
}

static void test_each_fault_and_its_repair(void **state) {
    struct made *m = *state;
    struct told told;
    int64_t ann = made_person(m, "Ann"), bob = made_person(m, "Bob"), cid = made_person(m, "Cid");
    int64_t dan = made_person(m, "Dan"), dora = made_person(m, "Dora"), a, wrong, odd[2], d, e;

    a = face(m, ann, 0, 0.9f, 8);
    face(m, ann, 0, 0.7f, 9);
    face(m, bob, 1, 0.9f, 8);
    face(m, bob, 1, 0.9f, 9);
    wrong = face(m, bob, 0, 0.95f, 10);
    for (int i = 0; i < 3; i++) face(m, cid, 2, 0.9f, 8 + i);
    for (int i = 0; i < 2; i++) odd[i] = face(m, cid, 3, 0.9f, 11 + i);
    d = face(m, dan, 4, 0.9f, 8);
    e = face(m, dora, 4, 0.95f, 11);
    int64_t first = face(m, dan, 4, 0.9f, 13), again = face(m, dan, 4, 0.9001f, 13);

    ask(m, &told);
    assert_int_equal(told.n, 4);
    assert_int_equal(told.at[0].kind, MIEN_GALLERY_MISLABELLED);
    assert_int_equal(told.at[0].n, 1);
    assert_int_equal(told.at[0].person, bob);
    assert_int_equal(told.at[0].sample, wrong);
    assert_int_equal(told.at[0].other, ann);
    assert_int_equal(told.at[0].like, a);
    assert_true(fabsf(told.at[0].similarity - 0.9f * 0.95f) < 1e-6f);
    assert_true(fabsf(told.at[0].own) < 1e-6f);
    assert_int_equal(told.at[1].kind, MIEN_GALLERY_UNLIKE);
    assert_int_equal(told.at[1].n, 2);
    assert_int_equal(told.at[1].person, cid);
    assert_int_equal(told.at[1].sample, odd[1]);
    assert_int_equal(told.at[2].kind, MIEN_GALLERY_CONFUSABLE);
    assert_int_equal(told.at[2].person, dan);
    assert_int_equal(told.at[2].other, dora);
    assert_int_equal(told.at[2].like, e);
    assert_true(fabsf(told.at[2].similarity - 0.9001f * 0.95f) < 1e-6f);
    assert_int_equal(told.at[3].kind, MIEN_GALLERY_DUPLICATE);
    assert_int_equal(told.at[3].sample, again);
    assert_int_equal(told.at[3].like, first);

    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
    assert_int_equal(mien_gallery_move(m->gallery, &wrong, 1, ann, NULL), 0);
    assert_int_equal(mien_gallery_split(m->gallery, odd, 2, "Cleo", &cid, NULL), 0);
    assert_int_equal(mien_gallery_merge(m->gallery, dora, dan, NULL), 0);
    assert_int_equal(mien_gallery_samples_delete(m->gallery, &again, 1, &deletion), 0);
    free(deletion.receipt);
    ask(m, &told);
    assert_int_equal(told.n, 0);
    assert_int_equal(made_person_of(m, d), dan);
}

/* Of two samples that are unlike each other it is the newer one. */
static void test_two_samples(void **state) {
    struct made *m = *state;
    struct told told;
    int64_t ann = made_person(m, "Ann"), newer;

    face(m, ann, 0, 0.9f, 8);
    newer = face(m, ann, 1, 0.9f, 8);
    ask(m, &told);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.at[0].kind, MIEN_GALLERY_UNLIKE);
    assert_int_equal(told.at[0].sample, newer);
    assert_true(fabsf(told.at[0].own - 0.19f) < 1e-6f);
}

/* n faces around an axis, leaning in all directions. */
static void faces(struct made *m, int64_t person, int axis, int n) {
    float(*v)[MADE_DIMS] = calloc((size_t)n, sizeof *v);
    mien_gallery_sample *list = calloc((size_t)n, sizeof *list);

    for (int i = 0; i < n; i++) {
        made_embedding(1 + i + 10000 * axis, v[i]);
        double rest = 0;
        v[i][axis] = 0;
        for (int k = 0; k < MADE_DIMS; k++) rest += (double)v[i][k] * (double)v[i][k];
        for (int k = 0; k < MADE_DIMS; k++) v[i][k] *= (float)sqrt(0.19 / rest);
        v[i][axis] = 0.9f;
        list[i] = (mien_gallery_sample){.struct_size = sizeof *list,
                                        .person = person,
                                        .contract = m->contract,
                                        .embedding = v[i],
                                        .dims = MADE_DIMS,
                                        .quality = -1};
    }
    if (mien_gallery_samples_add(m->gallery, list, n, NULL)) fail_msg("%s", mien_gallery_error());
    free(list);
    free(v);
}

/* More samples than are read or searched at once, and of a person than are compared: who is found
 * is who is found among few. */
static void test_many(void **state) {
    struct made *m = *state;
    mien_gallery_doctor_options options = OPTIONS;
    struct told told = {0};
    int64_t persons[3], wrong;

    for (int i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        persons[i] = made_person(m, name);
        faces(m, persons[i], i, 400);
    }
    wrong = face(m, persons[2], 0, 0.999f, 3);
    options.same = 2; /* among so many some are nearly the same */
    assert_int_equal(
        mien_gallery_doctor(m->gallery, m->collection, m->contract, &options, see, &told), 0);
    assert_int_equal(told.n, 1);
    assert_int_equal(told.at[0].kind, MIEN_GALLERY_MISLABELLED);
    assert_int_equal(told.at[0].sample, wrong);
    assert_int_equal(told.at[0].other, persons[0]);
}

static int stop(void *context, const mien_gallery_finding *f) {
    (void)f;
    return ++*(int *)context == 2 ? 77 : 0;
}

static void test_arguments(void **state) {
    struct made *m = *state;
    int64_t ann = made_person(m, "Ann");
    int n = 0;

    for (int i = 0; i < 4; i++) face(m, ann, 0, 0.9f, 8);
    assert_int_equal(
        mien_gallery_doctor(m->gallery, m->collection, m->contract, &OPTIONS, stop, &n), 77);
    assert_int_equal(n, 2);
    assert_int_equal(mien_gallery_doctor(m->gallery, m->collection, 99, &OPTIONS, stop, &n),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_doctor(m->gallery, 99, m->contract, &OPTIONS, stop, &n),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_doctor(m->gallery, m->collection, m->contract, NULL, stop, &n),
                     MIEN_EINVAL);
    assert_string_equal(mien_gallery_finding_name(MIEN_GALLERY_UNLIKE), "unlike");
    assert_null(mien_gallery_finding_name(0));
    assert_null(mien_gallery_finding_name(MIEN_GALLERY_DUPLICATE + 1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_healthy, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_each_fault_and_its_repair, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_two_samples, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_many, made_setup, made_teardown),
        cmocka_unit_test_setup_teardown(test_arguments, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
