/*
 * ascii.h - letters and digits of protocols, options and file names.
 *
 * The functions of ctype.h and strings.h follow the locale: in Turkish "FILE" and "file" are two
 * words, and so are Transfer-Encoding and TRANSFER-ENCODING. None of ours may (tools/lint.sh bans
 * them), so these know ASCII only.
 */
#ifndef MIEN_COMMON_ASCII_H
#define MIEN_COMMON_ASCII_H

#include <stddef.h>
#include <string.h>

static inline int ascii_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline char ascii_upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static inline int ascii_is_letter(char c) {
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* Blanks of all kinds, and what ends lines and pages. */
static inline int ascii_is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A printable one that is no blank. */
static inline int ascii_is_visible(char c) {
    return c > ' ' && c <= '~';
}

/* 1 where the first n characters are the same, or both texts end before. */
static inline int ascii_same_n(const char *a, const char *b, size_t n) {
    for (; n > 0; a++, b++, n--) {
        if (ascii_lower(*a) != ascii_lower(*b)) return 0;
        if (*a == '\0') return 1;
    }
    return 1;
}

static inline int ascii_same(const char *a, const char *b) {
    return ascii_same_n(a, b, (size_t)-1);
}

static inline int ascii_starts_with(const char *text, const char *start) {
    return ascii_same_n(text, start, strlen(start));
}

#endif
