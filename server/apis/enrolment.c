#include "server/apis/enrolment.h"

#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>

enum { NEEDS = 1 << MIEN_RESULT_FACES | 1 << MIEN_RESULT_EMBEDDING };

int enrolment_check(struct request *r) {
    return collection_check(r) || pictures_check(r, NEEDS) ? -1 : 0;
}

int enrolment_contract(struct collection_call *call, int make, int64_t *contract) {
    const struct models *m = call->request->models;
    const struct network *embedder = networks_giving(&m->networks, MIEN_RESULT_EMBEDDING);

    *contract = 0;
    if (!call->gallery) return MIEN_OK;
    return contract_find(call->gallery, call->collection, &embedder->info, m->contract, make,
                         contract);
}

/* The collection goes by the first, and is searched under the second, too. Who learns makes it, for
 * nobody has samples of it at first; where that fails nothing is learned. */
int enrolment_identifying(struct collection_call *call, const double *same, struct identifying *in,
                          struct identifying *also) {
    const struct models *m = call->request->models;
    const struct network *second = networks_giving_too(&m->networks, MIEN_RESULT_EMBEDDING);
    int64_t contract = 0;
    int rc = enrolment_contract(call, 0, &in->contract);

    if (rc) return rc;
    if (!also) second = NULL;
    if (call->gallery && second && m->second_contract[0] &&
        contract_find(call->gallery, 0, &second->info, m->second_contract,
                      call->request->server->config->learn, &contract))
        contract = 0;
    return identify_both(call->gallery, networks_giving(&m->networks, MIEN_RESULT_EMBEDDING),
                         second, contract, same, in, also);
}

int enrolment_find_person(struct collection_call *call, const char *text, int may_miss,
                          int64_t *person) {
    char why[PERSON_WHY];
    int rc;

    *person = 0;
    if (mien_gallery_id_read(text, person) == MIEN_OK)
        return collection_find_person(call, text, person);
    rc = person_find(call->gallery, call->collection, text, may_miss, person, why);
    if (rc) galleries_refuse(call->request, rc, why);
    return rc ? -1 : 0;
}

struct counted {
    int64_t collection, samples;
};

static int count(void *context, const mien_gallery_collection *c) {
    struct counted *counted = context;

    if (c->id == counted->collection) counted->samples = c->samples;
    return 0;
}

int enrolment_check_quota(struct collection_call *call, int n) {
    struct counted counted = {.collection = call->collection};
    int most = call->request->server->config->max_samples, rc;

    if (!most) return 0;
    rc = mien_gallery_collections(call->gallery, count, &counted);
    if (rc == MIEN_OK && counted.samples + n <= most) return 0;
    if (rc)
        galleries_failed(call->request, rc);
    else
        reply_error(call->request, 409, "quota",
                    "a collection of this server has %d samples at most", most);
    return -1;
}

/* What was wrong with a picture that could not be looked at. */
static void set_failed(struct enrolment_result *result, int status, const char *code,
                       const char *why) {
    result->status = status;
    result->code = code;
    result->done = (struct enrolled){.outcome = ENROL_REFUSED, .quality = -1};
    snprintf(result->done.why, sizeof result->done.why, "%s", why);
}

/* Enrols the pictures one by one. What the gallery fails of after some were enrolled is told of
 * those that were not. */
static int enrol_all(struct collection_call *call, struct enrolment *e, const struct pictures *p,
                     const struct uploads *in, struct enrolment_result *results) {
    int failed = 0, done = 0;

    for (int i = 0; i < in->n; i++) {
        struct enrolment_result *result = &results[i];
        uint8_t hash[MIEN_GALLERY_HASH_SIZE];
        int rc;
        if (p->at[i].status) {
            set_failed(result, p->at[i].status, p->at[i].code, p->at[i].why);
            continue;
        }
        if (failed) {
            set_failed(result, failed, "gallery", "the gallery could not keep the one before");
            continue;
        }
        mien_gallery_hash(in->at[i].bytes, in->at[i].size, hash);
        e->hash = hash;
        rc = enrol_face(call->gallery, e, p->at[i].analysis, &result->done);
        if (rc == MIEN_OK) {
            done++;
            continue;
        }
        galleries_refuse(call->request, rc, result->done.why);
        if (done == 0) return -1;
        failed = call->request->reply.status;
        set_failed(result, failed, "gallery", "the gallery could not keep it");
    }
    return 0;
}

static int enrol(struct request *r, const struct enrolment_want *want, const struct pictures *p,
                 const struct uploads *in, struct enrolment_result *results) {
    struct enrolment e = {.person = want->person,
                          .is_name = want->is_name,
                          .external_id = want->external_id,
                          .metadata = want->metadata,
                          .force = want->force,
                          .keep_crop = r->server->config->keep_crops,
                          .allowed = want->allowed,
                          .how_to_force = want->how_to_force,
                          .who = collection_who(r)};
    struct collection_call call;
    int64_t person;
    int rc, status = -1;

    if (collection_begin(r, GALLERY_WRITE, want->collection, &call)) return -1;
    e.collection = call.collection;
    rc = enrolment_contract(&call, 1, &e.contract);
    if (rc)
        galleries_failed(r, rc);
    else if ((want->is_name || enrolment_find_person(&call, want->person, 1, &person) == 0) &&
             enrolment_check_quota(&call, in->n) == 0)
        status = enrol_all(&call, &e, p, in, results);
    collection_end(&call);
    return status;
}

struct enrolment_result *enrolment_run(struct request *r, const struct uploads *in,
                                       const struct enrolment_want *want) {
    const struct networks *networks = &r->models->networks;
    struct analysis_options options = {.steps = analysis_steps(networks, MIEN_RESULT_FACES) |
                                                analysis_steps(networks, MIEN_RESULT_EMBEDDING),
                                       .detect = r->server->config->detect,
                                       .aligned = want->aligned,
                                       .quality = 1,
                                       .keep_crop = r->server->config->keep_crops};
    struct enrolment_result *results = calloc((size_t)in->n, sizeof *results);
    struct pictures *p;

    if (want->threshold > 0) options.detect.threshold = want->threshold;
    if (!results) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return NULL;
    }
    p = pictures_run(r, &options, in, 1);
    if (!p || enrol(r, want, p, in, results)) {
        free(results);
        results = NULL;
    }
    pictures_free(p);
    return results;
}
