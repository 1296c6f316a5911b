/*
 * measured.h - how often a network's answers are right, as its blob says it was measured: of all
 * people, and of each group of them.
 */
#ifndef MIEN_CLI_MEASURED_H
#define MIEN_CLI_MEASURED_H

#include "mien.h"

#include <jansson.h>

/* Prints a table an attribute that has figures, a line a group, worst first. Returns -1
 * where memory ran out. */
int measured_print(const mien_blob *blob);
/* The same as an object, attribute by attribute, as the blob has it; NULL without memory. */
json_t *measured_json(const mien_blob *blob);

#endif
