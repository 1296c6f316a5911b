/*
 * json_values.h - the JSON values every program of ours writes: text of any bytes, rounded numbers.
 *
 * The tool and the server answer with the same objects, so that an answer of one can be compared
 * with the other's. Numbers are rounded before they are stored, because jansson prints all reals
 * with one precision: 9 significant digits (JSON_VALUES_DUMP), which carries a float through
 * unchanged.
 */
#ifndef MIEN_COMMON_JSON_VALUES_H
#define MIEN_COMMON_JSON_VALUES_H

#include <jansson.h>

/* Flags for json_dump*: any value at the top, 9 digits. */
#define JSON_VALUES_DUMP (JSON_ENCODE_ANY | JSON_REAL_PRECISION(9))

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD. NULL gives null. */
json_t *json_value_text(const char *text);
/* v rounded to that many decimals; null where it is not finite. */
json_t *json_value_number(double v, int decimals);
/* A float with all its digits; null where it is not finite. */
json_t *json_value_float(float v);

/* The value as text, for free(), with *n its length (n may be NULL); NULL where memory ran out,
 * where json_dumps() leaves out keys. flags: as of json_dump*. */
char *json_value_dump(const json_t *value, size_t flags, size_t *n);

/* Setters that take the value over and note a failure: jansson's own fail on NULL, so that a failed
 * allocation anywhere in an object ends up in *failed. */
void json_value_set(json_t *object, const char *key, json_t *value, int *failed);
void json_value_append(json_t *array, json_t *value, int *failed);

#endif
