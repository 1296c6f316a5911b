/* The command enroll: pictures of persons into a gallery, a picture a sample, each on the disk
 * before it is told. */
#include "batches.h"
#include "commands.h"
#include "common/json_values.h"
#include "file_hash.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "recognition/contract.h"
#include "recognition/enrol.h"
#include "recognition/gallery_json.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    char *name; /* of the person, malloc */
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    int is_hashed;
};

struct enrolling {
    const struct options *opt;
    struct shelf shelf;
    int64_t contract;
    struct inputs inputs;          /* that are left to be enrolled */
    struct source *sources;        /* [inputs.count] */
    int counts[ENROL_REFUSED + 1]; /* by enum enrol_outcome */
    int failed;                    /* pictures, of batches_run() */
};

/* A picture's line: what became of it. */
static int tell(struct enrolling *e, const char *path, enum enrol_outcome outcome, json_t *more,
                const char *sentence) {
    json_t *object;
    int failed = 0;

    e->counts[outcome]++;
    if (outcome == ENROL_REFUSED) {
        e->failed++;
        say("%s: %s", path, sentence);
    } else if (e->shelf.as_lines && outcome == ENROL_DONE) {
        printf("%s: %s\n", path, sentence);
        output_flush();
    }
    if (e->shelf.as_lines) {
        json_decref(more);
        return output_broken();
    }
    object = json_object();
    json_value_set(object, "file", json_value_text(path), &failed);
    json_value_set(object, "outcome", json_string(ENROL_OUTCOMES[outcome]), &failed);
    if (outcome == ENROL_REFUSED)
        json_value_set(object, "error", json_value_text(sentence), &failed);
    if (more && json_object_update(object, more)) failed = 1;
    json_decref(more);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
    return output_broken();
}

static struct enrolment wanted(const struct enrolling *e, const struct source *source,
                               const struct input *input) {
    return (struct enrolment){.collection = e->shelf.collection,
                              .contract = e->contract,
                              .person = source->name,
                              .source = input->is_stdin ? NULL : input->path,
                              .hash = source->is_hashed ? source->hash : NULL,
                              .force = e->opt->force,
                              .keep_crop = e->opt->keep_crops,
                              .how_to_force = "--force"};
}

static int say_failed(const struct enrolled *done) {
    say("%s", done->why);
    return EXIT_FAILED;
}

/* What is told of a picture beside its outcome and sentence. */
static json_t *done_json(const char *name, const struct enrolled *done) {
    json_t *object = json_object();
    int failed = 0;

    if (done->person) {
        json_value_set(object, "name", json_value_text(name), &failed);
        json_value_set(object, "person", gallery_json_id(done->person), &failed);
        json_value_set(object, "sample", gallery_json_id(done->sample), &failed);
    }
    if (done->outcome == ENROL_DONE) {
        json_value_set(
            object, "quality",
            done->quality < 0 ? json_null() : json_value_number((double)done->quality, 4), &failed);
        json_value_set(object, "forced", json_value_text(done->forced[0] ? done->forced : NULL),
                       &failed);
    }
    if (done->outcome != ENROL_KNOWN)
        json_value_set(object, "reasons", enrolled_reasons(done, &failed), &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

/* A picture that was enrolled before, or cannot be: for that person. */
static void tell_not(struct enrolling *e, const char *path, const struct enrolled *done) {
    tell(e, path, done->outcome, done_json(done->name, done), done->why);
}

static void tell_done(struct enrolling *e, const char *path, const char *name,
                      const struct enrolled *done) {
    const char *forced = done->forced[0] ? done->forced : NULL;
    char sentence[GATE_SENTENCE + 512];

    snprintf(sentence, sizeof sentence, "is %s%s%s%s", name, forced ? " (" : "",
             forced ? forced : "", forced ? ")" : "");
    tell(e, path, ENROL_DONE, done_json(name, done), sentence);
}

/* Of batches_run(): a gallery that fails ends the run, a picture does not. */
static int take(void *context, struct picture *picture, int i) {
    struct enrolling *e = context;
    const struct source *source = &e->sources[i];
    const struct enrolment want = wanted(e, source, picture->input);
    const char *path = picture->input->path;
    struct enrolled done;

    if (picture->error[0]) {
        size_t n = strlen(path); /* the sentence begins with it, as a rule */
        int named = strncmp(picture->error, path, n) == 0 && picture->error[n] == ':';
        return tell(e, path, ENROL_REFUSED, NULL, picture->error + (named ? n + 2 : 0));
    }
    if (enrol_face(e->shelf.gallery, &want, picture->analysis, &done)) {
        say_failed(&done);
        return -1;
    }
    if (done.outcome == ENROL_DONE)
        tell_done(e, path, source->name, &done);
    else
        tell_not(e, path, &done);
    return output_broken();
}

/* The person of a picture of --folder: the folder it is in; NULL where it is in none. */
static char *name_of(const struct input *input) {
    const char *slash = strchr(input->tail, '/');

    return slash ? strndup(input->tail, (size_t)(slash - input->tail)) : NULL;
}

static char *person_of(const struct enrolling *e, const struct input *input) {
    if (input->error) return strdup("");
    return e->opt->folder ? name_of(input) : strdup(e->opt->args[0]);
}

/* Adds a picture to what is to be enrolled, unless it is known. */
static int choose_one(struct enrolling *e, const struct input *input) {
    struct source source = {.name = person_of(e, input)};
    struct enrolment want;
    struct enrolled done;
    int is_known = 0, status = EXIT_OK;

    if (!source.name) return say_no_memory();
    source.is_hashed = !input->is_stdin && !input->error && file_hash(input->path, source.hash);
    want = wanted(e, &source, input);
    if (enrol_known(e->shelf.gallery, &want, &done, &is_known)) status = say_failed(&done);
    if (!status && is_known) tell_not(e, input->path, &done);
    if (!status && !is_known && inputs_append(&e->inputs, input->path)) status = say_no_memory();
    if (status || is_known) {
        free(source.name);
        return status;
    }
    e->sources[e->inputs.count - 1] = source;
    e->inputs.items[e->inputs.count - 1].is_stdin = input->is_stdin;
    if (input->error) e->inputs.items[e->inputs.count - 1].error = strdup(input->error);
    return EXIT_OK;
}

/* Moves what is to be enrolled to the front of inputs, and says what is not. */
static int choose(struct enrolling *e, struct inputs *all) {
    int status = EXIT_OK;

    e->sources = calloc((size_t)all->count + 1, sizeof *e->sources);
    if (!e->sources) return say_no_memory();
    for (int i = 0; i < all->count && status == EXIT_OK; i++) {
        const struct input *input = &all->items[i];
        if (e->opt->folder && !strchr(input->tail, '/') && !input->error)
            tell(e, input->path, ENROL_REFUSED, NULL, "is in no person's folder");
        else
            status = choose_one(e, input);
    }
    return status;
}

static int enrol(struct enrolling *e, const struct pipeline *p, struct inputs *all) {
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    const char *name = e->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];
    int status = EXIT_OK;

    if (contract_hash(p->networks.ctx, name, hash, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    if (contract_find(e->shelf.gallery, e->shelf.collection, &embedder->info, hash, 1,
                      &e->contract))
        return shelf_say_error();
    if (status == EXIT_OK) status = choose(e, all);
    if (status == EXIT_OK && e->inputs.count)
        status = batches_run(p, &e->inputs, take, e, &e->failed);
    if (e->counts[ENROL_DONE] + e->counts[ENROL_KNOWN] + e->counts[ENROL_REFUSED] != 1 &&
        !output_broken())
        say("enrolled %d, known already %d, refused %d", e->counts[ENROL_DONE],
            e->counts[ENROL_KNOWN], e->counts[ENROL_REFUSED]);
    if (status == EXIT_OK && !output_broken() &&
        e->counts[ENROL_DONE] + e->counts[ENROL_KNOWN] + e->counts[ENROL_REFUSED] != all->count)
        status = EXIT_FAILED; /* the gallery failed, and that was said */
    return status == EXIT_OK && e->counts[ENROL_REFUSED] ? EXIT_FAILED : status;
}

static int expand(const struct options *opt, struct inputs *all) {
    char *folder[] = {(char *)(uintptr_t)opt->folder};

    if (opt->folder ? inputs_expand(folder, 1, NULL, all)
                    : inputs_expand(opt->args + 1, opt->nargs - 1, NULL, all))
        return say_no_memory();
    return EXIT_OK;
}

int cmd_enroll(const struct options *opt) {
    struct options pictures = *opt;
    struct enrolling e = {.opt = opt};
    struct pipeline pipeline = {0};
    struct inputs all = {0};
    struct networks tasks;
    int status;

    if (opt->folder ? opt->nargs > 0 : opt->nargs < 2)
        return say_usage(opt->command_name,
                         "give a name and pictures, or --folder with a folder a person");
    pictures.face = FACE_ALL;
    pictures.quality = 1;
    networks_init(&tasks, NULL);
    status = expand(opt, &all);
    if (status == EXIT_OK)
        status = pipeline_open(&pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = shelf_open(opt, SHELF_MAKE, &e.shelf);
    if (status == EXIT_OK) status = enrol(&e, &pipeline, &all);
    shelf_close(&e.shelf);
    pipeline_close(&pipeline);
    for (int i = 0; e.sources && i < e.inputs.count; i++) free(e.sources[i].name);
    free(e.sources);
    inputs_free(&e.inputs);
    inputs_free(&all);
    return status;
}
