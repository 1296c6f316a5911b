/* The endpoints of the services mien replaces, answered in their shapes. */
#include "common/json_values.h"
#include "common/result_json.h"
#include "server/handlers.h"
#include "server/job.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdlib.h>

enum { PREDICT_CLASSES = 3, PERCENT_PLACES = 4 };

static struct job_options options_of(const struct request *r, unsigned wants) {
    const mien_net_info *classifier = &r->models->task[MODELS_CLASSIFY].info;
    int classes = classifier->classes < PREDICT_CLASSES ? classifier->classes : PREDICT_CLASSES;

    return (struct job_options){
        .wants = wants, .detect = r->server->config->detect, .top = classes};
}

/* ---- /predict ---- */

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

void handle_predict(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct job_options options = options_of(r, JOB_FACES | JOB_CLASSES);
    struct uploads in;
    struct job p;

    if (jobs_check(r, options.wants) || uploads_read(r, &want, &in)) return;
    if (jobs_run(r, &options, &in, &p, 0) == 0) reply_json(r, 200, predict_json(&p));
    job_free(&p);
    uploads_free(&in);
}

/* ---- /detect_faces_from_... ---- */

static json_t *named_landmarks_json(const mien_face *f, int *failed) {
    static const char *const names[5] = {"left_eye", "right_eye", "nose", "mouth_left",
                                         "mouth_right"};
    json_t *list = json_array();

    for (int i = 0; i < 5; i++) {
        json_t *one = json_object();
        json_value_set(one, "position", result_pixels(f->landmarks[i], 2, failed), failed);
        json_value_set(one, "type", json_string(names[i]), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *faces_json(const struct job *p, int *failed) {
    json_t *answer = json_object(), *list = json_array();

    for (int i = 0; i < p->nfaces; i++) {
        const mien_face *f = &p->faces[i];
        json_t *one = json_object();
        json_value_set(one, "bounding_box", result_pixels(f->box, 4, failed), failed);
        json_value_set(one, "landmarks", named_landmarks_json(f, failed), failed);
        json_value_set(one, "confidence", result_score(f->score), failed);
        json_value_append(list, one, failed);
    }
    json_value_set(answer, "faces_count", json_integer(p->nfaces), failed);
    json_value_set(answer, "faces", list, failed);
    return answer;
}

static json_t *list_json(const struct request *r, const struct job *p, int n) {
    int failed = 0;
    json_t *list = json_array(), *answer = json_object();

    for (int i = 0; i < n; i++)
        json_value_append(
            list, p[i].status ? error_json(r, p[i].code, p[i].why) : faces_json(&p[i], &failed),
            &failed);
    json_value_set(answer, "result", list, &failed);
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}

static void detect_faces(struct request *r, enum body_kind strings) {
    struct job_options options = options_of(r, JOB_FACES);
    struct uploads_want want = {
        .min = 1, .max = r->server->config->max_pictures, .strings = strings, .keep_bad = 1};
    struct uploads in;
    struct job *p;

    if (jobs_check(r, options.wants) || uploads_read(r, &want, &in)) return;
    p = calloc((size_t)in.n, sizeof *p);
    if (!p)
        reply_error(r, 500, "internal", "the server is out of memory");
    else if (jobs_run(r, &options, &in, p, 1) == 0)
        reply_json(r, 200, list_json(r, p, in.n));
    for (int i = 0; p && i < in.n; i++) job_free(&p[i]);
    free(p);
    uploads_free(&in);
}

void handle_faces_from_files(struct request *r) {
    detect_faces(r, PICTURE_BYTES);
}

void handle_faces_from_base64(struct request *r) {
    detect_faces(r, PICTURE_BYTES);
}

void handle_faces_from_urls(struct request *r) {
    detect_faces(r, PICTURE_URL);
}
