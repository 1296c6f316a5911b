/* Samples of a collection: listing, looking at, telling apart, deleting. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "server/apis/api.h"
#include "server/apis/collection.h"
#include "server/params.h"
#include "server/reply.h"

#include <stdlib.h>
#include <string.h>

/* Contracts by their ids. */
struct contracts {
    json_t *hashes;
    int failed;
};

static int see_contract(void *context, const mien_gallery_contract *c) {
    struct contracts *contracts = context;
    char id[MIEN_GALLERY_ID_SIZE];

    json_value_set(contracts->hashes, mien_gallery_id_text(c->id, id), json_value_text(c->hash),
                   &contracts->failed);
    return 0;
}

static json_t *embedding_json(const mien_gallery_sample *s, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < s->dims; i++)
        json_value_append(list, json_value_float(s->embedding[i]), failed);
    return list;
}

static json_t *sample_json(const mien_gallery_sample *s, const struct contracts *contracts,
                           int with_embedding, int *failed) {
    char id[MIEN_GALLERY_ID_SIZE];
    json_t *object = json_object();
    json_t *hash = json_object_get(contracts->hashes, mien_gallery_id_text(s->contract, id));

    json_value_set(object, "sample", gallery_json_id(s->id), failed);
    json_value_set(object, "person", gallery_json_id(s->person), failed);
    json_value_set(object, "quality",
                   s->quality < 0 ? json_null() : json_value_number((double)s->quality, 4), failed);
    json_value_set(object, "box",
                   s->box[2] > s->box[0] ? result_pixels(s->box, 4, failed) : json_null(), failed);
    json_value_set(object, "source", json_value_text(s->source), failed);
    json_value_set(object, "contract", hash ? json_incref(hash) : json_null(), failed);
    json_value_set(object, "external_id", json_value_text(s->external_id), failed);
    json_value_set(object, "metadata", collection_metadata_json(s->metadata), failed);
    json_value_set(object, "forced", json_value_text(s->forced), failed);
    json_value_set(object, "has_crop", json_boolean(s->crop_bytes > 0), failed);
    gallery_json_add_times(object, s->created, s->updated, failed);
    if (with_embedding) json_value_set(object, "embedding", embedding_json(s, failed), failed);
    return object;
}

/* What a listing of samples needs. */
struct told {
    struct collection_page page; /* of a list */
    struct contracts contracts;
    int with_embedding;
    json_t *one; /* of a single sample */
};

static int read_told(struct collection_call *call, struct told *told) {
    int rc;

    told->contracts.hashes = json_object();
    rc = mien_gallery_contracts(call->gallery, see_contract, &told->contracts);
    if (told->contracts.failed) told->page.failed = 1;
    return rc;
}

static int see_one_of_many(void *context, const mien_gallery_sample *s) {
    struct told *told = context;

    return collection_page_add(
        &told->page, sample_json(s, &told->contracts, told->with_embedding, &told->page.failed),
        s->id);
}

static void list(struct collection_call *call, struct told *told) {
    int64_t person;
    int rc;

    if (collection_find_person(call, call->request->param[1], &person)) {
        json_decref(told->page.list);
        return;
    }
    rc = read_told(call, told);
    if (rc == MIEN_OK)
        rc = mien_gallery_samples(call->gallery, person, told->page.after, told->page.limit,
                                  see_one_of_many, told);
    collection_page_reply(call, &told->page, "samples", 0, rc);
    json_decref(told->contracts.hashes);
}

static void handle_list(struct request *r) {
    struct collection_call call;
    struct told told = {.with_embedding = 0};

    if (param_flag(r, "embedding", &told.with_embedding) || collection_read_page(r, 0, &told.page))
        return;
    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) {
        json_decref(told.page.list);
        return;
    }
    list(&call, &told);
    collection_end(&call);
}

static int see_one(void *context, const mien_gallery_sample *s) {
    struct told *told = context;

    told->one = sample_json(s, &told->contracts, told->with_embedding, &told->page.failed);
    return 0;
}

static void get(struct collection_call *call, struct told *told) {
    int64_t sample;
    int rc;

    if (collection_find_sample(call, call->request->param[1], &sample, NULL)) return;
    rc = read_told(call, told);
    if (rc == MIEN_OK) rc = mien_gallery_sample_get(call->gallery, sample, see_one, told);
    json_decref(told->contracts.hashes);
    if (rc)
        galleries_failed(call->request, rc);
    else
        collection_reply(call->request, 200, told->one, told->page.failed);
}

static void handle_get(struct request *r) {
    struct collection_call call;
    struct told told = {.with_embedding = 0};

    if (param_flag(r, "embedding", &told.with_embedding) || params_end(r) ||
        collection_begin(r, GALLERY_READ, r->param[0], &call))
        return;
    get(&call, &told);
    collection_end(&call);
}

/* The face of a sample as a file; malloc. */
struct crop {
    uint8_t *bytes;
    size_t size;
};

static int see_crop(void *context, const mien_gallery_sample *s) {
    struct crop *crop = context;

    if (s->crop_bytes == 0) return 0;
    crop->bytes = malloc(s->crop_bytes);
    if (!crop->bytes) return MIEN_ENOMEM;
    memcpy(crop->bytes, s->crop, s->crop_bytes);
    crop->size = s->crop_bytes;
    return 0;
}

/* Of an import it may be anything: a browser is told of a picture where it is one. */
static const char *crop_type(const struct crop *crop) {
    if (crop->size > 8 && memcmp(crop->bytes, "\x89PNG\r\n\x1a\n", 8) == 0) return "image/png";
    if (crop->size > 3 && memcmp(crop->bytes, "\xff\xd8\xff", 3) == 0) return "image/jpeg";
    return "application/octet-stream";
}

static void get_crop(struct collection_call *call) {
    struct crop crop = {.bytes = NULL};
    int64_t sample;
    int rc;

    if (collection_find_sample(call, call->request->param[1], &sample, NULL)) return;
    rc = mien_gallery_sample_get(call->gallery, sample, see_crop, &crop);
    if (rc)
        galleries_failed(call->request, rc);
    else if (!crop.bytes)
        reply_error(call->request, 404, "not_found", "the face of this sample was not kept");
    else
        reply_bytes(call->request, 200, crop_type(&crop), crop.bytes, crop.size);
}

static void handle_crop(struct request *r) {
    struct collection_call call;

    if (params_end(r) || collection_begin(r, GALLERY_READ, r->param[0], &call)) return;
    get_crop(&call);
    collection_end(&call);
}

static void erase(struct collection_call *call) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    int failed = 0, rc;
    int64_t sample;
    json_t *object;

    if (collection_find_sample(call, call->request->param[1], &sample, NULL)) return;
    rc = mien_gallery_samples_delete(call->gallery, &sample, 1, &d);
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

    if (params_end(r) || collection_begin(r, GALLERY_WRITE, r->param[0], &call)) return;
    erase(&call);
    collection_end(&call);
}

static void tell_apart(struct collection_call *call, const char *person_text) {
    int64_t sample, person, other = 0, event = 0;
    int rc;

    if (collection_find_sample(call, call->request->param[1], &sample, &person) ||
        (person_text && collection_find_person(call, person_text, &person)) ||
        collection_change(call))
        return;
    rc = mien_gallery_not_this_person(call->gallery, sample, person, &other, &event);
    if (collection_changed(call, rc) == 0) collection_reply_event(call->request, event, other);
}

static void handle_not_this_person(struct request *r) {
    struct collection_call call;
    char room[PARAM_TEXT];
    const char *person = NULL;

    if (collection_read_body(r) || param_text(r, "person", room, &person) || params_end(r) ||
        collection_begin(r, GALLERY_WRITE, r->param[0], &call))
        return;
    tell_apart(&call, person);
    collection_end(&call);
}

enum { READS = ROUTE_WORK | ROUTE_READS | ROUTE_COLLECTION };
enum { WRITES = ROUTE_WORK | ROUTE_WRITES | ROUTE_COLLECTION };

static const struct route ROUTES[] = {
    {"GET", "/v1/collections/{}/persons/{}/samples", READS, handle_list},
    {"GET", "/v1/collections/{}/samples/{}", READS, handle_get},
    {"DELETE", "/v1/collections/{}/samples/{}", WRITES, handle_delete},
    {"GET", "/v1/collections/{}/samples/{}/crop", READS, handle_crop},
    {"POST", "/v1/collections/{}/samples/{}/not-this-person", WRITES, handle_not_this_person},
    {.path = NULL},
};

const struct api api_samples = {.routes = ROUTES};
