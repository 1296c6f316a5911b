/* Amazon Rekognition: every operation is POST / with its name in a header. Here are which it is,
 * who asks, errors, and members of requests. */
#include "server/apis/rekognition.h"

#include "common/ascii.h"
#include "common/json_values.h"
#include "server/admit.h"
#include "server/apis/api.h"
#include "server/apis/telling.h"
#include "server/base64.h"
#include "server/json_read.h"
#include "server/refusals.h"
#include "server/reply.h"
#include "server/scopes.h"
#include "server/server.h"
#include "server/sigv4.h"
#include "server/uploads.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TYPE   "application/x-amz-json-1.1"
#define TARGET "RekognitionService."

enum { MEMORY = 1 << 24, PICTURE_MOST = 5242880 };

const struct scale REKOGNITION_SCALE = {0, 80, 100};

void rekognition_error(struct request *r, int status, const char *type, const char *message) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "__type", json_string(type), &failed);
    json_value_set(object, "Message", json_value_text(message), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    reply_json_as(r, status, TYPE, object);
    reply_header(r, "x-amzn-ErrorType", "%s", type);
}

/* The core's codes as its exceptions. */
static void write_error(struct request *r, int status, const char *code, const char *message) {
    static const struct {
        const char *code, *type;
    } types[] = {
        {"not_found", "ResourceNotFoundException"},
        {"conflict", "ConflictException"},
        {"quota", "ServiceQuotaExceededException"},
        {"gallery_full", "ServiceQuotaExceededException"},
        {"unauthorized", "UnrecognizedClientException"},
        {"forbidden", "AccessDeniedException"},
        {"too_large", "ImageTooLargeException"},
        {"queue_full", "ThrottlingException"},
        {"overloaded", "ThrottlingException"},
        {"gallery_busy", "ProvisionedThroughputExceededException"},
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(code, types[i].code) != 0) continue;
        rekognition_error(r, 400, types[i].type, message);
        return;
    }
    if (status >= 500)
        rekognition_error(r, status, "InternalServerError", message);
    else
        rekognition_error(r, 400, "InvalidParameterException", message);
}

void rekognition_reply(struct request *r, json_t *object, int failed) {
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    reply_json(r, 200, object);
    if (object) r->reply.type = TYPE;
}

static int refuse_member(struct request *r, const char *name, const char *what) {
    char message[160];

    snprintf(message, sizeof message, "%s %s", name, what);
    rekognition_error(r, 400, "InvalidParameterException", message);
    return -1;
}

int rekognition_text(struct request *r, const char *name, int required, const char *more, int most,
                     const char **text) {
    const json_t *value = json_object_get(r->json, name);
    size_t n;

    *text = NULL;
    if (!value || json_is_null(value)) return required ? refuse_member(r, name, "is missing") : 0;
    *text = json_string_value(value);
    if (!*text) return refuse_member(r, name, "must be a string");
    n = strlen(*text);
    if (n < 1 || n > (size_t)most || n != json_string_length(value))
        return refuse_member(r, name, "is too short or too long");
    for (size_t i = 0; i < n; i++)
        if (!ascii_is_letter((*text)[i]) && !ascii_is_digit((*text)[i]) &&
            !strchr(more, (*text)[i]))
            return refuse_member(r, name, "has a letter that is not allowed");
    return 0;
}

int rekognition_number(struct request *r, const char *name, double least, double most, double *v) {
    const json_t *value = json_object_get(r->json, name);

    if (!value || json_is_null(value)) return 0;
    if (!json_is_number(value) || !(json_number_value(value) >= least) ||
        !(json_number_value(value) <= most))
        return refuse_member(r, name, "is not a number in its range");
    *v = json_number_value(value);
    return 0;
}

int rekognition_int(struct request *r, const char *name, int least, int most, int *v) {
    double value = *v;

    if (rekognition_number(r, name, least, most, &value)) return -1;
    if (value != floor(value)) return refuse_member(r, name, "must be a whole number");
    *v = (int)value;
    return 0;
}

int rekognition_filter(struct request *r, const char *otherwise, const char **filter) {
    static const char *const words[] = {"NONE", "AUTO", "LOW", "MEDIUM", "HIGH"};

    if (rekognition_text(r, "QualityFilter", 0, "", 16, filter)) return -1;
    if (!*filter) *filter = otherwise;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], *filter) == 0) return 0;
    rekognition_error(r, 400, "InvalidParameterException",
                      "QualityFilter is one of NONE, AUTO, LOW, MEDIUM, HIGH");
    return -1;
}

int rekognition_ids(struct request *r, int most, const json_t **list) {
    *list = json_object_get(r->json, "FaceIds");
    if (json_array_size(*list) < 1 || json_array_size(*list) > (size_t)most)
        return refuse_member(r, "FaceIds", "must be a list of ids, not too many");
    for (size_t i = 0; i < json_array_size(*list); i++)
        if (!json_is_string(json_array_get(*list, i)))
            return refuse_member(r, "FaceIds", "must be a list of strings");
    return 0;
}

static int read_image(struct request *r, const char *name, struct upload *out) {
    const json_t *image = json_object_get(r->json, name), *bytes;
    char why[WHY_SIZE];
    int status;

    if (json_object_get(image, "S3Object")) {
        rekognition_error(r, 400, "InvalidS3ObjectException",
                          "this server has no access to S3: send Bytes");
        return -1;
    }
    bytes = json_object_get(image, "Bytes");
    if (!json_is_string(bytes)) return refuse_member(r, name, "must have Bytes, in base64");
    status = base64_to_bytes(json_string_value(bytes), json_string_length(bytes), PICTURE_MOST,
                             &out->fetched, &out->size, why);
    out->bytes = out->fetched;
    if (status == 413) {
        rekognition_error(r, 400, "ImageTooLargeException", "Bytes are more than 5 MiB");
    } else if (status) {
        reply_error(r, status, status == 500 ? "internal" : "bad_request", "%s", why);
    } else if (out->size == 0) {
        return refuse_member(r, name, "must have Bytes, in base64");
    }
    return status ? -1 : 0;
}

int rekognition_images(struct request *r, const char *const *names, int n, struct uploads *in) {
    *in = (struct uploads){.at = calloc((size_t)n, sizeof *in->at)};
    if (!in->at) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return -1;
    }
    while (in->n < n) {
        int i = in->n++;
        if (read_image(r, names[i], &in->at[i])) return -1;
    }
    return 0;
}

/* Ours, by the names they have there. */
static const struct {
    const char *theirs, *ours;
} ATTRIBUTES[] = {{"AGE_RANGE", "age"},
                  {"GENDER", "gender"},
                  {"EMOTIONS", "emotion"},
                  {"EYES_OPEN", "eyes"},
                  {"FACE_OCCLUDED", "mask"}};
enum { ATTRIBUTES_OURS = sizeof ATTRIBUTES / sizeof *ATTRIBUTES };

static int is_attribute(const char *name) {
    static const char *const others[] = {"DEFAULT",       "ALL",        "BEARD",
                                         "EYE_DIRECTION", "EYEGLASSES", "MOUTH_OPEN",
                                         "MUSTACHE",      "SMILE",      "SUNGLASSES"};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0) return 1;
    for (int i = 0; i < ATTRIBUTES_OURS; i++)
        if (strcmp(name, ATTRIBUTES[i].theirs) == 0) return 1;
    return 0;
}

int rekognition_attributes(struct request *r, const char *name, struct analysis_options *o,
                           int *all) {
    const json_t *list = json_object_get(r->json, name);
    const char *names[ATTRIBUTES_OURS + 1] = {NULL};
    unsigned asked = 0;
    int n = 0;

    *all = 0;
    if (list && !json_is_null(list) && !json_is_array(list))
        return refuse_member(r, name, "must be a list of attributes");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        if (!word || !is_attribute(word)) return refuse_member(r, name, "has no such attribute");
        if (strcmp(word, "DEFAULT") != 0) *all = 1;
        for (int k = 0; k < ATTRIBUTES_OURS; k++)
            if (strcmp(word, "ALL") == 0 || strcmp(word, ATTRIBUTES[k].theirs) == 0)
                asked |= 1U << k;
    }
    for (int k = 0; k < ATTRIBUTES_OURS; k++)
        if (asked >> k & 1) names[n++] = ATTRIBUTES[k].ours;
    return telling_ask(r, names, o);
}

struct pictures *rekognition_look(struct request *r, const struct uploads *in,
                                  struct analysis_options *options, unsigned results) {
    const struct networks *networks = &r->models->networks;
    struct pictures *p;

    if (pictures_check(r, results)) return NULL;
    for (int i = 0; i < NETWORKS_MAX; i++)
        if (results >> i & 1) options->steps |= analysis_steps(networks, (enum mien_result)i);
    options->detect = r->server->config->detect;
    p = pictures_run(r, options, in, 1);
    for (int i = 0; p && i < in->n; i++) {
        const struct picture *one = &p->at[i];
        if (!one->status) continue;
        if (one->status >= 500)
            reply_error(r, one->status, one->code, "%s", one->why);
        else
            rekognition_error(r, 400,
                              one->status == 413 ? "ImageTooLargeException"
                                                 : "InvalidImageFormatException",
                              one->why);
        pictures_free(p);
        return NULL;
    }
    return p;
}

int rekognition_begin(struct request *r, enum gallery_use use, struct collection_call *call) {
    int writes = use == GALLERY_WRITE;
    const char *collection;

    if (rekognition_text(r, "CollectionId", 1, "_.-", 255, &collection)) return -1;
    if (scopes_allow(r->scopes, writes, collection))
        return collection_begin(r, use, collection, call);
    reply_error(r, 403, "forbidden", "this access key may not %s collection '%s'",
                writes ? "write in" : "read", collection);
    return -1;
}

void rekognition_set_model(json_t *object, const struct request *r, int *failed) {
    json_value_set(object, "FaceModelVersion", json_value_text(r->models->contract), failed);
}

int rekognition_read_token(struct request *r, int64_t *after) {
    const char *token;

    *after = 0;
    if (rekognition_text(r, "NextToken", 0, "-_/+=", 255, &token)) return -1;
    if (!token || uuid_read(token, after) == 0) return 0;
    rekognition_error(r, 400, "InvalidPaginationTokenException",
                      "NextToken is not one that this server gave");
    return -1;
}

void rekognition_set_token(json_t *object, int64_t after, int *failed) {
    char token[UUID_SIZE];

    if (after) json_value_set(object, "NextToken", json_string(uuid_text(after, token)), failed);
}

/* Who asks. */

static const char *signed_header(void *request, const char *name) {
    return request_header(request, name);
}

static int refuse_signature(struct request *r, const char *type, const char *message) {
    rekognition_error(r, 400, type, message);
    return -1;
}

static int check_signature(struct request *r, const char *secret,
                           struct sigv4_request *signed_one) {
    switch (sigv4_check(signed_one, secret)) {
    case SIGV4_GOOD: return admit_key(r, secret);
    case SIGV4_EXPIRED:
        return refuse_signature(r, "InvalidSignatureException",
                                "Signature expired: x-amz-date is more than 15 minutes off");
    case SIGV4_WRONG:
        return refuse_signature(
            r, "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.");
    default:
        return refuse_signature(r, "IncompleteSignatureException",
                                "the signature has not all of its parts");
    }
}

/* A key in a header is good, too; without keys everybody may ask, whatever the signature. */
static int check_client(struct request *r) {
    struct sigv4_request signed_one = {.method = "POST",
                                       .path = "/",
                                       .query = "",
                                       .authorization = request_header(r, "Authorization"),
                                       .header = signed_header,
                                       .context = r,
                                       .body = r->body.at ? r->body.at : (const uint8_t *)"",
                                       .body_size = r->body.n,
                                       .now = (double)time(NULL)};
    char name[SIGV4_NAME], secret[KEYS_MAX_LENGTH + 1];
    enum sigv4_result result = sigv4_name(&signed_one, name);
    int status;

    if (*r->key) return 0;
    status = admit_secret(r, name, secret);
    if (status == 0) return 0;
    if (result == SIGV4_MISSING)
        return refuse_signature(r, "MissingAuthenticationTokenException",
                                "Missing Authentication Token");
    if (result != SIGV4_GOOD)
        return refuse_signature(r, "IncompleteSignatureException",
                                "the signature has not all of its parts");
    if (status < 0)
        return refuse_signature(r, "UnrecognizedClientException",
                                "The security token included in the request is invalid.");
    status = check_signature(r, secret, &signed_one);
    explicit_bzero(secret, sizeof secret);
    return status;
}

/* Which operation. */

static const struct rekognition_op *find_op(const char *name) {
    static const struct rekognition_op *const tables[] = {
        REKOGNITION_PICTURES, REKOGNITION_COLLECTIONS, REKOGNITION_FACES, REKOGNITION_SEARCHES,
        REKOGNITION_USERS};

    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct rekognition_op *op = tables[i]; op->name; op++)
            if (strcmp(op->name, name) == 0) return op;
    return NULL;
}

static int read_body(struct request *r) {
    char why[WHY_SIZE];
    int status;

    if (request_acquire_body(r, 2 * r->body.n)) {
        refuse_memory(r);
        return -1;
    }
    status = json_read((const char *)r->body.at, r->body.n, MEMORY, &r->json, why);
    if (!status && !json_is_object(r->json))
        status = why_set(why, 400, "the body must be a JSON object");
    if (!status) return 0;
    if (status == 500)
        reply_error(r, 500, "internal", "%s", why);
    else
        rekognition_error(r, 400, "SerializationException", why);
    return -1;
}

static void handle(struct request *r) {
    const char *target = request_header(r, "X-Amz-Target");
    const struct rekognition_op *op = NULL;

    if (check_client(r)) return;
    if (target && strncmp(target, TARGET, sizeof TARGET - 1) == 0)
        op = find_op(target + sizeof TARGET - 1);
    if (!op)
        rekognition_error(r, 400, "UnknownOperationException",
                          "X-Amz-Target names no operation of this server");
    else if (read_body(r) == 0)
        op->handle(r);
}

static const struct route ROUTES[] = {
    {"POST", "/", ROUTE_WORK | ROUTE_MANY | ROUTE_LATE_KEY, handle},
    {.path = NULL},
};

const struct api api_rekognition = {
    .name = "rekognition", .routes = ROUTES, .signs = 1, .write_error = write_error};
