#include "server/body.h"

#include "server/refusals.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>

static int begin_part(void *context, const char *name, int is_file) {
    struct request *r = context;
    struct part *p;

    if (r->nparts == REQUEST_PARTS) {
        reply_error(r, 400, "bad_request", "the form has more than %d parts", REQUEST_PARTS);
        return -1;
    }
    p = &r->parts[r->nparts++];
    snprintf(p->name, sizeof p->name, "%s", name);
    p->is_file = is_file;
    return 0;
}

static int add_content(void *context, const uint8_t *bytes, size_t n) {
    struct request *r = context;
    struct part *p = &r->parts[r->nparts - 1];

    if (n > r->server->config->max_bytes - p->data.n)
        refuse_size(r);
    else if (request_grow(r, &p->data, bytes, n))
        refuse_memory(r);
    else
        return 0;
    return -1;
}

void body_begin(struct request *r) {
    const struct multipart_sink sink = {begin_part, add_content, r};
    const char *type = request_header(r, "Content-Type");
    char why[WHY_SIZE] = "out of memory";
    int status = 500;

    if (!type || !multipart_is_form(type)) return;
    r->parts = calloc(REQUEST_PARTS, sizeof *r->parts);
    if (r->parts) status = multipart_new(type, &sink, &r->form, why);
    if (status) reply_error(r, status, status == 400 ? "bad_request" : "internal", "%s", why);
}

static void take_form(struct request *r, const char *data, size_t n) {
    char why[WHY_SIZE];
    int status = multipart_feed(r->form, data, n, why);

    /* Where one of the two above ended it, it has replied. */
    if (status > 0) reply_error(r, status, "bad_request", "%s", why);
}

enum MHD_Result body_take(struct request *r, const char *data, size_t *size) {
    size_t n = *size;

    *size = 0;
    r->received += n;
    if (r->reply.status) return r->received > BODY_DRAIN ? MHD_NO : MHD_YES;
    if (r->received > refusals_body_limit(r))
        refuse_size(r);
    else if (r->form)
        take_form(r, data, n);
    else if (request_grow(r, &r->body, data, n))
        refuse_memory(r);
    return MHD_YES;
}

void body_end(struct request *r) {
    char why[WHY_SIZE];

    if (!r->reply.status && r->form && multipart_end(r->form, why))
        reply_error(r, 400, "bad_request", "%s", why);
}
