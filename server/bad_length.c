#include "server/bad_length.h"

#include "server/connections.h"
#include "server/framing.h"
#include "server/metrics.h"
#include "server/server.h"

#include <microhttpd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>

#define BODY                                                                                       \
    "{\"error\":{\"code\":\"bad_request\",\"message\":\"the Content-Length is no number of "       \
    "bytes\",\"details\":null},\"request_id\":\"%016llx\"}"

enum { ID = 16, BODY_SIZE = sizeof BODY - 1 - 7 + ID }; /* 7: %016llx */

static int look_at(void *context, struct MHD_Connection *http, int fd) {
    struct server *s = context;
    const char *name = "Content-Length";
    char answer[512];
    uint64_t id = 0;
    int n;

    /* The headers of a connection that has ended, or has none yet, lie in memory that is gone. */
    if (!MHD_get_connection_info(http, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)) return 0;
    if (!MHD_lookup_connection_value(http, MHD_HEADER_KIND, name)) return 0;
    if (framing_is_length(MHD_lookup_connection_value(http, MHD_HEADER_KIND, name))) return 0;
    metrics_request(s->metrics, -1, 400, 0);
    if (s->config->tls_cert) return 1; /* only libmicrohttpd can write within TLS */
    if (getrandom(&id, sizeof id, 0) != sizeof id) id = (uintptr_t)http;
    n = snprintf(answer, sizeof answer,
                 "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nCache-Control: no-store\r\n"
                 "Content-Type: application/json\r\nContent-Length: %d\r\n"
                 "x-request-id: %016llx\r\n\r\n" BODY,
                 BODY_SIZE, (unsigned long long)id, (unsigned long long)id);
    (void)!send(fd, answer, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return 1;
}

void bad_length_answer(struct server *s) {
    connections_look(s->connections, look_at, s);
}
