#include "server/uploads.h"

#include "common/ascii.h"
#include "common/clock.h"
#include "server/fetcher.h"
#include "server/refusals.h"
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

/* The URLs of a request's pictures while others are worked on. */
struct uploads_fetch {
    struct fetch_job job;
    struct request *request;
    void (*done)(struct request *r);
    struct uploads in; /* all its pictures */
    double began;
    int is_done;
    struct fetch_one list[];
};

static int is_url(const struct body_picture *p) {
    return !p->status && p->kind == PICTURE_URL;
}

static int fetch_room(void *request, size_t n) {
    return request_acquire_body(request, n);
}

static int count_urls(const struct json_body *b) {
    int n = 0;

    for (int i = 0; i < b->count; i++) n += is_url(&b->pictures[i]);
    return n;
}

static void refuse_urls(const struct json_body *b, struct upload *at) {
    for (int i = 0; i < b->count; i++)
        if (is_url(&b->pictures[i]))
            at[i].status = why_set(at[i].why, 400, "this server does not fetch pictures by URL");
}

/* Keeps what was read for when the n URLs in it are fetched; *in is empty then. Returns 0, or -1
 * where memory ran out. */
static int keep_for_fetch(struct request *r, struct uploads *in, int n) {
    const struct serve_config *c = r->server->config;
    struct uploads_fetch *f = calloc(1, sizeof *f + (size_t)n * sizeof f->list[0]);
    const struct body_picture *pictures = in->json.pictures;

    if (!f) return -1;
    f->request = r;
    f->in = *in;
    f->job = (struct fetch_job){.limits = {.max_bytes = c->max_bytes,
                                           .connect_ms = (long)(1e3 * c->url_timeout),
                                           .total_ms = (long)(1e3 * c->url_timeout),
                                           .max_redirects = URL_REDIRECTS,
                                           .allow_private = c->allow_private_urls,
                                           .room = fetch_room,
                                           .room_arg = r,
                                           .cancelled = request_is_over,
                                           .cancelled_arg = r},
                                .list = f->list,
                                .n = n,
                                .client = r->client};
    for (int i = 0, k = 0; i < in->json.count; i++)
        if (is_url(&pictures[i])) f->list[k++].url = pictures[i].url;
    memset(in, 0, sizeof *in);
    r->fetch = f;
    return 0;
}

/* What became of the URLs. */
static void take_fetched(struct request *r, struct uploads *in) {
    struct uploads_fetch *f = r->fetch;

    *in = f->in;
    memset(&f->in, 0, sizeof f->in);
    for (int i = 0, k = 0; i < in->json.count; i++) {
        struct upload *at = &in->at[i];
        struct fetch_one *one = &f->list[k];
        if (!is_url(&in->json.pictures[i])) continue;
        k++;
        at->status = one->status;
        memcpy(at->why, one->why, sizeof one->why);
        at->bytes = at->fetched = one->result.bytes;
        at->size = one->result.size;
        memset(&one->result, 0, sizeof one->result);
    }
    uploads_forget(r);
}

static int read_json(struct request *r, const struct uploads_want *want, struct uploads *in) {
    struct json_body_limits limits = {.max_bytes = r->server->config->max_bytes,
                                      .max_pictures = want->max,
                                      .strings = want->strings,
                                      .keep_bad = want->keep_bad,
                                      .keys = want->keys};
    char why[WHY_SIZE];
    int urls, status;

    /* Its strings, and the bytes they stand for. */
    if (request_acquire_body(r, 2 * r->body.n)) {
        refuse_memory(r);
        return -1;
    }
    status = json_body_read((const char *)r->body.at, r->body.n, &limits, &in->json, why);
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
    urls = count_urls(&in->json);
    if (urls > 0 && !r->server->config->allow_urls) refuse_urls(&in->json, in->at);
    if (urls == 0 || !r->server->config->allow_urls) return 0;
    if (keep_for_fetch(r, in, urls) == 0) return -1;
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
        if (one->status == 503) reply_header(r, "Retry-After", "1");
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
    int status = 0;

    memset(in, 0, sizeof *in);
    if (r->fetch)
        take_fetched(r, in);
    else
        status = r->parts ? read_form(r, want, in) : read_body(r, want, in);
    if (status == 0) status = check(r, want, in);
    if (status == 0) return 0;
    uploads_free(in);
    return -1;
}

int uploads_are_due(const struct request *r) {
    return r->fetch && !r->fetch->is_done;
}

/* Of several, some may be slow: the rest of the time is for those that came. */
static double fetch_time(const struct request *r, double now, int n) {
    return (r->deadline - now) * (n > 1 ? LIST_SHARE : 1);
}

static void on_fetched(struct fetch_job *job) {
    struct uploads_fetch *f = (struct uploads_fetch *)job; /* its first member */
    struct request *r = f->request;

    f->is_done = 1;
    request_spent(r, STAGE_FETCH, clock_seconds() - f->began);
    f->done(r);
}

void uploads_fetch(struct request *r, void (*done)(struct request *r)) {
    struct uploads_fetch *f = r->fetch;

    f->began = clock_seconds();
    f->done = done;
    f->job.done = on_fetched;
    f->job.remaining_ms = (long)(1e3 * fetch_time(r, f->began, f->job.n));
    fetcher_submit(r->server->fetcher, &f->job);
}

void uploads_forget(struct request *r) {
    struct uploads_fetch *f = r->fetch;

    if (!f) return;
    uploads_free(&f->in);
    for (int i = 0; i < f->job.n; i++) free(f->list[i].result.bytes);
    free(f);
    r->fetch = NULL;
}

void uploads_free(struct uploads *in) {
    for (int i = 0; i < in->n; i++) free(in->at[i].fetched);
    free(in->at);
    json_body_free(&in->json);
    memset(in, 0, sizeof *in);
}
