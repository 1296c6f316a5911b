/*
 * help.h - help texts, 80 columns wide, made from the tables of commands and options.
 */
#ifndef MIEN_CLI_HELP_H
#define MIEN_CLI_HELP_H

#include "commands.h"

#include <stdio.h>

/* What `mien help` prints: all commands. */
void help_overview(FILE *out);
/* What `mien COMMAND --help` prints. */
void help_command(FILE *out, const struct command *command);
/* Prints text wrapped to 80 columns; the cursor is at `column`, further lines start at `indent`.
 * Ends the last line. */
void help_wrap(FILE *out, const char *text, int column, int indent);

#endif
