/*
 * multipart.h - the parts of a multipart/form-data body, as its bytes come in (RFC 2046, 5.1; RFC
 * 7578).
 *
 * The content of a part is handed on as it arrives; only a part's headers, and what may become a
 * boundary, are kept. Clients write forms in many ways and all that have one meaning are taken:
 * names with and without quotes, no blank after ';', folded headers, any legal boundary, lines that
 * end in LF alone where those of the first boundary do, text before the first boundary and after
 * the last. What has no meaning, or two, is an error with a sentence: nothing is left out in
 * silence. Its own module because it is a pure function of untrusted bytes.
 */
#ifndef MIEN_SERVER_MULTIPART_H
#define MIEN_SERVER_MULTIPART_H

#include "server/why.h"

#include <stddef.h>
#include <stdint.h>

enum { MULTIPART_NAME = 64 /* bytes of a part's name, with its NUL */ };

/* Who is told. Each returns 0, or something else to end the reading: multipart_feed() returns it.
 */
struct multipart_sink {
    /* A part begins. is_file: it has a file name, even if an empty one. */
    int (*begin)(void *context, const char *name, int is_file);
    /* n > 0 further bytes of it; cut anywhere. */
    int (*content)(void *context, const uint8_t *bytes, size_t n);
    void *context;
};

struct multipart;

/* 1 where the value of a header Content-Type says that the body is a form in parts. */
int multipart_is_form(const char *content_type);

/* For a body of that Content-Type. Returns 0 with *out; or 400 (it has no boundary, or one nobody
 * may use) or 500 (no memory) with a sentence in why. */
int multipart_new(const char *content_type, const struct multipart_sink *sink,
                  struct multipart **out, char why[WHY_SIZE]);
/* The next bytes of the body. Returns 0; 400 with a sentence in why; or what the sink returned.
 * After anything but 0 there is nothing left to do but multipart_free(). */
int multipart_feed(struct multipart *m, const void *bytes, size_t n, char why[WHY_SIZE]);
/* After the last byte: 0, or 400 with a sentence where the form goes on. */
int multipart_end(const struct multipart *m, char why[WHY_SIZE]);
/* m may be NULL. */
void multipart_free(struct multipart *m);

#endif
