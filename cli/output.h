/*
 * output.h - results on standard output.
 *
 * Lines of JSON leave here one by one and flushed, so that a reader of a pipe sees each picture
 * when it is done. A pipe that was closed (`| head -1`) is no error: writing stops and the program
 * ends quietly.
 */
#ifndef MIEN_CLI_OUTPUT_H
#define MIEN_CLI_OUTPUT_H

#include <jansson.h>
#include <stdio.h>

/* Prints value and a newline. pretty: indented. Returns -1 where memory ran out; what fails of the
 * stream is the stream's to tell. */
int output_print(json_t *value, int pretty, FILE *out);
/* Writes value and a newline, then releases it. pretty: indented, coloured on a terminal. NULL (as
 * left by a failed allocation) counts as out of memory. Returns 0, or -1 where nothing more can be
 * written; output_close says why. */
int output_json(json_t *value, int pretty);
/* After lines of text were printed to stdout: another program may wait for them. */
void output_flush(void);
/* 1 once nothing more can be written: the reader has gone, or the disk is full. */
int output_broken(void);
/* Flushes standard output at the end; returns status, or EXIT_FAILED after saying what went wrong
 * where results were lost. */
int output_close(int status);

#endif
