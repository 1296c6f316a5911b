/* Answers: JSON, errors, bytes. */
#include "common/clock.h"
#include "common/json_values.h"
#include "server/assets.h"
#include "server/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char JSON_TYPE[] = "application/json";

static void clear(struct reply *reply) {
    free(reply->body);
    *reply = (struct reply){.json_length = -1, .close = reply->close};
}

void reply_bytes(struct request *r, int status, const char *type, void *body, size_t size) {
    clear(&r->reply);
    r->reply.status = status;
    r->reply.type = type;
    r->reply.body = body;
    r->reply.size = size;
}

void reply_asset(struct request *r, const struct asset *asset) {
    clear(&r->reply);
    r->reply.status = 200;
    r->reply.type = asset->type;
    r->reply.asset = asset;
    r->reply.size = asset->size;
}

/* The answer of last resort takes no memory. */
static void reply_no_memory(struct request *r) {
    clear(&r->reply);
    r->reply.status = 500;
    r->reply.type = JSON_TYPE;
}

void reply_json(struct request *r, int status, json_t *value) {
    double start = clock_seconds();
    size_t size = value ? json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_VALUES_DUMP) : 0;
    char *text = size ? malloc(size) : NULL;

    if (text) {
        json_dumpb(value, text, size, JSON_COMPACT | JSON_VALUES_DUMP);
        reply_bytes(r, status, JSON_TYPE, text, size);
        request_spent(r, STAGE_ENCODE, clock_seconds() - start);
    } else {
        reply_no_memory(r);
    }
    json_decref(value);
}

json_t *error_json(const struct request *r, const char *code, const char *message) {
    return json_pack("{s:{s:s, s:o, s:n}, s:s}", "error", "code", code, "message",
                     json_value_text(message), "details", "request_id", r->id);
}

void reply_error(struct request *r, int status, const char *code, const char *fmt, ...) {
    char message[512];
    va_list ap;
    json_t *value;
    char *text;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    value = error_json(r, code, message);
    text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    if (text)
        reply_bytes(r, status, JSON_TYPE, text, strlen(text));
    else
        reply_no_memory(r);
}

int error_status(int mien_code, const char **code) {
    switch (mien_code) {
    case MIEN_EINVAL:
    case MIEN_EFORMAT: *code = "bad_request"; return 400;
    case MIEN_ETOOBIG: *code = "too_large"; return 413;
    default: *code = "internal"; return 500;
    }
}
