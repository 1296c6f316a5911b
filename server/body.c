#include "server/body.h"

#include "server/refusals.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { FORM_BUFFER = 64 * 1024 };

static struct part *new_part(struct request *r, const char *key, const char *filename) {
    struct part *p;

    if (r->nparts == REQUEST_PARTS) return NULL;
    p = &r->parts[r->nparts++];
    snprintf(p->name, sizeof p->name, "%s", key ? key : "");
    p->is_file = filename != NULL;
    return p;
}

static enum MHD_Result add_part(void *context, enum MHD_ValueKind kind, const char *key,
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

void body_begin(struct request *r) {
    const char *type = request_header(r, "Content-Type");

    if (!type || strncasecmp(type, "multipart/form-data", 19) != 0) return;
    r->parts = calloc(REQUEST_PARTS, sizeof *r->parts);
    r->form = MHD_create_post_processor(r->http, FORM_BUFFER, add_part, r);
    if (r->parts && r->form) return;
    reply_error(r, 400, "bad_request", "the Content-Type of the form has no boundary");
}

enum MHD_Result body_take(struct request *r, const char *data, size_t *size) {
    size_t n = *size;

    *size = 0;
    r->received += n;
    if (r->reply.status) return r->received > BODY_DRAIN ? MHD_NO : MHD_YES;
    if (r->received > refusals_body_limit(r)) r->is_too_large = 1;
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

void body_end(struct request *r) {
    if (r->form) {
        if (MHD_destroy_post_processor(r->form) != MHD_YES) r->is_broken_form = 1;
        r->form = NULL;
    }
    if (!r->reply.status && r->is_broken_form)
        reply_error(r, 400, "bad_request", "the form is broken, or has more than %d parts",
                    REQUEST_PARTS);
}
