/* The command gallery doctor: what is likely wrong with the people of a collection, a line each,
 * and the command that repairs it. */
#include "commands.h"
#include "common/json_values.h"
#include "networks.h"
#include "output.h"
#include "progress.h"
#include "recognition/contract.h"
#include "recognition/doctor.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>

struct round {
    const struct options *opt;
    struct shelf shelf;
    int64_t contract, samples;
    struct progress progress;
    int found;
};

static int show(void *context, double share) {
    struct round *r = context;

    progress_show(&r->progress, (int)(share * (double)r->progress.total), 0, 0);
    return 0;
}

/* A finding; not 0: nobody reads them any more. */
static int tell(void *context, const mien_gallery_finding *f) {
    struct round *r = context;
    int failed = 0;
    json_t *object;

    r->found++;
    progress_hide(&r->progress);
    if (r->shelf.as_lines) {
        char *sentence = doctor_sentence(r->shelf.gallery, f);
        char *repair = doctor_repair(f, r->opt->gallery);
        if (sentence && repair)
            printf("%s\n    %s\n", sentence, repair);
        else
            say_no_memory();
        free(sentence);
        free(repair);
        output_flush();
        return output_broken();
    }
    object = doctor_json(r->shelf.gallery, f, r->opt->gallery, &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
    return output_broken();
}

static int find_contract(struct round *r, const struct networks *networks, const char *name,
                         mien_gallery_doctor_options *o) {
    const struct network *embedder = networks_giving(networks, MIEN_RESULT_EMBEDDING);
    mien_gallery *gallery = r->shelf.gallery;
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];

    if (contract_hash(networks->ctx, name, hash, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    if (contract_find(gallery, 0, &embedder->info, hash, 0, &r->contract)) return shelf_say_error();
    if (!r->contract)
        say("nobody was enrolled with %s", name);
    else if (doctor_options(gallery, r->shelf.collection, r->contract, embedder, o, &r->samples))
        return shelf_say_error();
    return EXIT_OK;
}

/* Who is looked at, and by which similarities. */
static int prepare(struct round *r, mien_gallery_doctor_options *o) {
    int task = networks_task_giving(MIEN_RESULT_EMBEDDING), status;
    struct networks networks;
    mien_ctx *ctx = NULL;

    if (!r->shelf.collection) {
        say("there is no collection %s", r->opt->collection);
        return EXIT_OK;
    }
    status = context_open(r->opt, &ctx);
    networks_init(&networks, ctx);
    if (status == EXIT_OK) status = networks_load_task(r->opt, &networks, task);
    if (status == EXIT_OK) status = find_contract(r, &networks, r->opt->network[task], o);
    networks_free(&networks);
    mien_close(ctx);
    return status;
}

static int look(struct round *r, mien_gallery_doctor_options *o) {
    int rc;

    o->progress = show;
    o->context = r;
    progress_start(&r->progress, (int)r->samples);
    rc = mien_gallery_doctor(r->shelf.gallery, r->shelf.collection, r->contract, o, tell, r);
    progress_end(&r->progress);
    if (rc && !output_broken()) return shelf_say_error();
    if (r->shelf.as_lines && !r->found) puts("nothing is wrong, as far as faces tell");
    return EXIT_OK;
}

int cmd_gallery_doctor(const struct options *opt) {
    struct round r = {.opt = opt};
    mien_gallery_doctor_options o;
    int status = shelf_open(opt, SHELF_READ, &r.shelf);

    if (status == EXIT_OK) status = prepare(&r, &o);
    if (status == EXIT_OK && r.contract) status = look(&r, &o);
    shelf_close(&r.shelf);
    return status;
}
