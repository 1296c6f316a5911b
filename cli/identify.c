/* The command identify: who the faces of pictures are, among the people of a gallery. */
#include "recognition/identify.h"

#include "batches.h"
#include "commands.h"
#include "common/json_values.h"
#include "identifying.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "recognition/contract.h"
#include "recognition/person.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct options *opt;
    struct shelf shelf;
    struct identifying in;
    int failed;  /* pictures, of batches_run() */
    int stopped; /* by the gallery, which said so */
};

static void print_identity(const struct run *run, const char *path, const mien_face *face,
                           const struct identity *a) {
    char name[PERSON_NAME];

    printf("%s: face at %.0f,%.0f: ", path, (double)face->box[0], (double)face->box[1]);
    if (strcmp(a->verdict, "likely the same") == 0)
        printf("%s", person_name(run->shelf.gallery, a->matches[0].person, name));
    else if (strcmp(a->verdict, "unsure") == 0)
        printf("unsure, perhaps %s", person_name(run->shelf.gallery, a->matches[0].person, name));
    else
        printf("unknown");
    if (a->n) {
        printf(" (similarity %.2f", (double)a->matches[0].similarity);
        if (a->probabilities) printf(", probability %.3f", a->probabilities[0]);
        if (a->n > 1)
            printf("; then %s, %.2f", person_name(run->shelf.gallery, a->matches[1].person, name),
                   (double)a->matches[1].similarity);
        putchar(')');
    }
    putchar('\n');
}

static void print_lines(const struct run *run, const struct picture *picture,
                        const struct identified *found) {
    const struct analysis *a = picture->analysis;
    const char *path = picture->input->path;

    if (a->nfaces == 0) printf("%s: no face\n", path);
    for (int i = 0; i < a->nfaces; i++) {
        struct identity identity = identify_judge(&run->in, found, i);
        print_identity(run, path, &a->faces[i], &identity);
    }
    output_flush();
}

/* Tells of all faces of a picture. */
static void tell(const struct run *run, const struct picture *picture,
                 const struct identified *found) {
    json_t *object;
    int failed = 0;

    if (run->shelf.as_lines) {
        print_lines(run, picture, found);
        return;
    }
    object = json_object();
    json_value_set(object, "file", json_value_text(picture->input->path), &failed);
    identify_add_picture(object, run->shelf.gallery, &run->in, picture->analysis, found, &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
}

static int identify(struct run *run, const struct picture *picture) {
    const struct analysis *a = picture->analysis;
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    struct identified found;
    int rc = identify_faces(run->shelf.gallery, &run->in, item ? item->values : NULL, a->nfaces,
                            item ? item_width(item->network) : 0, &found);

    if (rc == MIEN_OK) tell(run, picture, &found);
    identified_free(&found);
    if (rc == MIEN_ENOMEM) return say_no_memory();
    return rc ? shelf_say_error() : EXIT_OK;
}

static void tell_failure(const struct run *run, const struct picture *picture) {
    say("%s", picture->error);
    if (run->shelf.as_lines) return;
    output_json(json_pack("{s:o, s:o}", "file", json_value_text(picture->input->path), "error",
                          json_value_text(picture->error)),
                0);
}

/* Of batches_run(). */
static int take(void *context, struct picture *picture, int i) {
    struct run *run = context;

    (void)i;
    if (picture->error[0]) {
        run->failed++;
        tell_failure(run, picture);
    } else if (identify(run, picture)) {
        run->stopped = 1;
    }
    return run->stopped || output_broken();
}

static int set_contract(struct run *run, const mien_ctx *ctx, const char *name,
                        const struct network *embedder) {
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];

    if (contract_hash(ctx, name, hash, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    return contract_find(run->shelf.gallery, run->shelf.collection, &embedder->info, hash, 0,
                         &run->in.contract)
               ? shelf_say_error()
               : EXIT_OK;
}

static int run_all(struct run *run, const struct pipeline *p, const struct inputs *inputs) {
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    const char *name = run->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    const double *same = &run->opt->serve.same_person;
    int status = set_contract(run, p->networks.ctx, name, embedder);

    if (status == EXIT_OK && identify_limits(run->shelf.gallery, embedder,
                                             *same == SAME_PERSON_MEASURED ? NULL : same, &run->in))
        status = shelf_say_error();
    if (status == EXIT_OK && !run->in.collection)
        say("there is no collection %s: everybody is unknown", run->opt->collection);
    else if (status == EXIT_OK && !run->in.contract)
        say("nobody was enrolled with %s: everybody is unknown", name);
    if (status == EXIT_OK) status = batches_run(p, inputs, take, run, &run->failed);
    return status == EXIT_OK && (run->failed || run->stopped) ? EXIT_FAILED : status;
}

int identify_pictures(const struct options *opt, const struct shelf *shelf,
                      const struct pipeline *p, const struct inputs *inputs) {
    struct run run = {.opt = opt,
                      .shelf = *shelf,
                      .in = {.collection = shelf->collection,
                             .by = (enum mien_gallery_by)opt->compared,
                             .where = opt->where,
                             .top = opt->top,
                             .fpir = opt->fpir}};

    return run_all(&run, p, inputs);
}

int cmd_identify(const struct options *opt) {
    struct options pictures = *opt;
    struct pipeline pipeline = {0};
    struct shelf shelf;
    struct inputs inputs;
    struct networks tasks;
    int status;

    pictures.face = FACE_ALL;
    networks_init(&tasks, NULL);
    if (inputs_expand(opt->args, opt->nargs, NULL, &inputs)) return say_no_memory();
    status = shelf_open(opt, SHELF_READ, &shelf);
    if (status == EXIT_OK)
        status = pipeline_open(&pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = identify_pictures(opt, &shelf, &pipeline, &inputs);
    shelf_close(&shelf);
    pipeline_close(&pipeline);
    inputs_free(&inputs);
    return status;
}
