#include "analysis/result_json.h"
#include "common/json_values.h"
#include "recognition/person.h"
#include "server/apis/compreface.h"
#include "server/apis/telling.h"
#include "server/apis/uuid.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/scopes.h"
#include "server/server.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct scale COMPREFACE_SCALE = {0, 0.5, 1};

void compreface_error(struct request *r, int status, enum compreface_code code,
                      const char *message) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "message", json_value_text(message), &failed);
    json_value_set(object, "code", json_integer(code), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    reply_json_as(r, status, "application/json", object);
}

/* A missing key is a missing header there, and one that is wrong a service that is not found. */
void compreface_write_error(struct request *r, int status, const char *code, const char *message) {
    enum compreface_code number = status >= 500 ? COMPREFACE_FAILED : COMPREFACE_VALIDATION;
    int has_key = request_header(r, "x-api-key") || request_header(r, "Authorization");

    if (status == 401 && !has_key) {
        compreface_error(r, 400, COMPREFACE_NO_KEY, "Missing header: x-api-key");
        return;
    }
    if (status == 401) {
        compreface_error(r, 404, COMPREFACE_WRONG_KEY, message);
        return;
    }
    if (strcmp(code, "no_face") == 0) number = COMPREFACE_NO_FACE;
    if (status == 404 || status == 405) number = COMPREFACE_UNDEFINED;
    compreface_error(r, number == COMPREFACE_NO_FACE ? 400 : status, number, message);
}

static const struct {
    const char *name;
    enum mien_result result;
    const char *attribute; /* of result_face(), where it is one that has to be asked for */
} PLUGINS[COMPREFACE_PLUGINS] = {
    {"age", MIEN_RESULT_ATTRIBUTES, "age"},   {"gender", MIEN_RESULT_ATTRIBUTES, "gender"},
    {"landmarks", MIEN_RESULT_FACES, NULL},   {"calculator", MIEN_RESULT_EMBEDDING, NULL},
    {"mask", MIEN_RESULT_ATTRIBUTES, "mask"}, {"pose", MIEN_RESULT_FACES, NULL},
};

static int is_plugin(const char *name, const char *word, size_t n) {
    return strlen(name) == n && memcmp(name, word, n) == 0;
}

static int read_plugins(struct request *r, unsigned *plugins) {
    char room[PARAM_TEXT];
    const char *list = "";

    if (param_any_text(r, "face_plugins", room, &list)) return -1;
    while (*list) {
        size_t n = strcspn(list, ",");
        int i = 0;
        while (i < COMPREFACE_PLUGINS && !is_plugin(PLUGINS[i].name, list, n)) i++;
        if (i == COMPREFACE_PLUGINS && n > 0) {
            reply_error(r, 400, "bad_request",
                        "face_plugins: they are age, gender, landmarks, calculator, mask, pose");
            return -1;
        }
        if (n > 0) *plugins |= 1U << i;
        list += n + (list[n] == ',');
    }
    return 0;
}

/* Of a network that this server has not nothing is told, as of a plugin that was not installed. */
static int tell(struct request *r, struct compreface_asked *asked) {
    const char *names[COMPREFACE_PLUGINS + 1] = {NULL};
    int n = 0;

    for (int i = 0; i < COMPREFACE_PLUGINS; i++)
        if (PLUGINS[i].attribute && asked->plugins >> i & 1) names[n++] = PLUGINS[i].attribute;
    return telling_ask(r, names, &asked->options);
}

int compreface_read(struct request *r, unsigned results, struct compreface_asked *asked) {
    const struct networks *networks = &r->models->networks;
    double least = 0;

    *asked =
        (struct compreface_asked){.count = 1, .options = {.detect = r->server->config->detect}};
    if (param_int(r, "limit", 0, 1000000, &asked->limit) ||
        param_int(r, "prediction_count", 1, 1000, &asked->count) ||
        param_real(r, "det_prob_threshold", 0, 1, &least) ||
        param_flag(r, "status", &asked->status) || read_plugins(r, &asked->plugins))
        return -1;
    if (least > 0) asked->options.detect.threshold = (float)least;
    if (asked->plugins >> PLUGIN_CALCULATOR & 1) results |= 1U << MIEN_RESULT_EMBEDDING;
    asked->options.quality = (asked->plugins >> PLUGIN_POSE & 1) != 0;
    asked->options.steps = analysis_steps(networks, MIEN_RESULT_FACES);
    if (results >> MIEN_RESULT_EMBEDDING & 1)
        asked->options.steps |= analysis_steps(networks, MIEN_RESULT_EMBEDDING);
    return tell(r, asked);
}

int *compreface_choose(struct request *r, const struct compreface_asked *asked,
                       const struct analysis *a, int *n) {
    int *chosen = calloc((size_t)a->nfaces + 1, sizeof *chosen);

    *n = 0;
    if (!chosen) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return NULL;
    }
    if (a->nfaces == 0) {
        compreface_error(r, 400, COMPREFACE_NO_FACE, "No face is found in the given image");
        free(chosen);
        return NULL;
    }
    for (int i = 0; i < a->nfaces; i++) { /* among those before by falling area */
        int k = *n;
        if (asked->limit && k == asked->limit &&
            faces_area(&a->faces[i]) <= faces_area(&a->faces[chosen[k - 1]]))
            continue;
        if (asked->limit && k == asked->limit) k--;
        for (; asked->limit && k > 0 &&
               faces_area(&a->faces[chosen[k - 1]]) < faces_area(&a->faces[i]);
             k--)
            chosen[k] = chosen[k - 1];
        chosen[k] = i;
        if (*n < asked->limit || !asked->limit) ++*n;
    }
    return chosen;
}

static json_t *box_json(const struct analysis *a, const mien_face *face, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "probability", result_score(face->score), failed);
    telling_add_sides(object, a, face, failed);
    return object;
}

static json_t *landmarks_json(const mien_face *face, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < 5; i++) {
        json_t *point = json_array();
        for (int k = 0; k < 2; k++)
            json_value_append(point, json_integer(lrintf(face->landmarks[i][k])), failed);
        json_value_append(list, point, failed);
    }
    return list;
}

static void set_copy(json_t *object, const char *name, json_t *value, int *failed) {
    if (value) json_value_set(object, name, json_incref(value), failed);
}

/* The interval the age is in, and how often it is. */
static void add_age(json_t *object, const json_t *ours, int *failed) {
    const json_t *range = json_object_get(ours, "age_range");
    json_t *age;

    if (!range) return;
    age = json_object();
    json_value_set(age, "low",
                   json_integer(lrint(json_number_value(json_object_get(range, "low")))), failed);
    json_value_set(age, "high",
                   json_integer(lrint(json_number_value(json_object_get(range, "high")))), failed);
    set_copy(age, "probability", json_object_get(range, "interval"), failed);
    json_value_set(object, "age", age, failed);
}

static void add_gender(json_t *object, const json_t *ours, int *failed) {
    const json_t *told = json_object_get(ours, "gender");
    json_t *gender;

    if (!told) return;
    gender = json_object();
    set_copy(gender, "value", json_object_get(told, "value"), failed);
    set_copy(gender, "probability", json_object_get(told, "probability"), failed);
    json_value_set(object, "gender", gender, failed);
}

static void add_mask(json_t *object, const json_t *ours, int *failed) {
    const json_t *told = json_object_get(json_object_get(ours, "mask"), "probability");
    double worn = json_number_value(told);
    json_t *mask;

    if (!told) return;
    mask = json_object();
    json_value_set(mask, "value", json_string(worn >= 0.5 ? "with_mask" : "without_mask"), failed);
    json_value_set(mask, "probability", json_value_number(worn >= 0.5 ? worn : 1 - worn, 6),
                   failed);
    json_value_set(object, "mask", mask, failed);
}

/* Milliseconds of the steps that looked at the picture. */
static json_t *times_json(const struct compreface_asked *asked, const struct picture *p,
                          int *failed) {
    const struct analysis *a = p->analysis;
    json_t *object = json_object();

    for (int k = 0; k < a->networks->n; k++) {
        const char *name = NULL;
        if (!(a->done >> k & 1)) continue;
        if (a->networks->at[k].task.result == MIEN_RESULT_FACES) name = "detector";
        if (a->networks->at[k].task.result == MIEN_RESULT_EMBEDDING) name = "calculator";
        if (name) json_value_set(object, name, result_ms(1e3 * a->seconds[k]), failed);
        for (int i = 0; i < COMPREFACE_PLUGINS; i++)
            if (PLUGINS[i].attribute && asked->plugins >> i & 1 &&
                a->networks->at[k].task.result == MIEN_RESULT_ATTRIBUTES)
                json_value_set(object, PLUGINS[i].name, result_ms(1e3 * a->seconds[k]), failed);
    }
    return object;
}

json_t *compreface_face(const struct compreface_asked *asked, const struct picture *p, int i,
                        int *failed) {
    const struct analysis *a = p->analysis;
    json_t *ours = result_face(a, i, failed), *object = json_object();

    json_value_set(object, "box", box_json(a, &a->faces[i], failed), failed);
    if (asked->plugins >> PLUGIN_AGE & 1) add_age(object, ours, failed);
    if (asked->plugins >> PLUGIN_GENDER & 1) add_gender(object, ours, failed);
    if (asked->plugins >> PLUGIN_MASK & 1) add_mask(object, ours, failed);
    if (asked->plugins >> PLUGIN_POSE & 1)
        set_copy(object, "pose", json_object_get(ours, "pose"), failed);
    if (asked->plugins >> PLUGIN_LANDMARKS & 1)
        json_value_set(object, "landmarks", landmarks_json(&a->faces[i], failed), failed);
    if (asked->plugins >> PLUGIN_CALCULATOR & 1)
        set_copy(object, "embedding", json_object_get(ours, "embedding"), failed);
    if (asked->status)
        json_value_set(object, "execution_time", times_json(asked, p, failed), failed);
    json_decref(ours);
    return object;
}

void compreface_add_versions(json_t *object, const struct request *r,
                             const struct compreface_asked *asked, int *failed) {
    const struct networks *networks = &r->models->networks;
    const struct network *found = networks_giving(networks, MIEN_RESULT_FACES);
    json_t *versions;

    if (!asked->status) return;
    versions = json_object();
    json_value_set(versions, "detector", json_value_text(found->info.name), failed);
    for (int i = 0; i < COMPREFACE_PLUGINS; i++) {
        const struct network *of = networks_giving(networks, PLUGINS[i].result);
        if (of && asked->plugins >> i & 1)
            json_value_set(versions, PLUGINS[i].name, json_value_text(of->info.name), failed);
    }
    json_value_set(object, "plugins_versions", versions, failed);
}

void compreface_reply(struct request *r, const struct compreface_asked *asked, json_t *list,
                      int failed) {
    json_t *object = json_object();

    json_value_set(object, "result", list, &failed);
    compreface_add_versions(object, r, asked, &failed);
    collection_reply(r, 200, object, failed);
}

json_t *compreface_score(const struct request *r, double similarity) {
    const mien_net *net = networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING)->net;

    return json_value_number(scale_score(&COMPREFACE_SCALE, net, similarity), 5);
}

int compreface_begin(struct request *r, enum gallery_use use, struct collection_call *call) {
    int writes = use == GALLERY_WRITE;
    char collection[SCOPES_SIZE];

    scopes_collection(r->scopes, collection);
    if (scopes_allow(r->scopes, writes, collection))
        return collection_begin(r, use, collection, call);
    reply_error(r, 403, "forbidden", "this API key may not %s collection '%s'",
                writes ? "write in" : "read", collection);
    return -1;
}

struct image {
    int64_t contract, person;
    float *values;
    int failed;
};

static int see_image(void *context, const mien_gallery_sample *s) {
    struct image *image = context;

    image->person = s->person;
    if (s->contract != image->contract) return 0;
    image->values = malloc((size_t)s->dims * sizeof *image->values);
    if (image->values)
        memcpy(image->values, s->embedding, (size_t)s->dims * sizeof *image->values);
    else
        image->failed = 1;
    return 0;
}

static int see_collection(void *context, const mien_gallery_person *p) {
    *(int64_t *)context = p->collection;
    return 0;
}

int compreface_find_image(struct collection_call *call, const char *text, int64_t *sample,
                          float **values, int64_t *person) {
    struct image image = {.contract = 0};
    int64_t collection = 0;
    int rc = MIEN_OK;

    *sample = 0;
    if (call->gallery && call->collection && uuid_read(text, sample) == 0) {
        rc = enrolment_contract(call, 0, &image.contract);
        if (rc == MIEN_OK) rc = mien_gallery_sample_get(call->gallery, *sample, see_image, &image);
        if (rc == MIEN_OK)
            rc = mien_gallery_person_get(call->gallery, image.person, see_collection, &collection);
    }
    if (rc == MIEN_OK && image.failed) rc = MIEN_ENOMEM;
    if (rc == MIEN_OK && collection && collection == call->collection &&
        (image.values || !values)) {
        if (values) *values = image.values;
        if (!values) free(image.values);
        if (person) *person = image.person;
        return 0;
    }
    free(image.values);
    if (rc && rc != MIEN_GALLERY_ENOTFOUND)
        galleries_failed(call->request, rc);
    else
        compreface_error(call->request, 404,
                         values ? COMPREFACE_NO_EMBEDDING : COMPREFACE_NO_PICTURE,
                         "there is no such image in this collection");
    return -1;
}
