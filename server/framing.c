#include "server/framing.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

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

int framing_is_ambiguous(struct MHD_Connection *http, const char *version) {
    struct framing f = {0, 0, 0};

    MHD_get_connection_values(http, MHD_HEADER_KIND, look_at_framing, &f);
    return f.is_odd || f.lengths + f.encodings > 1 ||
           (f.encodings && strcmp(version, "HTTP/1.1") != 0);
}
