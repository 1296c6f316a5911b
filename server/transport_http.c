#include "server/transport_http.h"

#include "common/ascii.h"
#include "server/connections.h"
#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

struct last {
    const char *name, *value;
};

static enum MHD_Result keep_last(void *context, enum MHD_ValueKind kind, const char *name,
                                 const char *value) {
    struct last *last = context;

    (void)kind;
    if (ascii_same(name, last->name)) last->value = value;
    return MHD_YES;
}

static const char *header(struct request *r, const char *name, int last) {
    struct last found = {.name = name};

    if (!last) return MHD_lookup_connection_value(r->http, MHD_HEADER_KIND, name);
    MHD_get_connection_values(r->http, MHD_HEADER_KIND, keep_last, &found);
    return found.value;
}

static const char *argument(struct request *r, const char *name) {
    return MHD_lookup_connection_value(r->http, MHD_GET_ARGUMENT_KIND, name);
}

struct seeing {
    int (*see)(void *context, const char *name, const char *value);
    void *context;
};

static enum MHD_Result see_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value) {
    const struct seeing *seeing = context;

    (void)kind;
    return seeing->see(seeing->context, name, value) ? MHD_NO : MHD_YES;
}

static void arguments(struct request *r,
                      int (*see)(void *context, const char *name, const char *value),
                      void *context) {
    struct seeing seeing = {.see = see, .context = context};

    MHD_get_connection_values(r->http, MHD_GET_ARGUMENT_KIND, see_argument, &seeing);
}

static const struct sockaddr *peer(struct request *r) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return info ? info->client_addr : NULL;
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

/* Before a worker can resume the connection. */
static void wait(struct request *r) {
    connection_works(r->server->connections, r->connection);
    MHD_suspend_connection(r->http);
}

/* The network thread sends it. */
static void answer(struct request *r) {
    MHD_resume_connection(r->http);
}

const struct transport TRANSPORT_HTTP = {.is_web = 1,
                                         .header = header,
                                         .argument = argument,
                                         .arguments = arguments,
                                         .peer = peer,
                                         .is_gone = is_gone,
                                         .wait = wait,
                                         .answer = answer};
