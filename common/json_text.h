/*
 * json_text.h - JSON read so that a failed allocation is not taken for a fault of the text
 * (base/json_memory.h).
 */
#ifndef MIEN_COMMON_JSON_TEXT_H
#define MIEN_COMMON_JSON_TEXT_H

#include <jansson.h>
#include <stddef.h>

/* As json_loadb(): 0 with *out (json_decref() it), which is NULL where text is no JSON, why says
 * where; -1 with *out NULL where memory ran out. */
int json_text_read(const char *text, size_t n, size_t flags, json_t **out, json_error_t *why);

#endif
