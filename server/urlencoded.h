/*
 * urlencoded.h - the fields of an application/x-www-form-urlencoded body, as HTML forms and many
 * clients send what has no files (url.spec.whatwg.org, 5.1).
 */
#ifndef MIEN_SERVER_URLENCODED_H
#define MIEN_SERVER_URLENCODED_H

#include "server/why.h"

#include <jansson.h>
#include <stddef.h>

/* 1 where the value of a header Content-Type says so; NULL is let through. */
int urlencoded_is(const char *content_type);
/* Reads text[0..n): *out is an object of strings, the first of each name, for json_decref(). Bytes
 * that are no UTF-8 become U+FFFD. Returns 0; or 400 or 500 with a sentence and *out NULL. */
int urlencoded_read(const char *text, size_t n, json_t **out, char why[WHY_SIZE]);

#endif
