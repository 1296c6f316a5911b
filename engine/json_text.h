/*
 * json_text.h - JSON in blobs, read and written so that a failed allocation is not taken for a
 * fault of the text (base/json_memory.h).
 */
#ifndef MIEN_ENGINE_JSON_TEXT_H
#define MIEN_ENGINE_JSON_TEXT_H

#include <jansson.h>

/* As json_loadb(); errno is ENOMEM where memory ran out, and else what it was. */
json_t *json_bytes(const void *bytes, size_t n, size_t flags, json_error_t *why);
/* The value as text, for free(), with *n its length; NULL where memory ran out, where json_dumps()
 * leaves out keys. */
char *json_written(const json_t *value, size_t flags, size_t *n);
/* As json_bytes() of a string, without flags. */
json_t *json_text(const char *text, json_error_t *why);

#endif
