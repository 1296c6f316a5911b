/*
 * say.h - what the tool says on standard error, and its exit statuses.
 *
 * Standard output carries results only (other programs read it), so every sentence meant for a
 * person goes through here: one line, prefixed with the program's name. It is its own module so
 * that all commands end with the same three statuses and the same wording of a wrong command line.
 */
#ifndef MIEN_CLI_SAY_H
#define MIEN_CLI_SAY_H

enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1, /* a picture, file, network or device failed */
    EXIT_USAGE = 2   /* the command line or the environment is wrong */
};

/* Prints "mien: SENTENCE" as one line on stderr. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Prints "mien COMMAND: SENTENCE" and where help is to be found; command may be NULL. Returns
 * EXIT_USAGE. */
int say_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Says that memory ran out; returns EXIT_FAILED. */
int say_no_memory(void);

#endif
