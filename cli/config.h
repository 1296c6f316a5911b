/*
 * config.h - options from a file: the lines `NAME = VALUE` of --config.
 */
#ifndef MIEN_CLI_CONFIG_H
#define MIEN_CLI_CONFIG_H

/* Takes one line's option; origin says where it stands. Returns an exit status. */
typedef int config_set(void *context, const char *origin, const char *name, const char *text);

/* Hands every option the file names to `set`, until that fails. Blank lines, and what follows a '#'
 * at the start of a line or after a blank, are comments. command: its name, for the sentences about
 * what is wrong and in which line. Returns an exit status. The file's text is kept for as long as
 * the program runs, because values point into it. */
int config_read(const char *command, const char *path, config_set *set, void *context);

#endif
