/*
 * telling.h - which attributes of faces a dialect tells: those of its own that a network of this
 * server knows.
 */
#ifndef MIEN_SERVER_APIS_TELLING_H
#define MIEN_SERVER_APIS_TELLING_H

#include "analysis/analysis.h"
#include "server/request.h"

/* Adds to the options that these attributes are told, names with commas ended by NULL; those that
 * no network tells are left out. 0, or -1 after replying. */
int telling_ask(struct request *r, const char *const *names, struct analysis_options *o);

#endif
