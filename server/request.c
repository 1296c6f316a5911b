#include "server/request.h"

#include "common/clock.h"
#include "server/clients.h"
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STOP_POLL 0.05 /* seconds between two questions whether to go on waiting */

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
    return MHD_lookup_connection_value(r->http, MHD_HEADER_KIND, name);
}

/* A client that has ended its side may have gone, or wait for its answer with the other side open.
 * Only writing tells: who has gone answers with a reset. What is written is an answer of 100, of
 * which clients take any number (RFC 9110, 15.2). Nobody else writes while a worker has the
 * request. Returns 1 where it cannot be written. */
static int probe(struct request *r, int fd) {
    static const char going_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    ssize_t n = (ssize_t)sizeof going_on - 1;

    if (r->is_probed) return 0;
    r->is_probed = 1;
    return send(fd, going_on, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n;
}

/* The network thread does not look at a connection while a worker has its request, so the socket is
 * asked. */
static int is_gone(struct request *r) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->http, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = {.events = 0};
    char byte;
    ssize_t n;

    if (!info) return 0;
    p.fd = info->connect_fd;
    if (poll(&p, 1, 0) == 1 && p.revents & (POLLERR | POLLHUP)) return 1;
    n = recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0) return r->may_probe ? probe(r, p.fd) : r->server->config->tls_cert != NULL;
    return n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR;
}

static int is_ending(const struct request *r) {
    return atomic_load(&r->server->state) == SERVER_ENDING;
}

int request_is_over(void *request) {
    struct request *r = request;

    return clock_seconds() >= r->deadline || is_ending(r) || is_gone(r);
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
