/*
 * text_stream.h - text that is printed into memory and grows: open_memstream() for those who must
 * know whether it is whole. Where memory runs out glibc's leaves out what it has no room for, and
 * neither ferror() nor fclose() tells.
 */
#ifndef MIEN_COMMON_TEXT_STREAM_H
#define MIEN_COMMON_TEXT_STREAM_H

#include <stddef.h>
#include <stdio.h>

struct text_stream {
    char *text;
    size_t n, room;
    int failed;
};

/* Returns the stream to print to; NULL where memory ran out. */
FILE *text_stream_open(struct text_stream *t);
/* Closes it. Returns its text, for free(), with *n its length (n may be NULL); NULL where memory
 * ran out. */
char *text_stream_close(struct text_stream *t, FILE *f, size_t *n);

#endif
