#include "server/apis/collection.h"

#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "server/json_read.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/urlencoded.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE_MOST = 1000,
    BODY_MEMORY = 1 << 20,
    SAMPLES_MOST = 1000 /* of a change */,
    MATCHES_MOST = 20000 /* of an answer: a name is looked up for each */
};

int collection_check(struct request *r) {
    if (r->server->galleries) return 0;
    reply_error(r, 404, "not_found", "this server keeps no gallery");
    return -1;
}

static int is_default(const char *collection) {
    return strcmp(collection, "default") == 0;
}

int collection_begin(struct request *r, enum gallery_use use, const char *collection,
                     struct collection_call *call) {
    int rc = MIEN_OK, writes = use == GALLERY_WRITE;

    *call = (struct collection_call){.request = r, .use = use};
    if (collection_check(r) || galleries_acquire(r->server->galleries, use, r, &call->gallery))
        return -1;
    if (call->gallery)
        rc = mien_gallery_collection_use(call->gallery, collection,
                                         writes && is_default(collection), &call->collection);
    if (rc == MIEN_GALLERY_ENOTFOUND && is_default(collection)) rc = MIEN_OK;
    if (rc == MIEN_OK && (call->gallery || is_default(collection))) return 0;
    if (rc)
        galleries_failed(r, rc);
    else
        reply_error(r, 404, "not_found", "there is no collection '%s'", collection);
    collection_end(call);
    return -1;
}

void collection_end(struct collection_call *call) {
    galleries_release(call->request->server->galleries, call->use);
}

const char *collection_who(const struct request *r) {
    return r->key[0] ? r->key : "http";
}

int collection_change(struct collection_call *call) {
    int rc = mien_gallery_begin_as(call->gallery, collection_who(call->request));

    if (rc) galleries_failed(call->request, rc);
    return rc ? -1 : 0;
}

int collection_changed(struct collection_call *call, int rc) {
    if (rc == MIEN_OK) {
        rc = mien_gallery_commit(call->gallery);
        if (rc == MIEN_OK) return 0;
        galleries_failed(call->request, rc);
    } else {
        galleries_failed(call->request, rc);
        mien_gallery_rollback(call->gallery);
    }
    return -1;
}

struct belonging {
    int64_t person, collection;
};

static int see_collection(void *context, const mien_gallery_person *p) {
    ((struct belonging *)context)->collection = p->collection;
    return 0;
}

static int see_person(void *context, const mien_gallery_sample *s) {
    ((struct belonging *)context)->person = s->person;
    return 0;
}

/* Finds what `text` calls; -1 after replying, also where it is another collection's. */
static int find(struct collection_call *call, const char *text, const char *what, int is_sample,
                int64_t *id, struct belonging *of) {
    struct request *r = call->request;
    int rc = MIEN_OK;

    *of = (struct belonging){.person = 0};
    if (mien_gallery_id_read(text, id)) {
        galleries_failed(r, MIEN_EINVAL);
        return -1;
    }
    of->person = *id;
    if (call->gallery && is_sample)
        rc = mien_gallery_sample_get(call->gallery, *id, see_person, of);
    if (call->gallery && rc == MIEN_OK)
        rc = mien_gallery_person_get(call->gallery, of->person, see_collection, of);
    if (rc == MIEN_OK && of->collection && of->collection == call->collection) return 0;
    if (rc)
        galleries_failed(r, rc);
    else
        reply_error(r, 404, "not_found", "there is no %s %s in this collection", what, text);
    return -1;
}

int collection_find_person(struct collection_call *call, const char *text, int64_t *person) {
    struct belonging of;

    return find(call, text, "person", 0, person, &of);
}

int collection_find_sample(struct collection_call *call, const char *text, int64_t *sample,
                           int64_t *person) {
    struct belonging of;

    if (find(call, text, "sample", 1, sample, &of)) return -1;
    if (person) *person = of.person;
    return 0;
}

int collection_find_samples(struct collection_call *call, int64_t **samples, int *n) {
    struct request *r = call->request;
    const json_t *list = json_object_get(r->json, "samples");
    size_t count = json_array_size(list);

    *n = 0;
    *samples = NULL;
    if (count < 1 || count > SAMPLES_MOST) {
        reply_error(r, 400, "bad_request", "samples must be a list of 1 to %d ids", SAMPLES_MOST);
        return -1;
    }
    *samples = calloc(count, sizeof **samples);
    if (!*samples) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return -1;
    }
    for (; *n < (int)count; (*n)++) {
        const char *text = json_string_value(json_array_get(list, (size_t)*n));
        if (collection_find_sample(call, text ? text : "", &(*samples)[*n], NULL)) {
            free(*samples);
            *samples = NULL;
            return -1;
        }
    }
    json_object_del(r->json, "samples"); /* no parameter that params.h knows */
    return 0;
}

/* Moves those of the first one's person to the front. Returns how many they are. */
static int gather_samples(int64_t *samples, int64_t *persons, int n) {
    int k = 1;

    for (int i = 1; i < n; i++) {
        int64_t sample = samples[i];
        if (persons[i] != persons[0]) continue;
        samples[i] = samples[k];
        persons[i] = persons[k];
        samples[k] = sample;
        persons[k++] = persons[0];
    }
    return k;
}

int collection_delete_samples(struct collection_call *call, int64_t *samples, int64_t *persons,
                              int n, int64_t *deleted) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    int rc = MIEN_OK;

    *deleted = 0;
    while (n > 0 && rc == MIEN_OK && !(rc = request_is_over(call->request))) {
        int k = gather_samples(samples, persons, n);
        rc = mien_gallery_samples_delete(call->gallery, samples, k, &d);
        free(d.receipt);
        d.receipt = NULL;
        if (rc == MIEN_OK) *deleted += k;
        samples += k;
        persons += k;
        n -= k;
    }
    return rc;
}

int collection_read_body(struct request *r) {
    char why[WHY_SIZE];
    json_t *body = NULL;
    int status = 0;

    if (r->parts || r->json) return 0; /* a form, or read before */
    if (r->body.n && urlencoded_is(request_header(r, "Content-Type")))
        status = urlencoded_read((const char *)r->body.at, r->body.n, &body, why);
    else if (r->body.n)
        status = json_read((const char *)r->body.at, r->body.n, BODY_MEMORY, &body, why);
    else
        body = json_object();
    if (!status && !body) status = why_set(why, 500, "the server is out of memory");
    if (!status && !json_is_object(body))
        status = why_set(why, 400, "the body must be a JSON object");
    if (!status) {
        r->json = body;
        return 0;
    }
    json_decref(body);
    reply_error(r, status,
                status == 413   ? "too_large"
                : status == 500 ? "internal"
                                : "bad_request",
                "%s", why);
    return -1;
}

int collection_read_page(struct request *r, int is_number, struct collection_page *page) {
    char room[PARAM_TEXT];
    const char *text = NULL;
    int number = 0;

    *page = (struct collection_page){.limit = 100};
    if (param_int(r, "limit", 1, PAGE_MOST, &page->limit)) return -1;
    if (is_number) {
        if (param_int(r, "after", 0, 0x7fffffff, &number)) return -1;
        page->after = number;
    } else {
        if (param_text(r, "after", room, &text)) return -1;
        if (text && mien_gallery_id_read(text, &page->after)) {
            galleries_failed(r, MIEN_EINVAL);
            return -1;
        }
    }
    page->list = json_array();
    page->failed = !page->list;
    return 0;
}

int collection_page_add(struct collection_page *page, json_t *thing, int64_t id) {
    json_value_append(page->list, thing, &page->failed);
    page->last = id;
    return 0;
}

int collection_see_name(void *page, const mien_gallery_person *p) {
    struct collection_page *to = page;

    if (*p->name) json_value_append(to->list, json_value_text(p->name), &to->failed);
    return 0;
}

void collection_page_reply(struct collection_call *call, struct collection_page *page,
                           const char *name, int is_number, int rc) {
    int is_full = (int)json_array_size(page->list) == page->limit;
    json_t *object, *next = json_null();

    if (rc < 0) {
        json_decref(page->list);
        galleries_failed(call->request, rc);
        return;
    }
    object = json_object();
    if (is_full) next = is_number ? json_integer(page->last) : gallery_json_id(page->last);
    json_value_set(object, name, page->list, &page->failed);
    json_value_set(object, "next", next, &page->failed);
    collection_reply(call->request, 200, object, page->failed);
}

int collection_check_matches(struct request *r, int faces, int top) {
    if ((int64_t)faces * top <= MATCHES_MOST) return 0;
    reply_error(r, 413, "too_large",
                "%d faces, and the %d people most like each: more than %d matches are not told at "
                "once",
                faces, top, MATCHES_MOST);
    return -1;
}

void collection_reply(struct request *r, int status, json_t *object, int failed) {
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    reply_json(r, status, object);
}

void collection_reply_event(struct request *r, int64_t event, int64_t person) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "event", json_integer(event), &failed);
    json_value_set(object, "person", gallery_json_id(person), &failed);
    collection_reply(r, 200, object, failed);
}

json_t *collection_metadata_json(const char *text) {
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;

    return value ? value : json_value_text(text);
}

json_t *collection_person_json(const mien_gallery_person *p, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "person", gallery_json_id(p->id), failed);
    json_value_set(object, "name", json_value_text(p->name), failed);
    json_value_set(object, "external_id", json_value_text(p->external_id), failed);
    json_value_set(object, "metadata", collection_metadata_json(p->metadata), failed);
    json_value_set(object, "samples", json_integer(p->samples), failed);
    json_value_set(object, "best_sample", gallery_json_id(p->best_sample), failed);
    gallery_json_add_times(object, p->created, p->updated, failed);
    return object;
}

struct got {
    json_t *json;
    int failed;
};

static int take_person(void *context, const mien_gallery_person *p) {
    struct got *got = context;

    got->json = collection_person_json(p, &got->failed);
    return 0;
}

int collection_get_person(struct collection_call *call, int64_t person, json_t **out) {
    struct got got = {.json = NULL};
    int rc = mien_gallery_person_get(call->gallery, person, take_person, &got);

    *out = got.failed ? NULL : got.json;
    if (got.failed) json_decref(got.json);
    return rc;
}
