#include "server/header_params.h"

#include "common/ascii.h"

#include <string.h>

static const char *skip_blanks(const char *at) {
    return at + strspn(at, " \t");
}

const char *header_first(const char *text, const char *word) {
    size_t n = strlen(word);

    text = skip_blanks(text);
    if (!ascii_same_n(text, word, n)) return NULL;
    text = skip_blanks(text + n);
    return *text == '\0' || *text == ';' ? text : NULL;
}

/* The quote that ends a value which begins at `at`, or NULL. Only \" and \\ are escapes: browsers
 * of Windows write paths as they are. */
static const char *closing_quote(const char *at) {
    for (; *at; at++) {
        if (*at == '"') return at;
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\')) at++;
    }
    return NULL;
}

static const char *read_quoted(const char *at, struct header_param *out) {
    const char *quote = closing_quote(at);

    if (!quote) return NULL;
    out->is_quoted = 1;
    out->value = at;
    out->value_size = (size_t)(quote - at);
    return skip_blanks(quote + 1);
}

/* Up to the next ';', without the blanks before it: such values may have blanks inside. */
static const char *read_bare(const char *at, struct header_param *out) {
    size_t n = strcspn(at, ";");
    const char *end = at + n;

    while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t')) n--;
    out->is_quoted = 0;
    out->value = at;
    out->value_size = n;
    return memchr(at, '"', n) ? NULL : end;
}

int header_next_param(const char **at, struct header_param *out) {
    const char *p = *at;

    while (*p == ';') p = skip_blanks(p + 1); /* one that nothing follows, too */
    if (!*p) return 0;
    if (p == *at) return -1;
    out->name = p;
    out->name_size = strcspn(p, "=; \t\"");
    p = skip_blanks(p + out->name_size);
    if (out->name_size == 0 || *p != '=') return -1;
    p = skip_blanks(p + 1);
    p = *p == '"' ? read_quoted(p + 1, out) : read_bare(p, out);
    if (!p || (*p && *p != ';')) return -1;
    *at = p;
    return 1;
}

int header_is_param(const struct header_param *p, const char *name) {
    return strlen(name) == p->name_size && ascii_same_n(p->name, name, p->name_size);
}

int header_copy_value(const struct header_param *p, char *out, size_t room) {
    size_t n = 0;

    for (size_t i = 0; i < p->value_size; i++) {
        char c = p->value[i];
        if (p->is_quoted && c == '\\' && i + 1 < p->value_size &&
            (p->value[i + 1] == '"' || p->value[i + 1] == '\\'))
            c = p->value[++i];
        if (n + 1 >= room) return -1;
        out[n++] = c;
    }
    out[n] = '\0';
    return (int)n;
}

static int hex_digit(char c) {
    if (ascii_is_digit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind charset and language; NULL where they are not those we take. */
static const char *extended_text(const struct header_param *p) {
    const char *end = p->value + p->value_size;
    const char *charset = memchr(p->value, '\'', p->value_size);
    const char *language = charset ? memchr(charset + 1, '\'', (size_t)(end - charset - 1)) : NULL;
    size_t n = language ? (size_t)(charset - p->value) : 0;

    if ((n == 5 && ascii_same_n(p->value, "utf-8", n)) ||
        (n == 8 && ascii_same_n(p->value, "us-ascii", n)))
        return language + 1;
    return NULL;
}

int header_copy_extended(const struct header_param *p, char *out, size_t room) {
    const char *at = extended_text(p), *end = p->value + p->value_size;
    size_t n = 0;

    if (!at) return -1;
    for (; at < end; at++) {
        char c = *at;
        if (c == '%') {
            int high = end - at > 2 ? hex_digit(at[1]) : -1,
                low = high >= 0 ? hex_digit(at[2]) : -1;
            if (low < 0 || (high == 0 && low == 0)) return -1;
            c = (char)(16 * high + low);
            at += 2;
        }
        if (n + 1 >= room) return -1;
        out[n++] = c;
    }
    out[n] = '\0';
    return (int)n;
}
