/*
 * config.h - options from a file: the lines `NAME = VALUE` of --config.
 */
#ifndef MIEN_CLI_CONFIG_H
#define MIEN_CLI_CONFIG_H

#include "options.h"

/* Sets the options the file names. Blank lines, and what follows a '#' at the start of a line or
 * after a blank, are comments. Returns an exit status after saying what is wrong and in which line.
 * The file's text is kept for as long as the program runs, because values point into it. */
int config_read(struct options *opt, const char *path);

#endif
