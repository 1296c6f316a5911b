/* The blob reader: what it accepts, and the sentence for each way a file can be broken. */
#include "engine/blob.h"
#include "engine/err.h"
#include "mien.h"
#include "tests/engine/blobmaker.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define META "\"__metadata__\":{\"mien\":\"1\"}"
#define GOOD "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"

/* A file of this header and `data` bytes of zeros. */
static int open_text(const char *header, size_t data) {
    static uint64_t bytes[1024]; /* aligned as a mapping would be */
    uint8_t *p = (uint8_t *)bytes;
    size_t n = strlen(header), padded = (n + 7) / 8 * 8;
    memset(bytes, 0, sizeof bytes);
    memset(p + 8, ' ', padded);
    memcpy(p + 8, header, n);
    p[0] = (uint8_t)padded;
    p[1] = (uint8_t)(padded >> 8);
    struct blob *b;
    int rc = blob_from_memory(bytes, 8 + padded + data, "x", &b);
    assert_true((rc == 0) == (b != NULL));
    blob_close(b);
    return rc;
}

static void expect(const char *header, size_t data, const char *sentence) {
    int rc = open_text(header, data);
    if (rc != MIEN_EWEIGHTS || !strstr(err_text(), sentence))
        fail_msg("%s: got %d '%s', expected '%s'", header, rc, rc ? err_text() : "", sentence);
}

static void test_good(void **state) {
    (void)state;
    assert_int_equal(open_text("{" META "," GOOD "}", 8), 0);
    assert_int_equal(open_text("{" META "}", 0), 0);
}

static void test_broken_headers(void **state) {
    (void)state;
    expect("", 0, "not valid JSON");
    expect("{\"a\":", 8, "not valid JSON");
    expect("[1]", 8, "not valid JSON");
    expect("{" GOOD "}", 8, "no mien metadata");
    expect("{\"__metadata__\":{\"mien\":\"2\"}," GOOD "}", 8, "blob format 2");
    expect("{" META "," GOOD "," GOOD "}", 8, "not valid JSON"); /* a name twice */
    struct blob *b;
    assert_int_equal(blob_from_memory("1234567", 7, "x", &b), MIEN_EWEIGHTS);
    assert_int_equal(blob_from_memory("\xff\xff\xff\xff\xff\xff\xff\xff{}  ", 12, "x", &b),
                     MIEN_EWEIGHTS);
    assert_non_null(strstr(err_text(), "header is cut off"));
}

static void test_broken_tensors(void **state) {
    (void)state;
    expect("{" META ",\"a\":{}}", 8, "tensor a lacks");
    expect("{" META ",\"a\":7}", 8, "tensor a lacks");
    expect("{" META ",\"a\":{\"dtype\":\"I16\",\"shape\":[4],\"data_offsets\":[0,8]}}", 8,
           "is I16, expected F32 or F16");
    expect("{" META ",\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,16]}}", 16,
           "do not match");
    expect("{" META ",\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[1,3]}}", 8,
           "do not match");
    expect("{" META ",\"a\":{\"dtype\":\"F16\",\"shape\":[5],\"data_offsets\":[0,10]}}", 8,
           "does not fit the file");
    expect("{" META "," GOOD ",\"b\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[6,8]}}", 8,
           "overlap");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,2],\"data_offsets\":[0,8]}}", 8,
           "5 dimensions");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8,
           "does not fit the file");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 8,
           "does not fit the file");
    expect("{" META
           ",\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}",
           8, "does not fit the file");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,16]}}", 8,
           "outside the file");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8,
           "outside the file");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}}", 8,
           "outside the file");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 8,
           "do not match");
    expect("{" META ",\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}", 8,
           "do not match");
    expect("{" META "," GOOD ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
           "overlap");
}

static void test_lookup(void **state) {
    (void)state;
    struct blobmaker m;
    blobmaker_open(&m, 3);
    blobmaker_meta(&m, "\"k\":\"v\"");
    blobmaker_tensor(&m, "zz", 1, 2, 2, 3, 0, 0);
    blobmaker_tensor(&m, "aa", 1, 2, 5, 0, 0, 0);
    struct blob *b = blobmaker_finish(&m);
    assert_int_equal(blob_count(b), 2);
    assert_string_equal(blob_at(b, 0)->name, "aa");
    const struct blob_tensor *t = blob_find(b, "zz");
    assert_non_null(t);
    assert_int_equal(t->dims, 2);
    assert_int_equal(t->shape[1], 3);
    assert_memory_equal(t->data, m.data, 6 * sizeof(float));
    assert_null(blob_find(b, "mm"));
    assert_null(blob_at(b, 2));
    assert_string_equal(blob_meta(b, "k"), "v");
    assert_null(blob_meta(b, "none"));
    blob_close(b);
    blobmaker_close(&m);
}

static void test_missing_file(void **state) {
    (void)state;
    struct blob *b;
    assert_int_equal(blob_open("/nonexistent.safetensors", &b), MIEN_EIO);
    assert_null(b);
    assert_int_equal(blob_open("/", &b), MIEN_EIO);
}

/* A file of one vector and one tensor that is read when it is wanted. */
enum { FILTERS = 200, INPUTS = 150 };
static const size_t large = (size_t)FILTERS * INPUTS;

static struct blob *open_large(struct blobmaker *m, char path[64]) {
    struct blob *b;
    snprintf(path, 64, "/tmp/mien-blob-XXXXXX");
    int fd = mkstemp(path);
    blobmaker_open(m, 5);
    blobmaker_meta(m, "\"k\":\"v\"");
    blobmaker_tensor(m, "w", 1, 2, FILTERS, INPUTS, 0, 0);
    blobmaker_tensor(m, "v", 1, 2, 7, 0, 0, 0);
    blob_close(blobmaker_finish(m));
    assert_int_equal(write(fd, m->bytes, m->size), m->size);
    close(fd);
    assert_int_equal(blob_open(path, &b), 0);
    return b;
}

static void test_acquired(void **state) {
    (void)state;
    struct blobmaker m;
    char path[64];
    struct blob *b = open_large(&m, path);
    const struct blob_tensor *w = blob_find(b, "w"), *v = blob_find(b, "v");
    assert_memory_equal(v->data, m.data + large, 7 * sizeof(float));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(blob_acquire(b, w), 0);
        assert_int_equal(blob_acquire(b, w), 0);
        blob_release(b, w);
        assert_memory_equal(w->data, m.data, large * sizeof(float));
        blob_release(b, w);
        assert_true(w->data[large / 2] == 0); /* its memory is given back */
    }
    assert_int_equal(blob_acquire(b, v), 0);
    blob_release(b, v);
    assert_memory_equal(v->data, m.data + large, 7 * sizeof(float));
    assert_int_equal(blob_check(b), 0);
    blob_close(b);
    unlink(path);
    blobmaker_close(&m);
}

/* A file is cut off or written to after it was opened: an error, never a signal or a mixture. */
static void test_changed_meanwhile(void **state) {
    (void)state;
    struct blobmaker m;
    char path[64];
    uint64_t hash;
    struct blob *b = open_large(&m, path);
    const struct blob_tensor *w = blob_find(b, "w");
    usleep(20000); /* a tick of the file system's clock */
    assert_int_equal(blob_acquire(b, w), 0);
    assert_int_equal(truncate(path, (off_t)m.size - 1000), 0);
    assert_int_equal(blob_check(b), MIEN_EIO);
    assert_non_null(strstr(err_text(), "was changed while it was read"));
    assert_memory_equal(w->data, m.data, large * sizeof(float));
    blob_release(b, w);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(blob_acquire(b, w), MIEN_EIO);
    assert_non_null(strstr(err_text(), "was cut off while it was read"));
    assert_int_equal(blob_hash(b, &hash), MIEN_EIO);
    assert_int_equal(blob_save(b, "/tmp/mien-blob-never", "int8.", NULL, 0), MIEN_EIO);
    assert_int_equal(access("/tmp/mien-blob-never", F_OK), -1);
    blob_close(b);
    blobmaker_close(&m);
    unlink(path);
    b = open_large(&m, path);
    usleep(20000);
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, m.bytes, m.size, 0), m.size); /* the same bytes, but who knows */
    close(fd);
    assert_int_equal(blob_check(b), MIEN_EIO);
    blob_close(b);
    unlink(path);
    blobmaker_close(&m);
}

/* Nothing but a regular file is opened, and nothing waits. */
static void test_other_files(void **state) {
    (void)state;
    char folder[] = "/tmp/mien-blob-XXXXXX", path[64];
    struct blob *b;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    const char *const others[] = {path, folder, "/dev/zero", "/dev/null"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(blob_open(others[i], &b), MIEN_EIO);
        assert_non_null(strstr(err_text(), "not a regular file"));
        assert_null(b);
    }
    unlink(path);
    rmdir(folder);
}

enum { KEPT = 2, RANGES = 3 };

/* What the saved file has to hold: the blob's own tensors and metadata, and one new range. */
static void check_saved(const struct blobmaker *m, const char *path, float first) {
    struct blob *b;
    assert_int_equal(blob_open(path, &b), 0);
    assert_int_equal(blob_count(b), KEPT + 1);
    assert_string_equal(blob_meta(b, "k"), "v");
    assert_string_equal(blob_meta(b, "mien"), "1");
    assert_memory_equal(blob_find(b, "zz")->data, m->data, 6 * sizeof(float));
    assert_memory_equal(blob_find(b, "aa")->data, m->data + 6, 5 * sizeof(float));
    const struct blob_tensor *t = blob_find(b, "int8.0 x");
    assert_non_null(t);
    assert_int_equal(t->dims, 2);
    assert_true(t->data[0] == first && t->data[RANGES - 1] == 3);
    blob_close(b);
}

static int files_in(const char *folder) {
    DIR *d = opendir(folder);
    int n = 0;
    assert_non_null(d);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

/* To a new file, over the file the blob was opened from, and again: ranges are replaced, never
 * gathered, nothing else stays in the folder, and what was read of the old file stays as it was. */
static void test_save(void **state) {
    (void)state;
    char folder[] = "/tmp/mien-blob-XXXXXX", path[64], nowhere[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    snprintf(nowhere, sizeof nowhere, "%s/no/x.safetensors", folder);
    struct blobmaker m;
    blobmaker_open(&m, 3);
    blobmaker_meta(&m, "\"k\":\"v\"");
    blobmaker_tensor(&m, "zz", 1, 2, 2, 3, 0, 0);
    blobmaker_tensor(&m, "aa", 1, 2, 5, 0, 0, 0);
    blobmaker_tensor(&m, "int8.7 gone", 1, 2, 3, 4, 0, 0);
    struct blob *b = blobmaker_finish(&m), *again;
    float data[RANGES] = {1, 2, 3};
    struct blob_tensor range = {
        .name = "int8.0 x", .dims = 2, .shape = {RANGES, 1}, .count = RANGES, .data = data};
    assert_int_equal(blob_save(b, path, "int8.", &range, 1), 0);
    check_saved(&m, path, 1);
    assert_int_equal(blob_open(path, &again), 0);
    data[0] = 4;
    assert_int_equal(blob_save(again, path, "int8.", &range, 1), 0);
    check_saved(&m, path, 4);
    assert_true(blob_find(again, "int8.0 x")->data[0] == 1);
    assert_int_equal(blob_save(b, nowhere, "int8.", &range, 1), MIEN_EIO);
    assert_non_null(strstr(err_text(), "cannot write: No such file"));
    assert_int_equal(blob_save(b, folder, "int8.", &range, 1), MIEN_EIO); /* a folder's name */
    assert_int_equal(files_in(folder), 1);
    if (geteuid() != 0) { /* root may write anywhere */
        assert_int_equal(chmod(folder, 0500), 0);
        assert_int_equal(blob_save(b, path, "int8.", &range, 1), MIEN_EIO);
        check_saved(&m, path, 4);
        assert_int_equal(chmod(folder, 0700), 0);
    }
    unlink(path);
    rmdir(folder);
    blob_close(again);
    blob_close(b);
    blobmaker_close(&m);
}

/* Values of every kind of half, and what they are. */
static const struct {
    uint16_t half;
    float value;
} halves[] = {{0x3C00, 1},
              {0xC000, -2},
              {0x7BFF, 65504},
              {0x0001, 0x1p-24f},
              {0x83FF, -1023 * 0x1p-24f},
              {0x3555, 0.333251953125f},
              {0x8000, -0.0f}};
enum { HALVES = sizeof halves / sizeof *halves, MANY = 20001, ODD = 3 };

/* A file whose first tensor is floats, with an odd number of halves before large ones. */
static void write_halves(const char *path) {
    static const char header[] =
        "{" META ",\"f\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"odd\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[4,10]},"
        "\"w\":{\"dtype\":\"F16\",\"shape\":[20001,1],\"data_offsets\":[10,40012]}}";
    size_t n = sizeof header - 1;
    char padded[512];
    uint64_t size = (n + 7) / 8 * 8;
    float one = 1.5f;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    memset(padded, ' ', sizeof padded);
    memcpy(padded, header, n);
    fwrite(&size, 8, 1, f);
    fwrite(padded, 1, size, f);
    fwrite(&one, 4, 1, f);
    for (int i = 0; i < ODD + MANY; i++) fwrite(&halves[i % HALVES].half, 2, 1, f);
    assert_int_equal(fclose(f), 0);
}

static void check_halves(const struct blob *b) {
    const struct blob_tensor *odd = blob_find(b, "odd"), *w = blob_find(b, "w");
    assert_int_equal(odd->type, BLOB_F16);
    assert_true(blob_find(b, "f")->data[0] == 1.5f);
    for (int i = 0; i < ODD; i++) assert_memory_equal(&odd->data[i], &halves[i].value, 4);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(blob_acquire(b, w), 0);
        for (int k = 0; k < MANY; k++)
            assert_memory_equal(&w->data[k], &halves[(ODD + k) % HALVES].value, 4);
        blob_release(b, w);
        assert_true(w->data[MANY / 2] == 0); /* its memory is given back */
    }
}

/* Halves are floats to whoever reads them, come and go with their pages, and are halves again in a
 * copy of the file. */
static void test_halves(void **state) {
    (void)state;
    char path[] = "/tmp/mien-blob-XXXXXX", copy[64];
    float data[RANGES] = {1, 2, 3};
    struct blob_tensor range = {
        .name = "int8.0 x", .dims = 2, .shape = {RANGES, 1}, .count = RANGES, .data = data};
    struct blob *b;
    close(mkstemp(path));
    snprintf(copy, sizeof copy, "%s.copy", path);
    write_halves(path);
    assert_int_equal(blob_open(path, &b), 0);
    check_halves(b);
    assert_int_equal(blob_save(b, copy, "int8.", &range, 1), 0);
    size_t size = blob_size(b);
    blob_close(b);
    assert_int_equal(blob_open(copy, &b), 0);
    check_halves(b);
    assert_true(blob_find(b, "int8.0 x")->data[2] == 3);
    assert_true(blob_size(b) < size + 256);
    blob_close(b);
    unlink(copy);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_broken_headers),
        cmocka_unit_test(test_broken_tensors),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_missing_file),
        cmocka_unit_test(test_acquired),
        cmocka_unit_test(test_changed_meanwhile),
        cmocka_unit_test(test_other_files),
        cmocka_unit_test(test_save),
        cmocka_unit_test(test_halves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
