/*
 * json_read.h - JSON of strangers.
 *
 * jansson bounds how deep a text may nest, but not what it takes to hold it: of "[],[],..." 136
 * bytes a value, of "{},{},..." 232 (jansson 2.14, measured). So values are counted in the text
 * before it is parsed. Its own module because every endpoint that reads JSON needs the same bounds
 * and the same sentences, none of which repeat the client's text.
 */
#ifndef MIEN_SERVE_JSON_READ_H
#define MIEN_SERVE_JSON_READ_H

#include "serve/why.h"

#include <jansson.h>
#include <stddef.h>

enum { JSON_MAX_OBJECTS = 1000 }; /* far more than a request's pictures or tensors */

/* Parses text[0..length), an object or a list of at most max_values values in all (numbers,
 * strings, lists, objects and their members). Returns 0 with *out (json_decref() it); or 400 (no
 * JSON, a key twice, a number no double holds), 413 (more values or objects) or 500 (no memory)
 * with a sentence in why and *out NULL. */
int json_read(const char *text, size_t length, size_t max_values, json_t **out, char why[WHY_SIZE]);

#endif
