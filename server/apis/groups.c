/* Faces of a collection that nobody has named: putting them into groups, listing these. */
#include "common/json_values.h"
#include "recognition/unnamed.h"
#include "server/apis/api.h"
#include "server/apis/enrolment.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"

static int see_group(void *context, const mien_gallery_person *p) {
    struct collection_page *page = context;

    return collection_page_add(page, collection_person_json(p, &page->failed), p->id);
}

static void handle_list(struct request *r) {
    struct collection_page page;
    struct collection_call call;
    int rc = MIEN_OK, least = 2;

    if (param_int(r, "least", 1, 1000000, &least) || collection_read_page(r, 0, &page)) return;
    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) {
        json_decref(page.list);
        return;
    }
    if (call.collection)
        rc = mien_gallery_groups(call.gallery, call.collection, least, page.after, page.limit,
                                 see_group, &page);
    collection_page_reply(&call, &page, "groups", 0, rc);
    collection_end(&call);
}

/* Of mien_gallery_cluster(): what it has written by then stays. */
static int is_over(void *request, double share) {
    (void)share;
    return request_is_over(request);
}

static void reply_clustering(struct request *r, const mien_gallery_clustering *done) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "faces", json_integer(done->faces), &failed);
    json_value_set(object, "joined", json_integer(done->joined), &failed);
    json_value_set(object, "groups", json_integer(done->made), &failed);
    json_value_set(object, "waiting", json_integer(done->waiting), &failed);
    json_value_set(object, "first_event",
                   done->first_event ? json_integer(done->first_event) : json_null(), &failed);
    json_value_set(object, "last_event",
                   done->last_event ? json_integer(done->last_event) : json_null(), &failed);
    collection_reply(r, 200, object, failed);
}

/* Others have their turn meanwhile: groups are computed on what was read, and what is written is
 * looked at once more. */
static void cluster(struct collection_call *call, double join, int named) {
    struct request *r = call->request;
    const struct network *embedder = networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING);
    mien_gallery_cluster_options o = {.struct_size = sizeof o,
                                      .join = (float)join,
                                      .named = named,
                                      .who = collection_who(r),
                                      .progress = is_over,
                                      .context = r};
    mien_gallery_clustering done = {.struct_size = sizeof done};
    int64_t contract = 0, faces = 0;
    int rc = call->collection ? enrolment_contract(call, 0, &contract) : MIEN_OK;

    if (rc == MIEN_OK && !contract) { /* nobody was ever enrolled */
        reply_clustering(r, &done);
        return;
    }
    if (rc == MIEN_OK) rc = unnamed_count(call->gallery, call->collection, &faces);
    if (join == 0) o.join = (float)unnamed_join(embedder, faces);
    if (rc == MIEN_OK)
        rc = mien_gallery_cluster(call->gallery, call->collection, contract, &o, &done);
    if (rc)
        galleries_failed(r, rc);
    else
        reply_clustering(r, &done);
}

static void handle_cluster(struct request *r) {
    struct collection_call call;
    double join = 0;
    int named = 0;

    if (enrolment_check(r) || collection_read_body(r) || param_real(r, "join", -1, 1, &join) ||
        param_flag(r, "named", &named) || params_end(r) ||
        collection_begin(r, GALLERY_LONG, r->param[0], &call))
        return;
    cluster(&call, join, named);
    collection_end(&call);
}

static const struct route ROUTES[] = {
    {"GET", "/v1/collections/{}/groups", ROUTE_WORK | ROUTE_READS | ROUTE_COLLECTION, handle_list},
    {"POST", "/v1/collections/{}/cluster", ROUTE_WORK | ROUTE_WRITES | ROUTE_COLLECTION,
     handle_cluster},
    {.path = NULL},
};

const struct api api_groups = {.routes = ROUTES};
