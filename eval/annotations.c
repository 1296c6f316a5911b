#include "eval/annotations.h"

#include "common/ascii.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Faces of a picture: WIDER has 1968 in one. */
enum { FACES_MAX = 100000 };

/* WIDER's text file: the levels its paper has by height in pixels. */
enum { LEVEL_ALL, LEVEL_LARGE, LEVEL_MEDIUM, LEVEL_SMALL, TEXT_LEVELS };
static const char *const TEXT_LEVEL_NAMES[TEXT_LEVELS] = {"all", "large", "medium", "small"};

struct lines {
    const char *at, *end, *name;
    int number; /* of the line that was taken last */
    char *why;
};

/* The next line, without its end. Returns its length; -1 where there is none. */
static int next_line(struct lines *l, const char **line) {
    const char *stop;
    int length;

    if (l->at == l->end) return -1;
    *line = l->at;
    stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
    length = (int)((stop ? stop : l->end) - l->at);
    l->at = stop ? stop + 1 : l->end;
    l->number++;
    while (length > 0 && ascii_is_blank((*line)[length - 1])) length--;
    return length;
}

/* Up to `most` whole numbers of a line; returns how many, -1 where there is something else. */
static int numbers_of(const char *line, int length, int most, long *out) {
    const char *end = line + length;
    int n = 0;

    while (line < end) {
        char *stop;
        if (n == most || (!ascii_is_digit(*line) && *line != '-')) return -1;
        errno = 0;
        out[n++] = strtol(line, &stop, 10);
        if (errno || stop == line) return -1;
        for (line = stop; line < end && ascii_is_blank(*line);) line++;
    }
    return n;
}

static unsigned char level_bits(long height) {
    int level = height >= 300 ? LEVEL_LARGE : height >= 50 ? LEVEL_MEDIUM : LEVEL_SMALL;

    /* The paper's small faces have 10 pixels. */
    return (unsigned char)(1 << LEVEL_ALL | (height >= 10 ? 1 << level : 0));
}

/* "x y w h blur expression illumination invalid occlusion pose", or the first four. */
static int take_face(struct lines *l, struct annotation *a, int i) {
    enum { INVALID = 7, MOST = 10 };
    const char *line;
    long v[MOST] = {0};
    int length = next_line(l, &line), n = length < 0 ? 0 : numbers_of(line, length, MOST, v);

    if (n < 4)
        return eval_fail(l->why, MIEN_EFORMAT,
                         "%s:%d: a face is x, y, width, height and up to six more numbers", l->name,
                         l->number);
    a->boxes[i][0] = (double)v[0];
    a->boxes[i][1] = (double)v[1];
    a->boxes[i][2] = (double)v[0] + (double)v[2];
    a->boxes[i][3] = (double)v[1] + (double)v[3];
    /* Invalid ones, and those of no size, neither help nor hurt. */
    if (!v[INVALID] && v[2] > 0 && v[3] > 0) a->levels[i] = level_bits(v[3]);
    return MIEN_OK;
}

static int take_picture(struct lines *l, const char *file, int length, struct annotations *out) {
    const char *line = "";
    int begun = l->number, digits = next_line(l, &line), rc = MIEN_OK;
    long count = -1;

    if (digits < 0 || numbers_of(line, digits, 1, &count) != 1 || count < 0 || count > FACES_MAX)
        return eval_fail(l->why, MIEN_EFORMAT,
                         "%s:%d: no number of faces follows the picture of line %d", l->name,
                         l->number, begun);
    struct annotation *a = annotations_add(out, file, (size_t)length, (int)count);
    if (!a) return eval_no_memory(l->why);
    for (int i = 0; rc == MIEN_OK && i < a->n; i++) rc = take_face(l, a, i);
    /* A picture without faces has a line of zeros all the same. */
    if (count == 0 && l->at < l->end && *l->at == '0') {
        const char *at = l->at;
        long v[16];
        int n = next_line(l, &line);
        if (numbers_of(line, n, 16, v) < 4) {
            l->at = at;
            l->number--;
        }
    }
    return rc;
}

static int parse_text(const char *text, size_t size, const char *name, struct annotations *out,
                      char why[EVAL_WHY]) {
    struct lines l = {.at = text, .end = text + size, .name = name};
    const char *line;
    int length, rc = MIEN_OK;

    l.why = why;
    out->nlevels = TEXT_LEVELS;
    for (int i = 0; i < TEXT_LEVELS; i++)
        strncpy(out->levels[i], TEXT_LEVEL_NAMES[i], LEVEL_NAME - 1);
    while (rc == MIEN_OK && (length = next_line(&l, &line)) >= 0)
        if (length > 0) rc = take_picture(&l, line, length, out);
    return rc;
}

struct annotation *annotations_add(struct annotations *a, const char *file, size_t length, int n) {
    struct annotation *one;

    if (a->n == a->capacity) {
        int capacity = a->capacity ? 2 * a->capacity : 64;
        struct annotation *at = realloc(a->at, (size_t)capacity * sizeof *at);
        if (!at) return NULL;
        a->at = at;
        a->capacity = capacity;
    }
    one = &a->at[a->n++];
    one->n = n;
    one->file = strndup(file, length);
    one->boxes = calloc((size_t)n + 1, sizeof *one->boxes);
    one->levels = calloc((size_t)n + 1, sizeof *one->levels);
    return one->file && one->boxes && one->levels ? one : NULL;
}

int annotations_parse(const char *text, size_t size, const char *name, struct annotations *out,
                      char why[EVAL_WHY]) {
    const char *first = text;
    int rc;

    memset(out, 0, sizeof *out);
    if (memchr(text, '\0', size))
        return eval_fail(why, MIEN_EFORMAT, "%s is no text: it holds a byte of zero", name);
    while (ascii_is_blank(*first)) first++;
    if (*first == '[' || *first == '{')
        rc = annotations_json(text, size, name, out, why);
    else
        rc = parse_text(text, size, name, out, why);
    if (rc == MIEN_OK && out->n == 0)
        rc = eval_fail(why, MIEN_EFORMAT, "%s: no picture is in it", name);
    if (rc) annotations_free(out);
    return rc;
}

void annotations_free(struct annotations *a) {
    for (int i = 0; i < a->n; i++) {
        free(a->at[i].file);
        free(a->at[i].boxes);
        free(a->at[i].levels);
    }
    free(a->at);
    memset(a, 0, sizeof *a);
}
