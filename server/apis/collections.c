/* Collections of the server's gallery, and its log of what happened. */
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "server/apis/api.h"
#include "server/apis/collection.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/scopes.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

struct listing {
    const struct request *request;
    int64_t only; /* this one alone; 0: all */
    json_t *list;
    int has_default, failed;
};

static json_t *collection_json(const mien_gallery_collection *c, int *failed) {
    char time[GALLERY_JSON_TIME];
    json_t *object = json_object();

    json_value_set(object, "name", json_value_text(c->name), failed);
    json_value_set(object, "persons", json_integer(c->persons), failed);
    json_value_set(object, "samples", json_integer(c->samples), failed);
    json_value_set(object, "created",
                   c->created ? json_string(gallery_json_time(c->created, time)) : json_null(),
                   failed);
    return object;
}

static int see_collection(void *context, const mien_gallery_collection *c) {
    struct listing *l = context;

    if (l->only && c->id != l->only) return 0;
    if (strcmp(c->name, "default") == 0) l->has_default = 1;
    if (scopes_allow(l->request->scopes, 0, c->name))
        json_value_append(l->list, collection_json(c, &l->failed), &l->failed);
    return 0;
}

/* The default collection is there always, before anybody is in it. */
static void add_default(struct listing *l) {
    const mien_gallery_collection none = {.name = "default"};

    if (!l->has_default && scopes_allow(l->request->scopes, 0, none.name))
        json_value_append(l->list, collection_json(&none, &l->failed), &l->failed);
}

static void handle_list(struct request *r) {
    struct listing l = {.request = r};
    mien_gallery *gallery;
    int rc = MIEN_OK;
    json_t *object;

    if (collection_check(r) || params_end(r) ||
        galleries_acquire(r->server->galleries, GALLERY_READ, r, &gallery))
        return;
    l.list = json_array();
    if (gallery) rc = mien_gallery_collections(gallery, see_collection, &l);
    if (rc == MIEN_OK) {
        add_default(&l);
        object = json_object();
        json_value_set(object, "collections", l.list, &l.failed);
        json_value_set(object, "contract",
                       r->models->contract[0] ? json_string(r->models->contract) : json_null(),
                       &l.failed);
        collection_reply(r, 200, object, l.failed);
    } else {
        json_decref(l.list);
        galleries_failed(r, rc);
    }
    galleries_release(r->server->galleries, GALLERY_READ);
}

/* Replies with the collection of a call. */
static void reply_collection(struct collection_call *call, int status) {
    struct listing l = {.request = call->request, .only = call->collection};
    int rc = MIEN_OK;

    l.list = json_array();
    if (call->collection) rc = mien_gallery_collections(call->gallery, see_collection, &l);
    if (!call->collection) add_default(&l);
    if (rc)
        galleries_failed(call->request, rc);
    else
        collection_reply(call->request, status, json_incref(json_array_get(l.list, 0)), l.failed);
    json_decref(l.list);
}

static void handle_get(struct request *r) {
    struct collection_call call;

    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) return;
    reply_collection(&call, 200);
    collection_end(&call);
}

static void handle_put(struct request *r) {
    struct collection_call call = {.request = r, .use = GALLERY_WRITE};
    int rc, there;

    if (collection_check(r) || params_end(r) ||
        galleries_acquire(r->server->galleries, GALLERY_WRITE, r, &call.gallery))
        return;
    there = mien_gallery_collection_use(call.gallery, r->param[0], 0, &call.collection) == MIEN_OK;
    rc = mien_gallery_collection_use(call.gallery, r->param[0], 1, &call.collection);
    if (rc)
        galleries_failed(r, rc);
    else
        reply_collection(&call, there ? 200 : 201);
    collection_end(&call);
}

static void handle_delete(struct request *r) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(r)};
    struct collection_call call;
    int failed = 0, rc;
    json_t *object;

    if (params_end(r) || collection_begin(r, GALLERY_WRITE, r->param[0], &call)) return;
    rc = mien_gallery_collection_delete(call.gallery, call.collection, &d);
    if (rc) {
        galleries_failed(r, rc);
    } else {
        object = gallery_json_deletion(&d, &failed);
        free(d.receipt);
        collection_reply(r, 200, object, failed);
    }
    collection_end(&call);
}

static int see_event(void *context, const mien_gallery_event *e) {
    struct collection_page *page = context;

    return collection_page_add(page, gallery_json_event(e, &page->failed), e->id);
}

static void handle_events(struct request *r) {
    char room[PARAM_TEXT];
    const char *text = NULL;
    struct collection_page page;
    struct collection_call call;
    int64_t person = 0;
    int rc = MIEN_OK, newest = 0;

    if (param_text(r, "person", room, &text) || param_flag(r, "newest", &newest)) return;
    if (text && mien_gallery_id_read(text, &person)) {
        galleries_failed(r, MIEN_EINVAL);
        return;
    }
    if (collection_read_page(r, 1, &page)) return;
    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) {
        json_decref(page.list);
        return;
    }
    if (call.collection)
        rc = mien_gallery_collection_events(call.gallery, call.collection, person, page.after,
                                            page.limit, newest, see_event, &page);
    collection_page_reply(&call, &page, "events", 1, rc);
    collection_end(&call);
}

struct looked_up {
    int64_t event;
    int found;
};

static int see_looked_up(void *context, const mien_gallery_event *e) {
    struct looked_up *looked_up = context;

    looked_up->found = e->id == looked_up->event;
    return 0;
}

static int is_number(const char *text) {
    size_t n = strlen(text);

    return n > 0 && n < 10 && strspn(text, "0123456789") == n;
}

static void undo(struct collection_call *call, int64_t event) {
    struct looked_up looked_up = {.event = event};
    int64_t done = 0;
    int rc = MIEN_OK;

    if (call->collection)
        rc = mien_gallery_collection_events(call->gallery, call->collection, 0, event - 1, 1, 0,
                                            see_looked_up, &looked_up);
    if (rc) {
        galleries_failed(call->request, rc);
    } else if (!looked_up.found) {
        reply_error(call->request, 404, "not_found", "there is no event %lld in this collection",
                    (long long)event);
    } else if (collection_change(call) == 0) {
        rc = mien_gallery_undo(call->gallery, event, &done);
        if (collection_changed(call, rc) == 0) collection_reply_event(call->request, done, 0);
    }
}

static void handle_undo(struct request *r) {
    struct collection_call call;

    if (!is_number(r->param[1])) {
        reply_error(r, 400, "bad_request", "an event is a number");
        return;
    }
    if (collection_read_body(r) || params_end(r) ||
        collection_begin(r, GALLERY_WRITE, r->param[0], &call))
        return;
    undo(&call, strtoll(r->param[1], NULL, 10));
    collection_end(&call);
}

enum { READS = ROUTE_WORK | ROUTE_READS | ROUTE_COLLECTION };
enum { WRITES = ROUTE_WORK | ROUTE_WRITES | ROUTE_COLLECTION };

static const struct route ROUTES[] = {
    {"GET", "/v1/collections", ROUTE_WORK, handle_list},
    {"GET", "/v1/collections/{}", READS, handle_get},
    {"PUT", "/v1/collections/{}", WRITES, handle_put},
    {"DELETE", "/v1/collections/{}", WRITES, handle_delete},
    {"GET", "/v1/collections/{}/events", READS, handle_events},
    {"POST", "/v1/collections/{}/events/{}/undo", WRITES, handle_undo},
    {.path = NULL},
};

const struct api api_collections = {.routes = ROUTES, .headers = "Idempotency-Key"};
