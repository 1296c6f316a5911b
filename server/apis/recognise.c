/* Who it is, among the people of a collection: identify, search and compare. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/gallery_json.h"
#include "recognition/learn.h"
#include "recognition/person.h"
#include "recognition/unnamed.h"
#include "server/apis/api.h"
#include "server/apis/embeddings.h"
#include "server/apis/enrolment.h"
#include "server/apis/v1_status.h"
#include "server/log.h"
#include "server/params.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/scopes.h"
#include "server/server.h"

#include <stdlib.h>

enum { TOP = 3, TOP_MOST = 1000, FACES_MOST = 5000 };
#define FPIR 0.01

/* What a request asks besides its pictures. */
struct asked {
    int top, has_threshold, by; /* by: enum mien_gallery_by */
    double fpir, threshold;     /* of similarities */
    char person_room[PARAM_TEXT], where_room[PARAM_TEXT];
    const char *person; /* to compare with */
    const char *where;  /* among whom, as mien_gallery_identify_options has it */
    struct analysis_options options;
};

static int read_search(struct request *r, struct asked *a) {
    static const char *const by[] = {"template", "sample", NULL};
    double threshold = -2;

    if (param_int(r, "top", 1, TOP_MOST, &a->top) || param_real(r, "fpir", 1e-9, 0.5, &a->fpir) ||
        param_real(r, "threshold", -1, 1, &threshold) || param_choice(r, "by", by, &a->by) ||
        param_text(r, "where", a->where_room, &a->where))
        return -1;
    a->has_threshold = threshold >= -1;
    a->threshold = threshold;
    return 0;
}

static int read_looking(struct request *r, struct asked *a) {
    int search = (int)a->options.detect.search;

    if (param_int(r, "max_faces", 1, FACES_MOST, &a->options.detect.max_faces) ||
        param_int(r, "size", 0, r->server->config->max_side, &a->options.detect.size) ||
        param_choice(r, "search", FACE_SEARCH_NAMES, &search) ||
        param_flag(r, "aligned", &a->options.aligned))
        return -1;
    a->options.detect.search = (enum mien_search)search;
    return 0;
}

static void init_asked(const struct request *r, enum face_pick pick, struct asked *a) {
    const struct networks *networks = &r->models->networks;

    *a = (struct asked){.top = TOP,
                        .fpir = FPIR,
                        .options = {.steps = analysis_steps(networks, MIEN_RESULT_FACES) |
                                             analysis_steps(networks, MIEN_RESULT_EMBEDDING),
                                    .detect = r->server->config->detect,
                                    .pick = pick}};
}

/* What is searched for and how, for a call's collection. A code of the gallery's. */
static int set_identifying(struct collection_call *call, const struct asked *a,
                           struct identifying *in, struct identifying *also) {
    const struct request *r = call->request;
    double configured = r->server->config->same_person;
    const double *same = a->has_threshold                     ? &a->threshold
                         : configured != SAME_PERSON_MEASURED ? &configured
                                                              : NULL;

    *in = (struct identifying){.collection = call->collection,
                               .top = a->top,
                               .fpir = a->fpir,
                               .by = (enum mien_gallery_by)a->by,
                               .where = a->where,
                               .stop = request_is_over,
                               .context = call->request};
    return enrolment_identifying(call, same, in, also);
}

/* Pictures of a request, and who is in them. */
struct looking {
    const struct pictures *pictures;
    const struct uploads *uploads;
    struct identifying in, also;
    struct identified *found; /* [pictures->n] */
};

/* Writes what a picture's faces are, or what kept it from being looked at. A code of the gallery's.
 */
static int picture_json(struct collection_call *call, const struct identifying *in,
                        const struct picture *p, struct identified *found, json_t **out,
                        int *failed) {
    int rc;

    if (p->status) {
        *out = error_json(call->request, p->code, p->why);
        return MIEN_OK;
    }
    rc = identify_picture(call->gallery, in, p->analysis, found);
    if (rc == MIEN_OK) {
        *out = json_object();
        identify_add_picture(*out, call->gallery, in, p->analysis, found, failed);
    }
    return rc;
}

static int pictures_json(struct collection_call *call, const struct asked *asked, struct looking *l,
                         json_t *list, int *failed) {
    int rc = set_identifying(call, asked, &l->in, &l->also);

    for (int i = 0; i < l->pictures->n && rc == MIEN_OK; i++) {
        json_t *one = NULL;
        rc = picture_json(call, &l->in, &l->pictures->at[i], &l->found[i], &one, failed);
        if (rc == MIEN_OK) json_value_append(list, one, failed);
    }
    return rc;
}

/* Once the answer is written: who was identified for sure gets a sample under the second embedder,
 * where the key may write and nobody else does just now. What fails is let be: the next picture
 * comes. */
static void learn(struct request *r, struct looking *l) {
    mien_gallery *gallery;
    int64_t samples = 0;
    int most = r->server->config->max_samples, rc = MIEN_OK, n;

    if (!r->server->config->learn || !l->in.also || !scopes_allow(r->scopes, 1, r->param[0]) ||
        galleries_try(r->server->galleries, &gallery))
        return;
    for (int i = 0; i < l->pictures->n && rc == MIEN_OK; i++) {
        const struct picture *p = &l->pictures->at[i];
        uint8_t hash[MIEN_GALLERY_HASH_SIZE];
        struct learning learning = {.in = &l->in, .hash = hash, .who = collection_who(r)};
        if (p->status) continue;
        if (most) rc = unnamed_count(gallery, l->in.collection, &samples);
        if (most && samples + p->analysis->nfaces > most) break;
        mien_gallery_hash(l->uploads->at[i].bytes, l->uploads->at[i].size, hash);
        if (rc == MIEN_OK) rc = learn_faces(gallery, &learning, p->analysis, &l->found[i], &n);
    }
    if (rc) log_say(r->server->log, "request %s: learning: %s", r->id, mien_gallery_error());
    galleries_release(r->server->galleries, GALLERY_WRITE);
}

/* One picture is answered as itself, a list as a list. */
static void reply_pictures(struct request *r, json_t *list, int is_list, int failed) {
    json_t *object = NULL;

    if (is_list) {
        object = json_object();
        json_value_set(object, "pictures", json_incref(list), &failed);
    } else {
        object = json_incref(json_array_get(list, 0));
    }
    collection_reply(r, 200, object, failed);
}

/* 0, or -1 after replying that it failed. */
static int identify(struct request *r, const struct asked *asked, struct looking *l) {
    const struct pictures *p = l->pictures;
    struct collection_call call;
    json_t *list;
    int faces = 0, failed = 0, rc;

    for (int i = 0; i < p->n; i++) faces += p->at[i].status ? 0 : p->at[i].analysis->nfaces;
    if (collection_check_matches(r, faces, asked->top) ||
        collection_begin(r, GALLERY_SEARCH, r->param[0], &call))
        return -1;
    list = json_array();
    rc = pictures_json(&call, asked, l, list, &failed);
    if (rc)
        galleries_failed(r, rc);
    else
        reply_pictures(r, list, l->uploads->is_list, failed);
    json_decref(list);
    collection_end(&call);
    return rc ? -1 : 0;
}

static void identify_and_learn(struct request *r, const struct asked *asked,
                               const struct pictures *p, const struct uploads *in) {
    struct looking l = {
        .pictures = p, .uploads = in, .found = calloc((size_t)p->n, sizeof *l.found)};

    if (!l.found)
        reply_error(r, 500, "internal", "the server is out of memory");
    else if (identify(r, asked, &l) == 0)
        learn(r, &l);
    for (int i = 0; l.found && i < p->n; i++) identified_free(&l.found[i]);
    free(l.found);
}

static void handle_identify(struct request *r) {
    struct uploads_want want = {.min = 1, .max = r->server->config->max_pictures, .keep_bad = 1};
    struct pictures *p = NULL;
    struct asked asked;
    struct uploads in;

    if (enrolment_check(r) || uploads_read(r, &want, &in)) return;
    init_asked(r, FACE_ALL, &asked);
    asked.options.quality = r->server->config->learn;
    if (read_search(r, &asked) == 0 && read_looking(r, &asked) == 0 && params_end(r) == 0)
        p = pictures_run(r, &asked.options, &in, in.is_list);
    if (p) identify_and_learn(r, &asked, p, &in);
    pictures_free(p);
    uploads_free(&in);
}

/* Writes who one embedding is of, or the main face of an analysed picture. A code of the gallery's.
 */
static int found_json(struct collection_call *call, const struct asked *asked, const float *values,
                      const struct analysis *a, json_t **out, int *failed) {
    struct identified found = {.n = 0};
    const struct network *embedder =
        networks_giving(&call->request->models->networks, MIEN_RESULT_EMBEDDING);
    struct identifying in, also;
    int rc = set_identifying(call, asked, &in, a ? &also : NULL); /* it is of the first alone */

    if (rc == MIEN_OK)
        rc = a ? identify_picture(call->gallery, &in, a, &found)
               : identify_faces(call->gallery, &in, values, 1, item_width(embedder), &found);
    if (rc == MIEN_OK) {
        struct identity identity = identify_judge(&in, &found, 0);
        *out = a ? result_found(a->faces, failed) : json_object();
        identify_add_limits(*out, &in, failed);
        identify_add_identity(*out, call->gallery, &identity, failed);
    }
    identified_free(&found);
    return rc;
}

static void search(struct request *r, const struct asked *asked, const float *values,
                   const struct analysis *a) {
    struct collection_call call;
    json_t *object = NULL;
    int failed = 0, rc;

    if (collection_begin(r, GALLERY_SEARCH, r->param[0], &call)) return;
    rc = found_json(&call, asked, values, a, &object, &failed);
    if (rc)
        galleries_failed(r, rc);
    else
        collection_reply(r, 200, object, failed);
    collection_end(&call);
}

static void search_embedding(struct request *r) {
    struct embeddings given;
    struct asked asked;

    init_asked(r, FACE_MAIN, &asked);
    if (embeddings_read(r, &given)) return;
    if (given.n != 1)
        reply_error(r, 400, "bad_request", "one embedding is searched for at a time");
    else if (read_search(r, &asked) == 0 && params_end(r) == 0)
        search(r, &asked, given.values, NULL);
    free(given.values);
}

/* The main face of the only picture, or 422. */
static const mien_face *main_face(struct request *r, const struct pictures *p) {
    if (p->at[0].analysis->nfaces > 0) return p->at[0].analysis->faces;
    reply_error(r, 422, "no_face", "no face was found in the picture");
    return NULL;
}

static void handle_search(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct pictures *p = NULL;
    struct asked asked;
    struct uploads in;

    if (enrolment_check(r)) return;
    if (embeddings_are_given(r)) {
        search_embedding(r);
        return;
    }
    if (uploads_read(r, &want, &in)) return;
    init_asked(r, FACE_MAIN, &asked);
    if (read_search(r, &asked) == 0 && read_looking(r, &asked) == 0 && params_end(r) == 0)
        p = pictures_run(r, &asked.options, &in, 0);
    if (p && main_face(r, p)) search(r, &asked, NULL, p->at[0].analysis);
    pictures_free(p);
    uploads_free(&in);
}

static json_t *comparison_json(struct collection_call *call, const struct asked *asked,
                               const mien_face *face, const mien_gallery_match *v, int *failed) {
    const struct request *r = call->request;
    double threshold =
        asked->has_threshold
            ? asked->threshold
            : v1_same_person(r, networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING));
    char name[PERSON_NAME];
    json_t *object = result_found(face, failed);

    json_value_set(object, "person", gallery_json_id(v->person), failed);
    json_value_set(object, "name", json_value_text(person_name(call->gallery, v->person, name)),
                   failed);
    json_value_set(object, "sample", gallery_json_id(v->sample), failed);
    json_value_set(object, "similarity", v->sample ? result_score(v->similarity) : json_null(),
                   failed);
    json_value_set(
        object, "verdict",
        json_string(v->sample ? judge_pair((double)v->similarity, threshold) : "different"),
        failed);
    json_value_set(object, "threshold", json_value_number(threshold, 6), failed);
    return object;
}

static void compare(struct request *r, const struct asked *asked, const struct pictures *p) {
    const struct item *item = analysis_item(p->at[0].analysis, MIEN_RESULT_EMBEDDING);
    struct collection_call call;
    mien_gallery_match best;
    int64_t contract = 0, person;
    json_t *object;
    int failed = 0, rc;

    if (collection_begin(r, GALLERY_READ, r->param[0], &call)) return;
    if (enrolment_find_person(&call, asked->person, 0, &person) == 0) {
        rc = enrolment_contract(&call, 0, &contract);
        best = (mien_gallery_match){.person = person};
        if (rc == MIEN_OK && contract)
            rc = mien_gallery_compare(call.gallery, person, contract, item->values, &best);
        best.person = person;
        object =
            rc ? NULL : comparison_json(&call, asked, p->at[0].analysis->faces, &best, &failed);
        if (rc)
            galleries_failed(r, rc);
        else
            collection_reply(r, 200, object, failed);
    }
    collection_end(&call);
}

static void handle_compare(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct pictures *p = NULL;
    struct asked asked;
    struct uploads in;

    if (enrolment_check(r) || uploads_read(r, &want, &in)) return;
    init_asked(r, FACE_MAIN, &asked);
    asked.person = "";
    if (param_text(r, "person", asked.person_room, &asked.person) == 0 &&
        read_search(r, &asked) == 0 && read_looking(r, &asked) == 0 && params_end(r) == 0)
        p = pictures_run(r, &asked.options, &in, 0);
    if (p && main_face(r, p)) compare(r, &asked, p);
    pictures_free(p);
    uploads_free(&in);
}

enum { READS = ROUTE_WORK | ROUTE_MANY | ROUTE_READS | ROUTE_COLLECTION };

static const struct route ROUTES[] = {
    {"POST", "/v1/collections/{}/identify", READS, handle_identify},
    {"POST", "/v1/collections/{}/search", READS, handle_search},
    {"POST", "/v1/collections/{}/compare", READS, handle_compare},
    {.path = NULL},
};

const struct api api_recognise = {.routes = ROUTES};
