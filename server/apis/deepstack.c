/*
 * The faces of DeepStack and of CodeProject.AI, which took its paths over, in their shapes: people
 * are those of the default collection, a userid is a person's name. Both have one scale from 0 to 1
 * and usual thresholds of their own: 0.67 there and 0.4 here (docs/dialects.md).
 */
#include "analysis/result_json.h"
#include "common/clock.h"
#include "common/json_values.h"
#include "recognition/identify.h"
#include "recognition/person.h"
#include "recognition/scale.h"
#include "server/admit.h"
#include "server/apis/api.h"
#include "server/apis/enrolment.h"
#include "server/apis/telling.h"
#include "server/params.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLLECTION "default"

extern const struct api api_deepstack, api_codeproject;

static const struct scale DEEPSTACK = {0, 0.67, 1}, CODEPROJECT = {0, 0.4, 1};

static const struct scale *scale_of(const struct request *r) {
    return r->api == &api_codeproject ? &CODEPROJECT : &DEEPSTACK;
}

static const mien_net *embedder_of(const struct request *r) {
    return networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING)->net;
}

/* What all their answers have: DeepStack's duration is in seconds. */
static void reply(struct request *r, int status, json_t *object, int failed) {
    double seconds = clock_seconds() - r->arrived;
    json_int_t ms = (json_int_t)(1e3 * seconds);

    json_value_set(object, "success", json_boolean(status == 200), &failed);
    json_value_set(object, "duration", json_value_number(seconds, 4), &failed);
    if (status == 200) {
        json_value_set(object, "inferenceMs", json_integer(ms), &failed);
        json_value_set(object, "processMs", json_integer(ms), &failed);
    }
    json_value_set(object, "code", json_integer(status), &failed);
    collection_reply(r, status, object, failed);
}

static void write_error(struct request *r, int status, const char *code, const char *message) {
    json_t *object = json_object();
    int failed = 0;

    (void)code;
    json_value_set(object, "error", json_value_text(message), &failed);
    reply(r, status, object, failed);
}

static void set_predictions(json_t *object, json_t *list, int n, int *failed) {
    char message[40] = "Found 1 face";

    if (n != 1) snprintf(message, sizeof message, "Found %d faces", n);
    json_value_set(object, "predictions", list, failed);
    json_value_set(object, "count", json_integer(n), failed);
    json_value_set(object, "message", json_string(message), failed);
}

static json_t *prediction_json(const struct analysis *a, const mien_face *face, int *failed) {
    json_t *object = json_object();

    telling_add_sides(object, a, face, failed);
    return object;
}

/* The pictures of a form, analysed, or NULL after replying. found: networks that must be there. */
static struct pictures *look(struct request *r, const struct uploads_want *want, unsigned found,
                             struct analysis_options *options, struct uploads *in) {
    const struct networks *networks = &r->models->networks;

    *in = (struct uploads){.n = 0};
    if (pictures_check(r, found) || uploads_read(r, want, in)) return NULL;
    options->detect = r->server->config->detect;
    for (int i = 0; i < NETWORKS_MAX; i++)
        if (found & 1U << i) options->steps |= analysis_steps(networks, (enum mien_result)i);
    return pictures_run(r, options, in, 0);
}

enum { FACES = 1 << MIEN_RESULT_FACES, EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING };

static void handle_detect(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct analysis_options options = {.steps = 0};
    double least = -1;
    struct pictures *p;
    struct uploads in;
    json_t *object, *list;
    int failed = 0, n = 0;

    if (admit_late_key(r, "api_key")) return;
    p = look(r, &want, FACES, &options, &in);
    if (p && param_real(r, "min_confidence", 0, 1, &least) == 0) {
        const struct analysis *a = p->at[0].analysis;
        object = json_object();
        list = json_array();
        for (int i = 0; i < a->nfaces; i++) {
            json_t *one;
            if ((double)a->faces[i].score < least) continue;
            one = prediction_json(a, &a->faces[i], &failed);
            json_value_set(one, "confidence", result_score(a->faces[i].score), &failed);
            json_value_append(list, one, &failed);
            n++;
        }
        set_predictions(object, list, n, &failed);
        reply(r, 200, object, failed);
    }
    pictures_free(p);
    uploads_free(&in);
}

/* Who a face is, of those who have a name; "unknown" has no confidence. */
static void set_user(json_t *object, struct collection_call *call, const struct identity *who,
                     double least, int *failed) {
    const mien_gallery_match *best;
    char name[PERSON_NAME];
    int i = 0;

    while (i < who->n && !person_has_name(call->gallery, who->matches[i].person, name)) i++;
    best = i < who->n ? &who->matches[i] : NULL;
    if (best && (double)best->similarity >= least) {
        double score = scale_score(scale_of(call->request), embedder_of(call->request),
                                   (double)best->similarity);
        json_value_set(object, "userid", json_value_text(name), failed);
        json_value_set(object, "confidence", json_value_number(score, 6), failed);
    } else {
        json_value_set(object, "userid", json_string("unknown"), failed);
        json_value_set(object, "confidence", json_integer(0), failed);
    }
}

static int predictions_json(struct collection_call *call, const struct analysis *a, double least,
                            json_t *list, int *failed) {
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    struct identifying in = {.collection = call->collection,
                             .top = 1,
                             .stop = request_is_over,
                             .context = call->request};
    struct identified found = {.n = 0};
    int rc = enrolment_contract(call, 0, &in.contract);

    if (rc == MIEN_OK)
        rc = identify_faces(call->gallery, &in, item ? item->values : NULL, a->nfaces,
                            item ? item_width(item->network) : 0, &found);
    for (int i = 0; i < a->nfaces && rc == MIEN_OK; i++) {
        struct identity who = {.matches = found.matches + (size_t)i * (size_t)found.top,
                               .n = found.counts[i]};
        json_t *one = prediction_json(a, &a->faces[i], failed);
        set_user(one, call, &who, least, failed);
        json_value_append(list, one, failed);
    }
    identified_free(&found);
    return rc;
}

static void recognise(struct request *r, const struct analysis *a, double least) {
    struct collection_call call;
    json_t *object, *list;
    int failed = 0, rc;

    if (collection_check_matches(r, a->nfaces, 1) ||
        collection_begin(r, GALLERY_SEARCH, COLLECTION, &call))
        return;
    object = json_object();
    list = json_array();
    rc = predictions_json(&call, a, scale_similarity(scale_of(r), embedder_of(r), least), list,
                          &failed);
    set_predictions(object, list, a->nfaces, &failed);
    if (rc) {
        json_decref(object);
        galleries_failed(r, rc);
    } else {
        reply(r, 200, object, failed);
    }
    collection_end(&call);
}

static void handle_recognise(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct analysis_options options = {.steps = 0};
    double least = scale_of(r)->usual;
    struct pictures *p = NULL;
    struct uploads in;

    if (admit_late_key(r, "api_key") || enrolment_check(r)) return;
    p = look(r, &want, FACES | EMBEDDINGS, &options, &in);
    if (p && param_real(r, "min_confidence", 0, 1, &least) == 0)
        recognise(r, p->at[0].analysis, least);
    pictures_free(p);
    uploads_free(&in);
}

/* 1 where somebody of that name is there. */
static int is_registered(struct collection_call *call, const char *userid, int *rc) {
    char why[PERSON_WHY];
    int64_t person = 0;

    *rc = call->collection
              ? person_find_name(call->gallery, call->collection, userid, 1, &person, why)
              : MIEN_OK;
    if (*rc) galleries_refuse(call->request, *rc, why);
    return person != 0;
}

static int was_registered(struct request *r, const char *userid, int *is_there) {
    struct collection_call call;
    int rc;

    if (collection_begin(r, GALLERY_READ, COLLECTION, &call)) return -1;
    *is_there = is_registered(&call, userid, &rc);
    collection_end(&call);
    return rc ? -1 : 0;
}

/* One face that was enrolled is success, as there. */
static void reply_registered(struct request *r, const struct enrolment_result *results, int n,
                             int was_there) {
    const struct enrolment_result *refused = &results[0];
    json_t *object;
    int failed = 0;

    for (int i = 0; i < n; i++) {
        if (results[i].status || results[i].done.outcome == ENROL_REFUSED) continue;
        object = json_object();
        json_value_set(object, "message", json_string(was_there ? "face updated" : "face added"),
                       &failed);
        reply(r, 200, object, failed);
        return;
    }
    reply_error(r, refused->status ? refused->status : 400, "bad_request", "%s",
                refused->done.reason && strcmp(refused->done.reason, "no_face") == 0
                    ? "no face detected"
                    : refused->done.why);
}

/* The userid of a request; -1 after replying. */
static int read_userid(struct request *r, char room[PARAM_TEXT], const char **userid) {
    *userid = NULL;
    if (param_text(r, "userid", room, userid)) return -1;
    if (*userid) return 0;
    reply_error(r, 400, "bad_request", "userid not specified");
    return -1;
}

static void handle_register(struct request *r) {
    struct uploads_want want = {.min = 1, .max = r->server->config->max_pictures, .keep_bad = 1};
    struct enrolment_want of = {
        .collection = COLLECTION, .is_name = 1, .allowed = 1U << GATE_SEVERAL_FACES};
    struct enrolment_result *results = NULL;
    char room[PARAM_TEXT];
    struct uploads in;
    int was_there = 0;

    if (admit_late_key(r, "api_key") || enrolment_check(r) || uploads_read(r, &want, &in)) return;
    if (read_userid(r, room, &of.person) == 0 && was_registered(r, of.person, &was_there) == 0)
        results = enrolment_run(r, &in, &of);
    if (results) reply_registered(r, results, in.n, was_there);
    free(results);
    uploads_free(&in);
}

static void handle_match(struct request *r) {
    static const struct uploads_want want = {.min = 2, .max = 2};
    struct analysis_options options = {.pick = FACE_MAIN};
    struct pictures *p = NULL;
    struct uploads in;

    if (admit_late_key(r, "api_key")) return;
    p = look(r, &want, FACES | EMBEDDINGS, &options, &in);
    if (p && (p->at[0].analysis->nfaces == 0 || p->at[1].analysis->nfaces == 0)) {
        reply_error(r, 400, "no_face", "no face found");
    } else if (p) {
        double similarity = result_similarity(p->at[0].analysis, p->at[1].analysis);
        json_t *object = json_object();
        int failed = 0;
        json_value_set(object, "similarity",
                       json_value_number(scale_score(scale_of(r), embedder_of(r), similarity), 6),
                       &failed);
        reply(r, 200, object, failed);
    }
    pictures_free(p);
    uploads_free(&in);
}

static void handle_list(struct request *r) {
    struct collection_page page = {.list = NULL};
    struct collection_call call;
    json_t *object;
    int rc = MIEN_OK;

    if (collection_read_body(r) || admit_late_key(r, "api_key") ||
        collection_begin(r, GALLERY_READ, COLLECTION, &call))
        return;
    page.list = json_array();
    if (call.collection)
        rc = mien_gallery_persons(call.gallery, call.collection, NULL, 0, 0, collection_see_name,
                                  &page);
    object = json_object();
    json_value_set(object, "faces", page.list, &page.failed);
    if (rc) {
        json_decref(object);
        galleries_failed(r, rc);
    } else {
        reply(r, 200, object, page.failed);
    }
    collection_end(&call);
}

/* Whom nobody knows is deleted, too, as there. */
static void delete_user(struct collection_call *call, const char *userid) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    char why[PERSON_WHY];
    int64_t person = 0;
    int rc = call->collection
                 ? person_find_name(call->gallery, call->collection, userid, 1, &person, why)
                 : MIEN_OK;

    if (rc) {
        galleries_refuse(call->request, rc, why);
        return;
    }
    if (person) rc = mien_gallery_person_delete(call->gallery, person, &d);
    free(d.receipt);
    if (rc)
        galleries_failed(call->request, rc);
    else
        reply(call->request, 200, json_object(), 0);
}

static void handle_delete(struct request *r) {
    struct collection_call call;
    char room[PARAM_TEXT];
    const char *userid;

    if (collection_read_body(r) || admit_late_key(r, "api_key") || read_userid(r, room, &userid) ||
        collection_begin(r, GALLERY_WRITE, COLLECTION, &call))
        return;
    delete_user(&call, userid);
    collection_end(&call);
}

static void handle_ping(struct request *r) {
    reply(r, 200, json_pack("{s:s}", "message", "The server is running"), 0);
}

enum {
    READS = ROUTE_WORK | ROUTE_READS | ROUTE_LATE_KEY,
    WRITES = ROUTE_WORK | ROUTE_WRITES | ROUTE_LATE_KEY
};

static const struct route ROUTES[] = {
    {"POST", "/v1/vision/face", ROUTE_WORK | ROUTE_LATE_KEY, handle_detect},
    {"POST", "/v1/vision/face/recognize", READS, handle_recognise},
    {"POST", "/v1/vision/face/register", WRITES | ROUTE_MANY, handle_register},
    {"POST", "/v1/vision/face/match", ROUTE_WORK | ROUTE_MANY | ROUTE_LATE_KEY, handle_match},
    {"POST", "/v1/vision/face/list", READS, handle_list},
    {"POST", "/v1/vision/face/delete", WRITES, handle_delete},
    {"GET", "/v1/status/ping", ROUTE_OPEN, handle_ping},
    {"GET", "/v1/server/status/ping", ROUTE_OPEN, handle_ping},
    {.path = NULL},
};

const struct api api_deepstack = {
    .name = "deepstack", .prefix = "/v1/vision", .routes = ROUTES, .write_error = write_error};
const struct api api_codeproject = {
    .name = "codeproject", .prefix = "/v1/vision", .routes = ROUTES, .write_error = write_error};
