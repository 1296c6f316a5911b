#include "server/reply.h"

#include "common/clock.h"
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/assets.h"
#include "server/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char JSON_TYPE[] = "application/json";

static void clear(struct reply *reply) {
    free(reply->body);
    *reply = (struct reply){.close = reply->close};
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

void reply_json_as(struct request *r, int status, const char *type, json_t *value) {
    size_t size;
    char *text = json_value_dump(value, JSON_COMPACT | JSON_VALUES_DUMP, &size);

    if (text)
        reply_bytes(r, status, type, text, size);
    else
        reply_no_memory(r);
    json_decref(value);
}

void reply_json(struct request *r, int status, json_t *value) {
    double start = clock_seconds();

    reply_json_as(r, status, JSON_TYPE, value);
    request_spent(r, STAGE_ENCODE, clock_seconds() - start);
}

json_t *error_json(const struct request *r, const char *code, const char *message) {
    return json_pack("{s:{s:s, s:o, s:n}, s:s}", "error", "code", code, "message",
                     json_value_text(message), "details", "request_id", r->id);
}

void reply_error(struct request *r, int status, const char *code, const char *fmt, ...) {
    char message[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    if (r->api && r->api->write_error)
        r->api->write_error(r, status, code, message);
    else
        reply_json_as(r, status, JSON_TYPE, error_json(r, code, message));
    r->reply.code = code;
}

void reply_header(struct request *r, const char *name, const char *fmt, ...) {
    struct reply_header *header = &r->reply.headers[r->reply.nheaders];
    va_list ap;

    if (r->reply.nheaders == REPLY_HEADERS) return;
    r->reply.nheaders++;
    header->name = name;
    va_start(ap, fmt);
    vsnprintf(header->value, sizeof header->value, fmt, ap);
    va_end(ap);
}

void reply_given_up(struct request *r) {
    int is_late = clock_seconds() >= r->deadline,
        is_last = atomic_load(&r->server->state) == SERVER_ENDING;

    metrics_rejected(r->server->metrics, is_late   ? REJECT_DEADLINE
                                         : is_last ? REJECT_DRAINING
                                                   : REJECT_GONE);
    if (is_late) {
        reply_error(r, 504, "deadline", "the answer was not ready within the deadline");
    } else if (is_last) {
        reply_error(r, 503, "not_ready", "the server is shutting down");
        reply_header(r, "Retry-After", "1");
    } else {
        reply_error(r, 499, "client_gone", "the client closed the connection");
    }
}

int error_status(int rc, const char **code) {
    switch (rc) {
    case MIEN_EINVAL:
    case MIEN_EFORMAT: *code = "bad_request"; return 400;
    case MIEN_ETOOBIG: *code = "too_large"; return 413;
    default: *code = "internal"; return 500;
    }
}
