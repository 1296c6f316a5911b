#include "server/uploads.h"

#include "common/ascii.h"
#include "common/clock.h"
#include "server/fetch.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

enum { URL_REDIRECTS = 3 };

#define LIST_SHARE 0.75 /* of a request's time, for fetching several URLs */

const char *const UPLOAD_FIELDS[] = {"file", "files", "image", "images", "a", "b", NULL};

const char *upload_error(int status) {
    switch (status) {
    case 413: return "too_large";
    case 500: return "internal";
    case 503: return "not_ready";
    case 504: return "deadline";
    default: return "bad_request";
    }
}

static int is_type(const char *type, const char *wanted) {
    size_t n = strlen(wanted);

    return ascii_starts_with(type, wanted) &&
           (wanted[n - 1] == '/' || !type[n] || strchr("; \t", type[n]) != NULL);
}

static int add_upload(struct uploads *in, const uint8_t *bytes, size_t size) {
    in->at[in->n].bytes = bytes;
    in->at[in->n++].size = size;
    return 0;
}

static int make_room(struct request *r, struct uploads *in, int n) {
    in->at = calloc((size_t)n + 1, sizeof *in->at);
    if (in->at) return 0;
    reply_error(r, 500, "internal", "the server is out of memory");
    return -1;
}

/* A part with a file name, or of a name pictures have: forms made by hand leave the file name out.
 */
static int is_picture(const struct part *p, const char *const *fields) {
    if (p->is_file) return 1;
    for (; *fields; fields++)
        if (strcmp(p->name, *fields) == 0) return 1;
    return 0;
}

static int read_form(struct request *r, const struct uploads_want *want, struct uploads *in) {
    const char *const *fields = want->fields ? want->fields : UPLOAD_FIELDS;

    if (make_room(r, in, r->nparts)) return -1;
    for (int i = 0; i < r->nparts; i++) {
        struct part *p = &r->parts[i];
        p->is_picture = is_picture(p, fields);
        if (p->is_picture) add_upload(in, p->data.at, p->data.n);
    }
    in->is_list = in->n > 1;
    return 0;
}

/* Of several, some may be slow: the rest of the time is for those that came. */
static double fetch_time(const struct request *r, double now, int n) {
    return (r->deadline - now) * (n > 1 ? LIST_SHARE : 1);
}

static int is_url(const struct body_picture *p) {
    return !p->status && p->kind == PICTURE_URL;
}

static void fetch_all(struct request *r, struct fetch_one *list, int n) {
    const struct serve_config *c = r->server->config;
    double start = clock_seconds();
    struct fetch_limits limits = {.max_bytes = c->max_bytes,
                                  .connect_ms = (long)(1e3 * c->url_timeout),
                                  .total_ms = (long)(1e3 * c->url_timeout),
                                  .max_redirects = URL_REDIRECTS,
                                  .allow_private = c->allow_private_urls,
                                  .remaining_ms = (long)(1e3 * fetch_time(r, start, n)),
                                  .cancelled = request_is_over,
                                  .cancelled_arg = r};

    if (c->allow_urls) {
        fetch_urls(&limits, list, n);
        request_spent(r, STAGE_FETCH, clock_seconds() - start);
        return;
    }
    for (int i = 0; i < n; i++)
        list[i].status = why_set(list[i].why, 400, "this server does not fetch pictures by URL");
}

/* Those of the body's pictures that are URLs. Returns 0, or -1 where memory ran out. */
static int fetch_pictures(struct request *r, const struct json_body *b, struct upload *at) {
    struct fetch_one *list;
    int n = 0;

    for (int i = 0; i < b->count; i++) n += is_url(&b->pictures[i]);
    if (n == 0) return 0;
    list = calloc((size_t)n, sizeof *list);
    if (!list) return -1;
    for (int i = 0, k = 0; i < b->count; i++)
        if (is_url(&b->pictures[i])) list[k++].url = b->pictures[i].url;
    fetch_all(r, list, n);
    for (int i = 0, k = 0; i < b->count; i++) {
        const struct fetch_one *one = &list[k];
        if (!is_url(&b->pictures[i])) continue;
        k++;
        at[i].status = one->status;
        memcpy(at[i].why, one->why, sizeof one->why);
        at[i].bytes = at[i].fetched = one->result.bytes;
        at[i].size = one->result.size;
    }
    free(list);
    return 0;
}

static int read_json(struct request *r, const struct uploads_want *want, struct uploads *in) {
    struct json_body_limits limits = {.max_bytes = r->server->config->max_bytes,
                                      .max_pictures = want->max,
                                      .strings = want->strings,
                                      .keep_bad = want->keep_bad,
                                      .keys = want->keys};
    char why[WHY_SIZE];
    int status = json_body_read((const char *)r->body.at, r->body.n, &limits, &in->json, why);

    if (status) {
        reply_error(r, status, upload_error(status), "%s", why);
        return -1;
    }
    if (make_room(r, in, in->json.count)) return -1;
    r->json = json_incref(in->json.options);
    in->is_list = in->json.list;
    for (int i = 0; i < in->json.count; i++) {
        struct body_picture *b = &in->json.pictures[i];
        struct upload *one = &in->at[i];
        add_upload(in, b->bytes, b->size);
        one->status = b->status;
        memcpy(one->why, b->why, sizeof one->why);
    }
    if (fetch_pictures(r, &in->json, in->at) == 0) return 0;
    reply_error(r, 500, "internal", "the server is out of memory");
    return -1;
}

/* Text where the bytes of a picture belong, as clients send it that leave the Content-Type to
 * curl: what it is. */
static const char *text_in(const struct bytes *body) {
    static const char fields[] = "abcdefghijklmnopqrstuvwxyz_";
    size_t i = body->n >= 3 && memcmp(body->at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (i < body->n && ascii_is_blank((char)body->at[i])) i++;
    if (i == body->n) return NULL;
    if (body->at[i] == '{' || body->at[i] == '[')
        return "the body is JSON and its Content-Type something else: send Content-Type: "
               "application/json";
    while (i < body->n && memchr(fields, body->at[i], sizeof fields - 1)) i++;
    if (i > 0 && i < body->n && body->at[i] == '=')
        return "the body is a url-encoded form, which cannot hold pictures: send "
               "multipart/form-data or application/json";
    return NULL;
}

static int read_body(struct request *r, const struct uploads_want *want, struct uploads *in) {
    const char *type = request_header(r, "Content-Type"), *text;

    /* curl --data-binary calls everything a form. */
    if (!type) type = "application/octet-stream";
    if (is_type(type, "application/json")) return read_json(r, want, in);
    if (!is_type(type, "image/") && !is_type(type, "application/octet-stream") &&
        !is_type(type, "application/x-www-form-urlencoded")) {
        reply_error(r, 415, "unsupported_media_type",
                    "send multipart/form-data, application/json, image/* or "
                    "application/octet-stream");
        return -1;
    }
    text = text_in(&r->body);
    if (text) {
        reply_error(r, 415, "unsupported_media_type", "%s", text);
        return -1;
    }
    if (make_room(r, in, 1)) return -1;
    return r->body.n ? add_upload(in, r->body.at, r->body.n) : 0;
}

static int check(struct request *r, const struct uploads_want *want, const struct uploads *in) {
    if (in->n < want->min) {
        if (want->min == 1)
            reply_error(r, 400, "bad_request", "the request has no picture");
        else
            reply_error(r, 400, "bad_request", "the request has %d picture%s, it takes %d", in->n,
                        in->n == 1 ? "" : "s", want->min);
        return -1;
    }
    if (in->n > want->max) {
        reply_error(r, 413, "too_large", "the request has %d pictures, at most %d are taken", in->n,
                    want->max);
        return -1;
    }
    for (int i = 0; i < in->n && !want->keep_bad; i++) {
        const struct upload *one = &in->at[i];
        if (!one->status) continue;
        reply_error(r, one->status, upload_error(one->status), "%s", one->why);
        return -1;
    }
    for (int i = 0; i < in->n; i++) {
        if (in->at[i].size <= r->server->config->max_bytes) continue;
        reply_error(r, 413, "too_large", "a picture of %zu bytes is over the limit of %zu bytes",
                    in->at[i].size, r->server->config->max_bytes);
        return -1;
    }
    return 0;
}

int uploads_read(struct request *r, const struct uploads_want *want, struct uploads *in) {
    int status;

    memset(in, 0, sizeof *in);
    status = r->parts ? read_form(r, want, in) : read_body(r, want, in);
    if (status == 0) status = check(r, want, in);
    if (status == 0) return 0;
    uploads_free(in);
    return -1;
}

void uploads_free(struct uploads *in) {
    for (int i = 0; i < in->n; i++) free(in->at[i].fetched);
    free(in->at);
    json_body_free(&in->json);
    memset(in, 0, sizeof *in);
}
