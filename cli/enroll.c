/* The command enroll: pictures of persons into a gallery, a picture a sample, each on the disk
 * before it is told. */
#include "batches.h"
#include "commands.h"
#include "common/json_values.h"
#include "contract.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What became of a picture. */
enum outcome { ENROLLED, KNOWN, REFUSED };

struct source {
    char *name; /* of the person, malloc */
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    int is_hashed;
};

struct enrolment {
    const struct options *opt;
    struct shelf shelf;
    int64_t contract;
    struct inputs inputs;    /* that are left to be enrolled */
    struct source *sources;  /* [inputs.count] */
    int counts[REFUSED + 1]; /* by enum outcome */
    int failed;              /* pictures, of batches_run() */
};

/* The SHA-256 of a file. Where it cannot be read, the pipeline says so. */
static void hash_file(const char *path, struct source *source) {
    FILE *in = fopen(path, "rbe");
    struct stat st;
    uint8_t *bytes = NULL;
    size_t n = 0;

    if (!in) return;
    if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= INPUT_MAX) {
        bytes = malloc((size_t)st.st_size + 1);
        if (bytes) n = fread(bytes, 1, (size_t)st.st_size, in);
        source->is_hashed = bytes && n == (size_t)st.st_size;
        if (source->is_hashed) mien_gallery_hash(bytes, n, source->hash);
    }
    free(bytes);
    fclose(in);
}

/* A picture's line: what became of it. */
static int tell(struct enrolment *e, const char *path, enum outcome outcome, json_t *more,
                const char *sentence) {
    static const char *const words[] = {"enrolled", "known", "refused"};
    json_t *object;
    int failed = 0;

    e->counts[outcome]++;
    if (outcome == REFUSED) {
        e->failed++;
        say("%s: %s", path, sentence);
    } else if (e->shelf.as_lines && outcome == ENROLLED) {
        printf("%s: %s\n", path, sentence);
        output_flush();
    }
    if (e->shelf.as_lines) {
        json_decref(more);
        return output_broken();
    }
    object = json_object();
    json_value_set(object, "file", json_value_text(path), &failed);
    json_value_set(object, "outcome", json_string(words[outcome]), &failed);
    if (outcome == REFUSED) json_value_set(object, "error", json_value_text(sentence), &failed);
    if (more && json_object_update(object, more)) failed = 1;
    json_decref(more);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
    return output_broken();
}

struct known {
    int64_t person;
    char name[256];
};

static int see_sample(void *context, const mien_gallery_sample *s) {
    ((struct known *)context)->person = s->person;
    return 0;
}

static int see_person(void *context, const mien_gallery_person *p) {
    struct known *known = context;

    snprintf(known->name, sizeof known->name, "%s", p->name);
    return 0;
}

/* Whether the picture was enrolled before: *is_known, and told. */
static int check_known(struct enrolment *e, const char *path, const struct source *source,
                       int *is_known) {
    struct known known = {0};
    int64_t sample = 0;
    char sentence[400], id[MIEN_GALLERY_ID_SIZE];
    int same;

    *is_known = 0;
    if (!source->is_hashed) return EXIT_OK;
    if (mien_gallery_source_find(e->shelf.gallery, e->shelf.collection, e->contract, source->hash,
                                 &sample))
        return shelf_say_error();
    if (!sample) return EXIT_OK;
    *is_known = 1;
    if (mien_gallery_sample_get(e->shelf.gallery, sample, see_sample, &known) ||
        mien_gallery_person_get(e->shelf.gallery, known.person, see_person, &known))
        return shelf_say_error();
    same = strcmp(known.name, source->name) == 0 ||
           strcmp(mien_gallery_id_text(known.person, id), source->name) == 0;
    snprintf(sentence, sizeof sentence, "was enrolled already, for %s", known.name);
    tell(e, path, same ? KNOWN : REFUSED,
         json_pack("{s:o, s:o, s:o}", "name", json_value_text(known.name), "person",
                   shelf_id(known.person), "sample", shelf_id(sample)),
         sentence);
    return EXIT_OK;
}

static int largest(const struct analysis *a) {
    int best = 0;
    float most = -1;

    for (int i = 0; i < a->nfaces; i++) {
        const float *b = a->faces[i].box;
        float area = (b[2] - b[0]) * (b[3] - b[1]);
        if (area > most) best = i;
        if (area > most) most = area;
    }
    return best;
}

/* The person of that name, who is made where there is none; within a transaction. */
static int find_person(struct enrolment *e, const char *name, int64_t *person) {
    mien_gallery_person made = {
        .struct_size = sizeof made, .collection = e->shelf.collection, .name = name};
    int status = shelf_person(&e->shelf, name, 1, person);

    if (status || *person) return status;
    return mien_gallery_person_add(e->shelf.gallery, &made, person) ? shelf_say_error() : EXIT_OK;
}

static int store(struct enrolment *e, const struct picture *picture, const struct source *source,
                 int face, const char *forced) {
    const struct analysis *a = picture->analysis;
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    int width = item_width(item->network), is_aligned = e->opt->aligned;
    int64_t person = 0, id = 0;
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .contract = e->contract,
                             .embedding = item->values + (size_t)face * (size_t)width,
                             .dims = width,
                             .quality = -1,
                             .source = picture->input->is_stdin ? NULL : picture->input->path,
                             .source_hash = source->is_hashed ? source->hash : NULL,
                             .forced = forced};
    char sentence[512];

    memcpy(s.box, a->faces[face].box, sizeof s.box);
    if (!is_aligned && a->measures && a->measures[face].known)
        s.quality = a->measures[face].quality.score;
    if (mien_gallery_begin(e->shelf.gallery)) return shelf_say_error();
    if (find_person(e, source->name, &person)) {
        mien_gallery_rollback(e->shelf.gallery);
        return EXIT_FAILED;
    }
    s.person = person;
    if (mien_gallery_samples_add(e->shelf.gallery, &s, 1, &id)) {
        shelf_say_error();
        mien_gallery_rollback(e->shelf.gallery);
        return EXIT_FAILED;
    }
    if (mien_gallery_commit(e->shelf.gallery)) return shelf_say_error();
    snprintf(sentence, sizeof sentence, "is %s%s%s%s", source->name, forced ? " (" : "",
             forced ? forced : "", forced ? ")" : "");
    tell(e, picture->input->path, ENROLLED,
         json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_value_text(source->name), "person",
                   shelf_id(person), "sample", shelf_id(id), "quality",
                   s.quality < 0 ? json_null() : json_value_number((double)s.quality, 4), "forced",
                   json_value_text(forced)),
         sentence);
    return EXIT_OK;
}

/* Of batches_run(): a gallery that fails ends the run, a picture does not. */
static int take(void *context, struct picture *picture, int i) {
    struct enrolment *e = context;
    const struct source *source = &e->sources[i];
    const struct analysis *a = picture->analysis;
    const char *path = picture->input->path;
    char several[64];
    int is_known;

    if (picture->error[0]) {
        size_t n = strlen(path); /* the sentence begins with it, as a rule */
        int named = strncmp(picture->error, path, n) == 0 && picture->error[n] == ':';
        return tell(e, path, REFUSED, NULL, picture->error + (named ? n + 2 : 0));
    }
    if (a->nfaces == 0) return tell(e, path, REFUSED, NULL, "no face was found");
    snprintf(several, sizeof several, "the largest of %d faces", a->nfaces);
    if (a->nfaces > 1 && !e->opt->force)
        return tell(e, path, REFUSED, NULL, "several faces were found: --force takes the largest");
    if (check_known(e, path, source, &is_known)) return -1; /* twice in one run */
    if (is_known) return output_broken();
    if (store(e, picture, source, largest(a), a->nfaces > 1 ? several : NULL)) return -1;
    return output_broken();
}

/* The person of a picture of --folder: the folder it is in; NULL where it is in none. */
static char *name_of(const struct input *input) {
    const char *slash = strchr(input->tail, '/');

    return slash ? strndup(input->tail, (size_t)(slash - input->tail)) : NULL;
}

static char *person_of(const struct enrolment *e, const struct input *input) {
    if (input->error) return strdup("");
    return e->opt->folder ? name_of(input) : strdup(e->opt->args[0]);
}

/* Adds a picture to what is to be enrolled, unless it is known. */
static int choose_one(struct enrolment *e, const struct input *input) {
    struct source source = {.name = person_of(e, input)};
    int is_known = 0, status;

    if (!source.name) return say_no_memory();
    if (!input->is_stdin && !input->error) hash_file(input->path, &source);
    status = check_known(e, input->path, &source, &is_known);
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
static int choose(struct enrolment *e, struct inputs *all) {
    int status = EXIT_OK;

    e->sources = calloc((size_t)all->count + 1, sizeof *e->sources);
    if (!e->sources) return say_no_memory();
    for (int i = 0; i < all->count && status == EXIT_OK; i++) {
        const struct input *input = &all->items[i];
        if (e->opt->folder && !strchr(input->tail, '/') && !input->error)
            tell(e, input->path, REFUSED, NULL, "is in no person's folder");
        else
            status = choose_one(e, input);
    }
    return status;
}

static int enrol(struct enrolment *e, const struct pipeline *p, struct inputs *all) {
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    int task = networks_task_giving(MIEN_RESULT_EMBEDDING);
    int status = contract_find(&e->shelf, p->networks.ctx, e->opt->network[task], &embedder->info,
                               1, &e->contract);

    if (status == EXIT_OK) status = choose(e, all);
    if (status == EXIT_OK && e->inputs.count)
        status = batches_run(p, &e->inputs, take, e, &e->failed);
    if (e->counts[ENROLLED] + e->counts[KNOWN] + e->counts[REFUSED] != 1 && !output_broken())
        say("enrolled %d, known already %d, refused %d", e->counts[ENROLLED], e->counts[KNOWN],
            e->counts[REFUSED]);
    if (status == EXIT_OK && !output_broken() &&
        e->counts[ENROLLED] + e->counts[KNOWN] + e->counts[REFUSED] != all->count)
        status = EXIT_FAILED; /* the gallery failed, and that was said */
    return status == EXIT_OK && e->counts[REFUSED] ? EXIT_FAILED : status;
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
    struct enrolment e = {.opt = opt};
    struct pipeline pipeline = {0};
    struct inputs all = {0};
    struct networks tasks;
    int status;

    if (opt->folder ? opt->nargs > 0 : opt->nargs < 2)
        return say_usage(opt->command_name,
                         "give a name and pictures, or --folder with a folder a person");
    pictures.face = FACE_ALL;
    pictures.quality = !opt->aligned;
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
