/* Rekognition's faces that are kept: indexing, listing, deleting. */
#include "common/json_values.h"
#include "server/apis/rekognition.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdlib.h>
#include <string.h>

enum {
    FACES = 1 << MIEN_RESULT_FACES,
    EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING,
    LIST_MOST = 4096,
    LIST = 1000
};

static const char *const IMAGE[] = {"Image"};

/* Indexing. */

struct indexing {
    struct request *request;
    const struct pictures *p;
    const char *external_id, *filter;
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    int most, all, failed;
    int64_t contract;
    json_t *records, *unindexed;
};

static void leave_out(struct indexing *x, int i, json_t *reasons) {
    json_t *one = json_object();

    json_value_set(one, "Reasons", reasons, &x->failed);
    json_value_set(one, "FaceDetail", rekognition_detail(&x->p->at[0], i, x->all, &x->failed),
                   &x->failed);
    json_value_append(x->unindexed, one, &x->failed);
}

static void add_record(struct collection_call *call, struct indexing *x, int i,
                       struct rekognition_face *face) {
    json_t *one = json_object();

    json_value_set(one, "Face", rekognition_take(call, face, &x->failed), &x->failed);
    json_value_set(one, "FaceDetail", rekognition_detail(&x->p->at[0], i, x->all, &x->failed),
                   &x->failed);
    json_value_append(x->records, one, &x->failed);
}

static int see_hash(void *context, const mien_gallery_sample *s) {
    struct rekognition_face *face = context;

    return rekognition_copy(face, s, 0);
}

/* The same face of the same picture under the same external id is kept once: 1 and *face. */
static int is_kept(struct collection_call *call, const struct indexing *x, const float *values,
                   struct rekognition_face *face, int *rc) {
    const mien_gallery_identify_options options = {.struct_size = sizeof options,
                                                   .by = MIEN_GALLERY_BY_SAMPLE};
    mien_gallery_match match;
    int64_t same = 0;
    const char *id;
    int n = 0;

    *face = (struct rekognition_face){.id = 0};
    *rc = mien_gallery_source_find(call->gallery, call->collection, x->contract, x->hash, &same);
    if (*rc || !same) return 0;
    *rc = mien_gallery_identify(call->gallery, call->collection, x->contract, values, 1, 1,
                                &options, &match, &n);
    if (*rc || n == 0 || match.similarity < 0.9999F) return 0;
    *rc = mien_gallery_sample_get(call->gallery, match.sample, see_hash, face);
    if (*rc) return 0;
    id = json_string_value(json_object_get(face->json, "ExternalImageId"));
    if ((!id && !x->external_id) || (id && x->external_id && strcmp(id, x->external_id) == 0))
        return 1;
    rekognition_forget(face);
    return 0;
}

/* What a sample cannot tell of its picture. For free(); NULL where memory ran out. */
static char *metadata_of(const struct analysis *a, int i) {
    int failed = 0;
    json_t *ours = json_object(), *all = json_object();
    char *text;

    json_value_set(ours, "BoundingBox", rekognition_box(a, &a->faces[i], &failed), &failed);
    json_value_set(ours, "Confidence", json_value_number(100 * (double)a->faces[i].score, 4),
                   &failed);
    json_value_set(all, "rekognition", ours, &failed);
    text = failed ? NULL : json_value_dump(all, JSON_VALUES_DUMP, NULL);
    json_decref(all);
    return text;
}

static int index_face(struct collection_call *call, struct indexing *x, int i) {
    const struct analysis *a = x->p->at[0].analysis;
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .contract = x->contract,
                             .embedding = analysis_embedding(a, i),
                             .dims = item_width(analysis_item(a, MIEN_RESULT_EMBEDDING)->network),
                             .quality = a->measures ? a->measures[i].quality.score : -1,
                             .source_hash = x->hash,
                             .external_id = x->external_id};
    struct rekognition_face face = {.id = 0};
    char *metadata;
    int64_t id = 0;
    int rc;

    if (is_kept(call, x, s.embedding, &face, &rc)) {
        add_record(call, x, i, &face);
        return MIEN_OK;
    }
    if (rc) return rc;
    metadata = metadata_of(a, i);
    if (!metadata) return MIEN_ENOMEM;
    s.metadata = metadata;
    memcpy(s.box, a->faces[i].box, sizeof s.box);
    rc = mien_gallery_faces_add(call->gallery, call->collection, &s, 1, &id);
    if (rc == MIEN_OK) rc = mien_gallery_sample_get(call->gallery, id, see_hash, &face);
    if (rc == MIEN_OK) add_record(call, x, i, &face);
    free(metadata);
    return rc;
}

/* The largest first, as many as are wanted; what is too bad to find anybody by is said. */
static int index_all(struct collection_call *call, struct indexing *x, const int *order) {
    const struct analysis *a = x->p->at[0].analysis;
    int rc = MIEN_OK, kept = 0;

    for (int k = 0; k < a->nfaces && rc == MIEN_OK; k++) {
        json_t *reasons = rekognition_reasons(a, order[k], x->filter, &x->failed);
        if (!reasons && kept == x->most) {
            reasons = json_array();
            json_value_append(reasons, json_string("EXCEEDS_MAX_FACES"), &x->failed);
        }
        if (reasons) {
            leave_out(x, order[k], reasons);
        } else {
            rc = index_face(call, x, order[k]);
            kept++;
        }
    }
    return rc;
}

static void reply_indexed(struct request *r, struct indexing *x) {
    json_t *object = json_object();

    json_value_set(object, "FaceRecords", x->records, &x->failed);
    json_value_set(object, "UnindexedFaces", x->unindexed, &x->failed);
    rekognition_set_model(object, r, &x->failed);
    rekognition_reply(r, object, x->failed);
}

static void index_faces(struct request *r, struct indexing *x) {
    int *order = rekognition_order(r, x->p->at[0].analysis), rc;
    struct collection_call call;

    if (order && rekognition_begin(r, GALLERY_WRITE, &call) == 0) {
        if (enrolment_check_quota(&call, x->p->at[0].analysis->nfaces) == 0 &&
            collection_change(&call) == 0) {
            x->records = json_array();
            x->unindexed = json_array();
            rc = enrolment_contract(&call, 1, &x->contract);
            if (rc == MIEN_OK) rc = index_all(&call, x, order);
            if (collection_changed(&call, rc) == 0) {
                reply_indexed(r, x);
            } else {
                json_decref(x->records);
                json_decref(x->unindexed);
            }
        }
        collection_end(&call);
    }
    free(order);
}

static void handle_index_faces(struct request *r) {
    struct analysis_options options = {.quality = 1};
    struct indexing x = {.request = r, .most = 1 << 30};
    struct pictures *p = NULL;
    struct uploads in = {.n = 0};

    if (enrolment_check(r) || rekognition_images(r, IMAGE, 1, &in) ||
        rekognition_text(r, "ExternalImageId", 0, "_.-:", 255, &x.external_id) ||
        rekognition_int(r, "MaxFaces", 1, 1 << 30, &x.most) ||
        rekognition_filter(r, "AUTO", &x.filter) ||
        rekognition_attributes(r, "DetectionAttributes", &options, &x.all)) {
        uploads_free(&in);
        return;
    }
    p = rekognition_look(r, &in, &options, FACES | EMBEDDINGS);
    if (p) {
        mien_gallery_hash(in.at[0].bytes, in.at[0].size, x.hash);
        x.p = p;
        index_faces(r, &x);
    }
    pictures_free(p);
    uploads_free(&in);
}

/* Listing. */

struct faces {
    struct rekognition_face *at; /* [most] */
    int n, most, more;
    int64_t after, person;
};

static int see_listed(void *context, const mien_gallery_sample *s) {
    struct faces *f = context;
    int rc;

    if (f->n == f->most) {
        f->more = 1;
        return 0;
    }
    rc = rekognition_copy(&f->at[f->n], s, 0);
    if (rc == MIEN_OK) f->n++;
    return rc;
}

static void faces_free(struct faces *f) {
    for (int i = 0; i < f->n; i++) rekognition_forget(&f->at[i]);
    free(f->at);
}

static int room_for(struct request *r, struct faces *f) {
    f->at = calloc((size_t)f->most + 1, sizeof *f->at);
    if (f->at) return 0;
    reply_error(r, 500, "internal", "the server is out of memory");
    return -1;
}

/* Faces of a list of ids; of a user; or of all. A code of the gallery's, or -1000 after replying.
 */
static int list_faces(struct collection_call *call, const json_t *ids, struct faces *f) {
    int64_t contract = 0;
    int rc;

    for (size_t i = 0; ids && i < json_array_size(ids) && f->n < f->most; i++) {
        rc = rekognition_find(call, json_string_value(json_array_get(ids, i)), 0, &f->at[f->n]);
        if (rc < 0) return -1000;
        if (rc == 0 && f->person && f->at[f->n].person != f->person)
            rekognition_forget(&f->at[f->n]);
        else if (rc == 0)
            f->n++;
    }
    if (ids) return MIEN_OK;
    if (f->person)
        return mien_gallery_samples(call->gallery, f->person, f->after, f->most + 1, see_listed, f);
    rc = enrolment_contract(call, 0, &contract);
    if (rc || !contract || !call->collection) return rc;
    return mien_gallery_samples_under(call->gallery, call->collection, contract, f->after,
                                      f->most + 1, see_listed, f);
}

static void reply_faces(struct collection_call *call, struct faces *f) {
    json_t *object = json_object(), *list = json_array();
    int failed = 0;

    if (f->more && f->n) rekognition_set_token(object, f->at[f->n - 1].id, &failed);
    for (int i = 0; i < f->n; i++)
        json_value_append(list, rekognition_take(call, &f->at[i], &failed), &failed);
    json_value_set(object, "Faces", list, &failed);
    rekognition_set_model(object, call->request, &failed);
    rekognition_reply(call->request, object, failed);
}

static void handle_list_faces(struct request *r) {
    struct faces f = {.most = LIST};
    const json_t *ids = NULL;
    struct collection_call call;
    const char *user;
    int rc;

    if (enrolment_check(r) || rekognition_int(r, "MaxResults", 0, LIST_MOST, &f.most) ||
        rekognition_read_token(r, &f.after) ||
        rekognition_text(r, "UserId", 0, "_.-:", 128, &user) ||
        (json_object_get(r->json, "FaceIds") && rekognition_ids(r, LIST_MOST, &ids)))
        return;
    if (f.most == 0) f.most = LIST;
    if (room_for(r, &f) == 0 && rekognition_begin(r, GALLERY_READ, &call) == 0) {
        if (!user || rekognition_user(&call, user, 0, &f.person) == 0) {
            rc = list_faces(&call, ids, &f);
            if (rc == MIEN_OK)
                reply_faces(&call, &f);
            else if (rc != -1000)
                galleries_failed(r, rc);
        }
        collection_end(&call);
    }
    faces_free(&f);
}

/* Deleting. */

static void refuse_deletion(json_t *list, const char *id, int *failed) {
    json_t *one = json_object(), *reasons = json_array();

    json_value_append(reasons, json_string("FACE_NOT_FOUND"), failed);
    json_value_set(one, "FaceId", json_value_text(id), failed);
    json_value_set(one, "Reasons", reasons, failed);
    json_value_append(list, one, failed);
}

static void delete_faces(struct collection_call *call, const json_t *ids) {
    size_t most = json_array_size(ids);
    int64_t *samples = calloc(most, sizeof *samples), *persons = calloc(most, sizeof *persons);
    json_t *object = json_object(), *gone = json_array(), *refused = json_array();
    int n = 0, failed = !samples || !persons, rc = MIEN_OK;
    int64_t deleted = 0;

    for (size_t i = 0; i < most && !failed && rc >= 0; i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        struct rekognition_face face = {.id = 0};
        rc = rekognition_find(call, id, 0, &face);
        if (rc == 1) refuse_deletion(refused, id, &failed);
        if (rc != 0) continue;
        samples[n] = face.id;
        persons[n++] = face.person;
        json_value_append(gone, json_value_text(id), &failed);
        rekognition_forget(&face);
    }
    json_value_set(object, "DeletedFaces", gone, &failed);
    json_value_set(object, "UnsuccessfulFaceDeletions", refused, &failed);
    if (rc >= 0) {
        rc = failed ? MIEN_ENOMEM : collection_delete_samples(call, samples, persons, n, &deleted);
        if (rc) galleries_failed(call->request, rc);
        if (rc == MIEN_OK) rekognition_reply(call->request, json_incref(object), failed);
    }
    json_decref(object);
    free(samples);
    free(persons);
}

static void handle_delete_faces(struct request *r) {
    struct collection_call call;
    const json_t *ids;

    if (enrolment_check(r) || rekognition_ids(r, LIST_MOST, &ids) ||
        rekognition_begin(r, GALLERY_WRITE, &call))
        return;
    delete_faces(&call, ids);
    collection_end(&call);
}

const struct rekognition_op REKOGNITION_FACES[] = {
    {"IndexFaces", handle_index_faces},
    {"ListFaces", handle_list_faces},
    {"DeleteFaces", handle_delete_faces},
    {.name = NULL},
};
