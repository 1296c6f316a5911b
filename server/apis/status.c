/* What the server says of itself: its pages, and what it has counted. */
#include "server/apis/api.h"
#include "server/assets.h"
#include "server/batch.h"
#include "server/connections.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/workers.h"

static void read_gauges(struct server *s, struct metrics_gauges *g) {
    struct models *m = models_acquire(s->models);

    *g = (struct metrics_gauges){
        .ready = server_is_ready(s),
        .connections = connections_count(s->connections),
        .active = atomic_load(&s->active),
        .queued = workers_waiting(s->workers),
        .fetching = workers_lent(s->workers),
        .batch_queued = batcher_depth(s->batcher),
        .batch_running = batcher_busy(s->batcher),
        .body_bytes = sync_budget_acquired(&s->bodies),
        .picture_bytes = sync_budget_acquired(&s->pictures),
        .plan_bytes = m ? mien_memory_used(m->networks.ctx) : 0,
        .memory_limit = s->memory.all,
    };
    if (m) models_release(s->models, m);
}

static void handle_metrics(struct request *r) {
    struct metrics_gauges g;
    size_t size;
    char *text;

    read_gauges(r->server, &g);
    text = metrics_text(r->server->metrics, &g, &size);
    if (text)
        reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
    else
        reply_error(r, 500, "internal", "the server is out of memory");
}

static void handle_asset(struct request *r) {
    const struct asset *asset = asset_find(r->path);

    if (asset)
        reply_asset(r, asset);
    else
        reply_error(r, 404, "not_found", "there is no such path");
}

static const struct route ROUTES[] = {
    {"GET", "assets", ROUTE_OPEN | ROUTE_EARLY, handle_asset}, /* every path of server/web/ */
    {"GET", "/metrics", ROUTE_EARLY | ROUTE_METRICS, handle_metrics},
    {.path = NULL},
};

const struct api api_status = {.routes = ROUTES};
