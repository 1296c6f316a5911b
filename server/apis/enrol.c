/* Enrolling in a collection: pictures, or ready embeddings, become samples of a person. */
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "server/apis/api.h"
#include "server/apis/embeddings.h"
#include "server/apis/enrolment.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdlib.h>

/* The parameters beside the pictures. */
struct asked {
    char person_room[PARAM_TEXT], external_room[PARAM_TEXT];
    struct enrolment_want want;
    char *metadata; /* for free() */
};

/* name: whether the person is named by a parameter, else by the path. */
static int read_asked(struct request *r, int named, struct asked *a) {
    int64_t id;

    *a = (struct asked){.want = {.collection = r->param[0],
                                 .person = named ? NULL : r->param[1],
                                 .how_to_force = ENROLMENT_FORCE}};
    if ((named && param_text(r, "name", a->person_room, &a->want.person)) ||
        param_text(r, "external_id", a->external_room, &a->want.external_id) ||
        param_flag(r, "force", &a->want.force) || param_flag(r, "aligned", &a->want.aligned) ||
        param_object(r, "metadata", &a->metadata))
        return -1;
    a->want.metadata = a->metadata;
    if (!named && mien_gallery_id_read(a->want.person, &id)) galleries_failed(r, MIEN_EINVAL);
    if (!r->reply.status && params_end(r) == 0 && a->want.person) return 0;
    if (!r->reply.status) reply_error(r, 400, "bad_request", "name must say whose face it is");
    free(a->metadata);
    return -1;
}

static json_t *reasons_json(const struct enrolment_result *result, int *failed) {
    json_t *list;

    if (!result->status) return enrolled_reasons(&result->done, failed);
    list = json_array();
    json_value_append(list, json_string(result->code), failed);
    return list;
}

static json_t *result_json(const struct enrolment_result *result, int *failed) {
    const struct enrolled *done = &result->done;
    int is_known = done->sample != 0;
    json_t *object = json_object();

    json_value_set(object, "outcome", json_string(ENROL_OUTCOMES[done->outcome]), failed);
    json_value_set(object, "name", is_known ? json_value_text(done->name) : json_null(), failed);
    json_value_set(object, "person", gallery_json_id(done->person), failed);
    json_value_set(object, "sample", gallery_json_id(done->sample), failed);
    json_value_set(object, "quality",
                   done->quality < 0 ? json_null() : json_value_number((double)done->quality, 4),
                   failed);
    json_value_set(object, "forced", done->forced[0] ? json_value_text(done->forced) : json_null(),
                   failed);
    json_value_set(object, "reasons", reasons_json(result, failed), failed);
    json_value_set(object, "error",
                   done->outcome == ENROL_REFUSED ? json_value_text(done->why) : json_null(),
                   failed);
    return object;
}

static void reply_results(struct request *r, const struct enrolment_result *results, int n) {
    json_t *object = json_object(), *list = json_array();
    int failed = 0;

    for (int i = 0; i < n; i++) json_value_append(list, result_json(&results[i], &failed), &failed);
    json_value_set(object, "results", list, &failed);
    collection_reply(r, 200, object, failed);
}

static void enrol_pictures(struct request *r, int named) {
    struct uploads_want want = {.min = 1, .max = r->server->config->max_pictures, .keep_bad = 1};
    struct enrolment_result *results;
    struct asked asked;
    struct uploads in;

    if (uploads_read(r, &want, &in)) return;
    if (read_asked(r, named, &asked) == 0) {
        results = enrolment_run(r, &in, &asked.want);
        if (results) reply_results(r, results, in.n);
        free(results);
        free(asked.metadata);
    }
    uploads_free(&in);
}

/* All of the embeddings, or none. */
static int add_samples(struct collection_call *call, const struct enrolment_want *want,
                       int64_t person, const struct embeddings *e, int64_t *ids) {
    mien_gallery_sample *samples = calloc((size_t)e->n, sizeof *samples);
    int64_t contract = 0;
    int rc = samples ? enrolment_contract(call, 1, &contract) : MIEN_ENOMEM;

    for (int i = 0; i < e->n && rc == MIEN_OK; i++)
        samples[i] = (mien_gallery_sample){.struct_size = sizeof *samples,
                                           .person = person,
                                           .contract = contract,
                                           .embedding = e->values + (size_t)i * (size_t)e->dims,
                                           .dims = e->dims,
                                           .quality = -1,
                                           .external_id = want->external_id,
                                           .metadata = want->metadata};
    if (rc == MIEN_OK) rc = mien_gallery_samples_add(call->gallery, samples, e->n, ids);
    free(samples);
    return rc;
}

static int see_name(void *context, const mien_gallery_person *p) {
    struct enrolled *done = context;

    snprintf(done->name, sizeof done->name, "%s", p->name);
    return 0;
}

static void enrol_found(struct collection_call *call, const struct enrolment_want *want,
                        int64_t person, const struct embeddings *e,
                        struct enrolment_result *results, int64_t *ids) {
    mien_gallery_person made = {
        .struct_size = sizeof made, .collection = call->collection, .name = want->person};
    struct enrolled done = {.outcome = ENROL_DONE, .quality = -1};
    int rc = MIEN_OK;

    if (collection_change(call)) return;
    if (!person) rc = mien_gallery_person_add(call->gallery, &made, &person);
    if (rc == MIEN_OK) rc = add_samples(call, want, person, e, ids);
    if (rc == MIEN_OK) rc = mien_gallery_person_get(call->gallery, person, see_name, &done);
    if (collection_changed(call, rc)) return;
    done.person = person;
    for (int i = 0; i < e->n; i++) {
        results[i].done = done;
        results[i].done.sample = ids[i];
    }
    reply_results(call->request, results, e->n);
}

static void enrol_ready(struct request *r, const struct enrolment_want *want,
                        const struct embeddings *e) {
    struct enrolment_result *results = calloc((size_t)e->n, sizeof *results);
    int64_t *ids = calloc((size_t)e->n, sizeof *ids), person;
    struct collection_call call;

    if (!results || !ids) {
        reply_error(r, 500, "internal", "the server is out of memory");
    } else if (collection_begin(r, GALLERY_WRITE, want->collection, &call) == 0) {
        if (enrolment_find_person(&call, want->person, 1, &person) == 0 &&
            enrolment_check_quota(&call, e->n) == 0)
            enrol_found(&call, want, person, e, results, ids);
        collection_end(&call);
    }
    free(results);
    free(ids);
}

static void enrol_embeddings(struct request *r, int named) {
    struct embeddings embeddings;
    struct asked asked;

    if (embeddings_read(r, &embeddings)) return;
    if (read_asked(r, named, &asked) == 0) {
        enrol_ready(r, &asked.want, &embeddings);
        free(asked.metadata);
    }
    free(embeddings.values);
}

static void enrol(struct request *r, int named) {
    if (enrolment_check(r)) return;
    if (embeddings_are_given(r))
        enrol_embeddings(r, named);
    else
        enrol_pictures(r, named);
}

static void handle_enrol_person(struct request *r) {
    enrol(r, 0);
}

static void handle_enrol_name(struct request *r) {
    enrol(r, 1);
}

enum { WRITES = ROUTE_WORK | ROUTE_MANY | ROUTE_WRITES | ROUTE_COLLECTION };

static const struct route ROUTES[] = {
    {"POST", "/v1/collections/{}/persons/{}/samples", WRITES, handle_enrol_person},
    {"POST", "/v1/collections/{}/samples", WRITES, handle_enrol_name},
    {.path = NULL},
};

const struct api api_enrol = {.routes = ROUTES};
