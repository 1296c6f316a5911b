/*
 * inputs.h - the pictures of a command line as a list, for commands that need all of them at once;
 * the others take them from a feed (feed.h), which finds them as they are wanted.
 */
#ifndef MIEN_CLI_INPUTS_H
#define MIEN_CLI_INPUTS_H

#include "input.h"

#include <stddef.h>
#include <stdint.h>

/* Bytes; the library reads no larger file as a picture either. */
#define INPUT_MAX ((size_t)1 << 30)

struct inputs {
    struct input *items;
    int count;
    int capacity;
    int folders; /* how many of the arguments are folders */
};

/* Expands args[0..nargs-1]. skip: folders not to walk into (what the run writes goes there), each
 * or all of them NULL. Hidden files, and files without a picture's extension, are passed over in
 * folders; a file named in args is always taken. Returns 0, or -1 where memory ran out. Free with
 * inputs_free(). */
int inputs_expand(char *const *args, int nargs, const char *const skip[INPUTS_SKIP_MAX],
                  struct inputs *out);
/* Appends one file, whatever its name. Returns 0, or -1 where memory ran out. */
int inputs_append(struct inputs *in, const char *path);
/* Appends an input, which it takes over. Returns 0, or -1 where memory ran out. */
int inputs_take(struct inputs *in, struct input *input);
void inputs_free(struct inputs *in);
/* Reads standard input whole. Returns MIEN_OK, or a code with a sentence in *error (malloc; NULL:
 * no memory).
 * *bytes is the caller's, to be freed. */
int inputs_read_stdin(uint8_t **bytes, size_t *size, char **error);

#endif
