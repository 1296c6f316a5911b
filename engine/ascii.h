/*
 * ascii.h - letters and digits of file names and of what is printed in ASCII, whatever the locale:
 * ctype.h and strings.h follow it, and in Turkish ".GIF" and ".gif" differ (tools/lint.sh bans
 * them). common/ascii.h is the programs' own: they see nothing of the library but mien.h.
 */
#ifndef MIEN_ENGINE_ASCII_H
#define MIEN_ENGINE_ASCII_H

static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline int ascii_is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

/* 1 where they differ in the case of letters at most. */
static inline int ascii_same(const char *a, const char *b) {
    for (; ascii_lower(*a) == ascii_lower(*b); a++, b++)
        if (*a == '\0') return 1;
    return 0;
}

#endif
