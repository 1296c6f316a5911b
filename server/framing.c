#include "server/framing.h"

#include "common/ascii.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct framing {
    int lengths, encodings, hosts, is_odd;
    /* Where the line before has its end, see is_next_line(); 0: not looked at. */
    uintptr_t end;
    int is_folded;
};

/* libmicrohttpd 0.9.75 takes LF for CR LF, and makes of a folded line (RFC 9112, 5.2) a header of
 * another name: "Transfer-Encoding:" with " chunked" in the next line becomes
 * "Transfer-Encodingchunked". It tells neither, but it parses in place: lines lie behind each other
 * in its buffer, with CR and LF each made a NUL, and a folded one is moved away. From 0.9.77 on it
 * has an option (http.c), and lines may lie otherwise. */
static int lines_lie_in_place(void) {
    const char *version = MHD_get_version();

    return strcmp(version, "0.9.75") == 0 || strcmp(version, "0.9.76") == 0;
}

/* 1 where this line is right behind the CR LF of the one before, and its value right behind its
 * name. */
static int is_next_line(struct framing *f, const char *name, const char *value) {
    uintptr_t start = (uintptr_t)name, colon = start + strlen(name);
    uintptr_t at = value ? (uintptr_t)value : colon + 1;
    int is_next = start == f->end + 2 && at > colon;

    /* The blanks before a value are still there. */
    for (uintptr_t i = colon + 1; is_next && i < at; i++)
        is_next = strchr(" \t", name[i - start]) != NULL && name[i - start];
    f->end = at + (value ? strlen(value) : 0);
    return is_next;
}

int framing_is_length(const char *value) {
    if (!value || !*value || value[strspn(value, "0123456789")]) return 0;
    errno = 0;
    return strtoull(value, NULL, 10) < UINT64_MAX || errno != ERANGE;
}

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name,
                               const char *value) {
    struct framing *f = context;

    (void)kind;
    if (f->end && !is_next_line(f, name, value)) f->is_folded = 1;
    if (name[strcspn(name, " \t")] || !*name) f->is_odd = 1;
    if (value && strpbrk(value, "\r\n")) f->is_odd = 1;
    if (ascii_same(name, "Host")) f->hosts++;
    if (ascii_same(name, "Content-Length")) {
        f->lengths++;
        if (!framing_is_length(value)) f->is_odd = 1;
    }
    if (ascii_same(name, "Transfer-Encoding")) {
        f->encodings++;
        if (!value || !ascii_same(value, "chunked")) f->is_odd = 1;
    }
    return f->is_folded ? MHD_NO : MHD_YES;
}

/* 1 where the headers end in CR LF CR LF right behind the last line, which no line follows that
 * could tell. */
static int ends_at(struct MHD_Connection *http, const char *method, uintptr_t end) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(http, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

    return !info || end + 4 == (uintptr_t)method + info->header_size;
}

const char *framing_fault(struct MHD_Connection *http, const char *method, const char *version) {
    struct framing f = {.is_odd = 0};
    int is_11 = strcmp(version, "HTTP/1.1") == 0;

    if (lines_lie_in_place()) f.end = (uintptr_t)version + strlen(version);
    MHD_get_connection_values(http, MHD_HEADER_KIND, look_at, &f);
    if (f.end && !f.is_folded && !ends_at(http, method, f.end)) f.is_folded = 1;
    if (f.is_folded) return "a line of the headers does not end in CR LF, or goes on in the next";
    if (f.is_odd || f.lengths + f.encodings > 1 || (f.encodings && !is_11))
        return "the headers do not say where the request ends";
    if (f.hosts > 1 || (is_11 && f.hosts == 0)) return "the request must have one header Host";
    return NULL;
}
