/* Persons of a collection: listing, adding, changing, merging, deleting. */
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "server/apis/api.h"
#include "server/apis/collection.h"
#include "server/params.h"
#include "server/reply.h"

#include <stdlib.h>

static int see_person(void *context, const mien_gallery_person *p) {
    struct collection_page *page = context;

    return collection_page_add(page, collection_person_json(p, &page->failed), p->id);
}

static void handle_list(struct request *r) {
    char room[PARAM_TEXT];
    char prefix_room[PARAM_TEXT];
    const char *name = NULL;
    mien_gallery_person_filter filter = {.struct_size = sizeof filter};
    struct collection_page page;
    struct collection_call call;
    int rc = MIEN_OK, named = -1; /* not said */

    if (param_any_text(r, "name", room, &name) ||
        param_any_text(r, "prefix", prefix_room, &filter.prefix) ||
        param_flag(r, "named", &named) || collection_read_page(r, 0, &page))
        return;
    if (named >= 0) filter.named = named ? 1 : -1;
    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) {
        json_decref(page.list);
        return;
    }
    if (call.collection && name)
        rc = mien_gallery_persons(call.gallery, call.collection, name, page.after, page.limit,
                                  see_person, &page);
    else if (call.collection)
        rc = mien_gallery_persons_where(call.gallery, call.collection, &filter, page.after,
                                        page.limit, see_person, &page);
    collection_page_reply(&call, &page, "persons", 0, rc);
    collection_end(&call);
}

/* Replies with a person as it is now. */
static void reply_person(struct collection_call *call, int status, int64_t person) {
    json_t *object = NULL;
    int rc = collection_get_person(call, person, &object);

    if (rc)
        galleries_failed(call->request, rc);
    else
        reply_json(call->request, status, object);
}

static void handle_get(struct request *r) {
    struct collection_call call;
    int64_t person;

    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) return;
    if (collection_find_person(&call, r->param[1], &person) == 0) reply_person(&call, 200, person);
    collection_end(&call);
}

/* What a request says of a person; NULL: nothing. */
struct given {
    char name_room[PARAM_TEXT], external_room[PARAM_TEXT];
    const char *name, *external_id;
    char *metadata; /* for free() */
};

static int read_given(struct request *r, struct given *g) {
    *g = (struct given){.name = NULL};
    if (collection_read_body(r) || param_any_text(r, "name", g->name_room, &g->name) ||
        param_any_text(r, "external_id", g->external_room, &g->external_id) ||
        param_object(r, "metadata", &g->metadata))
        return -1;
    if (params_end(r) == 0) return 0;
    free(g->metadata);
    return -1;
}

static void add(struct collection_call *call, const struct given *given) {
    const mien_gallery_person made = {.struct_size = sizeof made,
                                      .collection = call->collection,
                                      .name = given->name,
                                      .external_id = given->external_id,
                                      .metadata = given->metadata};
    int64_t person = 0;
    int rc;

    if (collection_change(call)) return;
    rc = mien_gallery_person_add(call->gallery, &made, &person);
    if (collection_changed(call, rc) == 0) reply_person(call, 201, person);
}

static void handle_add(struct request *r) {
    struct collection_call call;
    struct given given;

    if (read_given(r, &given)) return;
    if (collection_begin(r, GALLERY_WRITE, r->param[0], &call) == 0) {
        add(&call, &given);
        collection_end(&call);
    }
    free(given.metadata);
}

static void change(struct collection_call *call, int64_t person, const struct given *given) {
    int rc = MIEN_OK;

    if (collection_change(call)) return;
    if (given->name) rc = mien_gallery_rename(call->gallery, person, given->name, NULL);
    if (rc == MIEN_OK && (given->external_id || given->metadata))
        rc =
            mien_gallery_describe(call->gallery, person, given->external_id, given->metadata, NULL);
    if (collection_changed(call, rc) == 0) reply_person(call, 200, person);
}

static void handle_change(struct request *r) {
    struct collection_call call;
    struct given given;
    int64_t person;

    if (read_given(r, &given)) return;
    if (collection_begin(r, GALLERY_WRITE, r->param[0], &call) == 0) {
        if (collection_find_person(&call, r->param[1], &person) == 0) change(&call, person, &given);
        collection_end(&call);
    }
    free(given.metadata);
}

static void erase(struct collection_call *call, int64_t person) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    int failed = 0, rc = mien_gallery_person_delete(call->gallery, person, &d);
    json_t *object;

    if (rc) {
        galleries_failed(call->request, rc);
        return;
    }
    object = gallery_json_deletion(&d, &failed);
    free(d.receipt);
    collection_reply(call->request, 200, object, failed);
}

static void handle_delete(struct request *r) {
    struct collection_call call;
    int64_t person;

    if (params_end(r) || collection_begin(r, GALLERY_WRITE, r->param[0], &call)) return;
    if (collection_find_person(&call, r->param[1], &person) == 0) erase(&call, person);
    collection_end(&call);
}

static void merge(struct collection_call *call, const char *from_text) {
    int64_t from, into, event = 0;
    int rc;

    if (collection_find_person(call, from_text, &from) ||
        collection_find_person(call, call->request->param[1], &into) || collection_change(call))
        return;
    rc = mien_gallery_merge(call->gallery, from, into, &event);
    if (collection_changed(call, rc) == 0) collection_reply_event(call->request, event, into);
}

static void handle_merge(struct request *r) {
    struct collection_call call;
    char room[PARAM_TEXT];
    const char *from = "";

    if (collection_read_body(r) || param_text(r, "from", room, &from) || params_end(r) ||
        collection_begin(r, GALLERY_WRITE, r->param[0], &call))
        return;
    merge(&call, from);
    collection_end(&call);
}

static int see_owner(void *context, const mien_gallery_sample *s) {
    *(int64_t *)context = s->person;
    return 0;
}

/* That the first sample is the person's: split takes none of several. */
static int check_owner(struct collection_call *call, int64_t sample, int64_t person) {
    int64_t owner = 0;
    int rc = mien_gallery_sample_get(call->gallery, sample, see_owner, &owner);

    if (rc == MIEN_OK && owner == person) return 0;
    if (rc)
        galleries_failed(call->request, rc);
    else
        reply_error(call->request, 409, "conflict", "the samples are not of this person");
    return -1;
}

/* The samples in the body become those of the path's person, or of that one's those of a new one of
 * that name. */
static void put(struct collection_call *call, const int64_t *samples, int n, const char *name) {
    int64_t person, event = 0;
    int rc;

    if (collection_find_person(call, call->request->param[1], &person) ||
        (name && check_owner(call, samples[0], person)) || collection_change(call))
        return;
    if (name)
        rc = mien_gallery_split(call->gallery, samples, n, name, &person, &event);
    else
        rc = mien_gallery_move(call->gallery, samples, n, person, &event);
    if (collection_changed(call, rc) == 0) collection_reply_event(call->request, event, person);
}

static void regroup(struct request *r, const char *name) {
    struct collection_call call;
    int64_t *samples;
    int n;

    if (collection_begin(r, GALLERY_WRITE, r->param[0], &call)) return;
    if (collection_find_samples(&call, &samples, &n) == 0) {
        if (params_end(r) == 0) put(&call, samples, n, name);
        free(samples);
    }
    collection_end(&call);
}

static void handle_split(struct request *r) {
    char room[PARAM_TEXT];
    const char *name = "";

    if (collection_read_body(r) || param_any_text(r, "name", room, &name)) return;
    regroup(r, name);
}

static void handle_move(struct request *r) {
    if (collection_read_body(r) == 0) regroup(r, NULL);
}

enum { READS = ROUTE_WORK | ROUTE_READS | ROUTE_COLLECTION };
enum { WRITES = ROUTE_WORK | ROUTE_WRITES | ROUTE_COLLECTION };

static const struct route ROUTES[] = {
    {"GET", "/v1/collections/{}/persons", READS, handle_list},
    {"POST", "/v1/collections/{}/persons", WRITES, handle_add},
    {"GET", "/v1/collections/{}/persons/{}", READS, handle_get},
    {"PATCH", "/v1/collections/{}/persons/{}", WRITES, handle_change},
    {"DELETE", "/v1/collections/{}/persons/{}", WRITES, handle_delete},
    {"POST", "/v1/collections/{}/persons/{}/merge", WRITES, handle_merge},
    {"POST", "/v1/collections/{}/persons/{}/split", WRITES, handle_split},
    {"POST", "/v1/collections/{}/persons/{}/move", WRITES, handle_move},
    {.path = NULL},
};

const struct api api_persons = {.routes = ROUTES};
