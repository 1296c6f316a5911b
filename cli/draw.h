/*
 * draw.h - pictures with the results drawn on them (--draw).
 */
#ifndef MIEN_CLI_DRAW_H
#define MIEN_CLI_DRAW_H

#include "pipeline.h"

/* Draws the picture's faces and classes into its image and writes that to path, making folders as
 * needed. Returns an exit status after saying what went wrong. */
int draw_picture(struct picture *picture, const char *path);

#endif
