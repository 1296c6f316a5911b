#include "server/refusals.h"

#include "server/apis/api.h"
#include "server/reply.h"
#include "server/server.h"

size_t refusals_body_limit(const struct request *r) {
    const struct serve_config *c = r->server->config;

    return r->route->flags & ROUTE_MANY ? c->max_body : c->max_bytes + c->max_bytes / 2;
}

void refuse_size(struct request *r) {
    metrics_rejected(r->server->metrics, REJECT_TOO_LARGE);
    reply_error(r, 413, "too_large", "the body of this request must not be over %zu bytes",
                refusals_body_limit(r));
    r->reply.close = 1;
}

void refuse_memory(struct request *r) {
    metrics_rejected(r->server->metrics, REJECT_MEMORY);
    reply_error(r, 503, "overloaded", "other requests take the memory this one needs");
    reply_header(r, "Retry-After", "1");
    r->reply.close = 1;
}

void refuse_queue(struct request *r) {
    metrics_rejected(r->server->metrics, REJECT_QUEUE_FULL);
    reply_error(r, 429, "queue_full", "as many requests as may wait are waiting");
    reply_header(r, "Retry-After", "1");
}

void refuse_state(struct request *r, int state) {
    int is_starting = state == SERVER_STARTING;

    metrics_rejected(r->server->metrics, is_starting ? REJECT_NOT_READY : REJECT_DRAINING);
    reply_error(r, 503, "not_ready", "%s",
                is_starting ? "the networks are being loaded" : "the server is shutting down");
    reply_header(r, "Retry-After", "1");
}
