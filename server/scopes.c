#include "server/scopes.h"

#include <string.h>

/* The words: what may be done, and where it ends. */
static const char *const WORDS[] = {"read", "write"};

/* How long the next word is, with its collection. */
static size_t word_length(const char *text, size_t n) {
    const char *comma = memchr(text, ',', n);

    return comma ? (size_t)(comma - text) : n;
}

/* 1 where text[0..n) is a word: WORDS[writes], and then nothing or a collection. */
static int is_word(const char *text, size_t n, int writes) {
    size_t word = strlen(WORDS[writes]);

    return n >= word && memcmp(text, WORDS[writes], word) == 0 &&
           (n == word || (text[word] == '@' && n > word + 1));
}

int scopes_are(const char *text, size_t n) {
    if (n == 0 || n >= SCOPES_SIZE) return 0;
    for (;;) {
        size_t length = word_length(text, n);
        if (!is_word(text, length, 0) && !is_word(text, length, 1)) return 0;
        if (length == n) return 1;
        text += length + 1;
        n -= length + 1;
    }
}

int scopes_allow(const char *scopes, int writes, const char *collection) {
    size_t n = strlen(scopes), name = strlen(collection), word = strlen(WORDS[writes]);

    if (n == 0) return 1;
    for (;;) {
        size_t length = word_length(scopes, n);
        if (is_word(scopes, length, writes) &&
            (length == word ||
             (length == word + 1 + name && memcmp(scopes + word + 1, collection, name) == 0)))
            return 1;
        if (length == n) return 0;
        scopes += length + 1;
        n -= length + 1;
    }
}

const char *scopes_collection(const char *scopes, char out[SCOPES_SIZE]) {
    static const char any[] = "default";
    size_t n = strlen(scopes);

    out[0] = '\0';
    while (n > 0) {
        size_t length = word_length(scopes, n);
        const char *at = memchr(scopes, '@', length);
        size_t name = at ? length - (size_t)(at + 1 - scopes) : 0;
        if (!at || name >= SCOPES_SIZE ||
            (out[0] && (strlen(out) != name || memcmp(out, at + 1, name) != 0)))
            break;
        memcpy(out, at + 1, name);
        out[name] = '\0';
        scopes += length == n ? length : length + 1;
        n -= length == n ? length : length + 1;
    }
    if (n > 0 || !out[0]) memcpy(out, any, sizeof any);
    return out;
}
