/*
 * input.h - one picture of a command line, or why there is none in its place.
 *
 * What cannot be read becomes an input with an error: it is reported like a broken picture.
 */
#ifndef MIEN_CLI_INPUT_H
#define MIEN_CLI_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

/* Folders that a walk does not go into. */
enum { INPUTS_SKIP_MAX = 2 };

struct input {
    char *path;       /* what is opened, and "file" of the result; "-" is standard input */
    const char *tail; /* part of path below the folder that was walked; the base name otherwise */
    char *error;      /* why there is no picture here; NULL: there may be one */
    int is_stdin;
    const void *bytes; /* [nbytes] of it, which stay elsewhere; NULL: path is opened */
    size_t nbytes;
    int walked;     /* found in a folder, not named */
    int whole_name; /* walked: see walk_shares_stem() */
    int arg;        /* the argument it comes from */
    dev_t device;   /* identity of the file, 0 where unknown */
    ino_t inode;
    off_t size; /* when it was found; and when it had last been changed */
    struct timespec changed;
    char *drawn, *json; /* what is written for it (targets.h); NULL: is not */
    uint64_t stamp;     /* by which what was written is known to be up to date (stamp.h) */
};

/* Makes *in the input of a file. -1 where memory ran out; free with input_free() in any case. */
int input_init(struct input *in, const char *path);
/* Notes which file it is, and in which state. */
void input_look(struct input *in, const struct stat *st);
void input_free(struct input *in);

#endif
