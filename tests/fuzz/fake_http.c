#include "tests/fuzz/fake_http.h"

#include "common/ascii.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MOST_VALUES = 64, MOST_HEAD = 8192 };

struct value {
    enum MHD_ValueKind kind;
    const char *name, *text;
};

struct MHD_Response {
    const char *bytes;
    size_t size;
    enum MHD_ResponseMemoryMode mode;
    int is_json, is_packed;
};

struct MHD_Connection {
    char head[MOST_HEAD];
    struct value values[MOST_VALUES];
    int nvalues, fd, is_suspended;
    void *socket_context;
    int status; /* of the answer; 0: none yet */
};

/* What the server gave to MHD_start_daemon(). */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int is_started, ends[2];
    MHD_AccessHandlerCallback handle;
    void *handle_context;
    MHD_RequestCompletedCallback completed;
    void *completed_context;
    MHD_NotifyConnectionCallback connected;
    void *connected_context;
    void *(*on_target)(void *, const char *, struct MHD_Connection *);
    void *target_context;
    size_t (*unescape)(void *, struct MHD_Connection *, char *);
    void *unescape_context;
} http = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* Options are told apart by what follows them. */
static void read_options(va_list ap) {
    enum MHD_OPTION option;
    while ((option = va_arg(ap, enum MHD_OPTION)) != MHD_OPTION_END) {
        switch (option) {
        case MHD_OPTION_NOTIFY_COMPLETED:
            http.completed = va_arg(ap, MHD_RequestCompletedCallback);
            http.completed_context = va_arg(ap, void *);
            break;
        case MHD_OPTION_NOTIFY_CONNECTION:
            http.connected = va_arg(ap, MHD_NotifyConnectionCallback);
            http.connected_context = va_arg(ap, void *);
            break;
        case MHD_OPTION_UNESCAPE_CALLBACK:
            http.unescape = va_arg(ap, size_t(*)(void *, struct MHD_Connection *, char *));
            http.unescape_context = va_arg(ap, void *);
            break;
        case MHD_OPTION_URI_LOG_CALLBACK:
            http.on_target = va_arg(ap, void *(*)(void *, const char *, struct MHD_Connection *));
            http.target_context = va_arg(ap, void *);
            break;
        case MHD_OPTION_EXTERNAL_LOGGER:
            (void)va_arg(ap, void *);
            (void)va_arg(ap, void *);
            break;
        case MHD_OPTION_CONNECTION_MEMORY_LIMIT: (void)va_arg(ap, size_t); break;
        case MHD_OPTION_ARRAY: (void)va_arg(ap, void *); break;
        default: (void)va_arg(ap, unsigned);
        }
    }
}

struct MHD_Daemon *MHD_start_daemon(unsigned flags, uint16_t port,
                                    MHD_AcceptPolicyCallback accept_policy, void *accept_context,
                                    MHD_AccessHandlerCallback handle, void *handle_context, ...) {
    va_list ap;
    (void)flags;
    (void)port;
    (void)accept_policy;
    (void)accept_context;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, http.ends)) abort();
    pthread_mutex_lock(&http.lock);
    http.handle = handle;
    http.handle_context = handle_context;
    va_start(ap, handle_context);
    read_options(ap);
    va_end(ap);
    http.is_started = 1;
    pthread_cond_broadcast(&http.changed);
    pthread_mutex_unlock(&http.lock);
    return (struct MHD_Daemon *)&http;
}

void MHD_stop_daemon(struct MHD_Daemon *daemon) {
    (void)daemon;
}

MHD_socket MHD_quiesce_daemon(struct MHD_Daemon *daemon) {
    (void)daemon;
    return -1;
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                enum MHD_DaemonInfoType what, ...) {
    (void)daemon;
    (void)what;
    return NULL;
}

/* From this version on lines of headers may lie anywhere (server/framing.c). */
const char *MHD_get_version(void) {
    return "0.9.77";
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *c,
                                                        enum MHD_ConnectionInfoType what, ...) {
    static _Thread_local union MHD_ConnectionInfo info;
    static struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    switch (what) {
    case MHD_CONNECTION_INFO_SOCKET_CONTEXT: info.socket_context = c->socket_context; break;
    case MHD_CONNECTION_INFO_CONNECTION_FD: info.connect_fd = c->fd; break;
    case MHD_CONNECTION_INFO_CLIENT_ADDRESS: info.client_addr = (struct sockaddr *)&address; break;
    default: return NULL;
    }
    return &info;
}

const char *MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind,
                                        const char *name) {
    for (int i = 0; i < c->nvalues; i++)
        if (c->values[i].kind == kind && ascii_same(c->values[i].name, name))
            return c->values[i].text;
    return NULL;
}

int MHD_get_connection_values(struct MHD_Connection *c, enum MHD_ValueKind kind,
                              MHD_KeyValueIterator each, void *context) {
    int n = 0;
    for (int i = 0; i < c->nvalues; i++) {
        const struct value *v = &c->values[i];
        if (v->kind != kind) continue;
        n++;
        if (each && each(context, kind, v->name, v->text) != MHD_YES) break;
    }
    return n;
}

size_t MHD_http_unescape(char *text) {
    char *to = text;
    for (char *from = text; *from; to++) {
        unsigned byte;
        if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1 && ascii_is_visible(from[1]) &&
            ascii_is_visible(from[2])) {
            *to = (char)byte;
            from += 3;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
    return (size_t)(to - text);
}

void MHD_suspend_connection(struct MHD_Connection *c) {
    pthread_mutex_lock(&http.lock);
    c->is_suspended = 1;
    pthread_mutex_unlock(&http.lock);
}

void MHD_resume_connection(struct MHD_Connection *c) {
    pthread_mutex_lock(&http.lock);
    c->is_suspended = 0;
    pthread_cond_broadcast(&http.changed);
    pthread_mutex_unlock(&http.lock);
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode) {
    struct MHD_Response *response = calloc(1, sizeof *response);
    if (!response) abort();
    response->bytes = buffer;
    response->size = size;
    response->mode = mode;
    return response;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *name,
                                        const char *value) {
    if (!*name || strpbrk(name, "\r\n") || strpbrk(value, "\r\n")) abort();
    if (ascii_same(name, "Content-Type"))
        response->is_json = strncmp(value, "application/json", 16) == 0;
    if (ascii_same(name, "Content-Encoding")) response->is_packed = 1;
    return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *c, unsigned status,
                                   struct MHD_Response *response) {
    if (c->status || status < 200 || status > 599 || status == 500) {
        fprintf(stderr, "status %u after %d: %.*s\n", status, c->status, (int)response->size,
                response->bytes);
        abort();
    }
    c->status = (int)status;
    if (response->is_json && !response->is_packed && response->size) {
        json_t *root = json_loadb(response->bytes, response->size, JSON_DECODE_ANY, NULL);
        if (!root) abort();
        json_decref(root);
    }
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *response) {
    if (response->mode == MHD_RESPMEM_MUST_FREE) free((void *)(uintptr_t)response->bytes);
    free(response);
}

void fake_http_wait(void) {
    pthread_mutex_lock(&http.lock);
    while (!http.is_started) pthread_cond_wait(&http.changed, &http.lock);
    pthread_mutex_unlock(&http.lock);
}

static void add_value(struct MHD_Connection *c, enum MHD_ValueKind kind, const char *name,
                      const char *text) {
    if (c->nvalues < MOST_VALUES) c->values[c->nvalues++] = (struct value){kind, name, text};
}

static void unescape(struct MHD_Connection *c, char *text) {
    for (char *p = text; (p = strchr(p, '+'));) *p = ' ';
    http.unescape(http.unescape_context, c, text);
}

static void split_query(struct MHD_Connection *c, char *query) {
    for (char *one; query && (one = strsep(&query, "&"));) {
        char *value = strchr(one, '=');
        if (value) {
            *value++ = '\0';
            unescape(c, value);
        }
        unescape(c, one);
        add_value(c, MHD_GET_ARGUMENT_KIND, one, value);
    }
}

/* "Name: value"; 0 where it is no header. */
static int split_header(struct MHD_Connection *c, char *line) {
    char *colon = strchr(line, ':'), *end;
    if (!colon) return 0;
    *colon++ = '\0';
    colon += strspn(colon, " \t");
    for (end = colon + strlen(colon); end > colon && strchr(" \t", end[-1]);) *--end = '\0';
    add_value(c, MHD_HEADER_KIND, line, colon);
    return 1;
}

/* The request's line and headers; 0 where they are none. */
static int split_head(struct MHD_Connection *c, char **method, char **target, char **version) {
    char *rest = c->head, *line = strsep(&rest, "\n"), *query;
    line[strcspn(line, "\r")] = '\0';
    *method = strsep(&line, " ");
    *target = strsep(&line, " ");
    *version = line;
    if (!*target || !*version || !**method || !**target) return 0;
    if (strcmp(*version, "HTTP/1.1") != 0 && strcmp(*version, "HTTP/1.0") != 0) return 0;
    query = strchr(*target, '?');
    if (query) *query++ = '\0';
    split_query(c, query);
    http.unescape(http.unescape_context, c, *target);
    while ((line = strsep(&rest, "\n"))) {
        line[strcspn(line, "\r")] = '\0';
        if (!split_header(c, line)) return 0;
    }
    return 1;
}

static int is_over(struct MHD_Connection *c, enum MHD_Result result) {
    return result != MHD_YES || c->status;
}

/* The end of the body, once more when a worker has answered it. */
static void end_request(struct MHD_Connection *c, const char *target, const char *method,
                        const char *version, void **request) {
    for (;;) {
        size_t none = 0;
        if (is_over(c, http.handle(http.handle_context, c, target, method, version, NULL, &none,
                                   request)))
            return;
        pthread_mutex_lock(&http.lock);
        while (c->is_suspended) pthread_cond_wait(&http.changed, &http.lock);
        pthread_mutex_unlock(&http.lock);
    }
}

static void handle(struct MHD_Connection *c, const char *target, const char *method,
                   const char *version, const uint8_t *body, size_t size, size_t pieces) {
    void *request = NULL;
    size_t none = 0;
    http.connected(http.connected_context, c, &c->socket_context, MHD_CONNECTION_NOTIFY_STARTED);
    if (http.on_target) request = http.on_target(http.target_context, target, c);
    int over = is_over(
        c, http.handle(http.handle_context, c, target, method, version, NULL, &none, &request));
    for (size_t at = 0, n; at < size && !over; at += n) {
        n = pieces && pieces < size - at ? pieces : size - at;
        size_t left = n;
        over = is_over(c, http.handle(http.handle_context, c, target, method, version,
                                      (const char *)body + at, &left, &request));
        if (!over && left) abort(); /* what is left would be sent again for ever */
    }
    if (!over) end_request(c, target, method, version, &request);
    http.completed(http.completed_context, c, &request,
                   c->status ? MHD_REQUEST_TERMINATED_COMPLETED_OK
                             : MHD_REQUEST_TERMINATED_WITH_ERROR);
    http.connected(http.connected_context, c, &c->socket_context, MHD_CONNECTION_NOTIFY_CLOSED);
}

int fake_http_send(const uint8_t *bytes, size_t size, size_t pieces) {
    const uint8_t *body = memmem(bytes, size, "\r\n\r\n", 4);
    size_t head = body ? (size_t)(body - bytes) : size;
    char *method, *target, *version;
    struct MHD_Connection c = {.fd = http.ends[0]};
    char drained[256];
    if (!body || head >= MOST_HEAD || memchr(bytes, '\0', head)) return -1;
    memcpy(c.head, bytes, head);
    if (!split_head(&c, &method, &target, &version)) return -1;
    handle(&c, target, method, version, body + 4, size - head - 4, pieces);
    while (recv(http.ends[1], drained, sizeof drained, MSG_DONTWAIT) > 0) {
    } /* answers of 100 */
    return c.status;
}
