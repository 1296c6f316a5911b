/* mien's own endpoints: the objects of docs/json.md for pictures sent over HTTP. */
#include "analysis/result_json.h"
#include "analysis/timing_json.h"
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/apis/v1_status.h"
#include "server/models.h"
#include "server/params.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

/* What clients may ask for: no more than a detector gives. Any threshold goes, as it costs nothing:
 * suppression looks at the best 5000 candidates whatever their number (vision/nms.h). */
enum { MAX_FACES = 5000 };

static int read_detection(struct request *r, mien_detect_options *o) {
    double threshold = (double)o->threshold, nms = (double)o->nms;
    int search = (int)o->search;

    if (param_real(r, "threshold", 0, 1, &threshold) || param_real(r, "nms", 0, 1, &nms) ||
        param_int(r, "max_faces", 1, MAX_FACES, &o->max_faces) ||
        param_int(r, "size", 0, r->server->config->max_side, &o->size) ||
        param_choice(r, "search", FACE_SEARCH_NAMES, &search))
        return -1;
    o->search = (enum mien_search)search;
    o->threshold = faces_above_zero(threshold);
    o->nms = faces_above_zero(nms);
    return 0;
}

/* What an endpoint does, as bits 1 << enum mien_result. */
enum {
    FACES = 1 << MIEN_RESULT_FACES,
    EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING,
    ATTRIBUTES = 1 << MIEN_RESULT_ATTRIBUTES,
    CLASSES = 1 << MIEN_RESULT_CLASSES
};

static steps_t steps_giving(const struct networks *networks, unsigned results) {
    steps_t steps = 0;

    for (int i = 0; i < networks->n; i++)
        if (results >> networks->at[i].task.result & 1) steps |= 1U << i;
    return steps;
}

/* Which attributes are told, and by networks of which method. */
static int read_told(struct request *r, struct analysis_options *o) {
    const struct serve_config *c = r->server->config;
    const struct networks *networks = &r->models->networks;
    const char *list = c->attributes;
    int method = c->method, there = 0;
    char why[512], room[PARAM_TEXT];

    if (param_text(r, "attributes", room, &list) ||
        param_choice(r, "method", METHOD_NAMES, &method))
        return -1;
    if (networks_tell(networks, list, &o->told, why, sizeof why)) {
        reply_error(r, 400, "bad_request", "attributes: %s", why);
        return -1;
    }
    o->method = (enum networks_method)method;
    for (int i = 0; i < networks->n; i++)
        there |= networks->at[i].net && networks->at[i].methods >> method & 1;
    if (there || method == c->method) return 0;
    reply_error(r, 404, "not_found", "this server runs without the networks of method %s",
                METHOD_NAMES[method]);
    return -1;
}

/* Options of a request, from its parameters. results: what its endpoint gives, *results: with what
 * was asked for besides. */
static int read_options(struct request *r, unsigned *results, struct analysis_options *o) {
    const struct serve_config *c = r->server->config;
    const struct networks *networks = &r->models->networks;
    const struct network *classifier = networks_giving(networks, MIEN_RESULT_CLASSES);
    int embeddings = (*results & EMBEDDINGS) != 0, pick = FACE_ALL;

    *o = (struct analysis_options){.detect = c->detect, .top = c->top};
    if (read_detection(r, &o->detect) || (*results & ATTRIBUTES && read_told(r, o)) ||
        param_flag(r, "embeddings", &embeddings) ||
        (*results & FACES && param_flag(r, "quality", &o->quality)) ||
        param_choice(r, "face", FACE_PICK_NAMES, &pick) ||
        (*results & EMBEDDINGS && param_flag(r, "aligned", &o->aligned)) ||
        param_int(r, "top", 1, classifier ? classifier->info.classes : 1000000, &o->top) ||
        params_end(r))
        return -1;
    o->pick = (enum face_pick)pick;
    if (embeddings && *results & FACES) *results |= EMBEDDINGS;
    if (classifier && o->top > classifier->info.classes) o->top = classifier->info.classes;
    o->steps = steps_giving(networks, *results);
    return 0;
}

static json_t *picture_json(const struct picture *p, unsigned results, int *failed) {
    unsigned stages = timing_tasks() | 1U << STAGE_DECODE | 1U << STAGE_BATCH;
    json_t *object = json_object();

    result_add_size(object, p->analysis, failed);
    if (results & (FACES | EMBEDDINGS)) result_add_faces(object, p->analysis, failed);
    result_add_picture(object, p->analysis, failed);
    json_value_set(object, "timing_ms", timing_json(p->seconds, stages, p->took, failed), failed);
    return object;
}

/* One picture is answered as itself, a list as a list. */
static json_t *answer_json(const struct request *r, const struct picture *p, unsigned results,
                           const struct uploads *in) {
    int failed = 0;
    json_t *answer, *list;

    if (!in->is_list) {
        answer = picture_json(p, results, &failed);
    } else {
        answer = json_object();
        list = json_array();
        for (int i = 0; i < in->n; i++)
            json_value_append(list,
                              p[i].status ? error_json(r, p[i].code, p[i].why)
                                          : picture_json(&p[i], results, &failed),
                              &failed);
        json_value_set(answer, "pictures", list, &failed);
    }
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}

/* 422 where a face is needed and there is none. */
static int check_faces(struct request *r, const struct picture *p, const struct uploads *in) {
    if (in->is_list || p->analysis->nfaces > 0) return 0;
    reply_error(r, 422, "no_face", "no face was found in the picture");
    return -1;
}

/* needs: of the results, those the endpoint cannot do without. */
static void answer_pictures(struct request *r, unsigned results, unsigned needs, int needs_face) {
    struct uploads_want want = {.min = 1, .max = r->server->config->max_pictures, .keep_bad = 1};
    struct analysis_options options;
    struct uploads in;
    struct pictures *p = NULL;

    if (pictures_check(r, needs) || uploads_read(r, &want, &in)) return;
    if (read_options(r, &results, &options) == 0 &&
        pictures_check(r, needs | (results & EMBEDDINGS)) == 0) {
        options.all_pixels = (results & ATTRIBUTES) != 0; /* as the tool's analyze */
        p = pictures_run(r, &options, &in, in.is_list);
        if (p && (!needs_face || check_faces(r, p->at, &in) == 0))
            reply_json(r, 200, answer_json(r, p->at, results, &in));
    }
    pictures_free(p);
    uploads_free(&in);
}

static void handle_analyze(struct request *r) {
    answer_pictures(r, FACES | ATTRIBUTES | CLASSES, FACES, 0);
}

static void handle_detect(struct request *r) {
    answer_pictures(r, FACES, FACES, 0);
}

static void handle_embed(struct request *r) {
    answer_pictures(r, FACES | EMBEDDINGS, FACES | EMBEDDINGS, 1);
}

static void handle_classify(struct request *r) {
    answer_pictures(r, CLASSES, CLASSES, 0);
}

static json_t *compare_json(const struct request *r, const struct picture p[2]) {
    const struct item *item = analysis_item(p[0].analysis, MIEN_RESULT_EMBEDDING);
    json_t *answer = json_object();
    int failed = 0;

    result_add_comparison(answer, p[0].analysis, p[1].analysis, v1_same_person(r, item->network),
                          &failed);
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}

static void answer_compared(struct request *r, const struct picture p[2]) {
    int none = p[0].analysis->nfaces == 0 ? 0 : p[1].analysis->nfaces == 0 ? 1 : -1;

    if (none >= 0)
        reply_error(r, 422, "no_face", "no face was found in picture %d", none + 1);
    else
        reply_json(r, 200, compare_json(r, p));
}

static void handle_compare(struct request *r) {
    static const struct uploads_want want = {.min = 2, .max = 2};
    unsigned results = FACES | EMBEDDINGS;
    struct pictures *p = NULL;
    struct analysis_options options;
    struct uploads in;

    if (pictures_check(r, results) || uploads_read(r, &want, &in)) return;
    if (read_options(r, &results, &options) == 0) {
        options.pick = FACE_MAIN;
        p = pictures_run(r, &options, &in, 0);
        if (p) answer_compared(r, p->at);
    }
    pictures_free(p);
    uploads_free(&in);
}

static void handle_status(struct request *r) {
    struct models *m = models_acquire(r->server->models);

    reply_json(r, 200, v1_status_json(r, &m->networks));
    models_release(r->server->models, m);
}

static const struct route ROUTES[] = {
    {"GET", "/v1/status", 0, handle_status},
    {"POST", "/v1/analyze", ROUTE_WORK | ROUTE_MANY, handle_analyze},
    {"POST", "/v1/detect", ROUTE_WORK | ROUTE_MANY, handle_detect},
    {"POST", "/v1/embed", ROUTE_WORK | ROUTE_MANY, handle_embed},
    {"POST", "/v1/classify", ROUTE_WORK | ROUTE_MANY, handle_classify},
    {"POST", "/v1/compare", ROUTE_WORK | ROUTE_MANY, handle_compare},
    {.path = NULL},
};

const struct api api_v1 = {.prefix = "/v1", .routes = ROUTES};
