/*
 * keys.h - API keys: who may use the server.
 *
 * A file has a key a line, or "name:key", so that a log can say whose request it was, or
 * "name:key:scopes" (scopes.h) for one that may not do everything; a '#' at the start of a line or
 * after a blank begins a comment, blanks at the ends count for nothing. Keys are
 * kept as SHA-256 digests, and only where a dialect has to sign with them as they are, and compared
 * in constant time with all there are, so neither a core dump nor a clock tells them. Its own
 * module because the table is read whole, never changed and replaced whole: a reload reads a second
 * one and swaps them, or keeps the first where the file is wrong.
 */
#ifndef MIEN_SERVER_KEYS_H
#define MIEN_SERVER_KEYS_H

#include "server/why.h"

#include <stddef.h>

enum {
    KEYS_MIN_LENGTH = 16,  /* characters of a key; 16 random letters and digits cannot be guessed */
    KEYS_MAX_LENGTH = 512, /* longer than any token in use */
    KEYS_MAX = 4096        /* keys a file */
};

struct keys;

/* Reads the file at path. Returns 0 with *out (keys_free() it) and in why either "" or a warning:
 * everybody may read or write the file. Returns -1 with *out NULL and in why what is wrong with
 * the file and in which line, for the server's own log: it names the path, never a key.
 * keep_secrets: keys_secret() is going to be asked. */
int keys_load(const char *path, int keep_secrets, struct keys **out, char why[WHY_SIZE]);

/* As keys_load(), of text[0..length); why says what is wrong with which line, without a path. */
int keys_parse(const char *text, size_t length, struct keys **out, char why[WHY_SIZE]);

/* The name of the key that `key` is, "key 3" for the third of the file where it has none; NULL
 * where it is none of them or NULL. Takes the same time whichever it is. The name lives as long as
 * k. Any number of threads may call it at once. */
const char *keys_check(const struct keys *k, const char *key);
/* The scopes of the key with that name, which keys_check() has given. */
const char *keys_scopes(const struct keys *k, const char *name);

/* The key of a name, for dialects whose clients sign with it instead of sending it; NULL where
 * there is none. */
const char *keys_secret(const struct keys *k, const char *name);

size_t keys_count(const struct keys *k);

/* NULL is let through. */
void keys_free(struct keys *k);

#endif
