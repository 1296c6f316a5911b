/*
 * line.h - a picture's result as a line for a person, where standard output is a terminal.
 *
 * The columns of all pictures stand below each other, so their widths are settled before the first;
 * a line is never wider than the terminal. Programs get JSON (result.h), which says more.
 */
#ifndef MIEN_CLI_LINE_H
#define MIEN_CLI_LINE_H

#include "pipeline.h"

#include <stdio.h>

struct lines {
    int columns; /* of the terminal */
    int name;    /* of the longest name, as far as it is shown */
    int label;   /* of the likeliest class */
};

void lines_begin(struct lines *lines, int columns);
/* Makes room for the name of a file in a folder, "" for one as it was named; context: the struct.
 */
void lines_see(void *context, const char *folder, const char *name);
/* Prints the line of a picture that did not fail. */
void lines_print(const struct lines *lines, const struct picture *picture, FILE *out);

#endif
