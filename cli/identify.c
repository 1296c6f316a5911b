/* The command identify: who the faces of pictures are, among the people of a gallery. */
#include "recognition/identify.h"

#include "batches.h"
#include "commands.h"
#include "common/json_values.h"
#include "file_hash.h"
#include "identifying.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "recognition/contract.h"
#include "recognition/learn.h"
#include "recognition/person.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct options *opt;
    struct shelf shelf;
    struct identifying in, also; /* also: of a second embedder, while a collection is migrated */
    int64_t second_contract;     /* of that; 0: there is none */
    int learned;                 /* faces that became samples under it */
    int failed;                  /* pictures, of batches_run() */
    int stopped;                 /* by the gallery, which said so */
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

/* With how many each face is compared says how alike is alike enough. */
static int set_limits(struct run *run, const struct networks *all) {
    const double *same = &run->opt->serve.same_person;

    return identify_both(run->shelf.gallery, networks_giving(all, MIEN_RESULT_EMBEDDING),
                         networks_giving_too(all, MIEN_RESULT_EMBEDDING), run->second_contract,
                         *same == SAME_PERSON_MEASURED ? NULL : same, &run->in, &run->also);
}

/* Faces who are somebody for sure become samples of theirs under the second contract. */
static int learn(struct run *run, const struct picture *picture, const struct identified *found) {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    const struct input *input = picture->input;
    struct learning l = {.in = &run->in,
                         .source = input->is_stdin ? NULL : input->path,
                         .keep_crops = run->opt->keep_crops};
    int n = 0, rc;

    if (!run->opt->learn || !run->in.also) return MIEN_OK;
    if (!input->is_stdin && file_hash(input->path, hash)) l.hash = hash;
    rc = learn_faces(run->shelf.gallery, &l, picture->analysis, found, &n);
    run->learned += n;
    return rc || !n ? rc : set_limits(run, picture->analysis->networks);
}

static int identify(struct run *run, const struct picture *picture) {
    struct identified found;
    int rc = identify_picture(run->shelf.gallery, &run->in, picture->analysis, &found);

    if (rc == MIEN_OK) tell(run, picture, &found);
    if (rc == MIEN_OK) rc = learn(run, picture, &found);
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

/* The contracts of the embedders that the option names, one or two. */
static int set_contracts(struct run *run, const struct networks *all, const char *names) {
    const struct network *embedders[2] = {networks_giving(all, MIEN_RESULT_EMBEDDING),
                                          networks_giving_too(all, MIEN_RESULT_EMBEDDING)};
    int64_t *contracts[2] = {&run->in.contract, &run->second_contract};
    char hash[CONTRACT_HASH], why[CONTRACT_WHY], name[4096];

    for (int i = 0; networks_next(&names, name, sizeof name) > 0; i++) {
        if (i == 2) return say_usage(run->opt->command_name, "--embedder: two at most");
        if (contract_hash(all->ctx, name, hash, why)) {
            say("%s", why);
            return EXIT_FAILED;
        }
        /* The collection goes by one of them, and is searched under the other, too. */
        if (contract_find(run->shelf.gallery, i ? 0 : run->shelf.collection, &embedders[i]->info,
                          hash, i && run->opt->learn, contracts[i]))
            return shelf_say_error();
    }
    return EXIT_OK;
}

static void say_alone(const struct run *run, const struct network *second) {
    const char *why = "nobody has samples of it";

    if (run->second_contract) why = "one of the two was not measured";
    if (run->opt->serve.same_person != SAME_PERSON_MEASURED)
        why = "--same-person is of the first embedder";
    say("%s is not searched with: %s", second->info.name, why);
}

static int run_all(struct run *run, const struct pipeline *p, const struct inputs *inputs) {
    const char *names = run->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    const struct network *second = networks_giving_too(&p->networks, MIEN_RESULT_EMBEDDING);
    int status = set_contracts(run, &p->networks, names);

    if (status == EXIT_OK && set_limits(run, &p->networks)) status = shelf_say_error();
    if (status == EXIT_OK && second && !run->in.also) say_alone(run, second);
    if (status == EXIT_OK && !run->in.collection)
        say("there is no collection %s: everybody is unknown", run->opt->collection);
    else if (status == EXIT_OK && !run->in.contract && !run->in.also)
        say("nobody was enrolled with %s: everybody is unknown", names);
    if (status == EXIT_OK) status = batches_run(p, inputs, take, run, &run->failed);
    if (run->opt->learn && !output_broken())
        say("%d faces became samples of whom they are", run->learned);
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

    if (opt->learn && !strchr(opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)], ','))
        return say_usage(opt->command_name, "--learn needs two embedders: --embedder OLD,NEW");
    pictures.face = FACE_ALL;
    pictures.quality = opt->learn;
    networks_init(&tasks, NULL);
    if (inputs_expand(opt->args, opt->nargs, NULL, &inputs)) return say_no_memory();
    status = shelf_open(
        opt, opt->learn || opt->index || opt->index_memory ? SHELF_WRITE : SHELF_READ, &shelf);
    if (status == EXIT_OK)
        status = pipeline_open(&pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = identify_pictures(opt, &shelf, &pipeline, &inputs);
    shelf_close(&shelf);
    pipeline_close(&pipeline);
    inputs_free(&inputs);
    return status;
}
