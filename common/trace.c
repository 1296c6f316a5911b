#include "common/trace.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* n digits of small hexadecimal numbers, then `end`. */
static int is_hex(const char *text, int n, char end) {
    for (int i = 0; i < n; i++)
        if (!strchr("0123456789abcdef", text[i]) || !text[i]) return 0;
    return text[n] == end;
}

static int is_zero(const char *text) {
    return text[strspn(text, "0")] == '\0';
}

int trace_read(const char *header, struct trace *out) {
    memset(out, 0, sizeof *out);
    /* version "ff" is none; a later version may go on behind the flags */
    if (!header || !is_hex(header, 2, '-') || strncmp(header, "ff", 2) == 0) return 0;
    if (!is_hex(header + 3, 32, '-') || !is_hex(header + 36, 16, '-')) return 0;
    if (!is_hex(header + 53, 2, '\0') &&
        (strncmp(header, "00", 2) == 0 || !is_hex(header + 53, 2, '-')))
        return 0;
    memcpy(out->id, header + 3, TRACE_ID - 1);
    memcpy(out->span, header + 36, TRACE_SPAN - 1);
    memcpy(out->flags, header + 53, 2);
    if (!is_zero(out->id) && !is_zero(out->span)) return 1;
    memset(out, 0, sizeof *out);
    return 0;
}

/* n bytes' digits, not all of them 0. */
static void random_hex(char *out, int n) {
    uint8_t bytes[16];

    if (getrandom(bytes, (size_t)n, 0) != n) memset(bytes, 0, sizeof bytes);
    bytes[n - 1] |= 1;
    for (int i = 0; i < n; i++) snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

void trace_begin(struct trace *out) {
    random_hex(out->id, 16);
    random_hex(out->span, 8);
    memcpy(out->flags, "01", sizeof out->flags);
}

const char *trace_header(const struct trace *trace, char out[TRACE_PARENT]) {
    char span[TRACE_SPAN];

    random_hex(span, 8);
    snprintf(out, TRACE_PARENT, "00-%.32s-%.16s-%.2s", trace->id, span, trace->flags);
    return out;
}
