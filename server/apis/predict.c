/* /predict and /health of the service of attributes and classes, in its shapes. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

enum {
    PREDICT_CLASSES = 3,
    PERCENT_PLACES = 4,
    NEEDS = 1 << MIEN_RESULT_FACES | 1 << MIEN_RESULT_CLASSES
};

static void handle_health(struct request *r) {
    reply_json(r, 200, json_pack("{s:s}", "status", "API is running"));
}

static json_t *classification_json(const struct picture *p, int *failed) {
    json_t *list = json_array();
    const struct item *classes = analysis_item(p->analysis, MIEN_RESULT_CLASSES);

    for (int i = 0; i < classes->top; i++) {
        const mien_class *c = &classes->classes[i];
        json_t *one = json_object();
        json_value_set(one, "class", json_value_text(c->label ? c->label : ""), failed);
        json_value_set(one, "confidence",
                       json_value_number(100.0 * (double)c->score, PERCENT_PLACES), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *details_json(const struct picture *p, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < p->analysis->nfaces; i++) {
        const mien_face *f = &p->analysis->faces[i];
        json_t *one = json_object();
        json_value_set(one, "bbox", result_pixels(f->box, 4, failed), failed);
        json_value_set(one, "landmark", result_landmarks(f, failed), failed);
        json_value_set(one, "confidence", result_score(f->score), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *predict_json(const struct picture *p) {
    int failed = 0;
    json_t *faces = json_object(), *results = json_object(), *answer = json_object();

    json_value_set(faces, "num_faces", json_integer(p->analysis->nfaces), &failed);
    json_value_set(faces, "details", details_json(p, &failed), &failed);
    json_value_set(results, "classification", classification_json(p, &failed), &failed);
    json_value_set(results, "face_analysis", faces, &failed);
    json_value_set(answer, "results", results, &failed);
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}

static void handle_predict(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    const struct networks *networks = &r->models->networks;
    struct analysis_options options = {.steps = analysis_steps(networks, MIEN_RESULT_FACES) |
                                                analysis_steps(networks, MIEN_RESULT_CLASSES),
                                       .detect = r->server->config->detect,
                                       .top = PREDICT_CLASSES};
    struct uploads in;
    struct pictures *p;

    if (pictures_check(r, NEEDS) || uploads_read(r, &want, &in)) return;
    if (networks_giving(networks, MIEN_RESULT_CLASSES)->info.classes < options.top)
        options.top = networks_giving(networks, MIEN_RESULT_CLASSES)->info.classes;
    p = pictures_run(r, &options, &in, 0);
    if (p) reply_json(r, 200, predict_json(&p->at[0]));
    pictures_free(p);
    uploads_free(&in);
}

static const struct route ROUTES[] = {
    {"GET", "/health", ROUTE_OPEN | ROUTE_EARLY, handle_health},
    {"POST", "/predict", ROUTE_WORK, handle_predict},
    {.path = NULL},
};

const struct api api_predict = {.routes = ROUTES};
