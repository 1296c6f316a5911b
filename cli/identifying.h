/*
 * identifying.h - pictures of the command line, and who is in them among a gallery's people: what
 * identify and recognize have in common.
 */
#ifndef MIEN_CLI_IDENTIFYING_H
#define MIEN_CLI_IDENTIFYING_H

#include "pipeline.h"
#include "shelf.h"

/* Tells of all pictures who their faces are, as the options say. Returns an exit status after
 * saying what went wrong. */
int identify_pictures(const struct options *opt, const struct shelf *shelf,
                      const struct pipeline *p, const struct inputs *inputs);

#endif
