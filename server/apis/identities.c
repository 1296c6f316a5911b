/* /add_identity and what belongs to it, of services of face recognition: the default collection in
 * their shapes. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "recognition/identify.h"
#include "recognition/person.h"
#include "server/apis/api.h"
#include "server/apis/enrolment.h"
#include "server/params.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

enum { TOP = 5, TOP_MOST = 1000 };
#define COLLECTION "default"

static void reply_added(struct request *r, const struct enrolment_result *result) {
    const struct enrolled *done = &result->done;
    json_t *object;
    int failed = 0;

    if (result->status) {
        reply_error(r, result->status, result->code, "%s", done->why);
    } else if (done->outcome == ENROL_REFUSED) {
        if (done->reason && strcmp(done->reason, "other_person") == 0)
            reply_error(r, 409, "conflict", "the picture %s", done->why);
        else
            reply_error(r, 422, "no_face", "%s", done->why);
    } else {
        object = json_object();
        json_value_set(object, "status", json_string("success"), &failed);
        json_value_set(object, "identity_added", json_value_text(done->name), &failed);
        json_value_set(object, "id", gallery_json_id(done->person), &failed);
        json_value_set(object, "sample", gallery_json_id(done->sample), &failed);
        collection_reply(r, 200, object, failed);
    }
}

static void handle_add(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct enrolment_want of = {.collection = COLLECTION, .how_to_force = ENROLMENT_FORCE};
    struct enrolment_result *result = NULL;
    char room[PARAM_TEXT];
    struct uploads in;

    if (enrolment_check(r) || uploads_read(r, &want, &in)) return;
    if (param_text(r, "name", room, &of.person) == 0 && param_flag(r, "force", &of.force) == 0 &&
        params_end(r) == 0) {
        if (of.person)
            result = enrolment_run(r, &in, &of);
        else
            reply_error(r, 400, "bad_request", "name must say whose face it is");
    }
    if (result) reply_added(r, result);
    free(result);
    uploads_free(&in);
}

/* All names, as these services list them. */
static void handle_list(struct request *r) {
    struct collection_page page = {.list = NULL};
    struct collection_call call;
    json_t *object;
    int rc = MIEN_OK;

    if (params_end(r) || collection_begin(r, GALLERY_READ, COLLECTION, &call)) return;
    page.list = json_array();
    if (call.collection)
        rc = mien_gallery_persons(call.gallery, call.collection, NULL, 0, 0, collection_see_name,
                                  &page);
    object = json_object();
    json_value_set(object, "identities", page.list, &page.failed);
    if (rc) {
        json_decref(object);
        galleries_failed(r, rc);
    } else {
        collection_reply(r, 200, object, page.failed);
    }
    collection_end(&call);
}

/* The person of the path's name or id; -1 after replying. */
static int find(struct collection_call *call, int64_t *person) {
    if (call->collection) return enrolment_find_person(call, call->request->param[0], 0, person);
    reply_error(call->request, 404, "not_found", "nobody is enrolled");
    return -1;
}

static void handle_get(struct request *r) {
    struct collection_call call;
    json_t *object = NULL;
    int64_t person;
    int rc;

    if (params_end(r) || collection_begin(r, GALLERY_READ, COLLECTION, &call)) return;
    if (find(&call, &person) == 0) {
        rc = collection_get_person(&call, person, &object);
        if (rc)
            galleries_failed(r, rc);
        else
            reply_json(r, 200, object);
    }
    collection_end(&call);
}

static void handle_delete(struct request *r) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(r)};
    struct collection_call call;
    int64_t person;
    int failed = 0, rc;
    json_t *object;

    if (params_end(r) || collection_begin(r, GALLERY_WRITE, COLLECTION, &call)) return;
    if (find(&call, &person) == 0) {
        rc = mien_gallery_person_delete(call.gallery, person, &d);
        if (rc) {
            galleries_failed(r, rc);
        } else {
            object = gallery_json_deletion(&d, &failed);
            free(d.receipt);
            collection_reply(r, 200, object, failed);
        }
    }
    collection_end(&call);
}

/* A face: its box, who it is or "unknown", how alike, and who else it could be. */
static json_t *face_json(struct collection_call *call, const mien_face *face,
                         const struct identity *identity, int *failed) {
    int is_known = strcmp(identity->verdict, "likely the same") == 0;
    json_t *object = json_object(), *list = json_array();
    char name[PERSON_NAME];

    for (int i = 0; i < identity->n; i++) {
        const mien_gallery_match *m = &identity->matches[i];
        json_t *one = json_object();
        json_value_set(one, "identity",
                       json_value_text(person_name(call->gallery, m->person, name)), failed);
        json_value_set(one, "id", gallery_json_id(m->person), failed);
        json_value_set(one, "confidence", result_score(m->similarity), failed);
        json_value_append(list, one, failed);
    }
    json_value_set(object, "bbox", result_pixels(face->box, 4, failed), failed);
    json_value_set(
        object, "identity",
        is_known ? json_value_text(person_name(call->gallery, identity->matches[0].person, name))
                 : json_string("unknown"),
        failed);
    json_value_set(object, "confidence",
                   identity->n ? result_score(identity->matches[0].similarity) : json_null(),
                   failed);
    json_value_set(object, "top_matches", list, failed);
    return object;
}

/* A code of the gallery's. */
static int results_json(struct collection_call *call, struct identifying *in, const double *same,
                        const struct analysis *a, json_t *list, int *failed) {
    struct identified found = {.n = 0};
    struct identifying also;
    int rc;

    in->collection = call->collection;
    rc = enrolment_identifying(call, same, in, &also);
    if (rc == MIEN_OK) rc = identify_picture(call->gallery, in, a, &found);
    for (int i = 0; i < a->nfaces && rc == MIEN_OK; i++) {
        struct identity identity = identify_judge(in, &found, i);
        json_value_append(list, face_json(call, &a->faces[i], &identity, failed), failed);
    }
    identified_free(&found);
    return rc;
}

static void recognise(struct request *r, int top, const double *same, const struct pictures *p) {
    struct identifying in = {.top = top, .fpir = 0.01, .stop = request_is_over, .context = r};
    struct collection_call call;
    json_t *object, *list;
    int failed = 0, rc;

    if (collection_check_matches(r, p->at[0].analysis->nfaces, top) ||
        collection_begin(r, GALLERY_SEARCH, COLLECTION, &call))
        return;
    list = json_array();
    rc = results_json(&call, &in, same, p->at[0].analysis, list, &failed);
    object = json_object();
    json_value_set(object, "results", list, &failed);
    json_value_set(object, "threshold", json_value_number(in.limits.same, 6), &failed);
    if (rc) {
        json_decref(object);
        galleries_failed(r, rc);
    } else {
        collection_reply(r, 200, object, failed);
    }
    collection_end(&call);
}

static void handle_recognise(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    const struct networks *networks = &r->models->networks;
    struct analysis_options options = {.steps = analysis_steps(networks, MIEN_RESULT_FACES) |
                                                analysis_steps(networks, MIEN_RESULT_EMBEDDING),
                                       .detect = r->server->config->detect};
    double threshold = -2;
    struct pictures *p = NULL;
    struct uploads in;
    int top = TOP;

    if (enrolment_check(r) || uploads_read(r, &want, &in)) return;
    if (param_int(r, "top", 1, TOP_MOST, &top) == 0 &&
        param_real(r, "threshold", -1, 1, &threshold) == 0 && params_end(r) == 0)
        p = pictures_run(r, &options, &in, 0);
    if (p) recognise(r, top, threshold >= -1 ? &threshold : NULL, p);
    pictures_free(p);
    uploads_free(&in);
}

enum { READS = ROUTE_WORK | ROUTE_READS, WRITES = ROUTE_WORK | ROUTE_WRITES };

static const struct route ROUTES[] = {
    {"POST", "/add_identity", WRITES, handle_add},
    {"POST", "/recognize", READS, handle_recognise},
    {"GET", "/list_identities", READS, handle_list},
    {"GET", "/identity/{}", READS, handle_get},
    {"DELETE", "/identity/{}", WRITES, handle_delete},
    {.path = NULL},
};

const struct api api_identities = {.routes = ROUTES};
