/*
 * inputs.h - from the arguments of a command to a list of pictures.
 *
 * Folders are walked before anything runs, so that the number of pictures is known (progress, one
 * file or many for --draw) and so that nothing drawn during the run is taken for an input. What
 * cannot be walked becomes an input with an error: it is reported in its place like a broken
 * picture.
 */
#ifndef MIEN_CLI_INPUTS_H
#define MIEN_CLI_INPUTS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes; the library reads no larger file as a picture either. */
#define INPUT_MAX ((size_t)1 << 30)

struct input {
    char *path;       /* what is opened, and "file" of the result; "-" is standard input */
    const char *tail; /* part of path below the folder that was walked; the base name otherwise */
    char *error;      /* why there is no picture here; NULL: there may be one */
    int is_stdin;
    const void *bytes; /* [size] of it, which stay elsewhere; NULL: path is opened */
    size_t size;
    dev_t device; /* identity of the file, 0 where unknown */
    ino_t inode;
};

struct inputs {
    struct input *items;
    int count;
    int capacity;
    int folders; /* how many of the arguments are folders */
    int skipped; /* files in them that were passed over, other than hidden ones of no picture's name
                  */
};

enum { INPUTS_SKIP_MAX = 2 };

/* Expands args[0..nargs-1]. skip: folders not to walk into (what the run writes goes there), each
 * or all of them NULL. Hidden files, and files without a picture's extension, are passed over in
 * folders; a file named in args is always taken. Returns 0, or -1 where memory ran out. Free with
 * inputs_free(). */
int inputs_expand(char *const *args, int nargs, const char *const skip[INPUTS_SKIP_MAX],
                  struct inputs *out);
/* Whether a file is called as a picture is. */
int inputs_is_picture(const char *path);
/* Appends one file, whatever its name. Returns 0, or -1 where memory ran out. */
int inputs_append(struct inputs *in, const char *path);
void inputs_free(struct inputs *in);
/* Reads standard input whole. Returns MIEN_OK, or a code with a sentence in *error (malloc; NULL:
 * no memory).
 * *bytes is the caller's, to be freed. */
int inputs_read_stdin(uint8_t **bytes, size_t *size, char **error);

#endif
