/* The command recognize: who is in pictures, by pictures of those who are known, without a gallery
 * that is kept. */
#include "batches.h"
#include "commands.h"
#include "identifying.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "recognition/contract.h"
#include "recognition/enrol.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct learning {
    const struct options *opt;
    struct shelf shelf;
    int64_t contract;
    int learnt, failed; /* pictures of those who are known */
};

/* The person of a picture: the folder it is in below the one that was given, or its own name
 * without the ending; for free(). */
static char *name_of(const struct input *input) {
    const char *slash = strchr(input->tail, '/'), *dot = strrchr(input->tail, '.');
    size_t n = slash ? (size_t)(slash - input->tail)
               : dot ? (size_t)(dot - input->tail)
                     : strlen(input->tail);

    return strndup(input->tail, n);
}

/* Of batches_run(). */
static int learn(void *context, struct picture *picture, int i) {
    struct learning *l = context;
    char *name = name_of(picture->input);
    struct enrolment want = {.collection = l->shelf.collection,
                             .contract = l->contract,
                             .person = name,
                             .force = l->opt->force,
                             .how_to_force = "--force"};
    struct enrolled done = {.outcome = ENROL_REFUSED};
    int rc = 0;

    (void)i;
    if (!name) {
        say_no_memory();
        return -1;
    }
    if (picture->error[0])
        say("%s", picture->error);
    else
        rc = enrol_face(l->shelf.gallery, &want, picture->analysis, &done);
    if (rc)
        say("%s", done.why);
    else if (!picture->error[0] && done.outcome == ENROL_REFUSED)
        say("%s: %s", picture->input->path, done.why);
    l->learnt += done.outcome == ENROL_DONE;
    l->failed += done.outcome != ENROL_DONE;
    free(name);
    return rc;
}

/* A gallery in memory, that is gone with the run. */
static int open_gallery(struct learning *l, const struct pipeline *p) {
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    const char *name = l->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];

    l->shelf.as_lines = !l->opt->json && isatty(STDOUT_FILENO);
    if (contract_hash(p->networks.ctx, name, hash, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    if (mien_gallery_open(":memory:", NULL, &l->shelf.gallery) ||
        mien_gallery_collection_use(l->shelf.gallery, "known", 1, &l->shelf.collection) ||
        contract_find(l->shelf.gallery, l->shelf.collection, &embedder->info, hash, 1,
                      &l->contract))
        return shelf_say_error();
    return EXIT_OK;
}

static int recognize(struct learning *l, const struct pipeline *p, const struct inputs *known,
                     const struct inputs *unknown) {
    int status = open_gallery(l, p);

    if (status == EXIT_OK) status = batches_run(p, known, learn, l, &l->failed);
    if (status == EXIT_OK && l->learnt + l->failed < known->count) return EXIT_FAILED;
    if (status == EXIT_OK && !l->learnt) {
        say("%s: no picture shows who is known", l->opt->args[0]);
        return EXIT_FAILED;
    }
    if (status == EXIT_OK) status = identify_pictures(l->opt, &l->shelf, p, unknown);
    return status == EXIT_OK && l->failed ? EXIT_FAILED : status;
}

int cmd_recognize(const struct options *opt) {
    struct options pictures = *opt;
    struct learning l = {.opt = opt};
    struct pipeline pipeline = {0};
    struct inputs known = {0}, unknown = {0};
    struct networks tasks;
    int status = EXIT_OK;

    pictures.face = FACE_ALL;
    pictures.quality = 1;
    networks_init(&tasks, NULL);
    if (inputs_expand(opt->args, 1, NULL, &known) ||
        inputs_expand(opt->args + 1, opt->nargs - 1, NULL, &unknown))
        status = say_no_memory();
    if (status == EXIT_OK)
        status = pipeline_open(&pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = recognize(&l, &pipeline, &known, &unknown);
    shelf_close(&l.shelf);
    pipeline_close(&pipeline);
    inputs_free(&known);
    inputs_free(&unknown);
    return status;
}
