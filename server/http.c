#include "server/http.h"

#include "common/ascii.h"
#include "common/clock.h"
#include "server/admit.h"
#include "server/bad_length.h"
#include "server/body.h"
#include "server/clients.h"
#include "server/connections.h"
#include "server/cors.h"
#include "server/framing.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/refusals.h"
#include "server/repeats.h"
#include "server/reply.h"
#include "server/route.h"
#include "server/send.h"
#include "server/uploads.h"
#include "server/workers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* Of a connection: headers, and reads of bodies go through it. */
enum { HEADER_MEMORY = 64 * 1024 };

/* Connections above the limit: those that are about to end, because others were opened. */
enum { SPARE_CONNECTIONS = 64 };

/* Of GnuTLS: RFC 8996 ends 1.0 and 1.1. */
#define TLS_VERSIONS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/* The client's own id where it is harmless in a log, else 128 random bits. */
static void set_id(struct request *r) {
    const char *given = request_header(r, "x-request-id");
    size_t n = given ? strlen(given) : 0;
    uint8_t random[16];

    if (n > 0 && n <= REQUEST_ID &&
        strspn(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") == n) {
        memcpy(r->id, given, n + 1);
        return;
    }
    if (getrandom(random, sizeof random, 0) != sizeof random) memset(random, 0, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) snprintf(r->id + 2 * i, 3, "%02x", random[i]);
}

static void clean(char *out, size_t room, const char *text) {
    size_t i = 0;

    for (; text[i] && i + 1 < room; i++)
        out[i] = ascii_is_visible(text[i]) && text[i] != '"' ? text[i] : '?';
    out[i] = '\0';
}

static struct request *new_request(struct server *s, struct MHD_Connection *http,
                                   const char *method, const char *path) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct request *r = calloc(1, sizeof *r);

    if (!r) return NULL;
    r->server = s;
    r->http = http;
    r->connection = info ? info->socket_context : NULL;
    r->client = r->connection ? clients_share(s->clients, connection_client(r->connection))
                              : clients_of_address(s->clients, NULL);
    r->arrived = clock_seconds();
    r->deadline = r->arrived + s->config->deadline;
    clean(r->method, sizeof r->method, method);
    clean(r->path, sizeof r->path, path);
    set_id(r);
    r->origin = cors_origin(s->config, request_header(r, "Origin"));
    atomic_fetch_add(&s->active, 1);
    return r;
}

/* Its pictures are here: back to a worker. */
static void resume_work(struct request *r) {
    r->queued = clock_seconds();
    workers_return(r->server->workers, r);
}

void http_work(struct request *r) {
    struct server *s = r->server;

    request_spent(r, STAGE_QUEUE, clock_seconds() - r->queued);
    if (!r->models) r->models = models_acquire(s->models);
    turns_enter(&s->decoding, r->client);
    if (request_is_over(r))
        reply_given_up(r);
    else if (!s->repeats || !(r->route->flags & ROUTE_WRITES) || !repeats_begin(s->repeats, r))
        r->route->handle(r);
    turns_leave(&s->decoding, r->client);
    if (!r->reply.status && uploads_are_due(r)) {
        if (workers_lend(s->workers, r->client) == 0) {
            uploads_fetch(r, resume_work);
            return;
        }
        refuse_queue(r);
    }
    if (!r->reply.status) reply_error(r, 500, "internal", "the request was not answered");
    if (s->repeats) repeats_end(s->repeats, r);
    MHD_resume_connection(r->http);
}

static enum MHD_Result answer(struct request *r) {
    connection_fetches(r->server->connections, r->connection);
    return send_reply(r);
}

/* It waited for a worker, and others who have fewer waiting have come. */
static void displace(struct request *r) {
    refuse_queue(r);
    MHD_resume_connection(r->http);
}

/* The whole request is here: answers it or hands it to a worker. */
static enum MHD_Result dispatch(struct request *r) {
    struct server *s = r->server;
    struct request *displaced;

    body_end(r);
    if (!r->reply.status && r->route->flags & ROUTE_WORK && !atomic_load(&r->is_worked_on)) {
        if (workers_reserve(s->workers, r->client, &displaced)) {
            refuse_queue(r);
        } else {
            if (displaced) displace(displaced);
            atomic_store(&r->is_worked_on, 1);
            connection_works(s->connections, r->connection);
            r->queued = clock_seconds();
            MHD_suspend_connection(r->http); /* before a worker can resume it */
            workers_push(s->workers, r);
            return MHD_YES;
        }
    }
    if (!r->reply.status) r->route->handle(r);
    return answer(r);
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
    double seconds;

    (void)http;
    (void)how;
    if (!r) return;
    *request = NULL;
    if (s->repeats) repeats_end(s->repeats, r); /* given up before it was answered */
    seconds = clock_seconds() - r->arrived;
    if (!r->reply.status) r->reply.status = 499; /* ended by the client, as nginx's logs call it */
    metrics_request(s->metrics, route_index(s->apis, r->route), r->reply.status, seconds);
    metrics_bytes(s->metrics, r->received, r->reply.size);
    log_request(s->log, r, seconds);
    connection_idles(s->connections, r->connection);
    uploads_forget(r);
    request_free(r);
    atomic_fetch_sub(&s->active, 1);
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

static char *read_file(const char *path, char *why, size_t room) {
    enum { MOST = 1 << 20 };
    char *text = calloc(1, MOST + 1);
    FILE *f = text ? fopen(path, "re") : NULL;
    size_t n = f ? fread(text, 1, MOST, f) : 0;

    if (f && n > 0 && !ferror(f)) {
        fclose(f);
        return text;
    }
    snprintf(why, room, "%s: %s", path, text ? strerror(errno) : "out of memory");
    if (f) fclose(f);
    free(text);
    return NULL;
}

int http_start(struct server *s, char *why, size_t room) {
    const struct serve_config *c = s->config;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    struct MHD_OptionItem tls[4] = {{MHD_OPTION_END, 0, NULL}};
    char *cert = NULL, *key = NULL;
    int fd, status = -1;

    if (c->tls_cert) {
        cert = read_file(c->tls_cert, why, room);
        key = cert ? read_file(c->tls_key, why, room) : NULL;
        if (!key) {
            free(cert);
            return -1;
        }
        flags |= MHD_USE_TLS;
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, cert};
        tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, key};
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
                     : cert ? ": are certificate and key a pair of PEM files?"
                            : "");
            close(fd);
        }
    }
    if (key) explicit_bzero(key, strlen(key)); /* libmicrohttpd has made its own of it */
    free(cert);
    free(key);
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
