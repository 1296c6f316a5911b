/* Rekognition's users: persons with a name, and the faces that are theirs. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "server/apis/rekognition.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FACES = 1 << MIEN_RESULT_FACES,
    EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING,
    ASSOCIATED_MOST = 100, /* faces a user */
    USERS_MOST = 500,
    PERSONS_MOST = 16384 /* looked at for users among them */
};

static const char *const IMAGE[] = {"Image"};

int rekognition_user(struct collection_call *call, const char *id, int may_miss, int64_t *person) {
    char why[PERSON_WHY];
    int rc = MIEN_OK;

    *person = 0;
    if (call->collection)
        rc = person_find_name(call->gallery, call->collection, id, 1, person, why);
    if (rc)
        galleries_refuse(call->request, rc, why);
    else if (!*person && !may_miss)
        rekognition_error(call->request, 400, "ResourceNotFoundException",
                          "there is no such UserId in this collection");
    return rc || (!*person && !may_miss) ? -1 : 0;
}

/* CollectionId's turn, and UserId; the token for repeating a request needs nothing: what is done
 * twice is told to be done. */
static int begin(struct request *r, struct collection_call *call, const char **user) {
    const char *token;

    if (enrolment_check(r) || rekognition_text(r, "UserId", 1, "_.-:", 128, user) ||
        rekognition_text(r, "ClientRequestToken", 0, "-_", 64, &token))
        return -1;
    return rekognition_begin(r, GALLERY_WRITE, call);
}

static void handle_create_user(struct request *r) {
    mien_gallery_person made = {.struct_size = sizeof made};
    struct collection_call call;
    int64_t person;

    if (begin(r, &call, &made.name)) return;
    made.collection = call.collection;
    if (rekognition_user(&call, made.name, 1, &person) == 0) {
        if (person)
            rekognition_error(r, 400, "ConflictException",
                              "a user of that id is in this collection already");
        else if (collection_change(&call) == 0 &&
                 collection_changed(&call, mien_gallery_person_add(call.gallery, &made, &person)) ==
                     0)
            rekognition_reply(r, json_object(), 0);
    }
    collection_end(&call);
}

struct kept {
    int64_t *at; /* [room] */
    int n, room;
};

static int see_kept(void *context, const mien_gallery_sample *s) {
    struct kept *kept = context;

    if (kept->n == kept->room) {
        int room = kept->room ? 2 * kept->room : 128;
        int64_t *at = realloc(kept->at, (size_t)room * sizeof *at);
        if (!at) return MIEN_ENOMEM;
        kept->at = at;
        kept->room = room;
    }
    kept->at[kept->n++] = s->id;
    return 0;
}

/* Each face becomes nobody's again. Within a change. */
static int set_free(struct collection_call *call, const int64_t *samples, int n) {
    int rc = MIEN_OK;

    for (int i = 0; i < n && rc == MIEN_OK; i++) {
        int64_t person;
        rc = mien_gallery_split(call->gallery, &samples[i], 1, "", &person, NULL);
    }
    return rc;
}

/* A user goes, the faces stay, as there: the last is left with the person, who loses the name. */
static void delete_user(struct collection_call *call, int64_t person) {
    mien_gallery_deletion d = {.struct_size = sizeof d, .who = collection_who(call->request)};
    struct kept kept = {.n = 0};
    int rc = mien_gallery_samples(call->gallery, person, 0, 0, see_kept, &kept);

    if (rc == MIEN_OK && kept.n == 0) {
        rc = mien_gallery_person_delete(call->gallery, person, &d);
        free(d.receipt);
        if (rc) galleries_failed(call->request, rc);
    } else if (rc) {
        galleries_failed(call->request, rc);
    } else if (collection_change(call)) {
        rc = -1;
    } else {
        rc = set_free(call, kept.at, kept.n - 1);
        if (rc == MIEN_OK) rc = mien_gallery_rename(call->gallery, person, "", NULL);
        rc = collection_changed(call, rc);
    }
    if (rc == MIEN_OK) rekognition_reply(call->request, json_object(), 0);
    free(kept.at);
}

static void handle_delete_user(struct request *r) {
    struct collection_call call;
    const char *user;
    int64_t person;

    if (begin(r, &call, &user)) return;
    if (rekognition_user(&call, user, 0, &person) == 0) delete_user(&call, person);
    collection_end(&call);
}

/* Listing. */

struct users {
    json_t *list;
    int most, more, failed;
    int64_t last;
};

static json_t *user_json(const char *name, int64_t samples, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "UserId", json_value_text(name), failed);
    json_value_set(object, "UserStatus", json_string(samples ? "ACTIVE" : "CREATED"), failed);
    return object;
}

static int see_user(void *context, const mien_gallery_person *p) {
    struct users *users = context;

    if (!*p->name) return 0;
    if ((int)json_array_size(users->list) == users->most) {
        users->more = 1;
        return 1; /* the end */
    }
    json_value_append(users->list, user_json(p->name, p->samples, &users->failed), &users->failed);
    users->last = p->id;
    return 0;
}

static void handle_list_users(struct request *r) {
    struct users users = {.most = 100};
    struct collection_call call;
    json_t *object;
    int64_t after;
    int rc = MIEN_OK;

    if (rekognition_int(r, "MaxResults", 1, USERS_MOST, &users.most) ||
        rekognition_read_token(r, &after) || rekognition_begin(r, GALLERY_READ, &call))
        return;
    users.list = json_array();
    if (call.collection)
        rc = mien_gallery_persons(call.gallery, call.collection, NULL, after, 0, see_user, &users);
    if (users.more) rc = MIEN_OK;
    object = json_object();
    json_value_set(object, "Users", users.list, &users.failed);
    if (users.more) rekognition_set_token(object, users.last, &users.failed);
    if (rc) {
        json_decref(object);
        galleries_failed(r, rc);
    } else {
        rekognition_reply(r, object, users.failed);
    }
    collection_end(&call);
}

/* Faces and users. */

struct associating {
    json_t *done, *refused;
    int failed;
};

static void refuse(struct associating *x, const char *id, const char *user, double confidence,
                   const char *reason) {
    json_t *one = json_object(), *reasons = json_array();

    json_value_append(reasons, json_string(reason), &x->failed);
    json_value_set(one, "FaceId", json_value_text(id), &x->failed);
    if (user) json_value_set(one, "UserId", json_value_text(user), &x->failed);
    if (confidence >= 0)
        json_value_set(one, "Confidence", json_value_number(confidence, 4), &x->failed);
    json_value_set(one, "Reasons", reasons, &x->failed);
    json_value_append(x->refused, one, &x->failed);
}

static void take(struct associating *x, const char *id) {
    json_t *one = json_object();

    json_value_set(one, "FaceId", json_value_text(id), &x->failed);
    json_value_append(x->done, one, &x->failed);
}

/* How alike a face is to those the user has: percent, 100 where there are none yet. A code of the
 * gallery's. */
static int match_user(struct collection_call *call, const struct rekognition_face *face,
                      int64_t person, double *confidence) {
    mien_gallery_match best = {.sample = 0};
    int rc = mien_gallery_compare(call->gallery, person, face->contract, face->values, &best);

    *confidence = best.sample ? rekognition_score(call->request, (double)best.similarity) : 100;
    return rc;
}

static int associate_one(struct collection_call *call, struct associating *x, const char *id,
                         int64_t person, double least) {
    struct rekognition_face face = {.id = 0};
    char name[PERSON_NAME];
    double confidence = 100;
    int found = rekognition_find(call, id, 1, &face), rc = MIEN_OK;

    if (found < 0) return -1000;
    if (found == 1) {
        refuse(x, id, NULL, -1, "FACE_NOT_FOUND");
    } else if (face.person == person) {
        take(x, id);
    } else if (person_has_name(call->gallery, face.person, name)) {
        refuse(x, id, name, -1, "ASSOCIATED_TO_A_DIFFERENT_USER");
    } else if ((rc = match_user(call, &face, person, &confidence)) == MIEN_OK) {
        if (confidence < least) {
            refuse(x, id, NULL, confidence, "LOW_MATCH_CONFIDENCE");
        } else {
            rc = mien_gallery_move(call->gallery, &face.id, 1, person, NULL);
            if (rc == MIEN_OK) take(x, id);
        }
    }
    rekognition_forget(&face);
    return rc;
}

static int disassociate_one(struct collection_call *call, struct associating *x, const char *id,
                            int64_t person) {
    struct rekognition_face face = {.id = 0};
    char name[PERSON_NAME];
    int found = rekognition_find(call, id, 0, &face), rc = MIEN_OK, has_name;

    if (found < 0) return -1000;
    if (found == 1) {
        refuse(x, id, NULL, -1, "FACE_NOT_FOUND");
    } else if (face.person != person) {
        has_name = person_has_name(call->gallery, face.person, name);
        refuse(x, id, has_name ? name : NULL, -1, "ASSOCIATED_TO_A_DIFFERENT_USER");
    } else {
        rc = set_free(call, &face.id, 1);
        if (rc == MIEN_OK) take(x, id);
    }
    rekognition_forget(&face);
    return rc;
}

static int see_samples(void *context, const mien_gallery_person *p) {
    *(int64_t *)context = p->samples;
    return 0;
}

/* All faces of a list, as one change. joins: they come to the user, else they leave. */
static void change_faces(struct collection_call *call, const json_t *ids, int64_t person,
                         double least, int joins) {
    struct associating x = {.done = json_array(), .refused = json_array()};
    json_t *object = json_object();
    int64_t samples = 0;
    int rc = collection_change(call) ? -1000 : MIEN_OK;

    for (size_t i = 0; i < json_array_size(ids) && rc == MIEN_OK; i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        rc = joins ? associate_one(call, &x, id, person, least)
                   : disassociate_one(call, &x, id, person);
    }
    if (rc == MIEN_OK) rc = mien_gallery_person_get(call->gallery, person, see_samples, &samples);
    if (rc == -1000)
        mien_gallery_rollback(call->gallery);
    else
        rc = collection_changed(call, rc);
    json_value_set(object, joins ? "AssociatedFaces" : "DisassociatedFaces", x.done, &x.failed);
    json_value_set(object,
                   joins ? "UnsuccessfulFaceAssociations" : "UnsuccessfulFaceDisassociations",
                   x.refused, &x.failed);
    json_value_set(object, "UserStatus", json_string(samples ? "ACTIVE" : "CREATED"), &x.failed);
    if (rc == MIEN_OK) rekognition_reply(call->request, json_incref(object), x.failed);
    json_decref(object);
}

static void handle_faces_of_user(struct request *r, int joins) {
    struct collection_call call;
    double least = 75;
    const json_t *ids;
    const char *user;
    int64_t person;

    if (rekognition_ids(r, ASSOCIATED_MOST, &ids) ||
        rekognition_number(r, "UserMatchThreshold", 0, 100, &least) || begin(r, &call, &user))
        return;
    if (rekognition_user(&call, user, 0, &person) == 0)
        change_faces(&call, ids, person, least, joins);
    collection_end(&call);
}

static void handle_associate_faces(struct request *r) {
    handle_faces_of_user(r, 1);
}

static void handle_disassociate_faces(struct request *r) {
    handle_faces_of_user(r, 0);
}

/* Searching. */

struct search {
    int most;
    double score;    /* least */
    int64_t without; /* a person */
};

static int read_search(struct request *r, struct search *s) {
    *s = (struct search){.most = USERS_MOST, .score = REKOGNITION_SCALE.usual};
    return enrolment_check(r) || rekognition_int(r, "MaxUsers", 1, USERS_MOST, &s->most) ||
                   rekognition_number(r, "UserMatchThreshold", 0, 100, &s->score)
               ? -1
               : 0;
}

static json_t *user_matches_json(struct collection_call *call, const mien_gallery_match *matches,
                                 int n, const struct search *s, int *failed) {
    double least = rekognition_similarity(call->request, s->score);
    json_t *list = json_array();
    char name[PERSON_NAME];

    for (int i = 0; i < n && (int)json_array_size(list) < s->most; i++) {
        json_t *one;
        if ((double)matches[i].similarity < least) break;
        if (matches[i].person == s->without ||
            !person_has_name(call->gallery, matches[i].person, name))
            continue;
        one = json_object();
        json_value_set(
            one, "Similarity",
            json_value_number(rekognition_score(call->request, (double)matches[i].similarity), 4),
            failed);
        json_value_set(one, "User", user_json(name, matches[i].samples, failed), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

/* query: NULL for none. Users among the persons most alike: of more and more persons until there
 * are enough, because faces that are no user's are persons, too. Adds to the object and replies
 * with it. */
static void reply_users(struct collection_call *call, const float *query, const struct search *s,
                        json_t *object) {
    double least = rekognition_similarity(call->request, s->score);
    mien_gallery_match *matches = NULL;
    json_t *list = NULL;
    int64_t contract = 0;
    int failed = 0, n = 0, rc = enrolment_contract(call, 0, &contract);

    for (int k = 256; rc == MIEN_OK; k *= 4) {
        mien_gallery_match *more = realloc(matches, (size_t)k * sizeof *matches);
        if (!more) {
            rc = MIEN_ENOMEM;
            break;
        }
        matches = more;
        if (contract && call->collection && query)
            rc = mien_gallery_identify(call->gallery, call->collection, contract, query, 1, k, NULL,
                                       matches, &n);
        if (rc) break;
        json_decref(list);
        list = user_matches_json(call, matches, n, s, &failed);
        if (n < k || (int)json_array_size(list) == s->most || 4 * k > PERSONS_MOST ||
            (double)matches[n - 1].similarity < least)
            break;
        if ((rc = request_is_over(call->request)) != 0) break;
    }
    free(matches);
    json_value_set(object, "UserMatches", list ? list : json_array(), &failed);
    rekognition_set_model(object, call->request, &failed);
    if (rc) {
        json_decref(object);
        galleries_failed(call->request, rc);
    } else {
        rekognition_reply(call->request, object, failed);
    }
}

struct mean {
    int64_t contract;
    double *sum; /* [dims] */
    int dims, n;
};

static int see_mean(void *context, const mien_gallery_sample *s) {
    struct mean *mean = context;

    if (s->contract != mean->contract || s->dims != mean->dims) return 0;
    for (int i = 0; i < s->dims; i++) mean->sum[i] += (double)s->embedding[i];
    mean->n++;
    return 0;
}

/* A user's template: the mean of the faces, of length 1. values: [dims]. Returns a code of the
 * gallery's; *has: whether there are any. */
static int template_of(struct collection_call *call, int64_t person, float *values, int dims,
                       int *has) {
    struct mean mean = {.dims = dims, .sum = calloc((size_t)dims, sizeof *mean.sum)};
    double length = 0;
    int rc = mean.sum ? enrolment_contract(call, 0, &mean.contract) : MIEN_ENOMEM;

    if (rc == MIEN_OK) rc = mien_gallery_samples(call->gallery, person, 0, 1000, see_mean, &mean);
    for (int i = 0; i < dims && rc == MIEN_OK; i++) length += mean.sum[i] * mean.sum[i];
    *has = rc == MIEN_OK && length > 0;
    for (int i = 0; i < dims && *has; i++) values[i] = (float)(mean.sum[i] / sqrt(length));
    free(mean.sum);
    return rc;
}

static void search_user(struct collection_call *call, const char *user, struct search *s) {
    const struct network *embedder =
        networks_giving(&call->request->models->networks, MIEN_RESULT_EMBEDDING);
    int dims = embedder->info.embedding_size, has = 0, failed = 0, rc;
    float *values = calloc((size_t)dims, sizeof *values);
    json_t *object, *searched;

    if (rekognition_user(call, user, 0, &s->without)) {
        free(values);
        return;
    }
    rc = values ? template_of(call, s->without, values, dims, &has) : MIEN_ENOMEM;
    if (rc) {
        galleries_failed(call->request, rc);
    } else {
        object = json_object();
        searched = json_object();
        json_value_set(searched, "UserId", json_value_text(user), &failed);
        json_value_set(object, "SearchedUser", searched, &failed);
        reply_users(call, has ? values : NULL, s, object);
    }
    free(values);
}

static void search_face(struct collection_call *call, const char *id, const struct search *s) {
    struct rekognition_face face = {.id = 0};
    json_t *object, *searched;
    int failed = 0, found = rekognition_find(call, id, 1, &face);

    if (found == 1) {
        rekognition_error(call->request, 400, "ResourceNotFoundException",
                          "there is no such FaceId in this collection");
    } else if (found == 0) {
        object = json_object();
        searched = json_object();
        json_value_set(searched, "FaceId", json_value_text(id), &failed);
        json_value_set(object, "SearchedFace", searched, &failed);
        reply_users(call, face.values, s, object);
    }
    rekognition_forget(&face);
}

static void handle_search_users(struct request *r) {
    struct collection_call call;
    const char *user, *face;
    struct search s;

    if (read_search(r, &s) || rekognition_text(r, "UserId", 0, "_.-:", 128, &user) ||
        rekognition_text(r, "FaceId", 0, "-", 36, &face))
        return;
    if (!user == !face) {
        rekognition_error(r, 400, "InvalidParameterException",
                          "one of UserId and FaceId is wanted");
        return;
    }
    if (rekognition_begin(r, GALLERY_SEARCH, &call)) return;
    if (user)
        search_user(&call, user, &s);
    else
        search_face(&call, face, &s);
    collection_end(&call);
}

/* Of the largest face; of the others is said that they are not it. */
static void search_by_image(struct request *r, const struct pictures *p, const char *filter,
                            const struct search *s) {
    const struct analysis *a = p->at[0].analysis;
    int *order = rekognition_order(r, a), failed = 0;
    struct collection_call call;
    json_t *object, *searched, *others, *one, *reasons;

    if (!order) return;
    reasons = a->nfaces ? rekognition_reasons(a, order[0], filter, &failed) : NULL;
    if (a->nfaces == 0 || reasons) {
        rekognition_error(r, 400, "InvalidParameterException",
                          "There are no faces in the image. Should be at least 1.");
    } else if (rekognition_begin(r, GALLERY_SEARCH, &call) == 0) {
        object = json_object();
        searched = json_object();
        others = json_array();
        json_value_set(searched, "FaceDetail", rekognition_detail(&p->at[0], order[0], 0, &failed),
                       &failed);
        for (int k = 1; k < a->nfaces; k++) {
            json_t *why = json_array();
            json_value_append(why, json_string("FACE_NOT_LARGEST"), &failed);
            one = json_object();
            json_value_set(one, "FaceDetails", rekognition_detail(&p->at[0], order[k], 0, &failed),
                           &failed);
            json_value_set(one, "Reasons", why, &failed);
            json_value_append(others, one, &failed);
        }
        json_value_set(object, "SearchedFace", searched, &failed);
        json_value_set(object, "UnsearchedFaces", others, &failed);
        reply_users(&call, analysis_embedding(a, order[0]), s, object);
        collection_end(&call);
    }
    json_decref(reasons);
    free(order);
}

static void handle_search_users_by_image(struct request *r) {
    struct analysis_options options = {.quality = 1};
    struct pictures *p = NULL;
    struct uploads in = {.n = 0};
    const char *filter;
    struct search s;

    if (read_search(r, &s) == 0 && rekognition_filter(r, "NONE", &filter) == 0 &&
        rekognition_images(r, IMAGE, 1, &in) == 0)
        p = rekognition_look(r, &in, &options, FACES | EMBEDDINGS);
    if (p) search_by_image(r, p, filter, &s);
    pictures_free(p);
    uploads_free(&in);
}

const struct rekognition_op REKOGNITION_USERS[] = {
    {"CreateUser", handle_create_user},
    {"DeleteUser", handle_delete_user},
    {"ListUsers", handle_list_users},
    {"AssociateFaces", handle_associate_faces},
    {"DisassociateFaces", handle_disassociate_faces},
    {"SearchUsers", handle_search_users},
    {"SearchUsersByImage", handle_search_users_by_image},
    {.name = NULL},
};
