#include "server/http.h"

#include "common/clock.h"
#include "server/assets.h"
#include "server/connections.h"
#include "server/route.h"
#include "server/workers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    HEADER_MEMORY = 64 * 1024, /* of a connection: headers, and reads of bodies go through it */
    FORM_BUFFER = 64 * 1024,
    DRAIN_BODY = 32 << 20, /* bytes of a refused body that are read so that the answer arrives */
    BACKLOG = 1024
};

/* ---- a new request ---- */

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
        out[i] = isgraph((unsigned char)text[i]) && text[i] != '"' ? text[i] : '?';
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
    r->arrived = clock_seconds();
    r->deadline = r->arrived + s->config->deadline;
    r->reply.json_length = -1;
    clean(r->method, sizeof r->method, method);
    clean(r->path, sizeof r->path, path);
    set_id(r);
    atomic_fetch_add(&s->active, 1);
    return r;
}

/* ---- what is refused before the body is read ---- */

struct framing {
    int lengths, encodings, is_odd;
};

static enum MHD_Result look_at_framing(void *context, enum MHD_ValueKind kind, const char *name,
                                       const char *value) {
    struct framing *f = context;

    (void)kind;
    if (name[strcspn(name, " \t")]) f->is_odd = 1;
    if (strcasecmp(name, "Content-Length") == 0) f->lengths++;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        f->encodings++;
        if (!value || strcasecmp(value, "chunked") != 0) f->is_odd = 1;
    }
    return MHD_YES;
}

/* 1 where a proxy in front of the server may end the body elsewhere than libmicrohttpd does, so
 * that what the one takes for a body is to the other a request (RFC 9112, 6.3 and 11.2). */
static int is_ambiguous(struct request *r, const char *version) {
    struct framing f = {0, 0, 0};

    MHD_get_connection_values(r->http, MHD_HEADER_KIND, look_at_framing, &f);
    return f.is_odd || f.lengths + f.encodings > 1 ||
           (f.encodings && strcmp(version, "HTTP/1.1") != 0);
}

static const char *given_key(struct request *r) {
    const char *key = request_header(r, "x-api-key"), *bearer;

    if (key) return key;
    bearer = request_header(r, "Authorization");
    if (!bearer || strncasecmp(bearer, "Bearer ", 7) != 0) return NULL;
    return bearer + 7 + strspn(bearer + 7, " ");
}

/* The key's name is copied: a reload may replace the keys while the request runs. */
static int check_key(struct request *r) {
    struct server *s = r->server;
    const char *key = given_key(r), *name;
    int is_open = r->route->flags & ROUTE_OPEN;

    if (r->route->flags & ROUTE_METRICS && s->config->open_metrics) is_open = 1;
    pthread_rwlock_rdlock(&s->keys_lock);
    name = s->keys && key ? keys_check(s->keys, key) : NULL;
    if (name) snprintf(r->key, sizeof r->key, "%s", name);
    if (!s->keys) is_open = 1;
    pthread_rwlock_unlock(&s->keys_lock);
    if (is_open || name) return 0;
    metrics_rejected(s->metrics, REJECT_UNAUTHORIZED);
    reply_error(r, 401, "unauthorized", "%s",
                key ? "this API key is not known"
                    : "an API key is needed: Authorization: Bearer KEY, or x-api-key: KEY");
    return -1;
}

static int check_state(struct request *r) {
    struct server *s = r->server;
    int state = atomic_load(&s->state);

    if (state >= SERVER_DRAINING) r->reply.close = 1;
    if (state == SERVER_READY || r->route->flags & ROUTE_EARLY) return 0;
    metrics_rejected(s->metrics, state == SERVER_STARTING ? REJECT_NOT_READY : REJECT_DRAINING);
    reply_error(r, 503, "not_ready", "%s",
                state == SERVER_STARTING ? "the networks are being loaded"
                                         : "the server is shutting down");
    r->reply.retry_after = 1;
    return -1;
}

static size_t body_limit(const struct request *r) {
    const struct serve_config *c = r->server->config;

    return r->route->flags & ROUTE_MANY ? c->max_body : c->max_bytes + c->max_bytes / 2;
}

static void refuse_size(struct request *r) {
    metrics_rejected(r->server->metrics, REJECT_TOO_LARGE);
    reply_error(r, 413, "too_large", "the body of this request must not be over %zu bytes",
                body_limit(r));
    r->reply.close = 1;
}

static void refuse_memory(struct request *r) {
    metrics_rejected(r->server->metrics, REJECT_MEMORY);
    reply_error(r, 429, "queue_full", "too many bytes of other requests are being worked on");
    r->reply.retry_after = 1;
    r->reply.close = 1;
}

static void refuse_queue(struct request *r) {
    metrics_rejected(r->server->metrics, REJECT_QUEUE_FULL);
    reply_error(r, 429, "queue_full", "as many requests as may wait are waiting");
    r->reply.retry_after = 1;
}

static int check_length(struct request *r) {
    const char *text = request_header(r, "Content-Length");
    unsigned long long length = text ? strtoull(text, NULL, 10) : 0;

    if (length <= body_limit(r)) return 0;
    refuse_size(r);
    return -1;
}

/* A form is parsed as it comes in; other bodies are kept whole. */
static enum MHD_Result take_part(void *context, enum MHD_ValueKind kind, const char *key,
                                 const char *filename, const char *type, const char *encoding,
                                 const char *data, uint64_t offset, size_t size);

static int start_body(struct request *r) {
    const char *type = request_header(r, "Content-Type");

    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0) return 0;
    r->parts = calloc(REQUEST_PARTS, sizeof *r->parts);
    r->form = MHD_create_post_processor(r->http, FORM_BUFFER, take_part, r);
    if (r->parts && r->form) return 0;
    reply_error(r, 400, "bad_request", "the Content-Type of the form has no boundary");
    return -1;
}

/* All that can be said from the headers. Leaves a reply where the request is refused. */
static void begin(struct request *r, const char *path) {
    const char *allow;

    r->route = route_find(r->method, path, r->param, &allow);
    if (!r->route) {
        if (allow)
            reply_error(r, 405, "method_not_allowed", "this path answers %s", allow);
        else
            reply_error(r, 404, "not_found", "there is no such path");
        r->reply.allow = allow;
        return;
    }
    if (check_key(r) || check_state(r) || check_length(r)) return;
    if (!(r->route->flags & ROUTE_WORK)) return;
    if (workers_waiting(r->server->workers) >= r->server->config->queue)
        refuse_queue(r);
    else
        start_body(r);
}

/* ---- the body ---- */

static struct part *new_part(struct request *r, const char *key, const char *filename) {
    struct part *p;

    if (r->nparts == REQUEST_PARTS) return NULL;
    p = &r->parts[r->nparts++];
    snprintf(p->name, sizeof p->name, "%s", key ? key : "");
    p->is_file = filename != NULL;
    return p;
}

static enum MHD_Result take_part(void *context, enum MHD_ValueKind kind, const char *key,
                                 const char *filename, const char *type, const char *encoding,
                                 const char *data, uint64_t offset, size_t size) {
    struct request *r = context;
    struct part *p = offset > 0 && r->nparts > 0 ? &r->parts[r->nparts - 1] : NULL;

    (void)kind;
    (void)type;
    (void)encoding;
    if (!p) p = new_part(r, key, filename);
    if (!p) {
        r->is_broken_form = 1;
        return MHD_NO;
    }
    if (p->data.n + size > r->server->config->max_bytes) {
        r->is_too_large = 1;
        return MHD_NO;
    }
    if (request_grow(r, &p->data, data, size) == 0) return MHD_YES;
    refuse_memory(r);
    return MHD_NO;
}

/* Bytes of the body. Once a reply is set the rest is dropped, up to a limit: then the connection
 * ends without an answer. */
static enum MHD_Result take_body(struct request *r, const char *data, size_t *size) {
    size_t n = *size;

    *size = 0;
    r->received += n;
    if (r->reply.status) return r->received > DRAIN_BODY ? MHD_NO : MHD_YES;
    if (r->received > body_limit(r)) r->is_too_large = 1;
    if (!r->is_too_large && !r->is_broken_form) {
        if (r->form) {
            if (MHD_post_process(r->form, data, n) != MHD_YES && !r->is_too_large &&
                !r->reply.status)
                r->is_broken_form = 1;
        } else if (request_grow(r, &r->body, data, n)) {
            refuse_memory(r);
        }
    }
    if (r->is_too_large) refuse_size(r);
    return MHD_YES;
}

static void end_body(struct request *r) {
    if (r->form) {
        if (MHD_destroy_post_processor(r->form) != MHD_YES) r->is_broken_form = 1;
        r->form = NULL;
    }
    if (!r->reply.status && r->is_broken_form)
        reply_error(r, 400, "bad_request", "the form is broken, or has more than %d parts",
                    REQUEST_PARTS);
}

/* ---- answers ---- */

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
    MHD_add_response_header(response, name, value);
}

/* Server-Timing of the stages a request went through (www.w3.org/TR/server-timing). */
static void add_timing(struct MHD_Response *response, const struct request *r) {
    char text[512];
    size_t n = 0;

    for (int i = 0; i < STAGES && n < sizeof text; i++)
        if (r->seconds[i] > 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s;dur=%.3f", n ? ", " : "",
                                  METRICS_STAGE_NAMES[i], 1e3 * r->seconds[i]);
    if (n > 0 && n < sizeof text) add_header(response, "Server-Timing", text);
}

static void add_asset_headers(struct MHD_Response *response, const struct reply *p) {
    add_header(response, "ETag", p->asset->etag);
    add_header(response, "Cache-Control", "no-cache");
    add_header(response, "Content-Security-Policy", ASSET_POLICY);
    add_header(response, "Referrer-Policy", "no-referrer");
    if (p->asset->gzip_bytes) add_header(response, "Vary", "Accept-Encoding");
    if (p->is_gzip) add_header(response, "Content-Encoding", "gzip");
}

static void add_headers(struct MHD_Response *response, const struct request *r) {
    const struct reply *p = &r->reply;
    char number[32];

    add_header(response, "x-request-id", r->id);
    add_header(response, "X-Content-Type-Options", "nosniff");
    if (p->type) add_header(response, "Content-Type", p->type);
    if (p->allow) add_header(response, "Allow", p->allow);
    if (p->close) add_header(response, "Connection", "close");
    if (p->status == 401) add_header(response, "WWW-Authenticate", "Bearer");
    if (p->asset)
        add_asset_headers(response, p);
    else
        add_header(response, "Cache-Control", "no-store");
    if (p->retry_after) {
        snprintf(number, sizeof number, "%d", p->retry_after);
        add_header(response, "Retry-After", number);
    }
    if (p->json_length >= 0) {
        snprintf(number, sizeof number, "%ld", p->json_length);
        add_header(response, "Inference-Header-Content-Length", number);
    }
    add_timing(response, r);
}

static enum MHD_Result send_reply(struct request *r) {
    static uint8_t nothing;
    struct reply *p = &r->reply;
    const struct asset *asset = p->asset;
    const char *have = asset ? request_header(r, "If-None-Match") : NULL;
    const char *encodings = asset ? request_header(r, "Accept-Encoding") : NULL;
    struct MHD_Response *response;
    enum MHD_Result result;

    connection_fetches(r->server->connections, r->connection);
    if (have && strcmp(have, asset->etag) == 0) {
        p->status = 304;
        p->size = 0;
    }
    if (asset && asset->gzip_bytes && encodings && strstr(encodings, "gzip")) {
        p->is_gzip = 1;
        if (p->size) p->size = asset->gzip_size;
    }
    if (asset)
        response = MHD_create_response_from_buffer(
            p->size, (void *)(uintptr_t)(p->is_gzip ? asset->gzip_bytes : asset->bytes),
            MHD_RESPMEM_PERSISTENT);
    else
        response = MHD_create_response_from_buffer(p->size, p->body ? p->body : &nothing,
                                                   p->body ? MHD_RESPMEM_MUST_FREE
                                                           : MHD_RESPMEM_PERSISTENT);
    if (!response) return MHD_NO;
    p->body = NULL; /* the response's now */
    add_headers(response, r);
    result = MHD_queue_response(r->http, (unsigned)p->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- working ---- */

void http_work(struct request *r) {
    struct server *s = r->server;

    request_spent(r, STAGE_QUEUE, clock_seconds() - r->queued);
    r->models = models_acquire(s->models);
    if (request_is_over(r))
        request_give_up(r);
    else
        r->route->handle(r);
    if (!r->reply.status) reply_error(r, 500, "internal", "the request was not answered");
    MHD_resume_connection(r->http);
}

/* The whole request is here: answers it or hands it to a worker. */
static enum MHD_Result dispatch(struct request *r) {
    struct server *s = r->server;

    end_body(r);
    if (!r->reply.status && r->route->flags & ROUTE_WORK && !atomic_load(&r->is_worked_on)) {
        if (workers_reserve(s->workers)) {
            refuse_queue(r);
        } else {
            atomic_store(&r->is_worked_on, 1);
            connection_works(s->connections, r->connection);
            r->queued = clock_seconds();
            MHD_suspend_connection(r->http); /* before a worker can resume it */
            workers_push(s->workers, r);
            return MHD_YES;
        }
    }
    if (!r->reply.status) r->route->handle(r);
    return send_reply(r);
}

/* 1 where the body of a refused request is read all the same: a client that is still sending when
 * the connection ends may never see the answer. One that asks first, or would send a lot, is
 * answered at once, and its connection ends with that; so one without a body is not. */
static int is_drained(struct request *r) {
    const char *length = request_header(r, "Content-Length");

    if (!length && !request_header(r, "Transfer-Encoding")) return 1;
    if (request_header(r, "Expect")) return 0;
    return !length || strtoull(length, NULL, 10) <= DRAIN_BODY;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *http, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **request) {
    struct server *s = context;
    struct request *r = *request;

    if (!r) {
        r = new_request(s, http, method, path);
        if (!r) return MHD_NO;
        *request = r;
        connection_sends(s->connections, r->connection);
        if (is_ambiguous(r, version)) {
            reply_error(r, 400, "bad_request", "the headers do not say where the request ends");
            r->reply.close = 1;
            return send_reply(r);
        }
        begin(r, path);
        return r->reply.status && !is_drained(r) ? send_reply(r) : MHD_YES;
    }
    if (*size > 0) return take_body(r, data, size);
    return dispatch(r);
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
    seconds = clock_seconds() - r->arrived;
    if (!r->reply.status) r->reply.status = 499; /* ended by the client, as nginx's logs call it */
    metrics_request(s->metrics, route_index(r->route), r->reply.status, seconds);
    metrics_bytes(s->metrics, r->received, r->reply.size);
    log_request(s->log, r, seconds);
    connection_idles(s->connections, r->connection);
    request_free(r);
    atomic_fetch_sub(&s->active, 1);
}

static void on_connection(void *context, struct MHD_Connection *http, void **socket_context,
                          enum MHD_ConnectionNotificationCode what) {
    struct server *s = context;
    const union MHD_ConnectionInfo *info;

    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD);
        *socket_context = connections_open(s->connections, info ? info->connect_fd : -1);
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

/* libmicrohttpd's own sentences are about single connections: of no use to whoever runs a server.
 */
static void on_log(void *context, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void on_log(void *context, const char *fmt, va_list ap) {
    (void)context;
    (void)fmt;
    (void)ap;
}

/* ---- start and stop ---- */

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

/* Numeric addresses only: a name could mean several, and what is listened on should be plain. */
static int parse_address(const struct serve_config *c, struct sockaddr_storage *out, socklen_t *n,
                         char *why, size_t room) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, c->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)c->port);
        *n = sizeof *v4;
        return 0;
    }
    if (inet_pton(AF_INET6, c->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)c->port);
        *n = sizeof *v6;
        return 0;
    }
    snprintf(why, room, "%s is not an IPv4 or IPv6 address", c->address);
    return -1;
}

static int listen_on(const struct serve_config *c, int *fd, char *why, size_t room) {
    struct sockaddr_storage address;
    socklen_t n;
    int on = 1, off = 0;

    if (parse_address(c, &address, &n, why, room)) return -1;
    *fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd >= 0) {
        setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (address.ss_family == AF_INET6)
            setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(*fd, (struct sockaddr *)&address, n) == 0 && listen(*fd, BACKLOG) == 0) return 0;
    }
    snprintf(why, room, "cannot listen on %s port %d: %s", c->address, c->port, strerror(errno));
    if (*fd >= 0) close(*fd);
    return -1;
}

int http_start(struct server *s, char *why, size_t room) {
    const struct serve_config *c = s->config;
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_ITC;
    struct MHD_OptionItem tls[3] = {{MHD_OPTION_END, 0, NULL}};
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
        tls[2] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    }
    if (listen_on(c, &fd, why, room) == 0) {
        s->daemon = MHD_start_daemon(
            flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
            MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)c->connections,
            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_MEMORY,
            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)(c->idle_timeout + 1),
            MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
            on_connection, s, MHD_OPTION_UNESCAPE_CALLBACK, unescape, s,
            MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
        status = s->daemon ? 0 : -1;
        if (!s->daemon) {
            snprintf(why, room, "the HTTP server could not start%s",
                     cert ? ": are certificate and key a pair of PEM files?" : "");
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
    struct sockaddr_storage address;
    socklen_t n = sizeof address;

    if (!info || getsockname(info->listen_fd, (struct sockaddr *)&address, &n)) return 0;
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

void http_stop_listening(struct server *s) {
    int fd = MHD_quiesce_daemon(s->daemon);

    if (fd >= 0) close(fd);
}

void http_stop(struct server *s) {
    MHD_stop_daemon(s->daemon);
    s->daemon = NULL;
}
