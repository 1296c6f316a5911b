/* Analyses through the default networks: what runs with what, and that a picture's results are its
 * own, whatever it ran with. */
#include "analysis/analysis.h"
#include "analysis/describe.h"
#include "analysis/result_json.h"
#include "analysis/seed_json.h"
#include "common/json_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PICTURES = 3 };

static struct networks networks;
static mien_image *pictures[PICTURES];

static const struct analysis_options all = {
    .steps = ~0U,
    .told.of[MIEN_TASK_ATTRIBUTES - 1] = ~(uint64_t)0,
    .detect = {.struct_size = sizeof all.detect,
               .threshold = .5f,
               .nms = .4f,
               .size = -1,
               .max_faces = 50},
    .top = 3,
};

/* A runner that counts what is submitted between two waits. */
struct counting {
    struct runner runner;
    struct direct_runner direct;
    int submitted, rounds[4], nrounds, gives_up;
};

static void count_submit(struct runner *r, struct item *item) {
    struct counting *c = (struct counting *)r;
    c->submitted++;
    c->direct.runner.submit(&c->direct.runner, item);
}

static int count_wait(struct runner *r) {
    struct counting *c = (struct counting *)r;
    assert_true(c->nrounds < 4);
    c->rounds[c->nrounds++] = c->submitted;
    c->submitted = 0;
    int rc = c->direct.runner.wait(&c->direct.runner);
    return c->gives_up ? -1 : rc;
}

static void counting_init(struct counting *c) {
    *c = (struct counting){.runner = {.submit = count_submit, .wait = count_wait}};
    direct_runner_init(&c->direct);
}

static char *text_of(const struct analysis *a) {
    int failed = 0;
    json_t *object = json_object();
    result_add_size(object, a, &failed);
    result_add_faces(object, a, &failed);
    result_add_picture(object, a, &failed);
    assert_int_equal(failed, 0);
    char *text = json_dumps(object, JSON_VALUES_DUMP);
    json_decref(object);
    return text;
}

/* Analyses n pictures from `first` on together; texts: [n], to be freed. */
static void analyze(struct counting *c, int first, int n, const struct analysis_options *options,
                    char **texts) {
    struct analysis *list[PICTURES];
    for (int i = 0; i < n; i++) {
        list[i] = malloc(sizeof *list[i]);
        analysis_begin(list[i], &networks, options, pictures[first + i], &c->runner);
    }
    assert_int_equal(analysis_end(list, n, &c->runner), 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(list[i]->rc, MIEN_OK);
        texts[i] = text_of(list[i]);
        analysis_free(list[i]);
        free(list[i]);
    }
}

/* All pictures' first steps run before any second one, and nothing is run twice. */
static void test_steps_wait_for_faces(void **state) {
    (void)state;
    struct counting c;
    char *texts[PICTURES];
    counting_init(&c);
    analyze(&c, 0, PICTURES, &all, texts);
    assert_int_equal(c.nrounds, 2);
    assert_int_equal(c.rounds[0], 2 * PICTURES);
    /* Each sample photo has a face; who tells its age reads the embedder's features, in one run. */
    assert_int_equal(c.rounds[1], PICTURES);
    for (int i = 0; i < PICTURES; i++) free(texts[i]);
}

static void test_together_as_alone(void **state) {
    (void)state;
    char *together[PICTURES];
    struct counting c;
    counting_init(&c);
    analyze(&c, 0, PICTURES, &all, together);
    for (int i = 0; i < PICTURES; i++) {
        char *alone;
        counting_init(&c);
        analyze(&c, i, 1, &all, &alone);
        assert_string_equal(together[i], alone);
        free(alone);
        free(together[i]);
    }
}

static void test_only_what_is_wanted(void **state) {
    (void)state;
    struct analysis_options classes = all;
    struct counting c;
    char *text;
    classes.steps = analysis_steps(&networks, MIEN_RESULT_CLASSES);
    counting_init(&c);
    analyze(&c, 0, 1, &classes, &text);
    assert_int_equal(c.nrounds, 1);
    assert_int_equal(c.rounds[0], 1);
    assert_non_null(strstr(text, "\"faces\": []"));
    assert_null(strstr(text, "\"main\""));
    free(text);

    steps_t embed = analysis_steps(&networks, MIEN_RESULT_EMBEDDING);
    assert_int_equal(analysis_with_needs(&networks, embed),
                     embed | analysis_steps(&networks, MIEN_RESULT_FACES));
    assert_int_equal(analysis_with_needs(&networks, classes.steps), classes.steps);
}

static void test_reduced_decoding(void **state) {
    (void)state;
    struct analysis_options o = all;
    assert_int_equal(analysis_min_side(&networks, &o), 0);
    o.steps = analysis_steps(&networks, MIEN_RESULT_FACES);
    assert_int_equal(analysis_min_side(&networks, &o), 640);
    o.detect.size = 320;
    assert_int_equal(analysis_min_side(&networks, &o), 320);
    o.detect.size = 0;
    assert_int_equal(analysis_min_side(&networks, &o), 0);
    o.detect.size = -1;
    o.all_pixels = 1;
    assert_int_equal(analysis_min_side(&networks, &o), 0);
}

static void test_given_up(void **state) {
    (void)state;
    struct analysis *a = malloc(sizeof *a);
    struct counting c;
    counting_init(&c);
    c.gives_up = 1;
    analysis_begin(a, &networks, &all, pictures[0], &c.runner);
    assert_int_equal(analysis_end(&a, 1, &c.runner), -1);
    analysis_free(a); /* what ran all the same is freed, too */
    free(a);
}

/* Where the first value of an attribute lies in its network's values. */
static int first_of(const mien_net *net, const char *name) {
    mien_attribute one = {.struct_size = sizeof one};
    for (int t = 0; mien_attribute_at(net, t, &one) == MIEN_OK; t++)
        if (strcmp(one.name, name) == 0) return one.first;
    return -1;
}

static void test_labels(void **state) {
    (void)state;
    struct analysis *a = malloc(sizeof *a);
    struct counting c;
    struct analysis_options o = all;
    char text[64], tiny[14];
    assert_int_equal(networks_tell(&networks, "default", &o.told, text, sizeof text), 0);
    counting_init(&c);
    analysis_begin(a, &networks, &o, pictures[0], &c.runner);
    assert_int_equal(analysis_end(&a, 1, &c.runner), 0);
    const struct item *told = analysis_item(a, MIEN_RESULT_ATTRIBUTES);
    float *age = told->values + first_of(told->network->net, "age");       /* and its interval */
    float *gender = told->values + first_of(told->network->net, "gender"); /* male, female */
    age[0] = 29.4f;
    age[1] = 21.6f;
    age[2] = 38.2f;
    gender[0] = 0.004f;
    gender[1] = 0.996f; /* is not shown as certain */
    assert_string_equal(describe_face(a, 0, text, sizeof text), "female 0.99, age 29 (22-38)");
    /* Parts are left out whole. */
    assert_string_equal(describe_face(a, 0, tiny, sizeof tiny), "female 0.99");
    gender[0] = 0.59f;
    gender[1] = 0.41f;
    assert_string_equal(describe_face(a, 0, text, sizeof text), "gender unsure, age 29 (22-38)");
    a->faces[0].box[2] = a->faces[0].box[0] + 39;
    assert_string_equal(describe_face(a, 0, text, sizeof text), "too small to judge");
    analysis_free(a);
    free(a);
}

static void test_aligned(void **state) {
    (void)state;
    struct analysis_options o = all;
    struct analysis *a = malloc(sizeof *a);
    struct counting c;
    mien_image *crop;
    o.steps = analysis_steps(&networks, MIEN_RESULT_EMBEDDING);
    o.aligned = 1;
    counting_init(&c);
    analysis_begin(a, &networks, &o, pictures[0], &c.runner); /* not of a crop's size */
    assert_int_equal(analysis_end(&a, 1, &c.runner), 0);
    assert_int_equal(a->rc, MIEN_EINVAL);
    analysis_free(a);

    assert_int_equal(mien_image_new(MIEN_CROP_SIDE, MIEN_CROP_SIDE, &crop), 0);
    counting_init(&c);
    analysis_begin(a, &networks, &o, crop, &c.runner);
    assert_int_equal(analysis_end(&a, 1, &c.runner), 0);
    assert_int_equal(c.rounds[0], 1);
    assert_int_equal(a->nfaces, 1);
    const struct item *e = analysis_item(a, MIEN_RESULT_EMBEDDING);
    assert_true(fabsf(mien_similarity(e->values, e->values, item_width(e->network)) - 1) < 1e-5f);
    analysis_free(a);
    free(a);
    mien_image_free(crop);
}

/* Faces that another analysis has found, of a turned picture too, are told the same of. */
static void test_given_faces(void **state) {
    (void)state;
    struct analysis_options o = all;
    struct counting c;
    o.steps &= ~analysis_steps(&networks, MIEN_RESULT_CLASSES);
    for (int turn = 0; turn <= 90; turn += 90) {
        struct analysis *found = malloc(sizeof *found), *again = malloc(sizeof *again);
        mien_image *image;
        o.given = NULL;
        o.detect.search = MIEN_SEARCH_AUTO;
        assert_int_equal(mien_image_turn(pictures[0], turn, &image), MIEN_OK);
        counting_init(&c);
        analysis_begin(found, &networks, &o, image, &c.runner);
        assert_int_equal(analysis_end(&found, 1, &c.runner), 0);
        assert_int_equal(found->turned, (360 - turn) % 360);
        assert_true(found->nfaces > 0);
        const struct analysis_given given = {
            .faces = found->faces, .n = found->nfaces, .turned = found->turned};
        o.given = &given;
        counting_init(&c);
        analysis_begin(again, &networks, &o, image, &c.runner);
        assert_int_equal(c.submitted, 1); /* nothing is looked for */
        assert_int_equal(analysis_end(&again, 1, &c.runner), 0);
        char *want = text_of(found), *got = text_of(again);
        assert_string_equal(got, want);
        free(want);
        free(got);
        analysis_free(found);
        analysis_free(again);
        free(found);
        free(again);
        mien_image_free(image);
    }
}

/* The shape of face analysis as services: names, forms, and which group or label is told. */
static void test_seed(void **state) {
    (void)state;
    struct analysis *a = malloc(sizeof *a);
    struct analysis_options o = all;
    struct counting c;
    int failed = 0;
    counting_init(&c);
    analysis_begin(a, &networks, &o, pictures[0], &c.runner);
    assert_int_equal(analysis_end(&a, 1, &c.runner), 0);
    const struct item *told = analysis_item(a, MIEN_RESULT_ATTRIBUTES);
    float *gender = told->values + first_of(told->network->net, "gender"); /* male, female */
    float *groups = told->values + first_of(told->network->net, "age") + 3;
    const float shares[] = {0, 0, 0, 0.71f, 0.29f}; /* 0-2 3-9 10-19 20-29 30-39 */
    a->nfaces = 1;
    memcpy(a->faces[0].box, (float[]){99.6f, 150.2f, 200.4f, 249.5f}, sizeof a->faces[0].box);
    a->faces[0].score = 0.92f;
    gender[0] = 0.09f;
    gender[1] = 0.91f;
    for (int i = 0; i < 5; i++) groups[i] = shares[i];
    for (int i = 5; i < 9; i++) groups[i] = 0;
    json_t *value =
        seed_json("test_image_1.jpg", a,
                  (struct timespec){.tv_sec = 1692027045, .tv_nsec = 123456789}, &failed);
    assert_int_equal(failed, 0);
    char *text = json_dumps(value, JSON_VALUES_DUMP);
    assert_string_equal(
        text, "{\"image_id\": \"test_image_1.jpg\", \"faces\": [{\"bbox\": [100, 150, 200, 250], "
              "\"confidence\": 0.92, \"age\": \"20-29\", \"age_confidence\": 0.71, "
              "\"gender\": \"Female\", \"gender_confidence\": 0.91}], "
              "\"processing_time\": \"2023-08-14T15:30:45.123456\"}");
    free(text);
    json_decref(value);
    a->done = 0; /* as where no network tells anything */
    for (int i = 0; i < networks.n; i++) item_clear(&a->item[i]);
    value = seed_told(a, 0, &failed);
    text = json_dumps(value, JSON_VALUES_DUMP);
    assert_string_equal(text, "{\"age\": null, \"age_confidence\": null, \"gender\": null, "
                              "\"gender_confidence\": null}");
    free(text);
    json_decref(value);
    analysis_free(a);
    free(a);
}

static int fails(void *context, int from, int n) {
    (void)from;
    (void)n;
    mien_net *none;
    mien_ctx *ctx = context;
    return mien_net_load(ctx, "no-such-network", &none);
}

/* Runs an item of many faces in pieces of one, as a batcher that looks at the deadline between. */
static void submit_in_pieces(struct runner *r, struct item *item) {
    if (item->call)
        while (item->ran < item->n) item_run_piece(item, 1);
    else
        count_submit(r, item);
}

/* Faces are measured by an item of as many, which can be given up; in pieces it is the same. */
static void test_measures(void **state) {
    (void)state;
    struct analysis_options o = all;
    struct counting c;
    char *whole, *pieces;
    o.quality = 1;
    counting_init(&c);
    analyze(&c, 0, 1, &o, &whole);
    assert_int_equal(c.nrounds, 2);
    assert_int_equal(c.rounds[1], 1 + 1);
    assert_non_null(strstr(whole, "\"quality\": "));
    counting_init(&c);
    c.runner.submit = submit_in_pieces;
    analyze(&c, 0, 1, &o, &pieces);
    assert_int_equal(c.rounds[1], 1);
    assert_string_equal(whole, pieces);
    free(whole);
    free(pieces);
}

/* An item that brings its own work runs alone, and its error is its own. */
static void test_calls(void **state) {
    (void)state;
    struct direct_runner r;
    struct item good = {
        .network = &networks.at[0], .image = pictures[0], .n = 1, .detect = &all.detect};
    struct item bad = {.call = fails, .context = networks.ctx, .n = 1};
    direct_runner_init(&r);
    r.runner.submit(&r.runner, &bad);
    r.runner.submit(&r.runner, &good);
    assert_int_equal(r.runner.wait(&r.runner), 0);
    assert_int_equal(bad.rc, MIEN_EIO);
    assert_non_null(strstr(bad.why, "no-such-network"));
    assert_int_equal(good.rc, MIEN_OK);
    assert_true(good.nfound > 0);
    item_clear(&good);
}

/* An item in pieces gives what it gives in one run, bit for bit. */
static void test_pieces_give_the_same(void **state) {
    (void)state;
    enum { FACES = 5, PIECE = 2 };
    mien_face faces[FACES];
    for (int i = 0; i < FACES; i++) {
        mien_crop_face(&faces[i]);
        for (int k = 0; k < 5; k++) faces[i].landmarks[k][0] += (float)(3 * i);
    }
    for (int i = 0; i < networks.n; i++) {
        if (!networks.at[i].net || networks.at[i].task.item != MIEN_ITEM_FACE) continue;
        struct item whole = {
            .network = &networks.at[i], .image = pictures[0], .faces = faces, .n = FACES};
        struct item pieces = whole, *one = &whole;
        int runs = 0;
        items_run(&one, 1);
        for (; pieces.ran < FACES; runs++)
            item_run_piece(&pieces, FACES - pieces.ran < PIECE ? FACES - pieces.ran : PIECE);
        assert_int_equal(runs, 3);
        assert_int_equal(whole.rc, MIEN_OK);
        assert_int_equal(pieces.rc, MIEN_OK);
        assert_memory_equal(pieces.values, whole.values,
                            FACES * (size_t)item_width(whole.network) * sizeof(float));
        item_clear(&whole);
        item_clear(&pieces);
    }
}

static int load_all(void) {
    char path[4096];
    for (int i = 0; i < networks.n; i++) {
        struct network *n = &networks.at[i];
        if (!n->task.default_network) continue;
        if (mien_net_load(networks.ctx, n->task.default_network, &n->net) ||
            mien_net_info_get(n->net, &n->info))
            return -1;
    }
    for (int i = 0; i < PICTURES; i++) {
        snprintf(path, sizeof path, "%s/photos/sample%d.jpg", mien_weights_dir(networks.ctx),
                 i + 1);
        if (mien_image_load(networks.ctx, path, NULL, &pictures[i])) return -1;
    }
    return 0;
}

/* Of a run's size a picture that is searched is several; the rest is what it is. */
static void test_looks(void **state) {
    (void)state;
    mien_detect_options options = {.struct_size = sizeof options, .search = MIEN_SEARCH_FAST};
    struct item item = {.n = 1, .detect = &options}, faces = {.n = 3};
    assert_int_equal(item_looks(&item), 1);
    options.search = MIEN_SEARCH_AUTO;
    assert_true(item_looks(&item) > 1);
    assert_int_equal(item_looks(&faces), 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_wait_for_faces),
        cmocka_unit_test(test_together_as_alone),
        cmocka_unit_test(test_only_what_is_wanted),
        cmocka_unit_test(test_reduced_decoding),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_aligned),
        cmocka_unit_test(test_given_faces),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_measures),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_pieces_give_the_same),
        cmocka_unit_test(test_looks),
    };
    mien_ctx *ctx;
    if (mien_open(NULL, &ctx)) return fprintf(stderr, "%s\n", mien_error()), 1;
    networks_init(&networks, ctx);
    int rc = load_all();
    if (rc)
        printf("skipped: %s\n", mien_error());
    else
        rc = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < PICTURES; i++) mien_image_free(pictures[i]);
    networks_free(&networks);
    mien_close(ctx);
    return rc < 0 ? 77 : rc;
}
