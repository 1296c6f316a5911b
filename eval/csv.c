#include "eval/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 10 * 1000 * 1000 };

struct parser {
    char *at, *end; /* text that is left */
    const char *name;
    int line;
    struct csv *out;
    size_t capacity; /* of fields */
    int row_capacity;
    char *why;
};

static int fail(struct parser *p, const char *what) {
    return eval_fail(p->why, MIEN_EFORMAT, "%s:%d: %s", p->name, p->line, what);
}

/* A field in quotes, without them and with "" as one; in place. *field: where it begins. */
static int quoted(struct parser *p, char **field) {
    char *to = *field = p->at++;
    int begun = p->line;

    for (; p->at < p->end; p->at++) {
        if (*p->at == '"' && *++p->at != '"') {
            *to = '\0'; /* before or at the quote: what follows it is not lost */
            return MIEN_OK;
        }
        if (*p->at == '\n') p->line++;
        *to++ = *p->at;
    }
    p->line = begun;
    return fail(p, "a quote that does not end");
}

/* Moves to what ends the field: a comma, a line end, or the end. */
static int unquoted(struct parser *p, char **field) {
    *field = p->at;
    while (p->at < p->end && !strchr(",\r\n\"", *p->at)) p->at++;
    if (p->at < p->end && *p->at == '"') return fail(p, "a quote within a field without quotes");
    return MIEN_OK;
}

static int add_field(struct parser *p, size_t *count, char *field) {
    if (*count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 64;
        char **fields = realloc(p->out->fields, capacity * sizeof *fields);
        if (!fields) return eval_no_memory(p->why);
        p->out->fields = fields;
        p->capacity = capacity;
    }
    p->out->fields[(*count)++] = field;
    return MIEN_OK;
}

/* Ends the field at the separator and moves behind it. *more: another field follows. */
static int end_field(struct parser *p, int *more) {
    char *at = p->at;

    *more = at < p->end && *at == ',';
    if (*more) {
        p->at++;
    } else if (at < p->end) {
        if (*at == '\r' && at + 1 < p->end && at[1] == '\n')
            p->at++;
        else if (*at != '\n')
            return fail(p, *at == '\r' ? "a line that ends in a carriage return alone"
                                       : "text behind a quote that has ended");
        p->at++;
    }
    *at = '\0';
    return MIEN_OK;
}

static int add_row(struct parser *p, int fields, int begun) {
    struct csv *out = p->out;

    if (out->rows == 0) out->columns = fields;
    p->line = begun;
    if (fields != out->columns)
        return eval_fail(p->why, MIEN_EFORMAT, "%s:%d: %d field%s, the first row has %d", p->name,
                         begun, fields, fields == 1 ? "" : "s", out->columns);
    if (out->rows == ROWS_MAX) return fail(p, "more rows than are read");
    if (out->rows == p->row_capacity) {
        int capacity = p->row_capacity ? 2 * p->row_capacity : 64;
        int *lines = realloc(out->lines, (size_t)capacity * sizeof *lines);
        if (!lines) return eval_no_memory(p->why);
        out->lines = lines;
        p->row_capacity = capacity;
    }
    out->lines[out->rows++] = begun;
    return MIEN_OK;
}

/* count: fields before it, and after. */
static int parse_row(struct parser *p, size_t *count) {
    int fields = 0, more = 1, begun = p->line, rc = MIEN_OK, ended;

    while (more && rc == MIEN_OK) {
        char *field;
        if (fields++ == CSV_COLUMNS_MAX) return fail(p, "more fields than a table has");
        rc = *p->at == '"' ? quoted(p, &field) : unquoted(p, &field);
        if (rc == MIEN_OK) rc = end_field(p, &more);
        if (rc == MIEN_OK) rc = add_field(p, count, field);
    }
    ended = p->line + 1;
    if (rc == MIEN_OK) rc = add_row(p, fields, begun);
    p->line = ended;
    return rc;
}

/* An empty line: between rows and at the end editors leave some. */
static int skip_empty(struct parser *p) {
    char *at = p->at;

    if (*at == '\r') at++;
    if (at == p->end || *at != '\n') return 0;
    p->at = at + 1;
    p->line++;
    return 1;
}

int csv_parse(char *text, size_t size, const char *name, struct csv *out, char why[EVAL_WHY]) {
    struct parser p = {.at = text, .end = text + size, .name = name, .line = 1, .out = out};
    size_t count = 0;
    int rc = MIEN_OK;

    memset(out, 0, sizeof *out);
    p.why = why;
    if (memchr(text, '\0', size))
        return eval_fail(why, MIEN_EFORMAT, "%s is no text: it holds a byte of zero", name);
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) p.at += 3;
    while (rc == MIEN_OK && p.at < p.end)
        if (!skip_empty(&p)) rc = parse_row(&p, &count);
    if (rc == MIEN_OK && out->rows == 0)
        rc = eval_fail(why, MIEN_EFORMAT, "%s is empty: its first row names the columns", name);
    if (rc) csv_free(out);
    return rc;
}

void csv_free(struct csv *csv) {
    free(csv->fields);
    free(csv->lines);
    memset(csv, 0, sizeof *csv);
}

void csv_write(const char *text, FILE *out) {
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}
