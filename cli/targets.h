/*
 * targets.h - the files that a run writes beside its output: a drawn picture and a file of JSON for
 * each input.
 *
 * All names are settled before the first picture runs: a run that would overwrite one of its
 * inputs, or that has many pictures for one file, is a wrong command line and does nothing at all.
 */
#ifndef MIEN_CLI_TARGETS_H
#define MIEN_CLI_TARGETS_H

#include "inputs.h"
#include "options.h"

struct target {
    char *drawn, *json; /* NULL: is not written */
};

/* Fills *targets with the file names of each input, as --draw and --output ask for them (malloc, as
 * are the names). Inputs that failed already have none. Returns an exit status after saying what is
 * wrong; *targets is NULL unless EXIT_OK. Free with targets_free(). */
int targets_make(const struct options *opt, const struct inputs *inputs, struct target **targets);
void targets_free(struct target *targets, int n);

#endif
