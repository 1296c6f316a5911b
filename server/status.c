/* Endpoints that compute nothing: health, metrics, pages. */
#include "server/assets.h"
#include "server/handlers.h"
#include "server/route.h"
#include "server/server.h"

void handle_health(struct request *r) {
    reply_json(r, 200, json_pack("{s:s}", "status", "API is running"));
}

void handle_ready(struct request *r) {
    static const char *const words[] = {"starting", "ready", "draining", "ending"};
    int state = atomic_load(&r->server->state), is_ready = state == SERVER_READY;

    reply_json(r, is_ready ? 200 : 503, json_pack("{s:s}", "status", words[state]));
    if (!is_ready) r->reply.retry_after = 1;
}

void handle_metrics(struct request *r) {
    struct metrics_gauges g;
    size_t size;
    char *text;

    server_gauges(r->server, &g);
    text = metrics_text(r->server->metrics, &g, &size);
    if (text)
        reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", text, size);
    else
        reply_error(r, 500, "internal", "the server is out of memory");
}

void handle_asset(struct request *r) {
    const struct asset *asset = asset_find(r->path);

    if (asset)
        reply_asset(r, asset);
    else
        reply_error(r, 404, "not_found", "there is no such path");
}
