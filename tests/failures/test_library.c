/* The life of the library while each call of a kind fails in turn: a network is loaded, detects and
 * is freed. What fails says so with a code and a sentence, what does not finds what it should, and
 * neither memory nor a half-written file is left behind. */
#include "mien.h"
#include "tests/failures/inject.h"
#include "tests/tasks/toy.h"
#include "tests/vision/check.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 2, IMAGES = 3, SIDE = 64, CAPACITY = 8, MOST_POINTS = 20000, STEP = 7 };

struct found {
    int counts[IMAGES];
    mien_face faces[IMAGES][CAPACITY];
};

static char folder[] = "/tmp/mien-test-XXXXXX", blob[64];
static mien_image *images[IMAGES];
static struct found whole;

/* Removes what is not the blob; fails where that is not whole. */
static void clear_folder(void) {
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));) {
        char path[sizeof folder + sizeof e->d_name + 1];
        if (e->d_name[0] == '.' || strcmp(e->d_name, "toy.safetensors") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
        if (!strstr(e->d_name, ".packed") || strstr(e->d_name, ".tmp"))
            fail_msg("%s is left", e->d_name);
    }
    closedir(d);
}

static int detect(mien_net *net, struct found *out) {
    const mien_detect_options options = {.struct_size = sizeof options,
                                         .threshold = 0.01f,
                                         .max_faces = CAPACITY,
                                         .search = MIEN_SEARCH_AUTO};
    *out = (struct found){0};
    return mien_detect(net, (const mien_image *const *)images, IMAGES, &options, CAPACITY,
                       out->faces[0], out->counts);
}

static int live(struct found *out) {
    const mien_options options = {.struct_size = sizeof options, .threads = THREADS};
    mien_ctx *ctx = NULL;
    mien_net *net = NULL;
    int rc = mien_open(&options, &ctx);
    if (rc == MIEN_OK) rc = mien_net_load(ctx, blob, &net);
    if (rc == MIEN_OK) rc = detect(net, out);
    mien_net_free(net);
    mien_close(ctx);
    return rc;
}

/* Fails call after call of a kind (every STEP-th, unless MIEN_FAILURES=all) until a life needs no
 * more of them; returns how many lives ended early. */
static int fail_each(enum inject_kind kind, const char *name, int rc_wanted) {
    const char *which = getenv("MIEN_FAILURES");
    int failures = 0,
        step = kind != INJECT_MALLOC || (which && strcmp(which, "all") == 0) ? 1 : STEP;
    for (long point = 1;; point += step) {
        struct found found;
        clear_folder();
        long before = inject_calls(kind), allocations = inject_live();
        inject(kind, point);
        int rc = live(&found);
        inject(kind, 0);
        if (rc == MIEN_OK)
            assert_memory_equal(&found, &whole, sizeof found);
        else if (rc != rc_wanted || !*mien_error())
            fail_msg("%s %ld: %d %s", name, point, rc, mien_error());
        if (inject_live() > allocations)
            fail_msg("%s %ld: %ld are not freed", name, point, inject_live() - allocations);
        if (inject_calls(kind) - before < point) return failures;
        failures += rc != MIEN_OK;
        assert_true(point < MOST_POINTS);
    }
}

static void allocations(void **state) {
    (void)state;
    assert_true(fail_each(INJECT_MALLOC, "allocation", MIEN_ENOMEM) > 10);
}

static void reads(void **state) {
    (void)state;
    assert_true(fail_each(INJECT_READ, "read", MIEN_EIO) > 10);
}

/* Without them packed weights are not kept. */
static void writes(void **state) {
    (void)state;
    assert_int_equal(fail_each(INJECT_WRITE, "write", MIEN_OK), 0);
    assert_int_equal(fail_each(INJECT_RENAME, "rename", MIEN_OK), 0);
}

static void mappings(void **state) {
    (void)state;
    assert_true(fail_each(INJECT_MMAP, "mmap", MIEN_ENOMEM) > 0);
}

static void threads(void **state) {
    (void)state;
    assert_true(fail_each(INJECT_THREAD, "thread", MIEN_ENOMEM) > 0);
}

static int make_all(void **state) {
    (void)state;
    static const char *const meta[] = {"name", "toy", "task", "detect", NULL};
    const char *made = toy_file("scrfd", 0, meta);
    if (!mkdtemp(folder)) return -1;
    snprintf(blob, sizeof blob, "%s/toy.safetensors", folder);
    if (rename(made, blob)) return -1;
    for (int i = 0; i < IMAGES; i++) {
        if (mien_image_new(SIDE, SIDE, &images[i])) return -1;
        for (int k = 0; k < 3 * SIDE * SIDE; k++)
            images[i]->pixels[k] = (uint8_t)(k * (i + 7) / 13 % 251);
    }
    /* Twice: what is made once stays. */
    for (int again = 0; again < 2; again++)
        if (live(&whole)) {
            print_message("%s\n", mien_error());
            return -1;
        }
    return 0;
}

static int free_all(void **state) {
    (void)state;
    clear_folder();
    unlink(blob);
    for (int i = 0; i < IMAGES; i++) mien_image_free(images[i]);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations), cmocka_unit_test(reads),   cmocka_unit_test(writes),
        cmocka_unit_test(mappings),    cmocka_unit_test(threads),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
