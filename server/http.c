#include "server/http.h"

#include "common/ascii.h"
#include "server/admit.h"
#include "server/bad_length.h"
#include "server/body.h"
#include "server/clients.h"
#include "server/connections.h"
#include "server/cors.h"
#include "server/framing.h"
#include "server/listen.h"
#include "server/pem.h"
#include "server/reply.h"
#include "server/route.h"
#include "server/send.h"
#include "server/transport_http.h"
#include "server/work.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a connection: headers, and reads of bodies go through it. */
enum { HEADER_MEMORY = 64 * 1024 };

/* Connections above the limit: those that are about to end, because others were opened. */
enum { SPARE_CONNECTIONS = 64 };

/* Of GnuTLS: RFC 8996 ends 1.0 and 1.1. */
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static struct request *new_request(struct server *s, struct MHD_Connection *http,
                                   const char *method, const char *path) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *connection = info ? info->socket_context : NULL;
    struct client *client = connection ? clients_share(s->clients, connection_client(connection))
                                       : clients_of_address(s->clients, NULL);
    struct request *r = request_new(s, &TRANSPORT_HTTP, client, method, path);

    if (!r) {
        clients_release(s->clients, client);
        return NULL;
    }
    r->http = http;
    r->connection = connection;
    request_set_id(r);
    r->origin = cors_origin(s->config, request_header(r, "Origin"));
    return r;
}

static enum MHD_Result answer(struct request *r) {
    connection_fetches(r->server->connections, r->connection);
    return send_reply(r);
}

/* The whole request is here: answers it or hands it to a worker. */
static enum MHD_Result dispatch(struct request *r) {
    body_end(r);
    return work_begin(r) ? MHD_YES : answer(r);
}

/* 1 where the body of a refused request is read all the same: a client that is still sending when
 * the connection ends may never see the answer. One that asks first, or would send a lot, is
 * answered at once, and its connection ends with that; so one without a body is not. */
static int is_drained(struct request *r) {
    const char *length = request_header(r, "Content-Length");

    if (!length && !request_header(r, "Transfer-Encoding")) return 1;
    if (request_header(r, "Expect")) return 0;
    return !length || strtoull(length, NULL, 10) <= BODY_DRAIN;
}

/* The path of a target in absolute form, as clients write it to proxies, and some to everybody
 * (RFC 9112, 3.2.2): without scheme and host. */
static const char *path_of(const char *target) {
    const char *slash;

    if (!ascii_starts_with(target, "http://") && !ascii_starts_with(target, "https://"))
        return target;
    slash = strchr(strstr(target, "://") + 3, '/');
    return slash ? slash : "/";
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *http, const char *target,
                             const char *method, const char *version, void **request) {
    const char *path = path_of(target), *fault;
    struct request *r = *request = new_request(s, http, method, path);

    if (!r) return MHD_NO;
    /* 1xx is news to HTTP/1.0; within TLS only libmicrohttpd can write. */
    r->may_probe = strcmp(version, "HTTP/1.1") == 0 && !s->config->tls_cert;
    connection_sends(s->connections, r->connection);
    fault = framing_fault(http, method, version);
    if (fault) {
        reply_error(r, 400, "bad_request", "%s", fault);
        r->reply.close = 1;
        return answer(r);
    }
    admit(r, method, path);
    if (!r->reply.status && r->route->flags & ROUTE_WORK) body_begin(r);
    return r->reply.status && !is_drained(r) ? answer(r) : MHD_YES;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *http, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **request) {
    if (!*request) return begin(context, http, path, method, version, request);
    return *size > 0 ? body_take(*request, data, size) : dispatch(*request);
}

static void on_completed(void *context, struct MHD_Connection *http, void **request,
                         enum MHD_RequestTerminationCode how) {
    struct server *s = context;
    struct request *r = *request;

    (void)http;
    (void)how;
    if (!r) return;
    *request = NULL;
    connection_idles(s->connections, r->connection);
    work_end(r);
}

static void on_connection(void *context, struct MHD_Connection *http, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
    struct server *s = context;
    const union MHD_ConnectionInfo *socket, *address;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        socket = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
        address = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        *socket_context = connections_open(s->connections, socket ? socket->connect_fd : -1,
                                           address ? address->client_addr : NULL);
    } else {
        connections_close(s->connections, *socket_context);
        *socket_context = NULL;
    }
}

/* A path or parameter with %00 stays as it is written: decoded it would end there, and be another
 * one than the proxy in front of the server has seen. */
static size_t unescape(void *context, struct MHD_Connection *http, char *text) {
    (void)context;
    (void)http;
    return strstr(text, "%00") ? strlen(text) : MHD_http_unescape(text);
}

/* A request's first line is here. */
static void *on_target(void *context, const char *target, struct MHD_Connection *http) {
    struct server *s = context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    (void)target;
    if (info) connection_parses(s->connections, info->socket_context, http);
    return NULL; /* of the request, which begin() makes */
}

/* libmicrohttpd's own sentences are about single connections: of no use to whoever runs a server,
 * but for one. */
static void on_log(void *context, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void on_log(void *context, const char *fmt, va_list ap) {
    (void)ap;
    if (strstr(fmt, "Content-Length")) bad_length_answer(context);
}

int http_start(struct server *s, char *why, size_t room) {
    const struct serve_config *c = s->config;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    struct MHD_OptionItem tls[4] = {{MHD_OPTION_END, 0, NULL}};
    struct pem_pair pair = {NULL, NULL};
    int fd, status = -1;

    if (c->tls_cert) {
        if (pem_read(c->tls_cert, c->tls_key, &pair, why, room)) return -1;
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, pair.cert};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, pair.key};
        tls[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                         (void *)(uintptr_t)TLS_VERSIONS};
        tls[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    fd = listen_open(c, why, room);
    if (fd >= 0) {
        errno = 0;
        s->daemon = MHD_start_daemon(
            flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, s,
            MHD_OPTION_URI_LOG_CALLBACK, on_target, s, MHD_OPTION_LISTEN_SOCKET, fd,
            MHD_OPTION_CONNECTION_LIMIT,
            (unsigned)(connections_limit(s->connections) + SPARE_CONNECTIONS),
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MEMORY,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(c->idle_timeout + 1),
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
            on_connection, s, MHD_OPTION_UNESCAPE_CALLBACK, unescape, s,
            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
#if MHD_VERSION >= 0x00097701
            MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, /* what framing.c sees for itself in older ones */
#endif
            MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
        status = s->daemon ? 0 : -1;
        if (!s->daemon) {
            snprintf(why, room, "the HTTP server could not start%s",
                     errno == ENOMEM || errno == EAGAIN ? ": out of memory or threads"
                     : pair.cert ? ": are certificate and key a pair of PEM files?"
                                 : "");
            close(fd);
        }
    }
    pem_free(&pair); /* libmicrohttpd has made its own of it */
    return status;
}

int http_port(const struct server *s) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_LISTEN_FD);

    return info ? listen_port(info->listen_fd) : 0;
}

void http_stop_listening(struct server *s) {
    int fd = MHD_quiesce_daemon(s->daemon);

    if (fd >= 0) close(fd);
}

void http_stop(struct server *s) {
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
}
