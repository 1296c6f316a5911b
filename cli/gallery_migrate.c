/* The command gallery migrate: samples of one embedder get embeddings of another, from the aligned
 * faces that are kept with them, or their pictures; how far the two agree; and from when on the new
 * one counts. */
#include "analysis/faces.h"
#include "commands.h"
#include "common/json_values.h"
#include "migrate_pictures.h"
#include "output.h"
#include "progress.h"
#include "recognition/contract.h"
#include "recognition/gallery_json.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64, CONTRACTS_MAX = 64 };

struct migration {
    const struct options *opt;
    struct shelf shelf;
    struct pipeline pipeline;
    mien_net *net;
    int64_t contract;
    struct old {
        int64_t id;
        char name[64];
    } others[CONTRACTS_MAX]; /* [n_others]: the other contracts */
    int n_others;
    /* A page of samples: those seen, and of those with a face their ids and pixels. */
    int64_t after, ids[AT_ONCE];
    uint8_t *crops;    /* [AT_ONCE][FACES_CROP_BYTES] */
    float *embeddings; /* [AT_ONCE][dims] */
    int seen, n;
    struct lost
        *lost; /* [n_lost] of [room_lost]: samples without a face, where there is a folder */
    size_t n_lost, room_lost;
    int no_memory;
    int64_t samples, embedded, without; /* of the collection; so far */
    struct progress progress;
};

/* The pixels of an aligned face that is kept as a file: 1, or 0 where it is none. */
static int read_crop(const mien_gallery_sample *s, uint8_t *out) {
    mien_decode_options o = {.struct_size = sizeof o, .max_pixels = 1 << 20};
    size_t row = MIEN_CROP_SIDE * 3;
    mien_image *image = NULL;
    int is_read = s->crop_bytes && mien_image_decode(NULL, s->crop, s->crop_bytes, &o, &image) == 0;

    is_read = is_read && image->width == MIEN_CROP_SIDE && image->height == MIEN_CROP_SIDE;
    for (int y = 0; is_read && y < MIEN_CROP_SIDE; y++)
        memcpy(out + (size_t)y * row, image->pixels + y * image->pitch, row);
    mien_image_free(image);
    return is_read;
}

static void tell_without(struct migration *m, int64_t sample, int64_t person, const char *source,
                         const char *why) {
    char id[MIEN_GALLERY_ID_SIZE];
    json_t *object;
    int failed = 0;

    m->without++;
    if (m->shelf.as_lines) {
        say("sample %s%s%s: %s", mien_gallery_id_text(sample, id), source ? ", of " : "",
            source ? source : "", why);
        return;
    }
    object = json_object();
    json_value_set(object, "sample", gallery_json_id(sample), &failed);
    json_value_set(object, "person", gallery_json_id(person), &failed);
    json_value_set(object, "source", json_value_text(source), &failed);
    json_value_set(object, "error", json_string(why), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
}

/* A sample whose picture is to be looked for. */
static void keep_lost(struct migration *m, const mien_gallery_sample *s) {
    struct lost *l;

    if (m->n_lost == m->room_lost) {
        size_t room = m->room_lost ? 2 * m->room_lost : 64;
        struct lost *more = realloc(m->lost, room * sizeof *more);
        m->no_memory |= !more;
        if (!more) return;
        m->lost = more;
        m->room_lost = room;
    }
    l = &m->lost[m->n_lost++];
    *l = (struct lost){.id = s->id, .person = s->person, .has_hash = s->source_hash != NULL};
    if (s->source_hash) memcpy(l->hash, s->source_hash, sizeof l->hash);
    memcpy(l->box, s->box, sizeof l->box);
    l->source = s->source ? strdup(s->source) : NULL;
}

static int take(void *context, const mien_gallery_sample *s) {
    struct migration *m = context;

    m->after = s->id;
    m->seen++;
    m->ids[m->n] = s->id;
    if (read_crop(s, m->crops + (size_t)m->n * FACES_CROP_BYTES))
        m->n++;
    else if (m->opt->folder)
        keep_lost(m, s);
    else
        tell_without(m, s->id, s->person, s->source, "no face is kept with it");
    return m->no_memory || output_broken();
}

static int embed_page(struct migration *m) {
    int64_t added = 0;

    if (m->n && mien_embed(m->net, m->crops, m->n, m->embeddings)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    if (m->n && mien_gallery_embeddings_add(m->shelf.gallery, m->contract, m->ids, m->embeddings,
                                            m->n, &added, NULL))
        return shelf_say_error();
    m->embedded += added;
    progress_show(&m->progress, m->embedded + m->without, 0, (int)m->without);
    return EXIT_OK;
}

static int embed_all(struct migration *m) {
    int status = EXIT_OK;

    progress_start(&m->progress, (int)m->samples);
    do {
        m->seen = m->n = 0;
        if (mien_gallery_samples_without(m->shelf.gallery, m->shelf.collection, m->contract,
                                         m->after, AT_ONCE, take, m) < 0)
            status = shelf_say_error();
        if (status == EXIT_OK) status = embed_page(m);
    } while (status == EXIT_OK && m->seen == AT_ONCE && !output_broken());
    progress_end(&m->progress);
    if (status == EXIT_OK && m->no_memory) status = say_no_memory();
    return status;
}

/* Those without a face, from their pictures. */
static int embed_pictures(struct migration *m) {
    int status = migrate_pictures(&m->pipeline, &m->shelf, m->contract, m->opt->folder, m->lost,
                                  m->n_lost, &m->embedded);

    for (size_t i = 0; i < m->n_lost && status == EXIT_OK; i++)
        if (!m->lost[i].is_embedded)
            tell_without(m, m->lost[i].id, m->lost[i].person, m->lost[i].source, m->lost[i].why);
    return status;
}

static int see_contract(void *context, const mien_gallery_contract *c) {
    struct migration *m = context;

    if (c->id == m->contract || m->n_others == CONTRACTS_MAX) return 0;
    m->others[m->n_others].id = c->id;
    snprintf(m->others[m->n_others].name, sizeof m->others[0].name, "%s", c->name);
    m->n_others++;
    return 0;
}

static void tell_agreement(const struct migration *m, const struct old *old,
                           const mien_gallery_agreement *a) {
    json_t *object;
    int failed = 0;

    if (m->shelf.as_lines) {
        printf("of %lld samples the most alike other is the same person's with %s for %lld, now "
               "for %lld; both agree on %lld\n",
               (long long)a->samples, old->name, (long long)a->right_a, (long long)a->right_b,
               (long long)a->same);
        output_flush();
        return;
    }
    object = json_object();
    json_value_set(object, "before", json_value_text(old->name), &failed);
    json_value_set(object, "samples", json_integer(a->samples), &failed);
    json_value_set(object, "right_before", json_integer(a->right_a), &failed);
    json_value_set(object, "right_now", json_integer(a->right_b), &failed);
    json_value_set(object, "agreed", json_integer(a->same), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
}

/* With each contract that has samples in common. */
static int report(struct migration *m) {
    if (mien_gallery_contracts(m->shelf.gallery, see_contract, m)) return shelf_say_error();
    for (int i = 0; i < m->n_others && !output_broken(); i++) {
        mien_gallery_agreement a = {.struct_size = sizeof a};
        if (mien_gallery_compare_contracts(m->shelf.gallery, m->shelf.collection, m->others[i].id,
                                           m->contract, NULL, NULL, &a))
            return shelf_say_error();
        if (a.samples) tell_agreement(m, &m->others[i], &a);
    }
    return EXIT_OK;
}

static int cut_over(struct migration *m) {
    int64_t event = 0;

    if (mien_gallery_migrate(m->shelf.gallery, m->shelf.collection, m->contract, &event))
        return shelf_say_error();
    say("collection %s goes by this embedder now: 'mien gallery undo %lld' goes back",
        m->opt->collection, (long long)event);
    return EXIT_OK;
}

static int drop(struct migration *m) {
    int64_t dropped = 0;

    if (mien_gallery_embeddings_drop(m->shelf.gallery, m->shelf.collection, m->contract, &dropped,
                                     NULL))
        return shelf_say_error();
    say("%lld embeddings were dropped", (long long)dropped);
    return EXIT_OK;
}

static int count_samples(void *context, const mien_gallery_collection *c) {
    struct migration *m = context;

    if (c->id == m->shelf.collection) m->samples = c->samples;
    return 0;
}

static int migrate(struct migration *m, const struct network *embedder, const char *hash) {
    size_t dims = (size_t)embedder->info.embedding_size;
    int status = EXIT_OK;

    m->net = embedder->net;
    if (contract_find(m->shelf.gallery, 0, &embedder->info, hash, 1, &m->contract) ||
        mien_gallery_collections(m->shelf.gallery, count_samples, m))
        return shelf_say_error();
    if (m->opt->drop) return drop(m);
    m->crops = malloc((size_t)AT_ONCE * FACES_CROP_BYTES);
    m->embeddings = malloc(AT_ONCE * dims * sizeof *m->embeddings);
    if (!m->crops || !m->embeddings) status = say_no_memory();
    if (status == EXIT_OK) status = embed_all(m);
    if (status == EXIT_OK && m->n_lost && !output_broken()) status = embed_pictures(m);
    if (status == EXIT_OK && !output_broken()) {
        say("%lld samples were embedded, %lld have no face to embed", (long long)m->embedded,
            (long long)m->without);
        status = report(m);
    }
    if (status == EXIT_OK && m->opt->cut_over) status = cut_over(m);
    return status == EXIT_OK && m->without ? EXIT_FAILED : status;
}

int cmd_gallery_migrate(const struct options *opt) {
    int task = networks_task_giving(MIEN_RESULT_EMBEDDING);
    struct migration m = {.opt = opt};
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];
    struct options pictures = *opt;
    struct networks tasks;
    int status = shelf_open(opt, SHELF_WRITE, &m.shelf);

    pictures.face = FACE_ALL;
    pictures.batch = 1;
    pictures.aligned = !opt->folder; /* nothing is looked for */
    networks_init(&tasks, NULL);
    if (status == EXIT_OK && !m.shelf.collection) {
        say("there is no collection %s", opt->collection);
        status = EXIT_FAILED;
    }
    if (status == EXIT_OK)
        status =
            pipeline_open(&m.pipeline, &pictures, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK &&
        contract_hash(m.pipeline.networks.ctx, opt->network[task], hash, why)) {
        say("%s", why);
        status = EXIT_FAILED;
    }
    if (status == EXIT_OK)
        status = migrate(&m, networks_giving(&m.pipeline.networks, MIEN_RESULT_EMBEDDING), hash);
    pipeline_close(&m.pipeline);
    for (size_t i = 0; i < m.n_lost; i++) free(m.lost[i].source);
    free(m.lost);
    free(m.crops);
    free(m.embeddings);
    shelf_close(&m.shelf);
    return status;
}
