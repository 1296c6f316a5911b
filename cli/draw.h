/*
 * draw.h - pictures with the results drawn on them (--draw).
 *
 * All names are settled before the first picture runs: a run that would overwrite one of its
 * inputs, or that has many pictures for one file, is a wrong command line and does nothing at all.
 */
#ifndef MIEN_CLI_DRAW_H
#define MIEN_CLI_DRAW_H

#include "inputs.h"
#include "pipeline.h"

/* Fills *targets with a file name for each input (malloc, as are the names; NULL for an input that
 * already failed). Returns an exit status after saying what is wrong; *targets is NULL unless
 * EXIT_OK. Free with draw_free(). */
int draw_targets(const struct options *opt, const struct inputs *inputs, char ***targets);
void draw_free(char **targets, int n);
/* Draws the picture's faces and classes into its image and writes that to path, making folders as
 * needed. Returns an exit status after saying what went wrong. */
int draw_picture(struct picture *picture, const char *path);

#endif
