#include "server/picture.h"

#include "analysis/crop.h"
#include "analysis/gate.h"
#include "common/clock.h"
#include "server/log.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds between two questions whether a decode goes on, and whether others go first. */
#define STOP_POLL 0.02
#define PASS_POLL 0.005

static struct server *server_of(const struct picture *p) {
    return p->request->server;
}

static void fail(struct picture *p, int status, const char *code, const char *why) {
    if (p->status) return; /* the first cause is the one to tell */
    p->status = status;
    p->code = code;
    snprintf(p->why, sizeof p->why, "%s", why);
}

/* For a failure of mien.h and its sentence. */
static void fail_mien(struct picture *p, int rc, const char *why) {
    const char *code;
    int status = error_status(rc, &code);

    if (rc == MIEN_ETOOBIG) metrics_rejected(server_of(p)->metrics, REJECT_TOO_LARGE);
    /* A sentence about the server's own trouble is for its log. */
    if (status == 500) log_say(server_of(p)->log, "request %s: %s", p->request->id, why);
    fail(p, status, code, status == 500 ? "the server could not work on this picture" : why);
}

static void give_up(struct picture *p) {
    p->is_over = 1;
    fail(p, 504, "deadline", "the answer was not ready within the deadline");
}

static void spent(struct picture *p, int stage, double seconds) {
    p->seconds[stage] += seconds;
    request_spent(p->request, stage, seconds);
}

/* Decoders ask for each row of blocks; others, and the client's socket, are not looked at as often.
 */
static int stop_decoding(void *picture) {
    struct picture *p = picture;
    double now = clock_seconds();

    if (now >= p->passed + PASS_POLL) {
        p->passed = now;
        p->has_turn = turns_pass(&server_of(p)->decoding, &p->turn) == 0;
        if (!p->has_turn) return p->is_over = 1;
    }
    if (now < p->asked + STOP_POLL) return 0;
    p->asked = now;
    p->is_over = request_is_over(p->request);
    return p->is_over;
}

static void decode(struct picture *p, const uint8_t *bytes, size_t size) {
    struct server *s = server_of(p);
    mien_decode_options o = {.struct_size = sizeof o,
                             .min_side =
                                 analysis_min_side(&p->request->models->networks, p->options),
                             .max_pixels = (uint64_t)(1e6 * s->config->max_megapixels),
                             .shrink_to_limit = 1,
                             .salvage = s->config->salvage,
                             .stop = stop_decoding,
                             .stop_context = p};
    double start = clock_seconds();
    int rc;

    p->turn =
        (struct turn){.client = p->request->client, .stop = request_is_over, .context = p->request};
    p->has_turn = turns_begin(&s->decoding, &p->turn) == 0;
    if (!p->has_turn) {
        give_up(p);
        return;
    }
    if (request_is_over(p->request)) {
        give_up(p);
    } else {
        rc = mien_image_decode(NULL, bytes, size, &o, &p->image);
        if (rc && p->is_over)
            give_up(p);
        else if (rc)
            fail_mien(p, rc, mien_error());
    }
    if (p->has_turn) turns_end(&s->decoding, &p->turn);
    spent(p, STAGE_DECODE, clock_seconds() - start);
}

/* The most a picture can take, for those whose size is not known yet is the limit of pixels; so the
 * memory is asked for afterwards, when at most three pictures a core (turns.h) are over it. */
static int acquire_memory(struct picture *p, int holds) {
    size_t bytes = (size_t)p->image->pitch * (size_t)p->image->height;

    struct server *s = server_of(p);

    if (holds ? sync_budget_acquire(&s->pictures, bytes, 0)
              : request_acquire(p->request, &s->pictures, bytes))
        return -1;
    p->budget = bytes;
    return 0;
}

static void free_pixels(struct picture *p, struct server *s) {
    if (p->budget) sync_budget_release(&s->pictures, p->budget);
    p->budget = 0;
    mien_image_free(p->image);
    p->image = NULL;
}

/* A picture that is to be looked at in its own size must be of a size the detector is run on. */
static int is_too_large(struct picture *p) {
    const struct networks *networks = &p->request->models->networks;
    int width = p->image->full_width ? p->image->full_width : p->image->width;
    int height = p->image->full_height ? p->image->full_height : p->image->height;
    int most = server_of(p)->config->max_side;
    steps_t faces = analysis_steps(networks, MIEN_RESULT_FACES);
    char why[128];

    if (p->options->aligned || p->options->detect.size != 0 || !(p->options->steps & faces) ||
        (width <= most && height <= most))
        return 0;
    snprintf(why, sizeof why,
             "with size 0 a picture of %dx%d pixels is over the limit of %d; give a size", width,
             height, most);
    metrics_rejected(server_of(p)->metrics, REJECT_TOO_LARGE);
    fail(p, 413, "too_large", why);
    return 1;
}

static void begin_analysis(struct picture *p, struct runner *runner) {
    const struct networks *networks = &p->request->models->networks;

    if (p->status || is_too_large(p)) return;
    /* What several networks will look at travels to a GPU once. Without room there each takes what
     * it needs: the results are the same. */
    if (analysis_looks(networks, p->options) > 1) (void)mien_image_upload(networks->ctx, p->image);
    p->analysis = malloc(sizeof *p->analysis);
    if (p->analysis)
        analysis_begin(p->analysis, networks, p->options, p->image, runner);
    else
        fail(p, 500, "internal", "the server is out of memory");
}

/* Decodes a picture and submits its first steps. Where the pictures of other requests take all
 * memory it waits, unless `holds` says that this request has pictures under way, which must end
 * first: then it returns -1 and nothing was begun. */
static int begin(struct picture *p, struct request *r, const struct analysis_options *options,
                 const struct upload *in, struct runner *runner, int holds) {
    int no_room;

    *p = (struct picture){.request = r, .options = options, .begun = clock_seconds()};
    if (in->status) {
        fail(p, in->status, upload_error(in->status), in->why);
        return 0;
    }
    batcher_expect(r->server->batcher, 1);
    decode(p, in->bytes, in->size);
    no_room = p->image && acquire_memory(p, holds);
    if (no_room && !holds) give_up(p);
    if (p->image && !(no_room && holds)) begin_analysis(p, runner);
    batcher_expect(r->server->batcher, -1);
    if (!no_room || !holds) return 0;
    free_pixels(p, r->server);
    return -1;
}

/* What the steps took, each with the others of its batch. */
static void take_times(struct picture *p) {
    const struct analysis *a = p->analysis;

    for (int i = 0; i < a->networks->n; i++) {
        const struct item *item = &a->item[i];
        double aligning = item->seconds * item->aligning;
        if (!(a->done >> i & 1)) continue;
        spent(p, STAGE_BATCH, item->waited);
        spent(p, STAGE_TASK + item->network->task.task - 1, item->seconds - aligning);
        if (aligning > 0) spent(p, STAGE_ALIGN, aligning);
    }
}

/* Keeps the crop that may be enrolled of a picture whose pixels go. */
static void keep_crop(struct picture *p) {
    struct gate gate;

    if (!p->options->keep_crop || p->analysis->rc) return;
    gate_look(&gate, p->analysis);
    if (gate.face >= 0 && crop_keep(p->analysis, gate.face))
        fail(p, 500, "internal", "the server is out of memory");
}

/* Ends what was begun of at[0..n-1], and lets go of the pixels, unless it was given up: a run may
 * still look at them. */
static void end_all(struct picture *at, int n, struct runner *runner) {
    struct analysis **list = calloc((size_t)n + 1, sizeof *list);
    int m = 0, is_over = 0;

    for (int i = 0; i < n && list; i++)
        if (at[i].analysis && at[i].image) list[m++] = at[i].analysis;
    if (list && m > 0) is_over = analysis_end(list, m, runner);
    for (int i = 0; i < n && !list; i++) /* without memory, one after the other */
        if (at[i].analysis && at[i].image) is_over |= analysis_end(&at[i].analysis, 1, runner);
    for (int i = 0; i < n; i++) {
        struct picture *p = &at[i];
        int nfaces = p->analysis ? p->analysis->nfaces : 0;
        if (p->took > 0) continue; /* ended before */
        if (is_over && p->image)
            give_up(p);
        else if (p->analysis)
            take_times(p);
        if (p->analysis && p->analysis->rc) fail_mien(p, p->analysis->rc, p->analysis->why);
        if (!is_over && p->analysis) keep_crop(p);
        p->request->pictures++;
        p->request->faces += nfaces;
        metrics_faces(server_of(p)->metrics, nfaces);
        if (!is_over) free_pixels(p, server_of(p));
        p->took = clock_seconds() - p->begun;
    }
    free(list);
}

/* In the batcher's thread where a run was left: the request is no more. */
static void release(void *owner) {
    struct pictures *pictures = owner;

    for (int i = 0; i < pictures->n; i++) {
        struct picture *p = &pictures->at[i];
        free_pixels(p, pictures->server);
        if (p->analysis) analysis_free(p->analysis);
        free(p->analysis);
    }
    models_release(pictures->server->models, pictures->models);
    clients_release(pictures->server->clients, pictures->client);
    free(pictures);
}

void pictures_free(struct pictures *pictures) {
    if (pictures) batch_group_end(&pictures->group, release, pictures);
}

int pictures_check(struct request *r, unsigned results) {
    for (int i = 0; i < r->models->networks.n; i++) {
        const struct network *network = &r->models->networks.at[i];
        if (!(results >> network->task.result & 1) ||
            networks_giving(&r->models->networks, network->task.result))
            continue;
        reply_error(r, 404, "not_found", "this server runs without a%s %s",
                    strchr("aeiou", network->task.option[0]) ? "n" : "", network->task.option);
        return -1;
    }
    return 0;
}

/* Replies for the first picture that is given up or not good. */
static int check_results(struct request *r, const struct picture *at, int n, int keep_bad) {
    int failed = -1;

    for (int i = 0; i < n; i++) {
        if (at[i].is_over) {
            reply_given_up(r);
            return -1;
        }
        if (at[i].status && failed < 0) failed = i;
    }
    if (failed < 0 || keep_bad) return 0;
    if (n > 1)
        reply_error(r, at[failed].status, at[failed].code, "picture %d: %s", failed + 1,
                    at[failed].why);
    else
        reply_error(r, at[failed].status, at[failed].code, "%s", at[failed].why);
    return -1;
}

static struct pictures *new_pictures(struct request *r, const struct analysis_options *options,
                                     int n) {
    struct pictures *pictures = calloc(1, sizeof *pictures + (size_t)n * sizeof pictures->at[0]);

    if (!pictures) return NULL;
    pictures->server = r->server;
    pictures->models = models_share(r->server->models, r->models);
    pictures->options = *options;
    if (options->detect.size < 0 && r->server->config->max_side < MIEN_SEARCH_SIDE &&
        options->detect.search != MIEN_SEARCH_FAST)
        pictures->options.detect.size = r->server->config->max_side;
    pictures->n = n;
    pictures->client = clients_share(r->server->clients, r->client);
    batch_group_init(&pictures->group, r->server->batcher, pictures->client);
    pictures->group.arrived = r->arrived;
    pictures->group.until = r->deadline;
    pictures->group.stop = request_is_over;
    pictures->group.context = r;
    return pictures;
}

struct pictures *pictures_run(struct request *r, const struct analysis_options *options,
                              const struct uploads *uploads, int keep_bad) {
    struct pictures *pictures = new_pictures(r, options, uploads->n);
    struct runner *runner;

    if (!pictures) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return NULL;
    }
    options = &pictures->options;
    runner = &pictures->group.runner;
    for (int i = 0; i < uploads->n; i++) {
        struct picture *p = &pictures->at[i];
        /* Short of memory: those under way release theirs first. */
        if (begin(p, r, options, &uploads->at[i], runner, i > 0)) {
            end_all(pictures->at, i, runner);
            begin(p, r, options, &uploads->at[i], runner, 0);
        }
    }
    end_all(pictures->at, uploads->n, runner);
    if (check_results(r, pictures->at, uploads->n, keep_bad) == 0) return pictures;
    pictures_free(pictures);
    return NULL;
}
