/*
 * result.h - the JSON object of one picture: the contract other tools rely on (docs/json.md).
 */
#ifndef MIEN_CLI_RESULT_H
#define MIEN_CLI_RESULT_H

#include "pipeline.h"

#include <jansson.h>

/* A new object; NULL where memory ran out. */
json_t *result_json(const struct picture *picture);

#endif
