/*
 * labels_fuzz.c - feeds arbitrary bytes to the readers of labels: tables of RFC 4180, annotated
 * boxes, ranges of years; the first byte says which.
 *
 * A table that is taken must be the same when it is written and read again; boxes must be finite,
 * and counted in levels that there are; years must be a range. What is not taken has a sentence,
 * and leaves nothing.
 */
#include "eval/annotations.h"
#include "eval/csv.h"
#include "eval/words.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The table as text again; NULL: no memory. */
static char *write_table(const struct csv *csv, size_t *size) {
    char *text = NULL;
    FILE *out = open_memstream(&text, size);
    if (!out) return NULL;
    fputs("\xef\xbb\xbf", out); /* so that one of the first field's own stays */
    for (int i = 0; i < csv->rows; i++) {
        for (int c = 0; c < csv->columns; c++) {
            const char *field = csv->fields[i * csv->columns + c];
            if (c) fputc(',', out);
            /* A row of one empty field is no row. */
            if (csv->columns == 1 && !*field)
                fputs("\"\"", out);
            else
                csv_write(field, out);
        }
        fputc('\n', out);
    }
    return fclose(out) == 0 ? text : NULL;
}

static void table(char *text, size_t size) {
    struct csv csv, again;
    char why[EVAL_WHY] = "", *written;
    if (csv_parse(text, size, "t", &csv, why)) {
        if (!why[0] || csv.fields || csv.lines) abort();
        return;
    }
    for (int i = 1; i < csv.rows; i++)
        if (csv.lines[i] <= csv.lines[i - 1]) abort();
    written = write_table(&csv, &size);
    if (written) {
        if (csv_parse(written, size, "t", &again, why)) abort();
        if (again.rows != csv.rows || again.columns != csv.columns) abort();
        for (int i = 0; i < csv.rows * csv.columns; i++)
            if (strcmp(again.fields[i], csv.fields[i]) != 0) abort();
        csv_free(&again);
    }
    free(written);
    csv_free(&csv);
}

static void boxes(const char *text, size_t size) {
    struct annotations a;
    char why[EVAL_WHY] = "";
    if (annotations_parse(text, size, "t", &a, why)) {
        if (!why[0] || a.at) abort();
        return;
    }
    if (a.nlevels < 1 || a.nlevels > LEVELS_MAX) abort();
    for (int i = 0; i < a.n; i++) {
        if (!a.at[i].file[0]) abort();
        for (int k = 0; k < a.at[i].n; k++) {
            for (int j = 0; j < 4; j++)
                if (!isfinite(a.at[i].boxes[k][j])) abort();
            if (a.at[i].levels[k] >> a.nlevels) abort();
        }
    }
    annotations_free(&a);
}

static void years(const char *text) {
    double low, high;
    if (words_years(text, &low, &high) == 0 && !(low >= 0 && high >= low && isfinite(low))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text;
    if (size < 1) return 0;
    text = malloc(size);
    if (!text) return 0;
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0] % 3) {
    case 0: table(text, size - 1); break;
    case 1: boxes(text, size - 1); break;
    default: years(text); break;
    }
    free(text);
    return 0;
}
