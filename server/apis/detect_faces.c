/* /detect_faces_from_... and /ready of the service of face detection, in its shapes. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

static void handle_ready(struct request *r) {
    static const char *const words[] = {"starting", "ready", "draining", "ending"};
    int state = atomic_load(&r->server->state), is_ready = server_is_ready(r->server);
    const char *word = state == SERVER_READY && !is_ready ? "busy" : words[state];

    reply_json(r, is_ready ? 200 : 503, json_pack("{s:s}", "status", word));
    if (!is_ready) reply_header(r, "Retry-After", "1");
}

static json_t *named_landmarks_json(const mien_face *f, int *failed) {
    static const char *const names[5] = {"left_eye", "right_eye", "nose", "left_mouth",
                                         "right_mouth"};
    json_t *list = json_array();

    for (int i = 0; i < 5; i++) {
        json_t *one = json_object();
        json_value_set(one, "position", result_pixels(f->landmarks[i], 2, failed), failed);
        json_value_set(one, "type", json_string(names[i]), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

static json_t *faces_json(const struct picture *p, int *failed) {
    json_t *answer = json_object(), *list = json_array();

    for (int i = 0; i < p->analysis->nfaces; i++) {
        const mien_face *f = &p->analysis->faces[i];
        json_t *one = json_object();
        json_value_set(one, "bounding_box", result_pixels(f->box, 4, failed), failed);
        json_value_set(one, "landmarks", named_landmarks_json(f, failed), failed);
        json_value_set(one, "confidence", result_score(f->score), failed);
        json_value_append(list, one, failed);
    }
    json_value_set(answer, "faces_count", json_integer(p->analysis->nfaces), failed);
    json_value_set(answer, "faces", list, failed);
    return answer;
}

static json_t *list_json(const struct request *r, const struct picture *p, int n) {
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
    struct analysis_options options = {.steps =
                                           analysis_steps(&r->models->networks, MIEN_RESULT_FACES),
                                       .detect = r->server->config->detect};
    struct uploads_want want = {
        .min = 1, .max = r->server->config->max_pictures, .strings = strings, .keep_bad = 1};
    struct uploads in;
    struct pictures *p;

    if (pictures_check(r, 1 << MIEN_RESULT_FACES) || uploads_read(r, &want, &in)) return;
    p = pictures_run(r, &options, &in, 1);
    if (p) reply_json(r, 200, list_json(r, p->at, in.n));
    pictures_free(p);
    uploads_free(&in);
}

static void handle_faces_from_files(struct request *r) {
    detect_faces(r, PICTURE_BYTES);
}

static void handle_faces_from_base64(struct request *r) {
    detect_faces(r, PICTURE_BYTES);
}

static void handle_faces_from_urls(struct request *r) {
    detect_faces(r, PICTURE_URL);
}

static const struct route ROUTES[] = {
    {"GET", "/ready", ROUTE_OPEN | ROUTE_EARLY, handle_ready},
    {"POST", "/detect_faces_from_files", ROUTE_WORK | ROUTE_MANY, handle_faces_from_files},
    {"POST", "/detect_faces_from_base64", ROUTE_WORK | ROUTE_MANY, handle_faces_from_base64},
    {"POST", "/detect_faces_from_urls", ROUTE_WORK | ROUTE_MANY, handle_faces_from_urls},
    {.path = NULL},
};

const struct api api_detect_faces = {.routes = ROUTES};
