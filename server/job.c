#include "server/job.h"

#include "common/clock.h"
#include "server/log.h"
#include "server/models.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct server *server_of(const struct job *p) {
    return p->request->server;
}

static const struct model *model_of(const struct job *p, enum models_task task) {
    return &p->request->models->task[task];
}

static int wants(const struct job *p, enum job_wants what) {
    return (p->options->wants & what) != 0 && !p->status;
}

static void fail(struct job *p, int status, const char *code, const char *why) {
    if (p->status) return; /* the first cause is the one to tell */
    p->status = status;
    p->code = code;
    snprintf(p->why, sizeof p->why, "%s", why);
}

/* For the last failure of mien.h in this thread. */
static void fail_mien(struct job *p, int mien_code, const char *why) {
    const char *code;
    int status = error_status(mien_code, &code);

    if (mien_code == MIEN_ETOOBIG) metrics_rejected(server_of(p)->metrics, REJECT_TOO_LARGE);
    /* A sentence about the server's own trouble is for its log. */
    if (status == 500) log_say(server_of(p)->log, "request %s: %s", p->request->id, why);
    fail(p, status, code, status == 500 ? "the server could not work on this picture" : why);
}

static void fail_memory(struct job *p) {
    fail(p, 500, "internal", "the server is out of memory");
}

static void give_up(struct job *p) {
    p->is_over = 1;
    fail(p, 504, "deadline", "the answer was not ready within the deadline");
}

static void spent(struct job *p, enum metrics_stage stage, double seconds) {
    p->seconds[stage] += seconds;
    request_spent(p->request, stage, seconds);
}

/* ---- decoding ---- */

/* Detection alone may work on a JPEG decoded at a reduced scale, as in the tool. */
static int smallest_side(const struct job *p) {
    const mien_net_info *info = &model_of(p, MODELS_DETECT)->info;

    if (p->options->wants != JOB_FACES || p->options->detect.size == 0) return 0;
    if (p->options->detect.size > 0) return p->options->detect.size;
    return info->width > info->height ? info->width : info->height;
}

static void decode(struct job *p, const uint8_t *bytes, size_t size) {
    struct server *s = server_of(p);
    mien_decode_options o = {.min_side = smallest_side(p),
                             .max_pixels = (uint64_t)s->config->max_pixels};
    double start = clock_seconds();
    int code;

    if (sync_budget_acquire(&s->decoding, 1, p->request->deadline)) {
        give_up(p);
        return;
    }
    if (request_is_over(p->request)) {
        give_up(p);
    } else {
        code = mien_image_decode(NULL, bytes, size, &o, &p->image);
        if (code) fail_mien(p, code, mien_error());
    }
    sync_budget_release(&s->decoding, 1);
    spent(p, STAGE_DECODE, clock_seconds() - start);
    if (!p->image) return;
    p->width = p->image->full_width ? p->image->full_width : p->image->width;
    p->height = p->image->full_height ? p->image->full_height : p->image->height;
}

/* The most a picture can take, for those whose size is not known yet is the limit of pixels; so the
 * memory is asked for afterwards, when at most a picture a core is over it. */
static int take_memory(struct job *p, int holds) {
    struct server *s = server_of(p);
    size_t bytes = (size_t)p->image->pitch * (size_t)p->image->height;

    if (sync_budget_acquire(&s->pictures, bytes, holds ? 0 : p->request->deadline)) return -1;
    p->budget = bytes;
    return 0;
}

static void free_pixels(struct job *p) {
    if (p->budget) sync_budget_release(&server_of(p)->pictures, p->budget);
    p->budget = 0;
    mien_image_free(p->image);
    p->image = NULL;
}

/* What several networks will look at travels to a GPU once. Without room there each takes what it
 * needs: the results are the same. */
static void upload(struct job *p) {
    unsigned wants = p->options->wants;
    int faces = !p->options->aligned && wants & (JOB_FACES | JOB_AGES | JOB_EMBEDDINGS);
    int networks = (faces != 0) + ((wants & JOB_AGES) != 0) + ((wants & JOB_EMBEDDINGS) != 0) +
                   ((wants & JOB_CLASSES) != 0);

    if (networks > 1) (void)mien_image_upload(p->request->models->ctx, p->image);
}

/* ---- networks ---- */

static struct batch_item new_item(const struct job *p, enum models_task task) {
    return (struct batch_item){.task = task,
                               .models = p->request->models,
                               .arrived = p->request->arrived,
                               .image = p->image,
                               .detect = &p->options->detect,
                               .n = 1};
}

/* 1 where the item was run and is good. */
static int is_good(struct job *p, const struct batch_item *item, enum metrics_stage stage) {
    if (item->state != BATCH_DONE) return 0;
    spent(p, STAGE_BATCH, item->waited);
    spent(p, stage, item->ran);
    if (item->code == MIEN_OK) return 1;
    fail_mien(p, item->code, item->why);
    return 0;
}

static int wait_for_items(struct job *p) {
    if (batch_wait(&p->group, p->request->deadline, request_is_over, p->request) == 0) return 0;
    give_up(p);
    return -1;
}

static void take_aligned(struct job *p) {
    if (p->width != FACES_CROP || p->height != FACES_CROP) {
        fail(p, 400, "bad_request", "an aligned face must be a picture of 112x112 pixels");
        return;
    }
    p->faces = calloc(1, sizeof *p->faces);
    if (!p->faces) {
        fail_memory(p);
        return;
    }
    p->nfaces = 1;
    *p->faces = faces_of_crop();
}

/* A picture that is to be looked at in its own size must be of a size the detector is run on. */
static int is_too_large(struct job *p) {
    int most = server_of(p)->config->max_side;
    char why[128];

    if (p->options->detect.size != 0 || (p->width <= most && p->height <= most)) return 0;
    snprintf(why, sizeof why,
             "with size 0 a picture of %dx%d pixels is over the limit of %d; give a size", p->width,
             p->height, most);
    metrics_rejected(server_of(p)->metrics, REJECT_TOO_LARGE);
    fail(p, 413, "too_large", why);
    return 1;
}

static void submit(struct job *p) {
    const struct job_options *o = p->options;

    if (p->options->aligned) {
        take_aligned(p);
    } else if (o->wants & (JOB_FACES | JOB_AGES | JOB_EMBEDDINGS) && is_too_large(p)) {
        return;
    } else if (o->wants & (JOB_FACES | JOB_AGES | JOB_EMBEDDINGS)) {
        p->detect = new_item(p, MODELS_DETECT);
        batch_submit(&p->group, &p->detect);
    }
    if (o->wants & JOB_CLASSES && !p->status) {
        p->classify = new_item(p, MODELS_CLASSIFY);
        p->classify.top = o->top;
        batch_submit(&p->group, &p->classify);
    }
}

static void start(struct job *p, struct request *r, const struct job_options *options) {
    memset(p, 0, sizeof *p);
    p->request = r;
    p->options = options;
    p->begun = clock_seconds();
    batch_group_init(&p->group, r->server->batcher);
}

int job_begin(struct job *p, struct request *r, const struct job_options *options,
              const uint8_t *bytes, size_t size, int holds) {
    start(p, r, options);
    batcher_expect(r->server->batcher, 1);
    decode(p, bytes, size);
    if (p->image && take_memory(p, holds)) {
        if (holds) {
            batcher_expect(r->server->batcher, -1);
            job_free(p);
            return -1;
        }
        give_up(p);
    }
    if (!p->status) {
        upload(p);
        submit(p);
    }
    batcher_expect(r->server->batcher, -1);
    return 0;
}

void job_refuse(struct job *p, struct request *r, const struct job_options *options, int status,
                const char *code, const char *why) {
    start(p, r, options);
    fail(p, status, code, why);
}

/* ---- faces ---- */

/* A picture that is an aligned face goes as it is; others are aligned where they are embedded. */
static void submit_embed(struct job *p, uint8_t *crop) {
    p->embed = new_item(p, MODELS_EMBED);
    p->embed.n = p->nfaces;
    p->embed.faces = p->faces;
    if (p->options->aligned) {
        faces_copy_crop(p->image, crop);
        p->embed.crops = crop;
    }
    batch_submit(&p->group, &p->embed);
}

/* Ages and embeddings of all faces wait for their batches together. */
static void look_at_faces(struct job *p) {
    uint8_t crop[FACES_CROP_BYTES]; /* lives until the items are done */

    if (p->nfaces == 0) return;
    if (wants(p, JOB_EMBEDDINGS)) submit_embed(p, crop);
    if (wants(p, JOB_AGES)) {
        p->age_gender = new_item(p, MODELS_AGE_GENDER);
        p->age_gender.n = p->nfaces;
        p->age_gender.faces = p->faces;
        batch_submit(&p->group, &p->age_gender);
    }
    if (wait_for_items(p) == 0) {
        double aligning = p->embed.ran * p->embed.aligning;
        if (wants(p, JOB_EMBEDDINGS)) spent(p, STAGE_ALIGN, aligning);
        p->embed.ran -= aligning;
        if (is_good(p, &p->embed, STAGE_EMBED)) {
            p->embeddings = p->embed.embeddings;
            p->embedding_size = model_of(p, MODELS_EMBED)->info.embedding_size;
        }
        if (is_good(p, &p->age_gender, STAGE_AGE_GENDER)) p->ages = p->age_gender.ages;
    }
}

void job_end(struct job *p) {
    if (p->image && !p->status && wait_for_items(p) == 0) {
        if (is_good(p, &p->detect, STAGE_DETECT)) {
            p->faces = p->detect.found;
            p->nfaces = p->detect.nfound;
            p->nfaces = faces_pick(p->faces, p->nfaces, p->options->pick, p->width, p->height);
        }
        if (is_good(p, &p->classify, STAGE_CLASSIFY)) p->classes = p->classify.classes;
    }
    if (p->image && !p->status) look_at_faces(p);
    p->request->pictures++;
    p->request->faces += p->nfaces;
    metrics_faces(server_of(p)->metrics, p->nfaces);
    free_pixels(p);
    p->took = clock_seconds() - p->begun;
}

void job_free(struct job *p) {
    if (!p->request) return;
    free_pixels(p);
    if (p->faces != p->detect.found) free(p->faces);
    free(p->detect.found);
    free(p->classify.classes);
    free(p->embed.embeddings);
    free(p->age_gender.ages);
    batch_group_destroy(&p->group);
    memset(p, 0, sizeof *p);
}

/* ---- all of a request ---- */

int jobs_check(struct request *r, unsigned wants) {
    static const struct {
        unsigned want;
        enum models_task task;
        const char *name;
    } needs[] = {{JOB_FACES, MODELS_DETECT, "detector"},
                 {JOB_EMBEDDINGS, MODELS_EMBED, "embedder"},
                 {JOB_CLASSES, MODELS_CLASSIFY, "classifier"}};

    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        if (!(wants & needs[i].want) || r->models->task[needs[i].task].net) continue;
        reply_error(r, 404, "not_found", "this server runs without a %s", needs[i].name);
        return -1;
    }
    return 0;
}

static int begin_one(struct request *r, const struct job_options *options, const struct upload *in,
                     struct job *p, int holds) {
    if (in->status) {
        job_refuse(p, r, options, in->status, upload_error(in->status), in->why);
        return 0;
    }
    return job_begin(p, r, options, in->bytes, in->size, holds);
}

int jobs_run(struct request *r, const struct job_options *options, const struct uploads *uploads,
             struct job *at, int keep_bad) {
    int ended = 0, failed = -1;

    for (int i = 0; i < uploads->n; i++) {
        /* Short of memory: those under way give theirs back first. */
        if (begin_one(r, options, &uploads->at[i], &at[i], i > ended)) {
            while (ended < i) job_end(&at[ended++]);
            begin_one(r, options, &uploads->at[i], &at[i], 0);
        }
    }
    while (ended < uploads->n) job_end(&at[ended++]);
    for (int i = 0; i < uploads->n; i++) {
        if (at[i].is_over) {
            reply_given_up(r);
            return -1;
        }
        if (at[i].status && failed < 0) failed = i;
    }
    if (failed < 0 || keep_bad) return 0;
    if (uploads->n > 1)
        reply_error(r, at[failed].status, at[failed].code, "picture %d: %s", failed + 1,
                    at[failed].why);
    else
        reply_error(r, at[failed].status, at[failed].code, "%s", at[failed].why);
    return -1;
}
