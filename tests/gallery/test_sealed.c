/* Encrypted galleries: nothing that says who somebody is lies in a file; keys that are missing,
 * wrong or deleted; rows that were put in others' places. That all else works there, too, is what
 * the other tests of this folder see with MIEN_TEST_SEALED=1. */
#include "made.h"

#include <math.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { CROP_BYTES = 6000 };

static void crop_of(int number, uint8_t *crop) {
    srand((unsigned)number);
    for (int i = 0; i < CROP_BYTES; i++) crop[i] = (uint8_t)rand();
}

static int64_t full_sample(struct made *m, int64_t person, int number) {
    static uint8_t crop[CROP_BYTES];
    float v[MADE_DIMS];
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    char source[64];
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .person = person,
                             .contract = m->contract,
                             .embedding = v,
                             .dims = MADE_DIMS,
                             .source = source,
                             .source_hash = hash,
                             .crop = crop,
                             .crop_bytes = CROP_BYTES,
                             .external_id = "external-of-sample",
                             .metadata = "{\"seat\": \"metadata-of-sample\"}"};
    int64_t id = 0;

    crop_of(number, crop);
    snprintf(source, sizeof source, "source-of-%d", number);
    mien_gallery_hash(source, strlen(source), hash);
    made_embedding(number, v);
    assert_int_equal(mien_gallery_samples_add(m->gallery, &s, 1, &id), MIEN_OK);
    return id;
}

/* How often bytes are in the files of a gallery at a path. */
static int occurrences(const char *place, const void *bytes, size_t n) {
    static const char *const ends[] = {"", "-wal", "-shm", "-keys", "-keys-wal", "-keys-shm"};
    static char text[1 << 24];
    int found = 0;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[160], *at = text;
        size_t size = 0;
        snprintf(path, sizeof path, "%s%s", place, ends[i]);
        FILE *in = fopen(path, "rb");
        if (in) size = fread(text, 1, sizeof text, in);
        if (in) fclose(in);
        for (; (at = memmem(at, (size_t)(text + size - at), bytes, n)); at++) found++;
    }
    return found;
}

static int is_readable(const char *path, int number) {
    static uint8_t crop[CROP_BYTES];
    float v[MADE_DIMS];
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    char source[64];

    made_embedding(number, v);
    crop_of(number, crop);
    snprintf(source, sizeof source, "source-of-%d", number);
    mien_gallery_hash(source, strlen(source), hash);
    return occurrences(path, v, 16) || occurrences(path, crop, 16) ||
           occurrences(path, crop + CROP_BYTES - 16, 16) || occurrences(path, hash, sizeof hash);
}

static void execute(const char *path, const char *sql) {
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* Three persons of one sample each, and what else there is to tell of the first. */
struct people {
    int64_t person[3], sample[3];
};

static struct people fill(struct made *m) {
    static const char *const names[] = {"Aurelia-Featherstone", "Balthazar", "Clementine"};
    struct people p;

    for (int i = 0; i < 3; i++) {
        p.person[i] = made_person(m, names[i]);
        p.sample[i] = full_sample(m, p.person[i], i);
    }
    assert_int_equal(mien_gallery_describe(m->gallery, p.person[0], "person-external",
                                           "{\"team\": \"person-metadata\"}", NULL),
                     MIEN_OK);
    return p;
}

static void test_nothing_is_readable(void **state) {
    static const char *const words[] = {"Aurelia",      "Featherstone",    "Another-Name",
                                        "Balthazar",    "person-external", "person-metadata",
                                        "external-of-", "metadata-of-",    "source-of-"};
    struct made *m = *state;
    struct people p = fill(m);
    float v[MADE_DIMS];
    mien_gallery_contract other = {
        .struct_size = sizeof other, .name = "other", .hash = "def", .dims = MADE_DIMS};
    mien_gallery_clustering done = {.struct_size = sizeof done};
    int64_t contract, event;

    assert_int_equal(mien_gallery_contract_use(m->gallery, &other, &contract), MIEN_OK);
    made_embedding(50, v);
    assert_int_equal(mien_gallery_embeddings_add(m->gallery, contract, p.sample, v, 1, NULL, NULL),
                     MIEN_OK);
    assert_int_equal(mien_gallery_rename(m->gallery, p.person[0], "Another-Name", &event), MIEN_OK);
    assert_int_equal(mien_gallery_undo(m->gallery, event, NULL), MIEN_OK);
    assert_int_equal(mien_gallery_cluster(m->gallery, m->collection, m->contract, NULL, &done),
                     MIEN_OK);
    for (int i = 0; i < 3; i++) assert_false(is_readable(m->path, i));
    assert_false(is_readable(m->path, 50));
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_int_equal(occurrences(m->path, words[i], strlen(words[i])), 0);
    assert_string_equal(made_name(m, p.person[0]), "Aurelia-Featherstone");
    assert_int_equal(made_problems(m), 0);
    assert_true(occurrences(m->path, "default", 7) > 0); /* a name of a collection is no secret */
}

struct found {
    int64_t id;
    int n;
    char name[64], external[64], metadata[64], source[64];
    uint8_t hash[MIEN_GALLERY_HASH_SIZE], crop[CROP_BYTES];
    float v[MADE_DIMS];
};

static int see_person(void *context, const mien_gallery_person *p) {
    struct found *f = context;

    f->n++;
    f->id = p->id;
    snprintf(f->name, sizeof f->name, "%s", p->name);
    snprintf(f->external, sizeof f->external, "%s", p->external_id ? p->external_id : "none");
    snprintf(f->metadata, sizeof f->metadata, "%s", p->metadata ? p->metadata : "none");
    return 0;
}

static int see_sample(void *context, const mien_gallery_sample *s) {
    struct found *f = context;

    f->n++;
    assert_int_equal(s->crop_bytes, CROP_BYTES);
    assert_int_equal(s->dims, MADE_DIMS);
    memcpy(f->crop, s->crop, CROP_BYTES);
    memcpy(f->v, s->embedding, sizeof f->v);
    memcpy(f->hash, s->source_hash, sizeof f->hash);
    snprintf(f->source, sizeof f->source, "%s", s->source);
    snprintf(f->external, sizeof f->external, "%s", s->external_id);
    snprintf(f->metadata, sizeof f->metadata, "%s", s->metadata);
    return 0;
}

/* What was given comes back, and is found. */
static void test_all_comes_back(void **state) {
    static uint8_t crop[CROP_BYTES];
    struct made *m = *state;
    struct people p = fill(m);
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    struct found f = {0};
    float v[MADE_DIMS];
    int64_t sample = 0;

    made_reopen(m);
    assert_int_equal(mien_gallery_persons(m->gallery, m->collection, "Aurelia-Featherstone", 0, 5,
                                          see_person, &f),
                     MIEN_OK);
    assert_int_equal(f.n, 1);
    assert_true(f.id == p.person[0]);
    assert_string_equal(f.external, "person-external");
    assert_string_equal(f.metadata, "{\"team\": \"person-metadata\"}");
    assert_int_equal(
        mien_gallery_persons(m->gallery, m->collection, "Aurelia", 0, 0, see_person, &f), MIEN_OK);
    assert_int_equal(f.n, 1);
    f.n = 0;
    assert_int_equal(mien_gallery_sample_get(m->gallery, p.sample[2], see_sample, &f), MIEN_OK);
    crop_of(2, crop);
    made_embedding(2, v);
    mien_gallery_hash("source-of-2", 11, hash);
    assert_memory_equal(f.crop, crop, CROP_BYTES);
    assert_memory_equal(f.v, v, sizeof v);
    assert_memory_equal(f.hash, hash, sizeof hash);
    assert_string_equal(f.source, "source-of-2");
    assert_string_equal(f.external, "external-of-sample");
    assert_string_equal(f.metadata, "{\"seat\": \"metadata-of-sample\"}");
    assert_int_equal(
        mien_gallery_source_find(m->gallery, m->collection, m->contract, hash, &sample), MIEN_OK);
    assert_true(sample == p.sample[2]);
}

/* Names are looked at one by one, and pages are full all the same. */
static void test_who_is_called_so(void **state) {
    struct made *m = *state;
    struct people p = fill(m);
    mien_gallery_person_filter filter = {.struct_size = sizeof filter, .prefix = "aUR"};
    int64_t last;
    struct found f = {0};

    made_person(m, "");
    last = made_person(m, "AURELIO");
    assert_int_equal(
        mien_gallery_persons_where(m->gallery, m->collection, &filter, 0, 1, see_person, &f),
        MIEN_OK);
    assert_int_equal(f.n, 1);
    assert_true(f.id == p.person[0]);
    assert_int_equal(
        mien_gallery_persons_where(m->gallery, m->collection, &filter, f.id, 1, see_person, &f),
        MIEN_OK);
    assert_int_equal(f.n, 2);
    assert_true(f.id == last);
    f.n = 0;
    filter = (mien_gallery_person_filter){.struct_size = sizeof filter, .named = -1};
    assert_int_equal(
        mien_gallery_persons_where(m->gallery, m->collection, &filter, 0, 0, see_person, &f),
        MIEN_OK);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.name, "");
}

static void refuses(const char *path, const uint8_t *key, int code, const char *words) {
    mien_gallery_options o = {.struct_size = sizeof o, .must_exist = 1, .key = key};
    mien_gallery *g = NULL;

    assert_int_equal(mien_gallery_open(path, &o, &g), code);
    assert_null(g);
    if (!strstr(mien_gallery_error(), words)) fail_msg("%s", mien_gallery_error());
}

static void copy(const char *from, const char *from_end, const char *to, const char *to_end) {
    char command[400];

    snprintf(command, sizeof command, "cp %s%s %s%s", from, from_end, to, to_end);
    assert_int_equal(system(command), 0);
}

static void test_keys_that_do_not_open(void **state) {
    static const uint8_t wrong[MIEN_GALLERY_KEY_SIZE] = "another key";
    struct made *m = *state;
    const uint8_t *key = made_options()->key;
    char other[160], keys[200];

    fill(m);
    mien_gallery_close(m->gallery);
    m->gallery = NULL;
    refuses(m->path, NULL, MIEN_GALLERY_EKEY, "is encrypted: the file of its key is missing");
    refuses(m->path, wrong, MIEN_GALLERY_EKEY, "the key is not this gallery's");
    /* Its keys are gone; and there are another gallery's, by the same master key. */
    snprintf(other, sizeof other, "%s/other.db", m->folder);
    copy(m->path, "", other, "");
    refuses(other, key, MIEN_GALLERY_EKEY, "other.db-keys, are not there");
    snprintf(keys, sizeof keys, "%s/third.db", m->folder);
    mien_gallery *g = NULL;
    assert_int_equal(mien_gallery_open(keys, made_options(), &g), MIEN_OK);
    mien_gallery_close(g);
    copy(keys, "-keys", other, "-keys");
    refuses(other, key, MIEN_GALLERY_EKEY, "the key is not this gallery's");
    /* One that was made without a key has none. */
    unlink(other);
    snprintf(keys, sizeof keys, "%s-keys", other);
    unlink(keys);
    assert_int_equal(mien_gallery_open(other, NULL, &g), MIEN_OK);
    int64_t id;
    assert_int_equal(mien_gallery_collection_use(g, "default", 1, &id), MIEN_OK);
    assert_int_equal(mien_gallery_rekey(g, wrong), MIEN_GALLERY_EKEY);
    mien_gallery_close(g);
    refuses(other, key, MIEN_GALLERY_EKEY, "is not encrypted");
    assert_int_equal(access(keys, F_OK), -1);
    /* Keys are nobody's to overwrite: those of a gallery that was moved away. */
    unlink(other);
    copy(m->path, "-keys", other, "-keys");
    mien_gallery_options o = {.struct_size = sizeof o, .key = key};
    assert_int_equal(mien_gallery_open(other, &o, &g), MIEN_GALLERY_EKEY);
    made_reopen(m);
    assert_int_equal(made_problems(m), 0);
}

static void test_key_files(void **state) {
    static const char digits[] = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    struct made *m = *state;
    const struct {
        const char *bytes;
        size_t n;
        int code;
    } cases[] = {
        {digits, 64, MIEN_OK},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\r\n", 66, MIEN_OK},
        {"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37",
         32, MIEN_OK},
        {digits, 63, MIEN_EFORMAT},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1fx", 65, MIEN_EFORMAT},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g", 64, MIEN_EFORMAT},
        {"", 0, MIEN_EFORMAT},
        {"0001020304050607080900001020304050607080900001020304050607080900001020304050607080900000",
         88, MIEN_EFORMAT},
    };
    char path[160];

    snprintf(path, sizeof path, "%s/key", m->folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t key[MIEN_GALLERY_KEY_SIZE];
        FILE *out = fopen(path, "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(cases[i].bytes, 1, cases[i].n, out), cases[i].n);
        fclose(out);
        assert_int_equal(mien_gallery_key_read(path, key), cases[i].code);
        for (int b = 0; b < 32 && cases[i].code == MIEN_OK; b++) assert_int_equal(key[b], b);
    }
    unlink(path);
    uint8_t key[MIEN_GALLERY_KEY_SIZE];
    assert_int_equal(mien_gallery_key_read(path, key), MIEN_EIO);
}

/* Who can write to the file cannot give anybody another's face or name. */
static void test_what_was_moved_or_damaged(void **state) {
    struct made *m = *state;
    struct people p = fill(m);
    char sql[512];
    struct found f = {0};

    snprintf(sql, sizeof sql,
             "UPDATE samples SET embedding = (SELECT embedding FROM samples WHERE id = %lld)"
             " WHERE id = %lld",
             (long long)p.sample[1], (long long)p.sample[0]);
    execute(m->path, sql);
    assert_int_equal(mien_gallery_sample_get(m->gallery, p.sample[0], see_sample, &f),
                     MIEN_EFORMAT);
    assert_non_null(strstr(mien_gallery_error(), "an embedding is damaged"));
    assert_int_equal(mien_gallery_sample_get(m->gallery, p.sample[1], see_sample, &f), MIEN_OK);
    assert_int_equal(made_problems(m), 1);
    snprintf(sql, sizeof sql,
             "UPDATE persons SET name = (SELECT name FROM persons WHERE id = %lld) WHERE id = %lld",
             (long long)p.person[0], (long long)p.person[1]);
    execute(m->path, sql);
    assert_int_equal(mien_gallery_person_get(m->gallery, p.person[1], see_person, &f),
                     MIEN_EFORMAT);
    /* A crop where an embedding was, and one of fewer bytes than sealing adds. */
    snprintf(sql, sizeof sql,
             "UPDATE samples SET crop = substr(crop, 1, 20) WHERE id = %lld;"
             "UPDATE samples SET metadata = external_id WHERE id = %lld",
             (long long)p.sample[1], (long long)p.sample[2]);
    execute(m->path, sql);
    assert_int_equal(made_problems(m), 4);
    /* What is damaged can be deleted. */
    for (int i = 0; i < 3; i++) {
        mien_gallery_deletion d = {.struct_size = sizeof d};
        assert_int_equal(mien_gallery_person_delete(m->gallery, p.person[i], &d), MIEN_OK);
        free(d.receipt);
    }
    assert_int_equal(made_problems(m), 0);
}

static void test_another_master_key(void **state) {
    static const uint8_t fresh[MIEN_GALLERY_KEY_SIZE] = "a new key of the tests";
    struct made *m = *state;
    struct people p = fill(m);
    mien_gallery_options o = {.struct_size = sizeof o, .key = fresh};
    mien_gallery *old = NULL;
    struct found f = {0};

    assert_int_equal(mien_gallery_open(m->path, made_options(), &old), MIEN_OK);
    assert_int_equal(mien_gallery_rekey(m->gallery, fresh), MIEN_OK);
    assert_int_equal(mien_gallery_sample_get(m->gallery, p.sample[0], see_sample, &f), MIEN_OK);
    /* Who has it open with the one before is told. */
    assert_int_equal(mien_gallery_sample_get(old, p.sample[0], see_sample, &f), MIEN_GALLERY_EKEY);
    mien_gallery_close(old);
    mien_gallery_close(m->gallery);
    m->gallery = NULL;
    refuses(m->path, made_options()->key, MIEN_GALLERY_EKEY, "the key is not this gallery's");
    assert_int_equal(mien_gallery_open(m->path, &o, &m->gallery), MIEN_OK);
    assert_string_equal(made_name(m, p.person[2]), "Clementine");
    assert_int_equal(
        mien_gallery_persons(m->gallery, m->collection, "Balthazar", 0, 0, see_person, &f),
        MIEN_OK);
    assert_true(f.id == p.person[1]);
    assert_int_equal(made_problems(m), 0);
}

static int ignore(void *context, const char *sentence) {
    (void)context;
    (void)sentence;
    return 0;
}

/* With the key goes what any copy has: the gallery is put back as it was before the deletion. */
static void test_deleting_shreds_copies(void **state) {
    struct made *m = *state;
    struct people p = fill(m);
    mien_gallery_deletion d = {.struct_size = sizeof d}, again = d;
    char saved[160];
    struct found f = {0};
    int found = 0, places[2];

    snprintf(saved, sizeof saved, "%s/saved.db", m->folder);
    assert_int_equal(mien_gallery_backup(m->gallery, saved), MIEN_OK);
    assert_int_equal(mien_gallery_person_delete(m->gallery, p.person[0], &d), MIEN_OK);
    assert_int_equal(d.complete, 1);
    assert_int_equal(mien_gallery_prove(m->gallery, d.receipt, ignore, NULL, &found), MIEN_OK);
    assert_int_equal(found, 0);
    mien_gallery_close(m->gallery);
    m->gallery = NULL;
    copy(saved, "", m->path, "");
    made_reopen(m);
    /* What was sealed is in the copy, and the receipt knows it; but nobody can read it. */
    assert_int_equal(mien_gallery_prove(m->gallery, d.receipt, ignore, NULL, &places[0]), MIEN_OK);
    assert_true(places[0] > 0);
    assert_int_equal(mien_gallery_persons(m->gallery, m->collection, NULL, 0, 2, see_person, &f),
                     MIEN_OK);
    assert_int_equal(f.n, 2); /* in the place of the one that is gone comes another */
    assert_true(f.id == p.person[2]);
    f.n = 0;
    assert_int_equal(mien_gallery_samples(m->gallery, p.person[0], 0, 0, see_sample, &f), MIEN_OK);
    assert_int_equal(f.n, 0);
    mien_gallery_match match[3];
    float v[MADE_DIMS];
    int count;
    made_embedding(0, v);
    assert_int_equal(
        mien_gallery_identify(m->gallery, m->collection, m->contract, v, 1, 3, NULL, match, &count),
        MIEN_OK);
    assert_int_equal(count, 2);
    assert_int_equal(made_problems(m), 2); /* person and sample */
    assert_int_equal(mien_gallery_person_delete(m->gallery, p.person[0], &again), MIEN_OK);
    assert_int_equal(made_problems(m), 0);
    assert_int_equal(mien_gallery_prove(m->gallery, d.receipt, ignore, NULL, &places[1]), MIEN_OK);
    assert_int_equal(places[1], 0);
    free(d.receipt);
    free(again.receipt);
}

static int count_keys(struct made *m, const char *where) {
    char path[160], sql[128];
    sqlite3_stmt *statement;
    sqlite3 *db;

    snprintf(path, sizeof path, "%s-keys", m->path);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM keys WHERE %s", where);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int n = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return n;
}

/* A deletion that ended between its two files: the rows say what was meant. */
static void test_a_deletion_that_was_broken_off(void **state) {
    struct made *m = *state;
    struct people p = fill(m);
    char path[160], sql[256];
    int complete = 0;

    assert_int_equal(count_keys(m, "1"), 7); /* persons, samples, and what is looked for */
    snprintf(path, sizeof path, "%s-keys", m->path);
    snprintf(sql, sizeof sql,
             "UPDATE keys SET going = 1 WHERE id = %lld;"
             "INSERT INTO keys VALUES (77, zeroblob(60), 1)",
             (long long)p.sample[0]);
    execute(path, sql);
    assert_int_equal(mien_gallery_scrub(m->gallery, &complete), MIEN_OK);
    assert_int_equal(complete, 1);
    assert_int_equal(count_keys(m, "going <> 0"), 0);
    assert_int_equal(count_keys(m, "1"), 7);
    assert_true(made_person_of(m, p.sample[0]) == p.person[0]);
    /* What was not committed leaves no key. */
    assert_int_equal(mien_gallery_begin(m->gallery), MIEN_OK);
    made_person(m, "nobody");
    mien_gallery_rollback(m->gallery);
    assert_int_equal(count_keys(m, "1"), 7);
}

static int setup(void **state) {
    unsetenv("MIEN_TEST_STORE");
    setenv("MIEN_TEST_SEALED", "1", 1);
    return made_setup(state);
}

int main(void) {
#define GALLERY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, made_teardown)
    const struct CMUnitTest tests[] = {
        GALLERY_TEST(test_nothing_is_readable),
        GALLERY_TEST(test_all_comes_back),
        GALLERY_TEST(test_who_is_called_so),
        GALLERY_TEST(test_keys_that_do_not_open),
        GALLERY_TEST(test_key_files),
        GALLERY_TEST(test_what_was_moved_or_damaged),
        GALLERY_TEST(test_another_master_key),
        GALLERY_TEST(test_deleting_shreds_copies),
        GALLERY_TEST(test_a_deletion_that_was_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
