/* The command identify: who the faces of pictures are, among the people of a gallery. */
#include "analysis/judge.h"
#include "analysis/result_json.h"
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

enum { NAME_SHOWN = 256 };

struct identifying {
    const struct options *opt;
    struct shelf shelf;
    int64_t contract, samples; /* samples: of the collection */
    struct judge_limits limits;
    int is_measured; /* the limits are those of opt->fpir and the gallery's size */
    int failed;      /* pictures, of batches_run() */
    int stopped;     /* by the gallery, which said so */
};

/* What is said of a face: the names of those it is like, best first. */
struct answer {
    const mien_face *face;
    const mien_gallery_match *matches;
    int n;
    const char *verdict; /* "likely the same", "unsure", "unknown" */
    const char *reason;  /* why it is unknown; NULL where it is not */
};

static int copy_name(void *context, const mien_gallery_person *p) {
    snprintf(context, NAME_SHOWN, "%s", *p->name ? p->name : "(no name)");
    return 0;
}

/* The name of a person who may have been deleted since. */
static const char *name_of(const struct shelf *shelf, int64_t person, char out[NAME_SHOWN]) {
    if (mien_gallery_person_get(shelf->gallery, person, copy_name, out))
        mien_gallery_id_text(person, out);
    return out;
}

static struct answer judge(const struct identifying *in, const mien_face *face,
                           const mien_gallery_match *matches, int n) {
    struct answer a = {.face = face, .matches = matches, .n = n, .verdict = "unknown"};
    double best = n ? (double)matches[0].similarity : -1;

    if (n && best >= in->limits.same)
        a.verdict = "likely the same";
    else if (n && best >= in->limits.unsure)
        a.verdict = "unsure";
    else
        a.reason = n ? "not_alike" : "nobody_enrolled";
    return a;
}

static json_t *match_json(const struct identifying *in, const mien_gallery_match *match,
                          int *failed) {
    char name[NAME_SHOWN];
    json_t *object = json_object();

    json_value_set(object, "person", shelf_id(match->person), failed);
    json_value_set(object, "name", json_value_text(name_of(&in->shelf, match->person, name)),
                   failed);
    json_value_set(object, "sample", shelf_id(match->sample), failed);
    json_value_set(object, "similarity", result_score(match->similarity), failed);
    return object;
}

static json_t *answer_json(const struct identifying *in, const struct answer *a, int *failed) {
    json_t *object = result_found(a->face, failed), *list = json_array();

    for (int i = 0; i < a->n; i++)
        json_value_append(list, match_json(in, &a->matches[i], failed), failed);
    json_value_set(object, "verdict", json_string(a->verdict), failed);
    if (a->reason) json_value_set(object, "reason", json_string(a->reason), failed);
    json_value_set(object, "matches", list, failed);
    return object;
}

static void print_answer(const struct identifying *in, const char *path, const struct answer *a) {
    char name[NAME_SHOWN];

    printf("%s: face at %.0f,%.0f: ", path, (double)a->face->box[0], (double)a->face->box[1]);
    if (strcmp(a->verdict, "likely the same") == 0)
        printf("%s", name_of(&in->shelf, a->matches[0].person, name));
    else if (strcmp(a->verdict, "unsure") == 0)
        printf("unsure, perhaps %s", name_of(&in->shelf, a->matches[0].person, name));
    else
        printf("unknown");
    if (a->n) printf(" (similarity %.2f)", (double)a->matches[0].similarity);
    putchar('\n');
}

/* Tells of all faces of a picture; counts: [nfaces], matches: [nfaces][top]. */
static void tell(const struct identifying *in, const struct picture *picture,
                 const mien_gallery_match *matches, const int *counts) {
    const struct analysis *a = picture->analysis;
    json_t *object = in->shelf.as_lines ? NULL : json_object(), *list = json_array();
    int failed = 0;

    if (in->shelf.as_lines && a->nfaces == 0) printf("%s: no face\n", picture->input->path);
    for (int i = 0; i < a->nfaces; i++) {
        struct answer answer =
            judge(in, &a->faces[i], matches + (size_t)i * (size_t)in->opt->top, counts[i]);
        if (in->shelf.as_lines)
            print_answer(in, picture->input->path, &answer);
        else
            json_value_append(list, answer_json(in, &answer, &failed), &failed);
    }
    if (in->shelf.as_lines) {
        json_decref(list);
        output_flush();
        return;
    }
    json_value_set(object, "file", json_value_text(picture->input->path), &failed);
    result_add_size(object, a, &failed);
    json_value_set(object, "threshold", json_value_number(in->limits.same, 6), &failed);
    if (in->is_measured)
        json_value_set(object, "fpir", json_value_number(in->opt->fpir, 6), &failed);
    json_value_set(object, "faces", list, &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
}

static int identify(struct identifying *in, const struct picture *picture) {
    const struct analysis *a = picture->analysis;
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    size_t n = (size_t)a->nfaces, k = (size_t)in->opt->top;
    mien_gallery_match *matches = calloc(n * k + 1, sizeof *matches);
    int *counts = calloc(n + 1, sizeof *counts), status = EXIT_OK;

    if (!matches || !counts) status = say_no_memory();
    if (status == EXIT_OK && n && in->contract && in->shelf.collection &&
        mien_gallery_identify(in->shelf.gallery, in->shelf.collection, in->contract, item->values,
                              a->nfaces, in->opt->top, matches, counts))
        status = shelf_say_error();
    if (status == EXIT_OK) tell(in, picture, matches, counts);
    free(matches);
    free(counts);
    return status;
}

static void tell_failure(const struct identifying *in, const struct picture *picture) {
    say("%s", picture->error);
    if (in->shelf.as_lines) return;
    output_json(json_pack("{s:o, s:o}", "file", json_value_text(picture->input->path), "error",
                          json_value_text(picture->error)),
                0);
}

/* Of batches_run(). */
static int take(void *context, struct picture *picture, int i) {
    struct identifying *in = context;

    (void)i;
    if (picture->error[0]) {
        in->failed++;
        tell_failure(in, picture);
    } else if (identify(in, picture)) {
        in->stopped = 1;
    }
    return in->stopped || output_broken();
}

static int count_samples(void *context, const mien_gallery_collection *c) {
    struct identifying *in = context;

    if (c->id == in->shelf.collection) in->samples = c->samples;
    return 0;
}

/* What --same-person says, else --fpir for a gallery of this size. */
static int set_limits(struct identifying *in, const struct network *embedder) {
    double same = in->opt->serve.same_person;

    if (mien_gallery_collections(in->shelf.gallery, count_samples, in)) return shelf_say_error();
    in->is_measured = same == SAME_PERSON_MEASURED &&
                      judge_crowd(embedder->net, in->opt->fpir, in->samples, &in->limits) == 0;
    if (in->is_measured) return EXIT_OK;
    if (same == SAME_PERSON_MEASURED) same = (double)embedder->info.same_person;
    in->limits = (struct judge_limits){same, same - JUDGE_MARGIN};
    return EXIT_OK;
}

static int run(struct identifying *in, const struct pipeline *p, const struct inputs *inputs) {
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    const char *name = in->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    int status;

    status = set_limits(in, embedder);
    if (status == EXIT_OK)
        status =
            contract_find(&in->shelf, p->networks.ctx, name, &embedder->info, 0, &in->contract);
    if (status == EXIT_OK && !in->shelf.collection)
        say("there is no collection %s: everybody is unknown", in->opt->collection);
    else if (status == EXIT_OK && !in->contract)
        say("nobody was enrolled with %s: everybody is unknown", name);
    if (status == EXIT_OK) status = batches_run(p, inputs, take, in, &in->failed);
    return status == EXIT_OK && (in->failed || in->stopped) ? EXIT_FAILED : status;
}

int cmd_identify(const struct options *opt) {
    struct identifying in = {.opt = opt};
    struct options pictures = *opt;
    struct pipeline pipeline = {0};
    struct inputs inputs;
    struct networks tasks;
    int status;

    pictures.face = FACE_ALL;
    networks_init(&tasks, NULL);
    if (inputs_expand(opt->args, opt->nargs, NULL, &inputs)) return say_no_memory();
    status = shelf_open(opt, SHELF_READ, &in.shelf);
    if (status == EXIT_OK)
        status = pipeline_open(&pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = run(&in, &pipeline, &inputs);
    shelf_close(&in.shelf);
    pipeline_close(&pipeline);
    inputs_free(&inputs);
    return status;
}
