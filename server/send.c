#include "server/send.h"

#include "server/assets.h"
#include "server/cors.h"
#include "server/server.h"

#include <stdio.h>
#include <string.h>

static void add_header(struct MHD_Response *response, const char *name, const char *value) {
    MHD_add_response_header(response, name, value);
}

/* Server-Timing of the stages a request went through (www.w3.org/TR/server-timing). */
static void add_timing(struct MHD_Response *response, const struct request *r) {
    char text[512];
    size_t n = 0;

    for (int i = 0; i < stages_count() && n < sizeof text; i++) {
        double seconds = r->seconds[stages_at(i)];
        if (seconds > 0)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s;dur=%.3f", n ? ", " : "",
                                  stage_name(stages_at(i)), 1e3 * seconds);
    }
    if (n > 0 && n < sizeof text) add_header(response, "Server-Timing", text);
}

static void add_asset_headers(struct MHD_Response *response, const struct reply *p) {
    add_header(response, "ETag", p->asset->etag);
    add_header(response, "Cache-Control", "no-cache");
    add_header(response, "Content-Security-Policy", ASSET_POLICY);
    add_header(response, "Referrer-Policy", "no-referrer");
    if (p->is_gzip) add_header(response, "Content-Encoding", "gzip");
}

/* What else than the URL the answer depends on. */
static void add_vary(struct MHD_Response *response, const struct request *r) {
    int of_encoding = r->reply.asset && r->reply.asset->gzip_bytes;
    int of_origin = cors_depends_on_origin(r->server->config);

    if (of_encoding || of_origin)
        add_header(response, "Vary",
                   !of_origin    ? "Accept-Encoding"
                   : of_encoding ? "Accept-Encoding, Origin"
                                 : "Origin");
}

static void add_headers(struct MHD_Response *response, struct request *r) {
    const struct reply *p = &r->reply;

    add_header(response, "x-request-id", r->id);
    add_header(response, "X-Content-Type-Options", "nosniff");
    if (p->type) add_header(response, "Content-Type", p->type);
    if (p->close) add_header(response, "Connection", "close");
    if (p->status == 401) add_header(response, "WWW-Authenticate", "Bearer");
    if (p->asset)
        add_asset_headers(response, p);
    else
        add_header(response, "Cache-Control", "no-store");
    for (int i = 0; i < p->nheaders; i++)
        add_header(response, p->headers[i].name, p->headers[i].value);
    add_vary(response, r);
    cors_headers(response, r);
    add_timing(response, r);
}

enum MHD_Result send_reply(struct request *r) {
    static uint8_t nothing;
    struct reply *p = &r->reply;
    const struct asset *asset = p->asset;
    const char *have = asset ? request_header(r, "If-None-Match") : NULL;
    const char *encodings = asset ? request_header(r, "Accept-Encoding") : NULL;
    struct MHD_Response *response;
    enum MHD_Result result;

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
