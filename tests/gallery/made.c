#include "made.h"

#include "postgres.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const mien_gallery_options *made_options(void) {
    static const uint8_t key[MIEN_GALLERY_KEY_SIZE] = "the tests' key, of 32 bytes: ab";
    static mien_gallery_options options = {.struct_size = sizeof options, .who = "tester"};

    options.key = getenv("MIEN_TEST_SEALED") ? key : NULL;
    return &options;
}

void made_reopen(struct made *m) {
    mien_gallery_close(m->gallery);
    m->gallery = NULL;
    if (mien_gallery_open(m->path, made_options(), &m->gallery))
        fail_msg("%s", mien_gallery_error());
}

/* In a file; where MIEN_TEST_STORE=postgresql is set, in an empty schema of the tests' server.
 * MIEN_TEST_SEALED=1: an encrypted one. */
static void choose_path(struct made *m) {
    const char *store = getenv("MIEN_TEST_STORE");

    if (store && strcmp(store, "postgresql") == 0) {
        snprintf(m->path, sizeof m->path, "%s", postgres_address());
        postgres_query("DROP SCHEMA IF EXISTS mien_gallery CASCADE");
        postgres_query("DROP SCHEMA IF EXISTS mien_gallery_keys CASCADE");
    } else {
        snprintf(m->path, sizeof m->path, "%s/gallery.db", m->folder);
    }
}

int made_setup(void **state) {
    struct made *m = calloc(1, sizeof *m);
    mien_gallery_contract contract = {
        .struct_size = sizeof contract, .name = "net", .hash = "abc", .dims = MADE_DIMS};

    assert_non_null(m);
    strcpy(m->folder, "/tmp/mien-gallery-XXXXXX");
    assert_non_null(mkdtemp(m->folder));
    choose_path(m);
    made_reopen(m);
    assert_int_equal(mien_gallery_collection_use(m->gallery, "default", 1, &m->collection), 0);
    assert_int_equal(mien_gallery_contract_use(m->gallery, &contract, &m->contract), 0);
    *state = m;
    return 0;
}

int made_teardown(void **state) {
    struct made *m = *state;
    char command[128];

    mien_gallery_close(m->gallery);
    snprintf(command, sizeof command, "rm -rf %s", m->folder);
    int status = system(command);
    free(m);
    return status;
}

/* Splitmix64's numbers. */
void made_embedding(int number, float *v) {
    uint64_t seed = (uint64_t)number * 0x9e3779b97f4a7c15U + 1;
    double sum = 0;

    for (int i = 0; i < MADE_DIMS; i++) {
        uint64_t z = seed += 0x9e3779b97f4a7c15U;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
        z = (z ^ z >> 27) * 0x94d049bb133111ebU;
        v[i] = (float)((double)(z >> 11) * 0x1p-52 - 1);
        sum += (double)v[i] * (double)v[i];
    }
    for (int i = 0; i < MADE_DIMS; i++) v[i] = (float)((double)v[i] / sqrt(sum));
}

int64_t made_person(struct made *m, const char *name) {
    mien_gallery_person person = {
        .struct_size = sizeof person, .collection = m->collection, .name = name};
    int64_t id;

    if (mien_gallery_person_add(m->gallery, &person, &id)) fail_msg("%s", mien_gallery_error());
    return id;
}

int64_t made_sample(struct made *m, int64_t person, int number) {
    float v[MADE_DIMS];
    mien_gallery_sample sample = {.struct_size = sizeof sample,
                                  .person = person,
                                  .contract = m->contract,
                                  .embedding = v,
                                  .dims = MADE_DIMS,
                                  .quality = -1};
    int64_t id;

    made_embedding(number, v);
    if (mien_gallery_samples_add(m->gallery, &sample, 1, &id)) fail_msg("%s", mien_gallery_error());
    return id;
}

static int see_person_of(void *context, const mien_gallery_sample *sample) {
    *(int64_t *)context = sample->person;
    return 0;
}

int64_t made_person_of(struct made *m, int64_t sample) {
    int64_t person = 0;

    mien_gallery_sample_get(m->gallery, sample, see_person_of, &person);
    return person;
}

struct seen {
    int64_t samples;
    char name[64];
};

static int see_person(void *context, const mien_gallery_person *person) {
    struct seen *seen = context;

    seen->samples = person->samples;
    snprintf(seen->name, sizeof seen->name, "%s", person->name);
    return 0;
}

int made_count(struct made *m, int64_t person) {
    struct seen seen = {.samples = -1};

    mien_gallery_person_get(m->gallery, person, see_person, &seen);
    return (int)seen.samples;
}

const char *made_name(struct made *m, int64_t person) {
    static struct seen seen;

    assert_int_equal(mien_gallery_person_get(m->gallery, person, see_person, &seen), 0);
    return seen.name;
}

static int see_event(void *context, const mien_gallery_event *event) {
    *(int64_t *)context = event->id;
    return 0;
}

int64_t made_last_event(struct made *m) {
    int64_t last = 0;

    assert_int_equal(mien_gallery_events(m->gallery, 0, 0, 0, see_event, &last), 0);
    return last;
}

static int print_problem(void *context, const char *sentence) {
    (void)context;
    print_message("%s\n", sentence);
    return 0;
}

int made_problems(struct made *m) {
    int problems = -1;

    if (mien_gallery_check(m->gallery, print_problem, NULL, &problems))
        fail_msg("%s", mien_gallery_error());
    return problems;
}
