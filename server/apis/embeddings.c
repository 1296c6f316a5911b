#include "server/apis/embeddings.h"

#include "common/ascii.h"
#include "server/json_read.h"
#include "server/params.h"
#include "server/refusals.h"
#include "server/reply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a request, and bytes of memory that its values may take; a number takes less than 64. */
enum { MOST = 10000, MEMORY = 1 << 28, NUMBER = 64 };

int embeddings_are_given(struct request *r) {
    static const char key[] = "\"embedding";
    const char *type = request_header(r, "Content-Type");

    /* Base64 has no quotes. */
    return type && ascii_starts_with(type, "application/json") && r->body.n &&
           memmem(r->body.at, r->body.n, key, sizeof key - 1) != NULL;
}

static int refuse(struct request *r, const char *why) {
    reply_error(r, 400, "bad_request", "%s", why);
    return -1;
}

static int read_one(struct request *r, const json_t *list, float *out, int dims) {
    if ((int)json_array_size(list) != dims) {
        reply_error(r, 409, "conflict", "an embedding has %zu values, those of this server's %d",
                    json_array_size(list), dims);
        return -1;
    }
    for (int i = 0; i < dims; i++) {
        const json_t *value = json_array_get(list, (size_t)i);
        out[i] = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(out[i]))
            return refuse(r, "an embedding is a list of numbers");
    }
    return 0;
}

static int read_all(struct request *r, const json_t *list, struct embeddings *out) {
    const struct network *embedder = networks_giving(&r->models->networks, MIEN_RESULT_EMBEDDING);

    out->n = (int)json_array_size(list);
    out->dims = embedder->info.embedding_size;
    if (out->n < 1 || out->n > MOST)
        return refuse(r, "embeddings is a list of 1 to 10000 embeddings");
    out->values = calloc((size_t)out->n * (size_t)out->dims, sizeof *out->values);
    if (!out->values) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return -1;
    }
    for (int i = 0; i < out->n; i++)
        if (read_one(r, json_array_get(list, (size_t)i),
                     out->values + (size_t)i * (size_t)out->dims, out->dims)) {
            free(out->values);
            return -1;
        }
    return 0;
}

/* That of the contract: what else could be told of the embeddings is nothing. */
static int check_contract(struct request *r) {
    const char *given = json_string_value(json_object_get(r->json, "contract"));

    if (!given) return refuse(r, "contract must say under which the embeddings were made");
    if (strcmp(given, r->models->contract) != 0) {
        reply_error(r, 409, "conflict",
                    "the embeddings were made under another contract than this server's, %s",
                    r->models->contract);
        return -1;
    }
    json_object_del(r->json, "contract");
    return 0;
}

int embeddings_read(struct request *r, struct embeddings *out) {
    char why[WHY_SIZE];
    json_t *list, *one;
    int status;

    *out = (struct embeddings){.values = NULL};
    if (request_acquire_body(r, r->body.n / 2 * NUMBER < MEMORY ? r->body.n / 2 * NUMBER
                                                                : (size_t)MEMORY)) {
        refuse_memory(r);
        return -1;
    }
    status = json_read((const char *)r->body.at, r->body.n, MEMORY, &r->json, why);
    if (status) {
        reply_error(r, status, status == 413 ? "too_large" : "bad_request", "%s", why);
        return -1;
    }
    one = json_object_get(r->json, "embedding");
    list = one ? json_pack("[O]", one) : json_incref(json_object_get(r->json, "embeddings"));
    status = check_contract(r) || read_all(r, list, out) ? -1 : 0;
    json_decref(list);
    json_object_del(r->json, "embedding");
    json_object_del(r->json, "embeddings");
    return status;
}
