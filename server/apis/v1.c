/* mien's own endpoints: the objects of docs/json.md for pictures sent over HTTP. */
#include "common/json_values.h"
#include "common/result_json.h"
#include "server/apis/api.h"
#include "server/job.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdlib.h>

enum { MAX_FACES = 100000 };

static int read_detection(struct request *r, mien_detect_options *o) {
    double threshold = (double)o->threshold, nms = (double)o->nms;

    if (param_real(r, "threshold", 0, 1, &threshold) || param_real(r, "nms", 0, 1, &nms) ||
        param_int(r, "max_faces", 1, MAX_FACES, &o->max_faces) ||
        param_int(r, "size", 0, r->server->config->max_side, &o->size))
        return -1;
    o->threshold = faces_above_zero(threshold);
    o->nms = faces_above_zero(nms);
    return 0;
}

/* Options of a request, from its parameters. wants: what its endpoint does; what has no network is
 * left out where the endpoint can do without. */
static int read_options(struct request *r, unsigned wants, struct job_options *o) {
    const struct serve_config *c = r->server->config;
    const struct models *m = r->models;
    int embeddings = (wants & JOB_EMBEDDINGS) != 0, pick = FACE_ALL;

    *o = (struct job_options){.wants = wants, .detect = c->detect, .top = c->top};
    if (read_detection(r, &o->detect) || param_flag(r, "embeddings", &embeddings) ||
        param_choice(r, "face", FACE_PICK_NAMES, &pick) ||
        (wants & JOB_EMBEDDINGS && param_flag(r, "aligned", &o->aligned)) ||
        param_int(r, "top", 1,
                  m->task[MODELS_CLASSIFY].net ? m->task[MODELS_CLASSIFY].info.classes : 1000000,
                  &o->top))
        return -1;
    o->pick = (enum face_pick)pick;
    if (embeddings && wants & JOB_FACES) o->wants |= JOB_EMBEDDINGS;
    if (m->task[MODELS_CLASSIFY].net && o->top > m->task[MODELS_CLASSIFY].info.classes)
        o->top = m->task[MODELS_CLASSIFY].info.classes;
    return 0;
}

static json_t *timing_json(const struct job *p, int *failed) {
    static const enum metrics_stage stages[] = {STAGE_DECODE,  STAGE_BATCH, STAGE_DETECT,
                                                STAGE_ALIGN,   STAGE_EMBED, STAGE_AGE_GENDER,
                                                STAGE_CLASSIFY};
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        json_value_set(object, METRICS_STAGE_NAMES[stages[i]],
                       result_ms(1e3 * p->seconds[stages[i]]), failed);
    json_value_set(object, "total", result_ms(1e3 * p->took), failed);
    return object;
}

static json_t *faces_json(const struct job *p, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < p->nfaces; i++) {
        const float *embedding = p->embeddings;
        if (embedding) embedding += (size_t)i * (size_t)p->embedding_size;
        json_value_append(list,
                          result_face(&p->faces[i], p->ages ? &p->ages[i] : NULL, embedding,
                                      p->embedding_size, failed),
                          failed);
    }
    return list;
}

static json_t *picture_json(const struct job *p, int *failed) {
    json_t *object = json_object(), *list;

    json_value_set(object, "width", json_integer(p->width), failed);
    json_value_set(object, "height", json_integer(p->height), failed);
    if (p->options->wants & (JOB_FACES | JOB_EMBEDDINGS))
        json_value_set(object, "faces", faces_json(p, failed), failed);
    if (p->classes) {
        list = json_array();
        for (int i = 0; i < p->options->top; i++)
            json_value_append(list, result_class(&p->classes[i], failed), failed);
        json_value_set(object, "classes", list, failed);
    }
    json_value_set(object, "timing_ms", timing_json(p, failed), failed);
    return object;
}

/* One picture is answered as itself, a list as a list. */
static json_t *answer_json(const struct request *r, const struct job *p, const struct uploads *in) {
    int failed = 0;
    json_t *answer, *list;

    if (!in->is_list) {
        answer = picture_json(p, &failed);
    } else {
        answer = json_object();
        list = json_array();
        for (int i = 0; i < in->n; i++)
            json_value_append(list,
                              p[i].status ? error_json(r, p[i].code, p[i].why)
                                          : picture_json(&p[i], &failed),
                              &failed);
        json_value_set(answer, "pictures", list, &failed);
    }
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}

/* 422 where a face is needed and there is none. */
static int check_faces(struct request *r, const struct job *p, const struct uploads *in) {
    if (in->is_list) return 0;
    if (p->nfaces > 0) return 0;
    reply_error(r, 422, "no_face", "no face was found in the picture");
    return -1;
}

static void answer_pictures(struct request *r, unsigned wants, int needs_face) {
    struct uploads_want want = {.min = 1, .max = r->server->config->max_pictures, .keep_bad = 1};
    struct job_options options;
    struct uploads in;
    struct job *p = NULL;

    if (jobs_check(r, wants) || uploads_read(r, &want, &in)) return;
    if (read_options(r, wants, &options) == 0 && jobs_check(r, options.wants) == 0) {
        p = calloc((size_t)in.n, sizeof *p);
        if (!p)
            reply_error(r, 500, "internal", "the server is out of memory");
        else if (jobs_run(r, &options, &in, p, in.is_list) == 0 &&
                 (!needs_face || check_faces(r, p, &in) == 0))
            reply_json(r, 200, answer_json(r, p, &in));
    }
    for (int i = 0; p && i < in.n; i++) job_free(&p[i]);
    free(p);
    uploads_free(&in);
}

static void handle_analyze(struct request *r) {
    unsigned wants = JOB_FACES | JOB_ALL_PIXELS; /* as the tool's analyze */

    if (r->models->task[MODELS_AGE_GENDER].net) wants |= JOB_AGES;
    if (r->models->task[MODELS_CLASSIFY].net) wants |= JOB_CLASSES;
    answer_pictures(r, wants, 0);
}

static void handle_detect(struct request *r) {
    answer_pictures(r, JOB_FACES, 0);
}

static void handle_embed(struct request *r) {
    answer_pictures(r, JOB_FACES | JOB_EMBEDDINGS, 1);
}

static void handle_classify(struct request *r) {
    answer_pictures(r, JOB_CLASSES, 0);
}

static json_t *compare_json(const struct request *r, const struct job p[2]) {
    float similarity = mien_similarity(p[0].embeddings, p[1].embeddings, p[0].embedding_size);
    double threshold = r->server->config->same_person;
    int failed = 0;
    json_t *answer = json_object(), *list = json_array();

    for (int i = 0; i < 2; i++)
        json_value_append(list, result_face(&p[i].faces[0], NULL, NULL, 0, &failed), &failed);
    json_value_set(answer, "similarity", result_score(similarity), &failed);
    json_value_set(answer, "same_person", json_boolean((double)similarity >= threshold), &failed);
    json_value_set(answer, "threshold", json_value_number(threshold, 6), &failed);
    json_value_set(answer, "faces", list, &failed);
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}

static void handle_compare(struct request *r) {
    static const struct uploads_want want = {.min = 2, .max = 2};
    unsigned wants = JOB_FACES | JOB_EMBEDDINGS;
    struct job p[2] = {{.request = NULL}};
    struct job_options options;
    struct uploads in;

    if (jobs_check(r, wants) || uploads_read(r, &want, &in)) return;
    if (read_options(r, wants, &options) == 0) {
        options.pick = FACE_LARGEST;
        if (jobs_run(r, &options, &in, p, 0) == 0) {
            int none = p[0].nfaces == 0 ? 0 : p[1].nfaces == 0 ? 1 : -1;
            if (none >= 0)
                reply_error(r, 422, "no_face", "no face was found in picture %d", none + 1);
            else
                reply_json(r, 200, compare_json(r, p));
        }
    }
    for (int i = 0; i < 2; i++) job_free(&p[i]);
    uploads_free(&in);
}

static const struct route ROUTES[] = {
    {"POST", "/v1/analyze", ROUTE_WORK | ROUTE_MANY, handle_analyze},
    {"POST", "/v1/detect", ROUTE_WORK | ROUTE_MANY, handle_detect},
    {"POST", "/v1/embed", ROUTE_WORK | ROUTE_MANY, handle_embed},
    {"POST", "/v1/classify", ROUTE_WORK | ROUTE_MANY, handle_classify},
    {"POST", "/v1/compare", ROUTE_WORK | ROUTE_MANY, handle_compare},
    {.path = NULL},
};

const struct api api_v1 = {.prefix = "/v1", .routes = ROUTES};
