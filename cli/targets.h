/*
 * targets.h - the files that a run writes beside its output: a drawn picture for each input.
 *
 * All names are settled before the first picture runs: a run that would overwrite one of its
 * inputs, or that has many pictures for one file, is a wrong command line and does nothing at all.
 */
#ifndef MIEN_CLI_TARGETS_H
#define MIEN_CLI_TARGETS_H

#include "inputs.h"
#include "options.h"

/* Fills *targets with a file name for each input (malloc, as are the names; NULL for an input that
 * already failed). Returns an exit status after saying what is wrong; *targets is NULL unless
 * EXIT_OK. Free with targets_free(). */
int targets_make(const struct options *opt, const struct inputs *inputs, char ***targets);
void targets_free(char **targets, int n);

#endif
