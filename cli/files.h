/*
 * files.h - what a run writes beside its output: files whole or not at all.
 */
#ifndef MIEN_CLI_FILES_H
#define MIEN_CLI_FILES_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

/* Writes to a file. Returns -1 where memory ran out; what fails of the stream is the stream's to
 * tell. */
typedef int files_writer(const void *context, FILE *out);
/* Has a file written, making folders as needed: path then holds what it held, or all of the new
 * text. A link is followed, and a file that was there keeps its permissions. Returns an exit status
 * after saying what went wrong. */
int files_write(const char *path, files_writer *write, const void *context);
/* The same of a value and a newline. */
int files_write_json(const char *path, json_t *value, int pretty);

/* The same in a folder that only this run writes to: what it was writing when it was killed is
 * overwritten by what it writes there next. The file carries the stamp (stamp.h) where that is not
 * 0. Returns 0 or an errno, and says nothing. */
int files_put(const char *path, files_writer *write, const void *context, uint64_t stamp);
int files_put_json(const char *path, json_t *value, int pretty, uint64_t stamp);

#endif
