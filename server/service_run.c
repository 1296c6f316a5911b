#include "server/apis/api.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/service.h"

#include <stdlib.h>

static void handle_health(struct request *r) {
    reply_json(r, 200, json_pack("{s:s}", "status", "running"));
}

static void handle_ready(struct request *r) {
    if (server_is_ready(r->server))
        reply_json(r, 200, json_pack("{s:s}", "status", "ready"));
    else
        reply_error(r, 503, "not_ready", "the service is not ready");
}

static const struct route ROUTES[] = {
    {"GET", "/health", ROUTE_OPEN | ROUTE_EARLY, handle_health},
    {"GET", "/ready", ROUTE_OPEN | ROUTE_EARLY, handle_ready},
    {.path = NULL},
};

static const struct api API_HEALTH = {.routes = ROUTES};
extern const struct api api_status; /* metrics */

const struct api **service_apis(const struct service *service) {
    const struct api **apis = calloc(4, sizeof *apis);

    if (!apis) return NULL;
    apis[0] = &API_HEALTH;
    apis[1] = &api_status;
    apis[2] = service->api;
    return apis;
}

int service_start(struct server *s, char *why, size_t room) {
    const struct service *service = s->config->service.service;

    return service && service->start ? service->start(s, why, room) : 0;
}

void service_stop(struct server *s) {
    const struct service *service = s->config->service.service;

    if (service && service->stop) service->stop(s);
}

void service_free(struct server *s) {
    const struct service *service = s->config->service.service;

    if (service && service->free && s->service_state) service->free(s);
}
