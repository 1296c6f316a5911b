/* Collections, persons and samples: what is put in comes out, also after the file was closed; what
 * cannot be is refused whole. */
#include "made.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* FIPS 180-4's examples (NIST, "Example values"), and one of 112 bytes, which fills two blocks. */
static void test_sha256(void **state) {
    static const struct {
        const char *text, *hash;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t hash[MIEN_GALLERY_HASH_SIZE];
        char text[2 * MIEN_GALLERY_HASH_SIZE + 1];
        mien_gallery_hash(cases[i].text, strlen(cases[i].text), hash);
        for (int b = 0; b < MIEN_GALLERY_HASH_SIZE; b++) snprintf(text + 2 * b, 3, "%02x", hash[b]);
        assert_string_equal(text, cases[i].hash);
    }
}

static void test_ids_as_text(void **state) {
    char text[MIEN_GALLERY_ID_SIZE];
    int64_t id = 5;

    (void)state;
    assert_string_equal(mien_gallery_id_text(0x1a2b, text), "0000000000001a2b");
    assert_int_equal(mien_gallery_id_read(text, &id), MIEN_OK);
    assert_int_equal(id, 0x1a2b);
    static const char *const none[] = {"",
                                       "1a2b",
                                       "0000000000000000",
                                       "000000000000001a2b",
                                       "Alice",
                                       "-000000000001a2b",
                                       "ffffffffffffffff",
                                       "000000000000 1a2"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(mien_gallery_id_read(none[i], &id), MIEN_EINVAL);
        assert_int_equal(id, 0);
    }
}

static const uint8_t HASH[MIEN_GALLERY_HASH_SIZE] = {1, 2, 3, [31] = 9};

static int check_sample(void *context, const mien_gallery_sample *s) {
    float v[MADE_DIMS];

    made_embedding(7, v);
    assert_int_equal(s->dims, MADE_DIMS);
    assert_memory_equal(s->embedding, v, sizeof v);
    assert_true(s->quality == 0.75f && s->box[0] == 1.5f && s->box[3] == 40);
    assert_string_equal(s->source, "a/photo.jpg");
    assert_memory_equal(s->source_hash, HASH, sizeof HASH);
    assert_int_equal(s->crop_bytes, 4);
    assert_memory_equal(s->crop, "\0png", 4);
    assert_string_equal(s->external_id, "x-1");
    assert_string_equal(s->metadata, "{\"a\": 1}");
    assert_string_equal(s->forced, "several faces");
    assert_int_equal(s->created, 1234567);
    assert_true(s->updated > 1600000000000000);
    ++*(int *)context;
    return 0;
}

static void test_a_sample_comes_back_as_it_was(void **state) {
    struct made *m = *state;
    float v[MADE_DIMS];
    int64_t person = made_person(m, "Alice"), id = 0, found = 0;
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .person = person,
                             .contract = m->contract,
                             .embedding = v,
                             .dims = MADE_DIMS,
                             .quality = 0.75f,
                             .box = {1.5f, 2, 30, 40},
                             .source = "a/photo.jpg",
                             .source_hash = HASH,
                             .crop = "\0png",
                             .crop_bytes = 4,
                             .external_id = "x-1",
                             .metadata = "{\"a\": 1}",
                             .forced = "several faces",
                             .created = 1234567};
    int seen = 0;

    made_embedding(7, v);
    assert_int_equal(mien_gallery_samples_add(m->gallery, &s, 1, &id), MIEN_OK);
    made_reopen(m);
    assert_int_equal(mien_gallery_sample_get(m->gallery, id, check_sample, &seen), MIEN_OK);
    assert_int_equal(mien_gallery_samples(m->gallery, person, 0, 0, check_sample, &seen), MIEN_OK);
    assert_int_equal(seen, 2);
    assert_int_equal(mien_gallery_source_find(m->gallery, m->collection, m->contract, HASH, &found),
                     MIEN_OK);
    assert_int_equal(found, id);
    v[0] = 0;
    assert_int_equal(mien_gallery_source_find(m->gallery, m->collection, m->contract,
                                              (const uint8_t *)"another hash, which has 32 bytes",
                                              &found),
                     MIEN_OK);
    assert_int_equal(found, 0);
    assert_int_equal(made_problems(m), 0);
}

struct listed {
    int n, stop_at;
    int64_t ids[16];
};

static int list_person(void *context, const mien_gallery_person *p) {
    struct listed *l = context;

    l->ids[l->n++] = p->id;
    return l->n == l->stop_at ? 77 : 0;
}

static void test_persons_are_listed_by_pages_and_names(void **state) {
    struct made *m = *state;
    int64_t ids[3] = {made_person(m, "Alice"), made_person(m, "Bob"), made_person(m, "Alice")};
    struct listed all = {0}, page = {0}, alices = {0}, stopped = {.stop_at = 1};

    mien_gallery_persons(m->gallery, m->collection, NULL, 0, 0, list_person, &all);
    assert_int_equal(all.n, 3);
    assert_memory_equal(all.ids, ids, sizeof ids);
    mien_gallery_persons(m->gallery, m->collection, NULL, ids[0], 1, list_person, &page);
    assert_int_equal(page.n, 1);
    assert_int_equal(page.ids[0], ids[1]);
    mien_gallery_persons(m->gallery, m->collection, "Alice", 0, 0, list_person, &alices);
    assert_int_equal(alices.n, 2);
    assert_int_equal(alices.ids[1], ids[2]);
    assert_int_equal(
        mien_gallery_persons(m->gallery, m->collection, NULL, 0, 0, list_person, &stopped), 77);
    assert_int_equal(stopped.n, 1);
}

static void test_what_cannot_be_is_refused_whole(void **state) {
    struct made *m = *state;
    float v[2][MADE_DIMS];
    int64_t person = made_person(m, "Alice"), last = made_last_event(m), id = 1;
    mien_gallery_sample s[2];

    for (int i = 0; i < 2; i++) {
        made_embedding(i, v[i]);
        s[i] = (mien_gallery_sample){.struct_size = sizeof *s,
                                     .person = person,
                                     .contract = m->contract,
                                     .embedding = v[i],
                                     .dims = MADE_DIMS};
    }
    v[1][3] = NAN;
    assert_int_equal(mien_gallery_samples_add(m->gallery, s, 2, NULL), MIEN_EINVAL);
    assert_non_null(strstr(mien_gallery_error(), "sample 1 of 2: an embedding is of length"));
    made_embedding(1, v[1]);
    s[1].dims = MADE_DIMS - 1;
    assert_int_equal(mien_gallery_samples_add(m->gallery, s, 2, NULL), MIEN_GALLERY_ECONFLICT);
    s[1].dims = MADE_DIMS;
    s[1].person = person + 1;
    assert_int_equal(mien_gallery_samples_add(m->gallery, s, 2, NULL), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(made_count(m, person), 0);
    assert_int_equal(made_last_event(m), last);

    mien_gallery_person p = {.struct_size = sizeof p, .collection = 3, .name = "Bob"};
    assert_int_equal(mien_gallery_person_add(m->gallery, &p, &id), MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(id, 0);
    p = (mien_gallery_person){.struct_size = sizeof p, .id = person, .collection = m->collection};
    assert_int_equal(mien_gallery_person_add(m->gallery, &p, &id), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_collection_use(m->gallery, "no such", 0, &id),
                     MIEN_GALLERY_ENOTFOUND);
    mien_gallery_contract other = {
        .struct_size = sizeof other, .name = "net", .hash = "abc", .dims = 4};
    assert_int_equal(mien_gallery_contract_use(m->gallery, &other, &id), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(made_problems(m), 0);
}

static void test_a_transaction_is_all_or_nothing(void **state) {
    struct made *m = *state;
    int64_t kept, lost, event = 0;

    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    kept = made_person(m, "kept");
    made_sample(m, kept, 1);
    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_EINVAL);
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_OK);
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_EINVAL);

    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    lost = made_person(m, "lost");
    mien_gallery_rollback(m->gallery);
    assert_int_equal(made_count(m, lost), -1);

    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    lost = made_person(m, "lost");
    assert_int_equal(mien_gallery_rename(m->gallery, 12345, "nobody", &event),
                     MIEN_GALLERY_ENOTFOUND);
    assert_int_equal(mien_gallery_commit(m->gallery), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(made_count(m, lost), -1);

    mien_gallery_begin(m->gallery);
    lost = made_person(m, "lost");
    made_reopen(m); /* as a program that ends */
    assert_int_equal(made_count(m, lost), -1);
    assert_int_equal(made_count(m, kept), 1);
    assert_int_equal(made_problems(m), 0);
}

static int see_name(void *context, const mien_gallery_collection *c) {
    int64_t *counts = context;

    counts[0]++;
    counts[1] += c->persons;
    counts[2] += c->samples;
    return 0;
}

static void test_collections_are_apart(void **state) {
    struct made *m = *state;
    int64_t other, a = made_person(m, "Alice"), b, counts[3] = {0}, event, sample, moved;

    made_sample(m, a, 1);
    assert_int_equal(mien_gallery_collection_use(m->gallery, "other", 1, &other), MIEN_OK);
    m->collection = other;
    b = made_person(m, "Alice");
    sample = made_sample(m, b, 2);
    assert_int_equal(mien_gallery_merge(m->gallery, a, b, &event), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_move(m->gallery, &sample, 1, a, &event), MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_not_this_person(m->gallery, sample, a, &moved, &event),
                     MIEN_GALLERY_ECONFLICT);
    assert_int_equal(mien_gallery_collections(m->gallery, see_name, counts), MIEN_OK);
    assert_int_equal(counts[0], 2);
    assert_int_equal(counts[1], 2);
    assert_int_equal(counts[2], 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_ids_as_text),
        cmocka_unit_test_setup_teardown(test_a_sample_comes_back_as_it_was, made_setup,
                                        made_teardown),
        cmocka_unit_test_setup_teardown(test_persons_are_listed_by_pages_and_names, made_setup,
                                        made_teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_is_refused_whole, made_setup,
                                        made_teardown),
        cmocka_unit_test_setup_teardown(test_a_transaction_is_all_or_nothing, made_setup,
                                        made_teardown),
        cmocka_unit_test_setup_teardown(test_collections_are_apart, made_setup, made_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
