/*
 * file.h - a file of labels or annotations, read whole, and how the readers of this layer say what
 * is wrong: a code of mien.h and a sentence that names file and line.
 */
#ifndef MIEN_EVAL_FILE_H
#define MIEN_EVAL_FILE_H

#include "mien.h"

/* Room for a sentence. */
enum { EVAL_WHY = 640 };
/* Bytes of a file of labels. */
#define EVAL_FILE_MAX ((size_t)1 << 28)

/* Writes a sentence; returns rc. */
int eval_fail(char why[EVAL_WHY], int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int eval_no_memory(char why[EVAL_WHY]);

/* Reads a file; *text ends with a NUL behind its size bytes and is the caller's to free. */
int eval_read_file(const char *path, char **text, size_t *size, char why[EVAL_WHY]);
/* folder/name, or a copy of name where it is absolute or folder is empty; NULL: no memory. */
char *eval_path(const char *folder, const char *name);
/* The folder a file lies in: "" for one without a slash; NULL: no memory. */
char *eval_folder_of(const char *path);

#endif
