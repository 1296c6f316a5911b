/* Plans within a budget: what runs at the same time stays in it, what is kept does, too, and
 * results do not depend on it. Skipped without weights. */
#include "engine/cgroup.h"
#include "mien.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4, SIZES = 5, CAPACITY = 16, MB = 1 << 20 };

static const int sides[SIZES] = {320, 400, 480, 560, 640};
static mien_image *pictures[SIZES];
static mien_face expected[SIZES][CAPACITY];
static int counts[SIZES];
/* Of the detector's plans at 1024x1024 and 640x640. */
static uint64_t arena_1024, arena_640;

struct machine {
    mien_ctx *ctx;
    mien_net *net;
};

static int open_machine(struct machine *m, size_t memory, int threads) {
    mien_options opt = {.struct_size = sizeof opt, .threads = threads, .memory = memory};
    *m = (struct machine){NULL, NULL};
    return mien_open(&opt, &m->ctx) || mien_net_load(m->ctx, "retinaface-mnet025-v2", &m->net);
}

static void close_machine(struct machine *m) {
    mien_net_free(m->net);
    mien_close(m->ctx);
}

static mien_image *picture(int side) {
    mien_image *img;
    if (mien_image_new(side, side, &img)) abort();
    for (int y = 0; y < side; y++)
        for (int x = 0; x < 3 * side; x++)
            img->pixels[y * img->pitch + x] = (uint8_t)(128 + (x * 5 + y * 3) % 113 - 56);
    return img;
}

static const mien_detect_options low = {
    .struct_size = sizeof low, .threshold = 0.001f, .size = 0, .max_faces = CAPACITY};

static int detects_as_expected(mien_net *net, int i) {
    mien_face faces[CAPACITY];
    int n;
    return mien_detect(net, (const mien_image *const *)&pictures[i], 1, &low, CAPACITY, faces,
                       &n) == MIEN_OK &&
           n == counts[i] && memcmp(faces, expected[i], sizeof *faces * (size_t)n) == 0;
}

static int make_expected(void **state) {
    (void)state;
    struct machine m;
    mien_plan_info info = {.struct_size = sizeof info};
    if (open_machine(&m, 0, 2)) return -1;
    for (int i = 0; i < SIZES; i++) {
        pictures[i] = picture(sides[i]);
        if (mien_detect(m.net, (const mien_image *const *)&pictures[i], 1, &low, CAPACITY,
                        expected[i], &counts[i]) ||
            counts[i] == 0)
            return -1;
    }
    if (mien_net_plan(m.net, 1, 1024, 1024, &info)) return -1;
    arena_1024 = info.arena_bytes;
    if (mien_net_plan(m.net, 1, 640, 640, &info)) return -1;
    arena_640 = info.arena_bytes;
    close_machine(&m);
    return 0;
}

static int free_pictures(void **state) {
    (void)state;
    for (int i = 0; i < SIZES; i++) mien_image_free(pictures[i]);
    return 0;
}

static size_t used_after(struct machine *m, int side) {
    mien_face faces[CAPACITY];
    int n;
    mien_image *img = picture(side);
    assert_int_equal(
        mien_detect(m->net, (const mien_image *const *)&img, 1, &low, CAPACITY, faces, &n),
        MIEN_OK);
    mien_image_free(img);
    return mien_memory_used(m->ctx);
}

/* One piece of memory serves all sizes. */
static void test_what_is_kept(void **state) {
    (void)state;
    struct machine m;
    size_t one, all = 0;
    assert_int_equal(open_machine(&m, 0, 2), 0);
    one = used_after(&m, 1024);
    assert_true(one > arena_1024);
    for (int side = 512; side < 1024; side += 64) all = used_after(&m, side);
    assert_true(all < one + one / 4); /* with the outputs of nine plans */
    assert_true(used_after(&m, 1280) <= 256u * MB);
    /* What is larger than all that may be kept stays until another has ended. */
    assert_true(used_after(&m, 2560) > 256u * MB);
    assert_true(used_after(&m, 320) <= 256u * MB);
    mien_net_free(m.net);
    m.net = NULL;
    assert_int_equal(mien_memory_used(m.ctx), 0);
    close_machine(&m);
}

struct caller {
    struct machine *m;
    pthread_t thread;
    int first, failed;
    size_t most;
};

static void *call(void *arg) {
    struct caller *c = arg;
    for (int i = 0; i < 2 * SIZES; i++) {
        c->failed += !detects_as_expected(c->m->net, (c->first + i) % SIZES);
        size_t used = mien_memory_used(c->m->ctx);
        if (used > c->most) c->most = used;
    }
    return NULL;
}

/* There is room for one picture of the largest size: threads wait for each other. */
static void test_threads_wait(void **state) {
    (void)state;
    struct machine m;
    struct caller callers[THREADS];
    size_t memory = arena_640 + arena_640 / 2;
    assert_int_equal(open_machine(&m, memory, 2), 0);
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.m = &m, .first = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(callers[i].thread, NULL);
        assert_int_equal(callers[i].failed, 0);
        assert_true(callers[i].most > 0 && callers[i].most <= memory);
    }
    close_machine(&m);
}

/* What a stop() in the midst of a look finds that looks itself. */
struct interruption {
    struct machine *m;
    int asked, rc[2]; /* of two looks, the first of them smaller */
    size_t most;
};

static int look_beside(void *context) {
    static const int looks[] = {0, SIZES - 1};
    struct interruption *it = context;
    mien_face faces[CAPACITY];
    int n;
    if (++it->asked != 10) return 0;
    for (int k = 0; k < 2; k++) {
        int i = looks[k];
        it->rc[k] = mien_detect(it->m->net, (const mien_image *const *)&pictures[i], 1, &low,
                                CAPACITY, faces, &n);
        if (!it->rc[k]) assert_int_equal(n, counts[i]);
        if (!it->rc[k]) assert_memory_equal(faces, expected[i], sizeof *faces * (size_t)n);
        size_t used = mien_memory_used(it->m->ctx);
        if (used > it->most) it->most = used;
    }
    return 0;
}

/* A look that comes between the layers of another has no room where there is none beside it, and
 * does not wait for what cannot end before it. */
static void test_interrupted(void **state) {
    (void)state;
    struct machine m;
    mien_face faces[CAPACITY];
    int n;
    size_t memory = 2 * (size_t)arena_640 - arena_640 / 4;
    struct interruption it = {.m = &m};
    mien_detect_options opt = low;
    opt.stop = look_beside;
    opt.stop_context = &it;
    assert_int_equal(open_machine(&m, memory, 2), 0);
    assert_int_equal(mien_detect(m.net, (const mien_image *const *)&pictures[SIZES - 1], 1, &opt,
                                 CAPACITY, faces, &n),
                     MIEN_OK);
    assert_int_equal(n, counts[SIZES - 1]);
    assert_memory_equal(faces, expected[SIZES - 1], sizeof *faces * (size_t)n);
    assert_true(it.asked > 10 && it.most <= memory);
    assert_int_equal(it.rc[0], MIEN_OK);
    assert_int_equal(it.rc[1], MIEN_ENOMEM);
    close_machine(&m);
}

/* Many pictures of several sizes at once, and many of one, where one at a time fits. */
static void test_fewer_at_a_time(void **state) {
    (void)state;
    struct machine m;
    const mien_image *list[2 * SIZES];
    static mien_face faces[2 * SIZES][CAPACITY];
    int n[2 * SIZES];
    size_t memory = arena_640 + arena_640 / 2;
    assert_int_equal(open_machine(&m, memory, 4), 0);
    for (int same = 0; same < 2; same++) {
        for (int i = 0; i < 2 * SIZES; i++) list[i] = pictures[same ? SIZES - 1 : i % SIZES];
        assert_int_equal(mien_detect(m.net, list, 2 * SIZES, &low, CAPACITY, faces[0], n), MIEN_OK);
        for (int i = 0; i < 2 * SIZES; i++) {
            int of = same ? SIZES - 1 : i % SIZES;
            assert_int_equal(n[i], counts[of]);
            assert_memory_equal(faces[i], expected[of], sizeof faces[i][0] * (size_t)n[i]);
        }
        assert_true(mien_memory_used(m.ctx) <= memory);
    }
    close_machine(&m);
}

static void test_raw_runs(void **state) {
    (void)state;
    enum { N = 5, SIDE = 640 };
    struct machine all, few;
    mien_tensor in = {.n = N, .h = SIDE, .w = SIDE, .c = 3}, out[2];
    size_t values = (size_t)N * SIDE * SIDE * 3, size = 0;
    in.data = malloc(values * sizeof(float));
    for (size_t i = 0; i < values; i++) in.data[i] = (float)(i * 7 % 251);
    assert_int_equal(open_machine(&all, 0, 2), 0);
    assert_int_equal(open_machine(&few, arena_640 + arena_640 / 2, 2), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(mien_net_output_shape(all.net, 0, N, SIDE, SIDE, &out[i]), MIEN_OK);
        size = sizeof(float) * (size_t)out[i].n * (size_t)out[i].h * (size_t)out[i].w *
               (size_t)out[i].c;
        out[i].data = malloc(size);
    }
    assert_int_equal(mien_run(all.net, &in, &out[0], 1), MIEN_OK);
    assert_int_equal(mien_run(few.net, &in, &out[1], 1), MIEN_OK);
    assert_memory_equal(out[0].data, out[1].data, size);
    free(in.data);
    free(out[0].data);
    free(out[1].data);
    close_machine(&all);
    close_machine(&few);
}

static void test_too_big(void **state) {
    (void)state;
    struct machine m;
    assert_int_equal(open_machine(&m, arena_1024 / 2, 2), 0);
    assert_int_equal(mien_net_plan(m.net, 1, 1024, 1024, NULL), MIEN_ETOOBIG);
    assert_non_null(strstr(mien_error(), "1 image of 1024x1024 pixels, more than the"));
    assert_int_equal(mien_memory_used(m.ctx), 0);
    assert_true(detects_as_expected(m.net, 0));
    close_machine(&m);
}

static void test_limits_of_groups(void **state) {
    (void)state;
    assert_int_equal(cgroup_memory_limit("max\n"), 0);
    assert_int_equal(cgroup_memory_limit(""), 0);
    assert_int_equal(cgroup_memory_limit("-1\n"), 0);
    assert_int_equal(cgroup_memory_limit("536870912\n"), 536870912);
    assert_true(mien_memory() > 64u * MB);
    assert_int_equal(mien_memory(), cgroup_memory());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_kept),     cmocka_unit_test(test_threads_wait),
        cmocka_unit_test(test_interrupted),      cmocka_unit_test(test_fewer_at_a_time),
        cmocka_unit_test(test_raw_runs),         cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_limits_of_groups),
    };
    struct machine m;
    int found = open_machine(&m, 0, 1) == 0;
    if (!found) printf("skipped: %s\n", mien_error());
    close_machine(&m);
    return found ? cmocka_run_group_tests(tests, make_expected, free_pictures) : 77;
}
