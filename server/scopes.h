/*
 * scopes.h - what an API key may do with galleries: words with commas, "read" or "write", of one
 * collection where "@NAME" follows. Without any it may do everything.
 */
#ifndef MIEN_SERVER_SCOPES_H
#define MIEN_SERVER_SCOPES_H

#include <stddef.h>

enum { SCOPES_SIZE = 256 };

/* 1 where text[0..n) is a list of such words that fits. */
int scopes_are(const char *text, size_t n);
/* 1 where they allow to read, or to write, in a collection. */
int scopes_allow(const char *scopes, int writes, const char *collection);
/* The collection that all the words are of, cut; "default" where they are of several or of any. For
 * dialects without collections, whose keys have one each. Returns out. */
const char *scopes_collection(const char *scopes, char out[SCOPES_SIZE]);

#endif
