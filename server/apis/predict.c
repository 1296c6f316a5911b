/* /predict and /health of the service of attributes and classes, in its shapes. */
#include "common/json_values.h"
#include "common/result_json.h"
#include "server/apis/api.h"
#include "server/job.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

enum { PREDICT_CLASSES = 3, PERCENT_PLACES = 4 };

static void handle_health(struct request *r) {
    reply_json(r, 200, json_pack("{s:s}", "status", "API is running"));
}

static json_t *classification_json(const struct job *p, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < p->options->top; i++) {
        const mien_class *c = &p->classes[i];
        json_t *one = json_object();
        json_value_set(one, "class", json_value_text(c->label ? c->label : ""), failed);
        json_value_set(one, "confidence",
                       json_value_number(100.0 * (double)c->score, PERCENT_PLACES), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *details_json(const struct job *p, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < p->nfaces; i++) {
        const mien_face *f = &p->faces[i];
        json_t *one = json_object();
        json_value_set(one, "bbox", result_pixels(f->box, 4, failed), failed);
        json_value_set(one, "landmark", result_landmarks(f, failed), failed);
        json_value_set(one, "confidence", result_score(f->score), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *predict_json(const struct job *p) {
    int failed = 0;
    json_t *faces = json_object(), *results = json_object(), *answer = json_object();

    json_value_set(faces, "num_faces", json_integer(p->nfaces), &failed);
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
    const mien_net_info *classifier = &r->models->task[MODELS_CLASSIFY].info;
    struct job_options options = {.wants = JOB_FACES | JOB_CLASSES,
                                  .detect = r->server->config->detect,
                                  .top = classifier->classes < PREDICT_CLASSES ? classifier->classes
                                                                               : PREDICT_CLASSES};
    struct uploads in;
    struct job p;

    if (jobs_check(r, options.wants) || uploads_read(r, &want, &in)) return;
    if (jobs_run(r, &options, &in, &p, 0) == 0) reply_json(r, 200, predict_json(&p));
    job_free(&p);
    uploads_free(&in);
}

static const struct route ROUTES[] = {
    {"GET", "/health", ROUTE_OPEN | ROUTE_EARLY, handle_health},
    {"POST", "/predict", ROUTE_WORK, handle_predict},
    {.path = NULL},
};

const struct api api_predict = {.routes = ROUTES};
