#include "server/admit.h"

#include "common/ascii.h"
#include "server/clients.h"
#include "server/forwarded.h"
#include "server/guard.h"
#include "server/keys.h"
#include "server/params.h"
#include "server/refusals.h"
#include "server/reply.h"
#include "server/route.h"
#include "server/server.h"
#include "server/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *given_key(struct request *r) {
    const char *key = request_header(r, "x-api-key"), *bearer;

    if (key) return key;
    bearer = request_header(r, "Authorization");
    if (!bearer || !ascii_starts_with(bearer, "Bearer ")) return NULL;
    return bearer + 7 + strspn(bearer + 7, " ");
}

/* Who asks, where it is a proxy that does. */
static void find_client(struct request *r) {
    const char *trusted = r->server->config->trusted_proxy, *header;
    struct sockaddr_in6 client;

    if (!trusted) return;
    header = r->transport->header(r, "X-Forwarded-For", 1); /* the last is the nearest proxy's */
    if (!forwarded_client(trusted, r->transport->peer(r), header, &client)) return;
    clients_release(r->server->clients, r->client);
    r->client = clients_of_address(r->server->clients, (const struct sockaddr *)&client);
}

/* Whose request it is, by its key. The key's name is copied: a reload may replace the keys while
 * the request runs. Returns 1 where the server knows the key or wants none. */
static int take_key(struct request *r, const char *key) {
    struct server *s = r->server;
    const char *name;
    int is_open;

    pthread_rwlock_rdlock(&s->keys_lock);
    is_open = !s->keys;
    name = s->keys && key ? keys_check(s->keys, key) : NULL;
    if (name) snprintf(r->key, sizeof r->key, "%s", name);
    if (name) snprintf(r->scopes, sizeof r->scopes, "%s", keys_scopes(s->keys, name));
    pthread_rwlock_unlock(&s->keys_lock);
    return is_open || name;
}

static int refuse_key(struct request *r, const char *key) {
    metrics_rejected(r->server->metrics, REJECT_UNAUTHORIZED);
    reply_error(r, 401, "unauthorized", "%s",
                key ? "this API key is not known"
                    : "an API key is needed: Authorization: Bearer KEY, or x-api-key: KEY");
    return -1;
}

static int check_key(struct request *r) {
    const char *key = given_key(r);
    unsigned flags = r->route->flags;
    int is_open = flags & ROUTE_OPEN || (!key && flags & ROUTE_LATE_KEY) ||
                  (flags & ROUTE_METRICS && r->server->config->open_metrics);

    find_client(r);
    if (!take_key(r, key) && !is_open) return refuse_key(r, key);
    if (*r->key) {
        clients_release(r->server->clients, r->client);
        r->client = clients_of_key(r->server->clients, r->key);
    }
    return 0;
}

static int check_scopes(struct request *r) {
    int writes = (r->route->flags & ROUTE_WRITES) != 0;
    const char *collection = r->route->flags & ROUTE_COLLECTION ? r->param[0] : "default";

    if (!(r->route->flags & (ROUTE_READS | ROUTE_WRITES)) ||
        scopes_allow(r->scopes, writes, collection))
        return 0;
    reply_error(r, 403, "forbidden", "this API key may not %s collection '%s'",
                writes ? "write in" : "read", collection);
    return -1;
}

/* Whose turn it is stays the address's: the request has waited for it already. */
int admit_key(struct request *r, const char *key) {
    if (*r->key) return 0;
    return take_key(r, key) ? check_scopes(r) : refuse_key(r, key);
}

int admit_secret(struct request *r, const char *name, char out[KEYS_MAX_LENGTH + 1]) {
    struct server *s = r->server;
    const char *secret;
    int status = 0;

    out[0] = '\0';
    pthread_rwlock_rdlock(&s->keys_lock);
    if (s->keys) {
        secret = keys_secret(s->keys, name);
        if (secret) snprintf(out, KEYS_MAX_LENGTH + 1, "%s", secret);
        status = secret ? 1 : -1;
    }
    pthread_rwlock_unlock(&s->keys_lock);
    return status;
}

int admit_late_key(struct request *r, const char *name) {
    char room[PARAM_TEXT];
    const char *key = NULL;

    if (*r->key) return 0;
    return param_text(r, name, room, &key) ? -1 : admit_key(r, key);
}

static int check_state(struct request *r) {
    int state = atomic_load(&r->server->state);

    if (state >= SERVER_DRAINING) r->reply.close = 1;
    if (state == SERVER_READY || r->route->flags & ROUTE_EARLY) return 0;
    refuse_state(r, state);
    return -1;
}

static int check_length(struct request *r) {
    const char *text = request_header(r, "Content-Length");
    unsigned long long length = text ? strtoull(text, NULL, 10) : 0;

    if (length <= refusals_body_limit(r)) return 0;
    refuse_size(r);
    return -1;
}

/* What comes packed is not unpacked: a few bytes may become any number. */
static int check_encoding(struct request *r) {
    const char *encoding = request_header(r, "Content-Encoding");

    if (!encoding || !(r->route->flags & ROUTE_WORK) || ascii_same(encoding, "identity")) return 0;
    reply_error(r, 415, "unsupported_media_type",
                "a body with a Content-Encoding is not decoded: send it as it is");
    return -1;
}

static int check_queue(struct request *r) {
    if (!(r->route->flags & ROUTE_WORK) || workers_have_room(r->server->workers, r->client))
        return 0;
    refuse_queue(r);
    return -1;
}

static int forbid(struct request *r, const char *why) {
    reply_error(r, 403, "forbidden", "%s", why);
    return -1;
}

/* Against browsers that other pages use: see guard.h. */
static int check_page(struct request *r, const char *method) {
    const struct serve_config *c = r->server->config;
    const char *host = request_header(r, "Host");
    int only_reads =
        strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0 || strcmp(method, "OPTIONS") == 0;

    if (!guard_knows_host(c, host))
        return forbid(r, "this server has not that name: --allowed-host says which it has");
    if (!only_reads &&
        guard_is_foreign(c, host, request_header(r, "Origin"), request_header(r, "Sec-Fetch-Site")))
        return forbid(r, "a page of another origin may not ask: --cors-origin says which may");
    return 0;
}

/* Without a route: what the path's methods are, or that there is no such path. */
static void reply_methods(struct request *r, const char *method, const char *allow) {
    if (!*allow) {
        reply_error(r, 404, "not_found", "there is no such path");
        return;
    }
    if (strcmp(method, "OPTIONS") == 0)
        reply_bytes(r, 204, NULL, NULL, 0);
    else
        reply_error(r, 405, "method_not_allowed", "this path answers %s", allow);
    reply_header(r, "Allow", "%s", allow);
}

void admit(struct request *r, const char *method, const char *path) {
    struct route_match match;

    route_find(r->server->apis, method, path, r->param, &match);
    r->api = match.api;
    r->route = match.route;
    if (r->transport->is_web && check_page(r, method)) return;
    if (!r->route)
        reply_methods(r, method, match.allow);
    else
        (void)(check_key(r) || check_scopes(r) || check_state(r) || check_length(r) ||
               check_encoding(r) || check_queue(r));
}
