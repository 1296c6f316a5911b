/*
 * csv.h - tables of RFC 4180: fields with commas between them, in quotes where they hold commas,
 * quotes or line ends.
 *
 * Strict, because a label that was cut at the wrong comma would be a wrong measurement nobody sees:
 * each row has as many fields as the first, quotes stand around a whole field, and a sentence says
 * which line does not keep to that. Lines may end as on Unix, too, and a byte order mark is passed
 * over.
 */
#ifndef MIEN_EVAL_CSV_H
#define MIEN_EVAL_CSV_H

#include "eval/file.h"

#include <stdio.h>

enum { CSV_COLUMNS_MAX = 256 };

struct csv {
    int rows, columns;
    char **fields; /* [rows][columns], in the text that was parsed; the first row is the header */
    int *lines;    /* [rows] the line each begins on, from 1 */
};

/* Parses text[size], which a NUL follows and which is changed and must stay as long as the fields.
 * name: what sentences call it. *out is empty on failure. MIEN_EFORMAT where it is no table. */
int csv_parse(char *text, size_t size, const char *name, struct csv *out, char why[EVAL_WHY]);
void csv_free(struct csv *csv);

/* Writes a field, in quotes where it needs them. */
void csv_write(const char *text, FILE *out);

#endif
