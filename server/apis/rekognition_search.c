/* Rekognition's searches for faces among those that are kept. */
#include "common/json_values.h"
#include "server/apis/rekognition.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdlib.h>

enum {
    FACES = 1 << MIEN_RESULT_FACES,
    EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING,
    LIST_MOST = 4096,
    MATCHES = 80,
    SAMPLES_MOST = 1000 /* of a person, looked at for a match */
};

static const char *const IMAGE[] = {"Image"};

struct match {
    int64_t sample;
    float similarity;
};

struct matching {
    const float *query;
    int dims, n;
    int64_t contract, without;
    double least; /* a similarity */
    struct match *at;
    int room;
};

static int by_similarity(const void *a, const void *b) {
    const struct match *x = a, *y = b;

    if (x->similarity != y->similarity) return x->similarity < y->similarity ? 1 : -1;
    return (x->sample > y->sample) - (x->sample < y->sample);
}

/* Every face of a person counts, not only the most alike. */
static int see_sample(void *context, const mien_gallery_sample *s) {
    struct matching *m = context;
    float similarity;

    if (s->contract != m->contract || s->id == m->without || m->n == m->room) return 0;
    similarity = mien_similarity(m->query, s->embedding, m->dims);
    if ((double)similarity >= m->least) m->at[m->n++] = (struct match){s->id, similarity};
    return 0;
}

/* The faces most alike, of those the persons most alike have. A code of the gallery's. */
static int find_matches(struct collection_call *call, struct matching *m, int most) {
    const mien_gallery_identify_options options = {.struct_size = sizeof options,
                                                   .by = MIEN_GALLERY_BY_SAMPLE};
    mien_gallery_match *persons = calloc((size_t)most + 1, sizeof *persons);
    int n = 0, rc = persons ? MIEN_OK : MIEN_ENOMEM;

    if (rc == MIEN_OK)
        rc = mien_gallery_identify(call->gallery, call->collection, m->contract, m->query, 1,
                                   most + 1, &options, persons, &n);
    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        if ((double)persons[i].similarity < m->least) break;
        if (persons[i].samples > 1)
            rc = mien_gallery_samples(call->gallery, persons[i].person, 0, SAMPLES_MOST, see_sample,
                                      m);
        else if (persons[i].sample != m->without && m->n < m->room)
            m->at[m->n++] = (struct match){persons[i].sample, persons[i].similarity};
    }
    qsort(m->at, (size_t)m->n, sizeof *m->at, by_similarity);
    if (m->n > most) m->n = most;
    free(persons);
    return rc;
}

static int see_match(void *context, const mien_gallery_sample *s) {
    return rekognition_copy(context, s, 0);
}

static json_t *matches_json(struct collection_call *call, const struct matching *m, int *failed,
                            int *rc) {
    json_t *list = json_array();

    for (int i = 0; i < m->n && *rc == MIEN_OK; i++) {
        struct rekognition_face face = {.id = 0};
        json_t *one;
        *rc = mien_gallery_sample_get(call->gallery, m->at[i].sample, see_match, &face);
        if (*rc == MIEN_GALLERY_ENOTFOUND) { /* deleted since */
            *rc = MIEN_OK;
            continue;
        }
        if (*rc) break;
        one = json_object();
        json_value_set(
            one, "Similarity",
            json_value_number(rekognition_score(call->request, (double)m->at[i].similarity), 4),
            failed);
        json_value_set(one, "Face", rekognition_take(call, &face, failed), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

/* Replies with the faces like an embedding, added to an object, which it takes over. */
static void reply_matches(struct collection_call *call, const float *query, int dims,
                          int64_t without, double score, int most, json_t *object) {
    struct matching m = {.query = query,
                         .dims = dims,
                         .without = without,
                         .least = rekognition_similarity(call->request, score),
                         .room = (most + 1) * 8 + SAMPLES_MOST};
    int failed = 0, rc = enrolment_contract(call, 0, &m.contract);

    m.at = calloc((size_t)m.room, sizeof *m.at);
    if (!m.at) rc = MIEN_ENOMEM;
    if (rc == MIEN_OK && m.contract && call->collection) rc = find_matches(call, &m, most);
    json_value_set(object, "FaceMatches", matches_json(call, &m, &failed, &rc), &failed);
    rekognition_set_model(object, call->request, &failed);
    if (rc) {
        json_decref(object);
        galleries_failed(call->request, rc);
    } else {
        rekognition_reply(call->request, object, failed);
    }
    free(m.at);
}

static int read_search(struct request *r, double *score, int *most) {
    *score = REKOGNITION_SCALE.usual;
    *most = MATCHES;
    return enrolment_check(r) || rekognition_number(r, "FaceMatchThreshold", 0, 100, score) ||
                   rekognition_int(r, "MaxFaces", 1, LIST_MOST, most)
               ? -1
               : 0;
}

static void handle_search_faces(struct request *r) {
    struct rekognition_face face = {.id = 0};
    struct collection_call call;
    double score;
    const char *id;
    int most, failed = 0, found;

    if (read_search(r, &score, &most) || rekognition_text(r, "FaceId", 1, "-", 36, &id) ||
        rekognition_begin(r, GALLERY_SEARCH, &call))
        return;
    found = rekognition_find(&call, id, 1, &face);
    if (found == 1) {
        rekognition_error(r, 400, "InvalidParameterException",
                          "there is no such FaceId in this collection");
    } else if (found == 0) {
        json_t *object = json_object();
        json_value_set(object, "SearchedFaceId", json_value_text(id), &failed);
        reply_matches(&call, face.values, face.dims, face.id, score, most, object);
    }
    rekognition_forget(&face);
    collection_end(&call);
}

static void search_by_image(struct request *r, const struct pictures *p, const char *filter,
                            double score, int most) {
    const struct analysis *a = p->at[0].analysis;
    int *order = rekognition_order(r, a), failed = 0;
    struct collection_call call;
    json_t *object, *reasons;

    if (!order) return;
    reasons = a->nfaces ? rekognition_reasons(a, order[0], filter, &failed) : NULL;
    if (a->nfaces == 0 || reasons) {
        rekognition_error(r, 400, "InvalidParameterException",
                          "There are no faces in the image. Should be at least 1.");
    } else if (rekognition_begin(r, GALLERY_SEARCH, &call) == 0) {
        object = json_object();
        json_value_set(object, "SearchedFaceBoundingBox",
                       rekognition_box(a, &a->faces[order[0]], &failed), &failed);
        json_value_set(object, "SearchedFaceConfidence",
                       json_value_number(100 * (double)a->faces[order[0]].score, 4), &failed);
        reply_matches(&call, analysis_embedding(a, order[0]),
                      item_width(analysis_item(a, MIEN_RESULT_EMBEDDING)->network), 0, score, most,
                      object);
        collection_end(&call);
    }
    json_decref(reasons);
    free(order);
}

static void handle_search_faces_by_image(struct request *r) {
    struct analysis_options options = {.quality = 1};
    struct pictures *p = NULL;
    struct uploads in = {.n = 0};
    double score;
    const char *filter;
    int most;

    if (read_search(r, &score, &most) == 0 && rekognition_filter(r, "NONE", &filter) == 0 &&
        rekognition_images(r, IMAGE, 1, &in) == 0)
        p = rekognition_look(r, &in, &options, FACES | EMBEDDINGS);
    if (p) search_by_image(r, p, filter, score, most);
    pictures_free(p);
    uploads_free(&in);
}

const struct rekognition_op REKOGNITION_SEARCHES[] = {
    {"SearchFaces", handle_search_faces},
    {"SearchFacesByImage", handle_search_faces_by_image},
    {.name = NULL},
};
