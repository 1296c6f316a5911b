/* What is deleted is in no file of the gallery any more, and what is not is. */
#include "made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CROP_BYTES = 6000 };

/* A sample with all that can be told of one: bytes, words and a crop that nothing else has. */
static int64_t full_sample(struct made *m, int64_t person, int number) {
    float v[MADE_DIMS];
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    char *crop = malloc(CROP_BYTES), source[64], external[64], metadata[64];
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .person = person,
                             .contract = m->contract,
                             .embedding = v,
                             .dims = MADE_DIMS,
                             .source = source,
                             .source_hash = hash,
                             .crop = crop,
                             .crop_bytes = CROP_BYTES,
                             .external_id = external,
                             .metadata = metadata};
    int64_t id = 0;

    assert_non_null(crop);
    srand((unsigned)number);
    for (int i = 0; i < CROP_BYTES; i++) crop[i] = (char)rand();
    snprintf(source, sizeof source, "source-of-%d-ends", number);
    snprintf(external, sizeof external, "external-of-%d-ends", number);
    snprintf(metadata, sizeof metadata, "{\"metadata-of\": \"%d-ends\"}", number);
    mien_gallery_hash(source, strlen(source), hash);
    made_embedding(number, v);
    assert_int_equal(mien_gallery_samples_add(m->gallery, &s, 1, &id), MIEN_OK);
    free(crop);
    return id;
}

/* How often bytes are in the gallery's files, by a search of its own. */
static int occurrences(struct made *m, const void *bytes, size_t n) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    int found = 0;

    for (int i = 0; i < 4; i++) {
        char path[128], *text = malloc(1 << 24);
        size_t size = 0;
        assert_non_null(text);
        snprintf(path, sizeof path, "%s%s", m->path, ends[i]);
        FILE *in = fopen(path, "rb");
        if (in) size = fread(text, 1, 1 << 24, in);
        if (in) fclose(in);
        for (char *at = text, *end = text + size; (at = memmem(at, (size_t)(end - at), bytes, n));
             at++)
            found++;
        free(text);
    }
    return found;
}

static int text_occurs(struct made *m, const char *format, int number) {
    char text[64];

    snprintf(text, sizeof text, format, number);
    return occurrences(m, text, strlen(text));
}

/* 1 where anything of a sample is in a file. */
static int is_anywhere(struct made *m, int number) {
    float v[MADE_DIMS];
    char crop[CROP_BYTES];
    int found = text_occurs(m, "source-of-%d-ends", number) +
                text_occurs(m, "external-of-%d-ends", number) +
                text_occurs(m, "{\"metadata-of\": \"%d-ends\"}", number);

    made_embedding(number, v);
    for (int i = 0; i + 4 <= MADE_DIMS; i += 4) found += occurrences(m, v + i, 16);
    srand((unsigned)number);
    for (int i = 0; i < CROP_BYTES; i++) crop[i] = (char)rand();
    for (int i = 0; i + 500 <= CROP_BYTES; i += 500) found += occurrences(m, crop + i, 16);
    return found > 0;
}

static int print_place(void *context, const char *sentence) {
    (void)context;
    (void)sentence;
    return 0;
}

static int prove(struct made *m, const char *receipt) {
    int found = -1;

    assert_int_equal(mien_gallery_prove(m->gallery, receipt, print_place, NULL, &found), MIEN_OK);
    return found;
}

static void test_a_person_is_gone(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Aurelia-Featherstone"), b = made_person(m, "Bartholomew"), s[4], c;
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};

    for (int i = 0; i < 4; i++) s[i] = full_sample(m, i == 3 ? b : a, i);
    assert_int_equal(mien_gallery_rename(m->gallery, a, "Aurelia-Oldname", NULL), MIEN_OK);
    assert_int_equal(mien_gallery_rename(m->gallery, a, "Aurelia-Newname", NULL), MIEN_OK);
    int64_t twin = made_person(m, "Aurelia-Twin"), split;
    full_sample(m, twin, 5);
    assert_int_equal(mien_gallery_merge(m->gallery, twin, a, NULL), MIEN_OK);
    assert_int_equal(mien_gallery_split(m->gallery, s, 1, "Aurelia-Splitname", &c, &split),
                     MIEN_OK);
    assert_int_equal(mien_gallery_undo(m->gallery, split, NULL), MIEN_OK);
    assert_int_equal(mien_gallery_not_this_person(m->gallery, s[3], a, &c, NULL), MIEN_OK);
    assert_true(is_anywhere(m, 0) && is_anywhere(m, 5) && text_occurs(m, "Aurelia", 0));

    assert_int_equal(mien_gallery_person_delete(m->gallery, a, &deletion), MIEN_OK);
    assert_int_equal(deletion.samples, 4);
    assert_int_equal(deletion.complete, 1);
    for (int i = 0; i < 6; i++) assert_int_equal(is_anywhere(m, i), i == 3);
    assert_int_equal(text_occurs(m, "Aurelia", 0), 0);
    assert_true(text_occurs(m, "Bartholomew", 0) > 0);
    assert_int_equal(prove(m, deletion.receipt), 0);
    assert_int_equal(mien_gallery_undo(m->gallery, deletion.event, NULL), MIEN_GALLERY_ECONFLICT);
    assert_non_null(strstr(mien_gallery_error(), "it deleted, and nothing is left"));
    assert_int_equal(made_count(m, a), -1);
    assert_non_null(strstr(mien_gallery_error(), "was deleted"));
    assert_int_equal(made_count(m, b), 1);
    assert_int_equal(made_problems(m), 0);
    free(deletion.receipt);
}

/* Proving finds what is there: the same face enrolled once more. */
static void test_proving_finds_what_is_left(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), s = full_sample(m, a, 1), kept = full_sample(m, a, 2);
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
    int found;

    assert_int_equal(mien_gallery_samples_delete(m->gallery, &s, 1, &deletion), MIEN_OK);
    assert_int_equal(made_person_of(m, s), 0);
    assert_int_equal(made_person_of(m, kept), a);
    assert_int_equal(prove(m, deletion.receipt), 0);
    made_sample(m, a, 1); /* 16 floats: two pieces, in the database's journal */
    assert_int_equal(prove(m, deletion.receipt), 2);
    assert_int_equal(
        mien_gallery_prove(m->gallery, "mien-gallery receipt 1\n", print_place, NULL, &found),
        MIEN_EFORMAT);
    deletion.receipt[strlen(deletion.receipt) - 20] = '\0';
    assert_int_equal(mien_gallery_prove(m->gallery, deletion.receipt, print_place, NULL, &found),
                     MIEN_EFORMAT);
    free(deletion.receipt);
}

/* Rows come and go in a file of many pages, whose cells move when pages are joined and parted. */
static void test_many_come_and_go(void **state) {
    struct made *m = *state;
    int64_t person[40];
    char *receipts[40] = {0};

    for (int i = 0; i < 40; i++) {
        assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
        person[i] = made_person(m, "somebody");
        for (int k = 0; k < 30; k++) made_sample(m, person[i], 100 + 30 * i + k);
        assert_int_equal(mien_gallery_commit(m->gallery), MIEN_OK);
    }
    for (int i = 0; i < 40; i += 1 + i % 3) {
        mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
        assert_int_equal(mien_gallery_person_delete(m->gallery, person[i], &deletion), MIEN_OK);
        assert_int_equal(deletion.complete, 1);
        receipts[i] = deletion.receipt;
        made_sample(m, made_person(m, "another"), 5000 + i);
    }
    for (int i = 0; i < 40; i++) {
        if (!receipts[i]) continue;
        assert_int_equal(prove(m, receipts[i]), 0);
        free(receipts[i]);
    }
    assert_int_equal(made_problems(m), 0);
}

static int delete_while_reading(void *context, const mien_gallery_sample *sample) {
    struct made *m = context;
    mien_gallery_options options = {.struct_size = sizeof options, .wait_ms = 1};
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};
    mien_gallery *g = NULL;

    assert_int_equal(mien_gallery_open(m->path, &options, &g), MIEN_OK);
    assert_int_equal(mien_gallery_person_delete(g, sample->person, &deletion), MIEN_OK);
    assert_int_equal(deletion.complete, 0);
    free(deletion.receipt);
    mien_gallery_close(g);
    return 0;
}

/* Who reads goes on, and the deletion says that it is not complete. */
static void test_others_are_reading(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice"), s = full_sample(m, a, 1);
    int complete = 0;

    assert_int_equal(mien_gallery_sample_get(m->gallery, s, delete_while_reading, m), MIEN_OK);
    assert_int_equal(made_person_of(m, s), 0);
    assert_int_equal(mien_gallery_scrub(m->gallery, &complete), MIEN_OK);
    assert_int_equal(complete, 1);
    assert_int_equal(is_anywhere(m, 1), 0);
}

static void test_not_within_a_transaction(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Alice");
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion};

    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_person_delete(m->gallery, a, &deletion), MIEN_EINVAL);
    mien_gallery_rollback(m->gallery);
    assert_int_equal(made_count(m, a), 0);
    assert_int_equal(mien_gallery_person_delete(m->gallery, 77, &deletion), MIEN_GALLERY_ENOTFOUND);
    assert_null(deletion.receipt);
}

static int keep_who(void *context, const mien_gallery_event *e) {
    snprintf(context, 64, "%s: %s", e->who, mien_gallery_event_name((int)e->kind));
    return 0;
}

/* All of it, also persons who are no more; and nothing of another. Whoever deletes is told. */
static void test_a_collection_is_gone(void **state) {
    struct made *m = *state;
    int64_t a = made_person(m, "Aurelia-Featherstone"), b = made_person(m, "Aurelia-Twin"), other;
    mien_gallery_deletion deletion = {.struct_size = sizeof deletion, .who = "a-deputy"};
    char last[64] = "";

    full_sample(m, a, 0);
    full_sample(m, b, 1);
    assert_int_equal(mien_gallery_describe(m->gallery, a, "Aurelia-7", "{}", NULL), MIEN_OK);
    assert_int_equal(mien_gallery_merge(m->gallery, b, a, NULL), MIEN_OK);
    assert_int_equal(mien_gallery_collection_use(m->gallery, "other", 1, &other), MIEN_OK);
    assert_int_equal(mien_gallery_collection_delete(m->gallery, m->collection, &deletion), MIEN_OK);
    assert_int_equal(deletion.samples, 2);
    for (int i = 0; i < 2; i++) assert_false(is_anywhere(m, i));
    assert_int_equal(text_occurs(m, "Aurelia", 0), 0);
    assert_int_equal(prove(m, deletion.receipt), 0);
    free(deletion.receipt);
    assert_int_equal(mien_gallery_events(m->gallery, 0, deletion.event - 1, 1, keep_who, last),
                     MIEN_OK);
    assert_string_equal(last, "a-deputy: deleted");
    assert_int_equal(mien_gallery_collection_delete(m->gallery, m->collection, &deletion),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_collection_use(m->gallery, "other", 0, &other), MIEN_OK);
    assert_int_equal(made_problems(m), 0);
}

int main(void) {
#define GALLERY_TEST(name) cmocka_unit_test_setup_teardown(name, made_setup, made_teardown)
    const struct CMUnitTest tests[] = {
        GALLERY_TEST(test_a_person_is_gone),         GALLERY_TEST(test_proving_finds_what_is_left),
        GALLERY_TEST(test_many_come_and_go),         GALLERY_TEST(test_others_are_reading),
        GALLERY_TEST(test_not_within_a_transaction), GALLERY_TEST(test_a_collection_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
