/*
 * terminal.h - how wide a terminal is, and a text on it.
 */
#ifndef MIEN_CLI_TERMINAL_H
#define MIEN_CLI_TERMINAL_H

#include <stddef.h>

/* Columns of the terminal behind a descriptor; 80 where it does not say. */
int terminal_columns(int fd);
/* Columns of a UTF-8 text of that many bytes: a character each. */
int text_columns(const char *text, size_t bytes);

#endif
