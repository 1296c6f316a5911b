/*
 * header_params.h - the value of a header with parameters: type; name=value; name="value"
 * (RFC 9110, 5.6.6; RFC 2045, 5.1).
 *
 * Its own module because Content-Type and Content-Disposition have the same form, and clients the
 * same freedom with it: blanks around everything, values without quotes that should have them.
 */
#ifndef MIEN_SERVER_HEADER_PARAMS_H
#define MIEN_SERVER_HEADER_PARAMS_H

#include <stddef.h>

/* A parameter, as it stands in the header: not ended by NUL. */
struct header_param {
    const char *name, *value;
    size_t name_size, value_size;
    int is_quoted; /* value is what stands between the quotes, with the backslashes */
};

/* The first word of a header: where it is that word, in any case, the place behind it; else NULL.
 */
const char *header_first(const char *text, const char *word);
/* Takes the next parameter from *at, which is behind the first word or another parameter. Returns 1
 * with *out, 0 at the end, -1 where there is something else. */
int header_next_param(const char **at, struct header_param *out);
/* 1 where the parameter has that name, in any case. */
int header_is_param(const struct header_param *p, const char *name);
/* Copies the value without its quotes' backslashes. Returns its length, or -1 where it does not fit
 * room with a NUL. */
int header_copy_value(const struct header_param *p, char *out, size_t room);
/* The same of an extended value, charset'language'text with %XX for bytes (RFC 8187), of which only
 * UTF-8 and US-ASCII are taken. -1 also where it is none, or has a byte 0. */
int header_copy_extended(const struct header_param *p, char *out, size_t room);

#endif
