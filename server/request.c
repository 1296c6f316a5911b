#include "server/request.h"

#include "common/ascii.h"
#include "common/clock.h"
#include "server/clients.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define STOP_POLL 0.05 /* seconds between two questions whether to go on waiting */

static void clean(char *out, size_t room, const char *text) {
    size_t i = 0;

    for (; text[i] && i + 1 < room; i++)
        out[i] = ascii_is_visible(text[i]) && text[i] != '"' ? text[i] : '?';
    out[i] = '\0';
}

struct request *request_new(struct server *s, const struct transport *transport,
                            struct client *client, const char *method, const char *path) {
    struct request *r = calloc(1, sizeof *r);

    if (!r) return NULL;
    r->server = s;
    r->transport = transport;
    r->client = client;
    r->arrived = clock_seconds();
    r->deadline = r->arrived + s->config->deadline;
    clean(r->method, sizeof r->method, method);
    clean(r->path, sizeof r->path, path);
    atomic_fetch_add(&s->active, 1);
    return r;
}

/* Random ones have 128 bits. */
void request_set_id(struct request *r) {
    const char *given = request_header(r, "x-request-id");
    size_t n = given ? strlen(given) : 0;
    uint8_t random[16];

    trace_read(request_header(r, "traceparent"), &r->trace);
    if (n > 0 && n <= REQUEST_ID &&
        strspn(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") == n) {
        memcpy(r->id, given, n + 1);
        return;
    }
    if (getrandom(random, sizeof random, 0) != sizeof random) memset(random, 0, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) snprintf(r->id + 2 * i, 3, "%02x", random[i]);
}

int request_acquire_body(struct request *r, size_t n) {
    if (sync_budget_grow(&r->server->bodies, r->body_budget, n)) return -1;
    r->body_budget += n;
    return 0;
}

/* Bodies are grown by halves, so that few bytes are copied twice; what is acquired of the budget is
 * what was allocated. */
int request_grow(struct request *r, struct bytes *b, const void *data, size_t n) {
    if (n == 0) return 0;
    if (n > b->room - b->n) {
        size_t room = b->room + b->room / 2;
        uint8_t *larger;
        if (room < b->n + n) room = b->n + n;
        if (request_acquire_body(r, room - b->room)) return -1;
        larger = realloc(b->at, room);
        if (!larger) return -1;
        b->at = larger;
        b->room = room;
    }
    memcpy(b->at + b->n, data, n);
    b->n += n;
    return 0;
}

void request_free(struct request *r) {
    multipart_free(r->form);
    for (int i = 0; i < r->nparts; i++) free(r->parts[i].data.at);
    free(r->parts);
    free(r->body.at);
    if (r->body_budget) sync_budget_release(&r->server->bodies, r->body_budget);
    if (r->reply_budget) sync_budget_release(&r->server->pictures, r->reply_budget);
    if (r->models) models_release(r->server->models, r->models);
    clients_release(r->server->clients, r->client);
    json_decref(r->json);
    free(r->reply.body);
    free(r);
}

const char *request_header(struct request *r, const char *name) {
    return r->transport->header(r, name, 0);
}

static int is_ending(const struct request *r) {
    return atomic_load(&r->server->state) == SERVER_ENDING;
}

int request_is_over(void *request) {
    struct request *r = request;

    return clock_seconds() >= r->deadline || is_ending(r) || r->transport->is_gone(r);
}

int request_acquire(struct request *r, struct sync_budget *budget, size_t n) {
    int is_over = 0;

    while (sync_budget_acquire(budget, n, clock_seconds() + STOP_POLL))
        if ((is_over = request_is_over(r))) break;
    return is_over ? -1 : 0;
}

void request_spent(struct request *r, int stage, double seconds) {
    r->seconds[stage] += seconds;
    metrics_stage(r->server->metrics, stage, seconds);
}
