/*
 * json_read.h - JSON of strangers.
 *
 * jansson bounds how deep a text may nest, but not what it takes to hold it: "{},{},..." needs 80
 * times the memory of its text. So what it will need is added up before anything is parsed. Its own
 * module because every endpoint that reads JSON needs the same bound and the same sentences, none
 * of which repeat the client's text.
 */
#ifndef MIEN_SERVER_JSON_READ_H
#define MIEN_SERVER_JSON_READ_H

#include "server/why.h"

#include <jansson.h>
#include <stddef.h>

/* Parses text[0..length), an object or a list; a byte order mark before it is skipped, as editors
 * of Windows write it. max_memory: bytes that all its values may take; the characters of strings do
 * not count, they are bounded by the text. Returns 0 with *out (json_decref() it); or 400 (no JSON,
 * a key twice, a number no double holds), 413 (too many values) or 500 (no memory) with a sentence
 * in why and *out NULL. */
int json_read(const char *text, size_t length, size_t max_memory, json_t **out, char why[WHY_SIZE]);

#endif
