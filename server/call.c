#include "server/call.h"

#include "common/ascii.h"
#include "common/clock.h"
#include "server/admit.h"
#include "server/apis/api.h"
#include "server/clients.h"
#include "server/refusals.h"
#include "server/reply.h"
#include "server/work.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An ask: held by whoever asked and by its request. */
struct grpc_call {
    atomic_int users, is_cancelled;
    void (*done)(void *owner, const struct grpc_answer *answer);
    void *owner;
};

/* The call of a request, with copies of all that the request may ask for while it is worked on. */
struct call {
    struct grpc_call *held;
    struct sockaddr_in6 peer; /* or a sockaddr_in; sin6_family 0: not known */
    size_t narguments, nheaders;
    const struct grpc_field *arguments, *headers; /* in text */
    char text[];                                  /* the fields, then what they point to */
};

static void release(struct grpc_call *call) {
    if (atomic_fetch_sub(&call->users, 1) == 1) free(call);
}

static void cancel(struct grpc_call *call) {
    atomic_store(&call->is_cancelled, 1);
}

static const char *find(const struct grpc_field *fields, size_t n, const char *name, int last) {
    const char *found = NULL;

    for (size_t i = 0; i < n && (last || !found); i++)
        if (ascii_same(fields[i].name, name)) found = fields[i].value;
    return found;
}

static const char *header(struct request *r, const char *name, int last) {
    return find(r->call->headers, r->call->nheaders, name, last);
}

static const char *argument(struct request *r, const char *name) {
    for (size_t i = 0; i < r->call->narguments; i++)
        if (strcmp(r->call->arguments[i].name, name) == 0) return r->call->arguments[i].value;
    return NULL;
}

static void arguments(struct request *r,
                      int (*see)(void *context, const char *name, const char *value),
                      void *context) {
    const struct call *call = r->call;

    for (size_t i = 0; i < call->narguments; i++)
        if (see(context, call->arguments[i].name, call->arguments[i].value)) return;
}

static const struct sockaddr *peer(struct request *r) {
    return r->call->peer.sin6_family ? (const struct sockaddr *)&r->call->peer : NULL;
}

static int is_gone(struct request *r) {
    return atomic_load(&r->call->held->is_cancelled);
}

static void wait(struct request *r) {
    (void)r;
}

/* The sentence of an error, which dialects write in two ways; points into root. */
static const char *error_message(json_t *root) {
    json_t *error = json_object_get(root, "error");
    const char *message =
        json_string_value(json_is_object(error) ? json_object_get(error, "message") : error);

    return message ? message : "";
}

static void answer(struct request *r) {
    struct grpc_field headers[REPLY_HEADERS + 1] = {{"x-request-id", r->id}};
    struct grpc_answer out = {.status = r->reply.status, .headers = headers, .nheaders = 1};
    struct grpc_call *held = r->call->held;
    json_t *root = NULL;

    for (int i = 0; i < r->reply.nheaders; i++)
        headers[out.nheaders++] =
            (struct grpc_field){r->reply.headers[i].name, r->reply.headers[i].value};
    if (r->reply.code || (out.status >= 400 && !r->reply.body)) {
        root = json_loadb((const char *)r->reply.body, r->reply.size, 0, NULL);
        out.code = r->reply.code ? r->reply.code : "internal";
        out.message = error_message(root);
    } else {
        out.body = r->reply.body;
        out.size = r->reply.size;
    }
    metrics_grpc(r->server->metrics);
    held->done(held->owner, &out);
    json_decref(root);
    free(r->call);
    work_end(r);
    release(held);
}

static const struct transport TRANSPORT_CALL = {.header = header,
                                                .argument = argument,
                                                .arguments = arguments,
                                                .peer = peer,
                                                .is_gone = is_gone,
                                                .wait = wait,
                                                .answer = answer};

static size_t text_bytes(const struct grpc_field *fields, size_t n) {
    size_t bytes = n * sizeof *fields;

    for (size_t i = 0; i < n; i++) bytes += strlen(fields[i].name) + strlen(fields[i].value) + 2;
    return bytes;
}

static const char *keep_text(char **at, const char *text) {
    size_t n = strlen(text) + 1;
    char *to = *at;

    memcpy(to, text, n);
    *at += n;
    return to;
}

static void keep_fields(struct grpc_field *to, const struct grpc_field *fields, size_t n,
                        char **at) {
    for (size_t i = 0; i < n; i++)
        to[i] = (struct grpc_field){keep_text(at, fields[i].name), keep_text(at, fields[i].value)};
}

/* "ipv4:127.0.0.1:4711", "ipv6:%5B::1%5D:4711", and in other versions with brackets as they are. */
static void read_peer(const char *text, struct sockaddr_in6 *out) {
    const char *colon = text ? strchr(text, ':') : NULL, *end;
    char host[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    size_t n;

    memset(out, 0, sizeof *out);
    if (!colon) return;
    colon++;
    if (strncmp(colon, "%5B", 3) == 0) colon += 3;
    if (*colon == '[') colon++;
    end = ascii_starts_with(text, "ipv4:") ? strchr(colon, ':') : strpbrk(colon, "]%");
    n = end ? (size_t)(end - colon) : 0;
    if (n == 0 || n >= sizeof host) return;
    memcpy(host, colon, n);
    host[n] = '\0';
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
        memcpy(out, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, host, &out->sin6_addr) == 1)
        out->sin6_family = AF_INET6;
}

static struct call *new_call(const struct grpc_ask *ask) {
    size_t bytes =
        text_bytes(ask->arguments, ask->narguments) + text_bytes(ask->headers, ask->nheaders);
    struct call *call = calloc(1, sizeof *call + bytes);
    struct grpc_field *fields;
    char *at;

    if (!call) return NULL;
    call->held = calloc(1, sizeof *call->held);
    if (!call->held) {
        free(call);
        return NULL;
    }
    fields = (struct grpc_field *)(void *)call->text;
    at = (char *)(fields + ask->narguments + ask->nheaders);
    keep_fields(fields, ask->arguments, ask->narguments, &at);
    keep_fields(fields + ask->narguments, ask->headers, ask->nheaders, &at);
    call->arguments = fields;
    call->narguments = ask->narguments;
    call->headers = fields + ask->narguments;
    call->nheaders = ask->nheaders;
    read_peer(ask->peer, &call->peer);
    call->held->done = ask->done;
    call->held->owner = ask->owner;
    atomic_store(&call->held->users, 2);
    return call;
}

static struct request *new_request(struct server *s, const struct grpc_ask *ask) {
    struct call *call = new_call(ask);
    struct client *client;
    struct request *r;

    if (!call) return NULL;
    client = clients_of_address(
        s->clients, call->peer.sin6_family ? (const struct sockaddr *)&call->peer : NULL);
    r = request_new(s, &TRANSPORT_CALL, client, "GRPC", ask->rpc);
    if (!r) {
        clients_release(s->clients, client);
        free(call->held);
        free(call);
        return NULL;
    }
    r->call = call;
    request_set_id(r);
    if (ask->seconds >= 0 && r->arrived + ask->seconds < r->deadline)
        r->deadline = r->arrived + ask->seconds;
    return r;
}

/* The body, within what HTTP allows. */
static void take_body(struct request *r, const struct grpc_ask *ask) {
    size_t size = 0;

    for (size_t i = 0; i < ask->pieces; i++) size += ask->body[i].n;
    r->received = size;
    if (size > refusals_body_limit(r)) {
        refuse_size(r);
        return;
    }
    if (size == 0) return;
    if (request_acquire_body(r, size) || !(r->body.at = malloc(size))) {
        refuse_memory(r);
        return;
    }
    r->body.room = size;
    for (size_t i = 0; i < ask->pieces; i++) {
        if (ask->body[i].n) memcpy(r->body.at + r->body.n, ask->body[i].at, ask->body[i].n);
        r->body.n += ask->body[i].n;
    }
}

static int begin(void *context, const struct grpc_ask *ask, struct grpc_call **call) {
    struct request *r = new_request(context, ask);

    if (!r) return -1;
    *call = r->call->held;
    admit(r, ask->method, ask->path);
    if (!r->reply.status && r->route->flags & ROUTE_WORK) take_body(r, ask);
    if (!work_begin(r)) answer(r);
    return 0;
}

struct grpc_host call_host(struct server *s) {
    return (struct grpc_host){.context = s, .begin = begin, .cancel = cancel, .release = release};
}
