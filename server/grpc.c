#include "server/grpc.h"

#include "grpc/loader.h"
#include "server/call.h"
#include "server/listen.h"
#include "server/pem.h"

#include <stdio.h>
#include <unistd.h>

/* Of a message beside its picture or tensors: names, shapes, options. */
enum { MESSAGE_OVERHEAD = 64 << 10 };

/* gRPC does not say why it cannot listen, so that is tried first. */
static int try_to_listen(const struct serve_config *c, char *why, size_t room) {
    struct serve_config own = *c;
    int fd;

    own.port = c->grpc_port;
    fd = listen_open(&own, why, room);
    if (fd < 0) return -1;
    close(fd);
    return 0;
}

int grpc_start(struct server *s, char *why, size_t room) {
    static const char *const services[] = {"kserve", "mien", NULL};
    const struct serve_config *c = s->config;
    struct grpc_host host = call_host(s);
    struct grpc_options options = {.address = c->address,
                                   .port = c->grpc_port,
                                   .services =
                                       c->service.service ? c->service.service->grpc : services,
                                   .max_message = c->max_body + MESSAGE_OVERHEAD,
                                   .memory = s->memory.bodies,
                                   .max_streams = c->queue + c->workers,
                                   .in_flight = c->workers,
                                   .idle = c->idle_timeout};
    struct pem_pair tls = {NULL, NULL};

    if (c->grpc_port < 0) return 0;
    s->grpc = grpc_load(why, room);
    if (!s->grpc || try_to_listen(c, why, room)) return -1;
    if (c->tls_cert && pem_read(c->tls_cert, c->tls_key, &tls, why, room)) return -1;
    options.tls_cert = tls.cert;
    options.tls_key = tls.key;
    s->grpc_server = s->grpc->start(&options, &host, why, room);
    pem_free(&tls);
    return s->grpc_server ? 0 : -1;
}

int grpc_port(const struct server *s) {
    return s->grpc_server ? s->grpc->port(s->grpc_server) : 0;
}

void grpc_set_serving(struct server *s, int serving) {
    if (s->grpc_server) s->grpc->set_serving(s->grpc_server, serving);
}

void grpc_drain(struct server *s, double seconds) {
    if (s->grpc_server) s->grpc->drain(s->grpc_server, seconds);
}

void grpc_stop(struct server *s) {
    if (s->grpc_server) s->grpc->stop(s->grpc_server);
    s->grpc_server = NULL;
}
