/* The command cluster: the faces of pictures into a gallery, whoever they are, and into groups. */
#include "album.h"
#include "batches.h"
#include "commands.h"
#include "file_hash.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "progress.h"
#include "recognition/contract.h"
#include "recognition/unnamed.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    int is_hashed;
};

struct clustering {
    const struct options *opt;
    struct shelf shelf;
    int64_t contract;
    struct inputs inputs;   /* whose faces the gallery does not have */
    struct source *sources; /* [inputs.count] */
    int known, added, poor; /* pictures; faces */
    int failed;             /* pictures, of batches_run() */
    struct progress progress;
};

/* Leaves out pictures whose faces the gallery has. */
static int choose(struct clustering *c, const struct inputs *all) {
    c->sources = calloc((size_t)all->count + 1, sizeof *c->sources);
    if (!c->sources) return say_no_memory();
    for (int i = 0; i < all->count; i++) {
        const struct input *input = &all->items[i];
        struct source *source = &c->sources[c->inputs.count];
        int64_t sample = 0;
        source->is_hashed =
            !input->is_stdin && !input->error && file_hash(input->path, source->hash);
        if (source->is_hashed && mien_gallery_source_find(c->shelf.gallery, c->shelf.collection,
                                                          c->contract, source->hash, &sample))
            return shelf_say_error();
        if (sample) {
            c->known++;
            continue;
        }
        if (inputs_append(&c->inputs, input->path)) return say_no_memory();
        c->inputs.items[c->inputs.count - 1].is_stdin = input->is_stdin;
        if (input->error) c->inputs.items[c->inputs.count - 1].error = strdup(input->error);
    }
    return EXIT_OK;
}

/* Of batches_run(): a gallery that fails ends the run, a picture does not. */
static int take(void *context, struct picture *picture, int i) {
    struct clustering *c = context;
    const struct source *source = &c->sources[i];
    struct unnamed_picture want = {.collection = c->shelf.collection,
                                   .contract = c->contract,
                                   .source = picture->input->is_stdin ? NULL : picture->input->path,
                                   .hash = source->is_hashed ? source->hash : NULL,
                                   .force = c->opt->force,
                                   .keep_crops = c->opt->keep_crops};
    struct unnamed_added added;
    int rc;

    if (picture->error[0]) {
        say("%s", picture->error);
        c->failed++;
        return output_broken();
    }
    rc = unnamed_add(c->shelf.gallery, &want, picture->analysis, &added);
    free(added.samples);
    if (rc == MIEN_ENOMEM)
        say_no_memory();
    else if (rc)
        shelf_say_error();
    if (rc) return -1;
    c->known += added.known;
    c->added += added.added;
    c->poor += added.poor;
    return output_broken();
}

static int show(void *context, double share) {
    struct clustering *c = context;

    progress_show(&c->progress, (int)(share * (double)c->progress.total), 0, 0);
    return 0;
}

static void say_done(const struct clustering *c, const mien_gallery_clustering *done) {
    say("%d %s new, %d left out, of %d pictures", c->added, c->added == 1 ? "face" : "faces",
        c->poor, c->inputs.count);
    say("%lld of %lld faces joined others, %lld groups are new, %lld faces wait",
        (long long)done->joined, (long long)done->faces, (long long)done->made,
        (long long)done->waiting);
    if (done->first_event && done->first_event == done->last_event)
        say("'mien gallery undo %lld' takes the group apart", (long long)done->first_event);
    else if (done->first_event)
        say("events %lld to %lld, a group each: 'mien gallery undo EVENT' takes it apart",
            (long long)done->first_event, (long long)done->last_event);
}

static int group(struct clustering *c, const struct network *embedder) {
    mien_gallery_cluster_options o = {.struct_size = sizeof o,
                                      .join = (float)c->opt->join,
                                      .named = c->opt->join_named,
                                      .progress = show,
                                      .context = c};
    mien_gallery_clustering done = {.struct_size = sizeof done};
    int64_t faces = 0;
    int rc;

    if (unnamed_count(c->shelf.gallery, c->shelf.collection, &faces)) return shelf_say_error();
    if (c->opt->join == 0) o.join = (float)unnamed_join(embedder, faces);
    progress_start(&c->progress, (int)faces);
    rc = mien_gallery_cluster(c->shelf.gallery, c->shelf.collection, c->contract, &o, &done);
    progress_end(&c->progress);
    if (rc) return shelf_say_error();
    say_done(c, &done);
    return EXIT_OK;
}

static int run(struct clustering *c, const struct pipeline *p, const struct inputs *all) {
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    const char *name = c->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];
    int status;

    if (contract_hash(p->networks.ctx, name, hash, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    if (contract_find(c->shelf.gallery, c->shelf.collection, &embedder->info, hash, 1,
                      &c->contract))
        return shelf_say_error();
    status = choose(c, all);
    if (status == EXIT_OK && c->inputs.count)
        status = batches_run(p, &c->inputs, take, c, &c->failed);
    if (status == EXIT_OK && !output_broken()) status = group(c, embedder);
    if (status == EXIT_OK && !output_broken()) status = album_tell(&c->shelf, c->opt->output);
    return status == EXIT_OK && c->failed ? EXIT_FAILED : status;
}

int cmd_cluster(const struct options *opt) {
    struct options pictures = *opt;
    struct clustering c = {.opt = opt};
    struct pipeline pipeline = {0};
    const char *const written[INPUTS_SKIP_MAX] = {opt->output, NULL};
    struct inputs all = {0};
    struct networks tasks;
    int status = EXIT_OK;

    pictures.face = FACE_ALL;
    pictures.quality = !opt->aligned;
    networks_init(&tasks, NULL);
    if (inputs_expand(opt->args, opt->nargs, written, &all)) status = say_no_memory();
    if (status == EXIT_OK)
        status = pipeline_open(&pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = shelf_open(opt, SHELF_MAKE, &c.shelf);
    if (status == EXIT_OK) status = run(&c, &pipeline, &all);
    shelf_close(&c.shelf);
    pipeline_close(&pipeline);
    free(c.sources);
    inputs_free(&c.inputs);
    inputs_free(&all);
    return status;
}
