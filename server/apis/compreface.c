/* CompreFace's services of detection, recognition and verification, in their shapes; its subjects
 * and examples are compreface_people.c's. A key works in the collection its scopes name. */
#include "server/apis/compreface.h"

#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/identify.h"
#include "recognition/person.h"
#include "server/json_read.h"
#include "server/params.h"
#include "server/refusals.h"
#include "server/reply.h"
#include "server/server.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FACES = 1 << MIEN_RESULT_FACES, EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING };

static const struct body_key ONE[] = {{"file", PICTURE_BYTES, BODY_ONE}, {.name = NULL}};
static const struct body_key PAIR[] = {{"source_image", PICTURE_BYTES, BODY_PAIR},
                                       {"target_image", PICTURE_BYTES, BODY_PAIR},
                                       {.name = NULL}};
static const char *const ONE_FIELD[] = {"file", NULL};
static const char *const PAIR_FIELDS[] = {"source_image", "target_image", NULL};

/* The request's pictures, analysed, or NULL after replying; *in is the caller's to free. */
static struct pictures *look(struct request *r, unsigned results, int n, struct uploads *in,
                             struct compreface_asked *asked) {
    const struct uploads_want want = {.min = n,
                                      .max = n,
                                      .fields = n == 1 ? ONE_FIELD : PAIR_FIELDS,
                                      .keys = n == 1 ? ONE : PAIR};

    *in = (struct uploads){.n = 0};
    if (pictures_check(r, results) || uploads_read(r, &want, in) ||
        compreface_read(r, results, asked))
        return NULL;
    return pictures_run(r, &asked->options, in, 0);
}

static void handle_detect(struct request *r) {
    struct compreface_asked asked;
    struct uploads in;
    struct pictures *p = look(r, FACES, 1, &in, &asked);
    int n = 0, failed = 0;
    int *chosen = p ? compreface_choose(r, &asked, p->at[0].analysis, &n) : NULL;

    if (chosen) {
        json_t *list = json_array();
        for (int i = 0; i < n; i++)
            json_value_append(list, compreface_face(&asked, &p->at[0], chosen[i], &failed),
                              &failed);
        compreface_reply(r, &asked, list, failed);
    }
    free(chosen);
    pictures_free(p);
    uploads_free(&in);
}

/* Persons with a name, most alike first, at most so many. */
static json_t *subjects_json(struct collection_call *call, const mien_gallery_match *matches, int n,
                             int most, int *failed) {
    json_t *list = json_array();
    char name[PERSON_NAME];

    for (int i = 0; i < n && (int)json_array_size(list) < most; i++) {
        json_t *one;
        if (!person_has_name(call->gallery, matches[i].person, name)) continue;
        one = json_object();
        json_value_set(one, "subject", json_value_text(name), failed);
        json_value_set(one, "similarity",
                       compreface_score(call->request, (double)matches[i].similarity), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

/* The persons that n embeddings are like. A code of the gallery's. */
static int identify(struct collection_call *call, const float *values, int n, int dims, int top,
                    struct identified *found) {
    struct identifying in = {.collection = call->collection,
                             .top = top,
                             .stop = request_is_over,
                             .context = call->request};
    int rc = enrolment_contract(call, 0, &in.contract);

    *found = (struct identified){.n = 0};
    return rc ? rc : identify_faces(call->gallery, &in, values, n, dims, found);
}

/* The embeddings of the chosen faces, [n][dims], for free(). */
static float *gather(const struct analysis *a, const int *chosen, int n, int dims) {
    float *values = calloc((size_t)n * (size_t)dims + 1, sizeof *values);

    for (int i = 0; i < n && values; i++)
        memcpy(values + (size_t)i * (size_t)dims, analysis_embedding(a, chosen[i]),
               (size_t)dims * sizeof *values);
    return values;
}

static void recognise(struct request *r, const struct compreface_asked *asked,
                      const struct picture *p, const int *chosen, int n) {
    int dims = item_width(analysis_item(p->analysis, MIEN_RESULT_EMBEDDING)->network);
    float *values = gather(p->analysis, chosen, n, dims);
    struct identified found = {.n = 0};
    struct collection_call call;
    json_t *list;
    int failed = 0, rc;

    if (!values) reply_error(r, 500, "internal", "the server is out of memory");
    if (!values || collection_check_matches(r, n, asked->count) ||
        compreface_begin(r, GALLERY_SEARCH, &call)) {
        free(values);
        return;
    }
    rc = identify(&call, values, n, dims, asked->count, &found);
    list = json_array();
    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        json_t *face = compreface_face(asked, p, chosen[i], &failed);
        json_value_set(face, "subjects",
                       subjects_json(&call, found.matches + (size_t)i * (size_t)found.top,
                                     found.counts[i], asked->count, &failed),
                       &failed);
        json_value_append(list, face, &failed);
    }
    if (rc) {
        json_decref(list);
        galleries_failed(r, rc);
    } else {
        compreface_reply(r, asked, list, failed);
    }
    identified_free(&found);
    collection_end(&call);
    free(values);
}

static void handle_recognise(struct request *r) {
    struct compreface_asked asked;
    struct uploads in = {.n = 0};
    struct pictures *p = NULL;
    int *chosen = NULL, n = 0;

    if (enrolment_check(r)) return;
    p = look(r, FACES | EMBEDDINGS, 1, &in, &asked);
    if (p) chosen = compreface_choose(r, &asked, p->at[0].analysis, &n);
    if (chosen) recognise(r, &asked, &p->at[0], chosen, n);
    free(chosen);
    pictures_free(p);
    uploads_free(&in);
}

/* The chosen faces with their similarity to an embedding. */
static json_t *matches_json(struct request *r, const struct compreface_asked *asked,
                            const struct picture *p, const int *chosen, int n, const float *to,
                            int *failed) {
    int dims = item_width(analysis_item(p->analysis, MIEN_RESULT_EMBEDDING)->network);
    json_t *list = json_array();

    for (int i = 0; i < n; i++) {
        float similarity = mien_similarity(analysis_embedding(p->analysis, chosen[i]), to, dims);
        json_t *face = compreface_face(asked, p, chosen[i], failed);
        json_value_set(face, "similarity", compreface_score(r, (double)similarity), failed);
        json_value_append(list, face, failed);
    }
    return list;
}

/* Of an image that is enrolled, with the faces of a picture. */
static void handle_verify_image(struct request *r) {
    struct compreface_asked asked;
    struct collection_call call;
    struct uploads in = {.n = 0};
    struct pictures *p = NULL;
    float *values = NULL;
    int *chosen = NULL, n = 0, failed = 0, status;
    int64_t sample;

    if (enrolment_check(r)) return;
    p = look(r, FACES | EMBEDDINGS, 1, &in, &asked);
    if (p) chosen = compreface_choose(r, &asked, p->at[0].analysis, &n);
    if (chosen && compreface_begin(r, GALLERY_READ, &call) == 0) {
        status = compreface_find_image(&call, r->param[0], &sample, &values, NULL);
        collection_end(&call);
        if (status == 0)
            compreface_reply(
                r, &asked, matches_json(r, &asked, &p->at[0], chosen, n, values, &failed), failed);
    }
    free(values);
    free(chosen);
    pictures_free(p);
    uploads_free(&in);
}

/* 1 where a form has the target first. */
static int is_swapped(const struct request *r) {
    for (int i = 0; i < r->nparts; i++)
        if (r->parts[i].is_picture) return strcmp(r->parts[i].name, "target_image") == 0;
    return 0;
}

/* The largest face of the source, with all of the target. */
static void verify(struct request *r, const struct compreface_asked *asked,
                   const struct picture *source, const struct picture *target) {
    struct compreface_asked largest = *asked;
    int from = 0, n = 0, failed = 0, *first, *chosen = NULL;
    json_t *object, *list;

    largest.limit = 1;
    first = compreface_choose(r, &largest, source->analysis, &from);
    if (first) chosen = compreface_choose(r, asked, target->analysis, &n);
    if (chosen) {
        object = json_object();
        list = json_array();
        json_value_set(object, "source_image_face",
                       compreface_face(asked, source, first[0], &failed), &failed);
        json_value_set(object, "face_matches",
                       matches_json(r, asked, target, chosen, n,
                                    analysis_embedding(source->analysis, first[0]), &failed),
                       &failed);
        compreface_add_versions(object, r, asked, &failed);
        json_value_append(list, object, &failed);
        object = json_object();
        json_value_set(object, "result", list, &failed);
        collection_reply(r, 200, object, failed);
    }
    free(first);
    free(chosen);
}

static void handle_verify(struct request *r) {
    struct compreface_asked asked;
    struct uploads in;
    struct pictures *p = look(r, FACES | EMBEDDINGS, 2, &in, &asked);
    int swapped = p && is_swapped(r);

    if (p) verify(r, &asked, &p->at[swapped], &p->at[!swapped]);
    pictures_free(p);
    uploads_free(&in);
}

/* Embeddings that a body brings. */
enum { EMBEDDINGS_MOST = 1000, MEMORY = 1 << 26 };

struct vectors {
    float *values; /* [n][dims], of length 1, for free() */
    int n, dims;
};

static int fail_vectors(struct request *r, struct vectors *v, const char *why) {
    free(v->values);
    v->values = NULL;
    compreface_error(r, 400, COMPREFACE_VALIDATION, why);
    return -1;
}

/* Any length: these clients keep them rounded. */
static int read_vector(const json_t *list, float *out, int dims) {
    double sum = 0;

    if ((int)json_array_size(list) != dims) return -1;
    for (int i = 0; i < dims; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        double v = json_number_value(value);
        if (!json_is_number(value) || !isfinite(v) || fabs(v) > 1e6) return -1;
        out[i] = (float)v;
        sum += v * v;
    }
    if (sum < 1e-12) return -1;
    for (int i = 0; i < dims; i++) out[i] = (float)((double)out[i] / sqrt(sum));
    return 0;
}

/* Of the JSON body's lists; -1 after replying. */
static int read_vectors(struct request *r, const json_t *lists, struct vectors *v) {
    const struct network *embedder = networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING);
    size_t n = json_array_size(lists);

    *v = (struct vectors){.n = (int)n, .dims = embedder->info.embedding_size};
    if (n < 1 || n > EMBEDDINGS_MOST)
        return fail_vectors(r, v, "embeddings must be a list of 1 to 1000 lists of numbers");
    v->values = calloc(n * (size_t)v->dims, sizeof *v->values);
    if (!v->values) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        if (read_vector(json_array_get(lists, i), v->values + i * (size_t)v->dims, v->dims))
            return fail_vectors(
                r, v, "an embedding must have as many numbers as this server's, not all 0");
    return 0;
}

static int read_body(struct request *r) {
    char why[WHY_SIZE];
    int status;

    if (r->json) return 0;
    if (request_acquire_body(r, 32 * r->body.n < MEMORY ? 32 * r->body.n : (size_t)MEMORY)) {
        refuse_memory(r);
        return -1;
    }
    status = json_read((const char *)r->body.at, r->body.n, MEMORY, &r->json, why);
    if (!status && !json_is_object(r->json))
        status = why_set(why, 400, "the body must be a JSON object");
    if (!status) return 0;
    reply_error(r, status, status == 413 ? "too_large" : "bad_request", "%s", why);
    return -1;
}

/* {"embedding": as it was given, NAME: value}. */
static json_t *answer_json(const json_t *lists, int i, const char *name, json_t *value,
                           int *failed) {
    json_t *object = json_object();

    json_value_set(object, "embedding", json_incref(json_array_get(lists, (size_t)i)), failed);
    json_value_set(object, name, value, failed);
    return object;
}

static void recognise_vectors(struct request *r, const json_t *lists, const struct vectors *v,
                              int count) {
    const struct compreface_asked asked = {.count = count};
    struct identified found = {.n = 0};
    struct collection_call call;
    json_t *list;
    int failed = 0, rc;

    if (collection_check_matches(r, v->n, count) || compreface_begin(r, GALLERY_SEARCH, &call))
        return;
    rc = identify(&call, v->values, v->n, v->dims, count, &found);
    list = json_array();
    for (int i = 0; i < v->n && rc == MIEN_OK; i++)
        json_value_append(
            list,
            answer_json(lists, i, "similarities",
                        subjects_json(&call, found.matches + (size_t)i * (size_t)found.top,
                                      found.counts[i], count, &failed),
                        &failed),
            &failed);
    if (rc) {
        json_decref(list);
        galleries_failed(r, rc);
    } else {
        compreface_reply(r, &asked, list, failed);
    }
    identified_free(&found);
    collection_end(&call);
}

static void handle_recognise_embeddings(struct request *r) {
    struct vectors v = {.n = 0};
    const json_t *lists;
    int count = 1;

    if (enrolment_check(r) || read_body(r) || param_int(r, "prediction_count", 1, 1000, &count))
        return;
    lists = json_object_get(r->json, "embeddings");
    if (read_vectors(r, lists, &v) == 0) recognise_vectors(r, lists, &v, count);
    free(v.values);
}

static void reply_similarities(struct request *r, const json_t *lists, const struct vectors *v,
                               const float *to) {
    const struct compreface_asked asked = {.count = 1};
    json_t *list = json_array();
    int failed = 0;

    for (int i = 0; i < v->n; i++) {
        float similarity = mien_similarity(v->values + (size_t)i * (size_t)v->dims, to, v->dims);
        json_value_append(
            list,
            answer_json(lists, i, "similarity", compreface_score(r, (double)similarity), &failed),
            &failed);
    }
    compreface_reply(r, &asked, list, failed);
}

static void handle_verify_image_embeddings(struct request *r) {
    struct collection_call call;
    struct vectors v = {.n = 0};
    float *values = NULL;
    const json_t *lists;
    int64_t sample;
    int status;

    if (enrolment_check(r) || read_body(r)) return;
    lists = json_object_get(r->json, "embeddings");
    if (read_vectors(r, lists, &v) == 0 && compreface_begin(r, GALLERY_READ, &call) == 0) {
        status = compreface_find_image(&call, r->param[0], &sample, &values, NULL);
        collection_end(&call);
        if (status == 0) reply_similarities(r, lists, &v, values);
    }
    free(values);
    free(v.values);
}

static void handle_verify_embeddings(struct request *r) {
    struct vectors source = {.n = 0}, targets = {.n = 0};
    const json_t *lists;
    json_t *one;

    if (pictures_check(r, EMBEDDINGS) || read_body(r)) return;
    lists = json_object_get(r->json, "targets");
    one = json_pack("[O?]", json_object_get(r->json, "source"));
    if (read_vectors(r, one, &source) == 0 && read_vectors(r, lists, &targets) == 0)
        reply_similarities(r, lists, &targets, source.values);
    json_decref(one);
    free(source.values);
    free(targets.values);
}

/* Their keys say which collection, so that scopes are looked at there: compreface_begin(). */
enum { WORK = ROUTE_WORK | ROUTE_LINKED };

static const struct route ROUTES[] = {
    {"POST", "/api/v1/detection/detect", WORK, handle_detect},
    {"POST", "/api/v1/recognition/recognize", WORK, handle_recognise},
    {"POST", "/api/v1/recognition/faces/{}/verify", WORK, handle_verify_image},
    {"POST", "/api/v1/recognition/embeddings/recognize", WORK, handle_recognise_embeddings},
    {"POST", "/api/v1/recognition/embeddings/faces/{}/verify", WORK,
     handle_verify_image_embeddings},
    {"POST", "/api/v1/verification/verify", WORK | ROUTE_MANY, handle_verify},
    {"POST", "/api/v1/verification/embeddings/verify", WORK, handle_verify_embeddings},
    {.path = NULL},
};

const struct api api_compreface = {.name = "compreface",
                                   .prefix = "/api/v1",
                                   .routes = ROUTES,
                                   .write_error = compreface_write_error};
