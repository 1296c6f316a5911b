/* Rekognition's collections: the gallery's. */
#include "common/json_values.h"
#include "server/apis/rekognition.h"
#include "server/reply.h"
#include "server/scopes.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIST_MOST = 4096, LIST = 1000 };

static json_t *arn_json(const char *collection) {
    char arn[320];

    snprintf(arn, sizeof arn, "aws:rekognition:local:000000000000:collection/%s", collection);
    return json_value_text(arn);
}

static void handle_create_collection(struct request *r) {
    struct collection_call call = {.request = r, .use = GALLERY_WRITE};
    const char *name;
    json_t *object;
    int failed = 0, rc;

    if (rekognition_text(r, "CollectionId", 1, "_.-", 255, &name) || collection_check(r)) return;
    if (!scopes_allow(r->scopes, 1, name)) {
        reply_error(r, 403, "forbidden", "this access key may not write in collection '%s'", name);
        return;
    }
    if (galleries_acquire(r->server->galleries, GALLERY_WRITE, r, &call.gallery)) return;
    rc = mien_gallery_collection_use(call.gallery, name, 0, &call.collection);
    if (rc == MIEN_OK) {
        rekognition_error(r, 400, "ResourceAlreadyExistsException",
                          "a collection of that id is there already");
    } else if (rc == MIEN_GALLERY_ENOTFOUND &&
               (rc = mien_gallery_collection_use(call.gallery, name, 1, &call.collection)) ==
                   MIEN_OK) {
        object = json_object();
        json_value_set(object, "StatusCode", json_integer(200), &failed);
        json_value_set(object, "CollectionArn", arn_json(name), &failed);
        rekognition_set_model(object, r, &failed);
        rekognition_reply(r, object, failed);
    } else {
        galleries_failed(r, rc);
    }
    collection_end(&call);
}

static void handle_delete_collection(struct request *r) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(r)};
    struct collection_call call;
    json_t *object;
    int failed = 0, rc;

    if (rekognition_begin(r, GALLERY_WRITE, &call)) return;
    rc = mien_gallery_collection_delete(call.gallery, call.collection, &d);
    free(d.receipt);
    if (rc) {
        galleries_failed(r, rc);
    } else {
        object = json_object();
        json_value_set(object, "StatusCode", json_integer(200), &failed);
        rekognition_reply(r, object, failed);
    }
    collection_end(&call);
}

struct described {
    int64_t collection;
    mien_gallery_collection is;
};

static int see_described(void *context, const mien_gallery_collection *c) {
    struct described *d = context;

    if (c->id == d->collection) d->is = *c;
    return 0;
}

static int count_users(void *context, const mien_gallery_person *p) {
    *(int64_t *)context += *p->name != '\0';
    return 0;
}

static void handle_describe_collection(struct request *r) {
    struct collection_call call;
    struct described d = {.collection = 0};
    int64_t users = 0;
    json_t *object;
    int failed = 0, rc = MIEN_OK;

    if (rekognition_begin(r, GALLERY_READ, &call)) return;
    d.collection = call.collection;
    if (call.collection) rc = mien_gallery_collections(call.gallery, see_described, &d);
    if (rc == MIEN_OK && call.collection)
        rc = mien_gallery_persons(call.gallery, call.collection, NULL, 0, 0, count_users, &users);
    if (rc) {
        galleries_failed(r, rc);
    } else {
        object = json_object();
        json_value_set(object, "FaceCount", json_integer(d.is.samples), &failed);
        rekognition_set_model(object, r, &failed);
        json_value_set(object, "CollectionARN",
                       arn_json(json_string_value(json_object_get(r->json, "CollectionId"))),
                       &failed);
        json_value_set(object, "CreationTimestamp",
                       json_value_number((double)d.is.created / 1e6, 3), &failed);
        json_value_set(object, "UserCount", json_integer(users), &failed);
        rekognition_reply(r, object, failed);
    }
    collection_end(&call);
}

struct collections {
    const struct request *request;
    int64_t after, last;
    int most, more, failed;
    json_t *ids, *models;
};

/* By rising id, which they are listed by. */
static int see_collection(void *context, const mien_gallery_collection *c) {
    struct collections *all = context;

    if (c->id <= all->after || !scopes_allow(all->request->scopes, 0, c->name)) return 0;
    if ((int)json_array_size(all->ids) == all->most) {
        all->more = 1;
        return 0;
    }
    json_value_append(all->ids, json_value_text(c->name), &all->failed);
    json_value_append(all->models, json_value_text(all->request->models->contract), &all->failed);
    all->last = c->id;
    return 0;
}

static void handle_list_collections(struct request *r) {
    struct collections all = {.request = r, .most = LIST};
    mien_gallery *gallery;
    json_t *object;
    int rc = MIEN_OK;

    if (rekognition_int(r, "MaxResults", 0, LIST_MOST, &all.most) ||
        rekognition_read_token(r, &all.after) || collection_check(r) ||
        galleries_acquire(r->server->galleries, GALLERY_READ, r, &gallery))
        return;
    if (all.most == 0) all.most = LIST;
    all.ids = json_array();
    all.models = json_array();
    if (gallery) rc = mien_gallery_collections(gallery, see_collection, &all);
    object = json_object();
    json_value_set(object, "CollectionIds", all.ids, &all.failed);
    json_value_set(object, "FaceModelVersions", all.models, &all.failed);
    if (all.more) rekognition_set_token(object, all.last, &all.failed);
    if (rc) {
        json_decref(object);
        galleries_failed(r, rc);
    } else {
        rekognition_reply(r, object, all.failed);
    }
    galleries_release(r->server->galleries, GALLERY_READ);
}

const struct rekognition_op REKOGNITION_COLLECTIONS[] = {
    {"CreateCollection", handle_create_collection},
    {"DeleteCollection", handle_delete_collection},
    {"DescribeCollection", handle_describe_collection},
    {"ListCollections", handle_list_collections},
    {.name = NULL},
};
