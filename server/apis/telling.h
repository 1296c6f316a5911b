/*
 * telling.h - what several dialects tell of faces: attributes of their own that a network of this
 * server knows, and boxes in whole pixels.
 */
#ifndef MIEN_SERVER_APIS_TELLING_H
#define MIEN_SERVER_APIS_TELLING_H

#include "analysis/analysis.h"
#include "server/request.h"

/* Adds to the options that these attributes are told, names with commas ended by NULL; those that
 * no network tells are left out. 0, or -1 after replying. */
int telling_ask(struct request *r, const char *const *names, struct analysis_options *o);
/* Adds x_min, y_min, x_max and y_max: whole pixels inside of the picture, as clients cut by them.
 * failed: as result_json.h. */
void telling_add_sides(json_t *object, const struct analysis *a, const mien_face *face,
                       int *failed);

#endif
