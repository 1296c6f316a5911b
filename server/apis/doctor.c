/* What is likely wrong with the people of a collection: samples that are somebody else's, persons
 * who may be one. */
#include "recognition/doctor.h"

#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/apis/enrolment.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"

enum { LIMIT_USUAL = 100, LIMIT_MOST = 1000 };

struct examination {
    struct collection_call *call;
    json_t *findings;
    int limit, n, failed, more; /* more: there is one above the limit */
};

/* The repair is a command of the tool's, and tells where the gallery lies: neither is for who asks.
 */
static int keep_finding(void *context, const mien_gallery_finding *f) {
    struct examination *e = context;
    json_t *object;

    if (e->n == e->limit) {
        e->more = 1;
        return 1;
    }
    e->n++;
    object = doctor_json(e->call->gallery, f, NULL, &e->failed);
    json_object_del(object, "repair");
    json_value_append(e->findings, object, &e->failed);
    return e->failed;
}

/* Of mien_gallery_doctor(): nobody waits for what comes after the deadline. */
static int is_over(void *context, double share) {
    const struct examination *e = context;

    (void)share;
    return request_is_over(e->call->request);
}

static int examine(struct examination *e, int64_t *samples) {
    struct collection_call *call = e->call;
    const struct network *embedder =
        networks_giving(&call->request->models->networks, MIEN_RESULT_EMBEDDING);
    mien_gallery_doctor_options o;
    int64_t contract = 0;
    int rc = call->collection ? enrolment_contract(call, 0, &contract) : MIEN_OK;

    if (rc || !contract) return rc;
    rc = doctor_options(call->gallery, call->collection, contract, embedder, &o, samples);
    if (rc) return rc;
    o.progress = is_over;
    o.context = e;
    rc = mien_gallery_doctor(call->gallery, call->collection, contract, &o, keep_finding, e);
    return e->more || e->failed ? MIEN_OK : rc;
}

static void handle_doctor(struct request *r) {
    struct collection_call call;
    struct examination e = {.call = &call, .limit = LIMIT_USUAL};
    int64_t samples = 0;
    json_t *object;
    int rc;

    if (enrolment_check(r) || param_int(r, "limit", 1, LIMIT_MOST, &e.limit) || params_end(r) ||
        collection_begin(r, GALLERY_LONG, r->param[0], &call))
        return;
    e.findings = json_array();
    rc = examine(&e, &samples);
    if (rc) {
        galleries_failed(r, rc);
        json_decref(e.findings);
    } else {
        object = json_object();
        json_value_set(object, "samples", json_integer(samples), &e.failed);
        json_value_set(object, "findings", e.findings, &e.failed);
        json_value_set(object, "more", json_boolean(e.more), &e.failed);
        collection_reply(r, 200, object, e.failed);
    }
    collection_end(&call);
}

static const struct route ROUTES[] = {
    {"GET", "/v1/collections/{}/doctor", ROUTE_WORK | ROUTE_READS | ROUTE_COLLECTION,
     handle_doctor},
    {.path = NULL},
};

const struct api api_doctor = {.routes = ROUTES};
