#include "eval/pairs.h"

#include "eval/csv.h"
#include "eval/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS_MAX = 5 * 1000 * 1000, FOLDS = 10, FOLDS_MAX = 1000, LINE_WORDS = 4 };

/* What is being read: as many pairs as there is room for, and their paths, two a pair. */
struct reading {
    struct pairs *p;
    const char *name, *folder;
    int room;
    char **paths;
    char *why;
};

static int add(struct reading *r, const char *a, const char *b, int same, int fold) {
    struct pairs *p = r->p;
    int i = p->n;

    if (i == r->room) {
        int room = i ? 2 * i : 256;
        struct pair *at = realloc(p->at, (size_t)room * sizeof *at);
        char **paths = at ? realloc(r->paths, 2 * (size_t)room * sizeof *paths) : NULL;
        if (at) p->at = at;
        if (!paths) return eval_no_memory(r->why);
        r->paths = paths;
        r->room = room;
    }
    p->at[i] = (struct pair){.same = same, .fold = fold};
    r->paths[2 * i] = eval_path(r->folder, a);
    r->paths[2 * i + 1] = eval_path(r->folder, b);
    p->n++;
    return r->paths[2 * i] && r->paths[2 * i + 1] ? MIEN_OK : eval_no_memory(r->why);
}

/* Splits a line at blanks, in place; how many words it has, LINE_WORDS + 1 for more than fit. */
static int split(char *line, char *words[LINE_WORDS]) {
    int n = 0;

    for (char *at = line; *(at += strspn(at, " \t\r"));) {
        if (n == LINE_WORDS) return n + 1;
        words[n++] = at;
        at += strcspn(at, " \t\r");
        if (*at) *at++ = '\0';
    }
    return n;
}

/* A whole number from 1 on; -1: it is none. */
static int whole(const char *text) {
    double v;

    return words_number(text, &v) || v < 1 || v > PAIRS_MAX || v != (int)v ? -1 : (int)v;
}

/* NAME/NAME_0001.jpg; 0, or -1 where that is not what the words say. */
static int lfw_path(const char *name, const char *number, char out[EVAL_WHY]) {
    int i = whole(number);

    return i < 0 || snprintf(out, EVAL_WHY, "%s/%s_%04d.jpg", name, name, i) >= EVAL_WHY ? -1 : 0;
}

static int lfw_line(struct reading *r, char *line, int number, int a_fold) {
    char *words[LINE_WORDS], a[EVAL_WHY], b[EVAL_WHY];
    int n = split(line, words), same = n == 3;

    if ((n != 3 && n != 4) || lfw_path(words[0], words[1], a) ||
        lfw_path(words[same ? 0 : 2], words[same ? 2 : 3], b))
        return eval_fail(r->why, MIEN_EFORMAT, "%s:%d: NAME I J, or NAME I NAME J, is expected",
                         r->name, number);
    return add(r, a, b, same, r->p->n / (2 * a_fold));
}

/* The text behind its first line, "FOLDS N" or "N". */
static int read_lfw(struct reading *r, char *text, int a_fold) {
    int rc = MIEN_OK, number = 2;

    for (char *line = text, *next; rc == MIEN_OK && line; line = next, number++) {
        next = strchr(line, '\n');
        if (next) *next++ = '\0';
        if (line[strspn(line, " \t\r")]) rc = lfw_line(r, line, number, a_fold);
    }
    return rc;
}

/* The number of pairs of a kind in a fold, where that is a line of LFW's: "10 300" or "300"; 0
 * where it is not. */
static int lfw_header(const char *text) {
    char line[64], *words[LINE_WORDS];
    size_t length = strcspn(text, "\n");
    int n;

    if (length >= sizeof line) return 0;
    memcpy(line, text, length);
    line[length] = '\0';
    n = split(line, words);
    if (n < 1 || n > 2 || whole(words[0]) < 0 || whole(words[n - 1]) < 0) return 0;
    return whole(words[n - 1]);
}

static int column(const struct csv *csv, const char *name) {
    for (int i = 0; i < csv->columns; i++)
        if (words_same(csv->fields[i], name)) return i;
    return -1;
}

static int csv_row(struct reading *r, const struct csv *csv, int row, const int columns[4],
                   int seen[2]) {
    char *const *fields = csv->fields + (size_t)row * (size_t)csv->columns;
    int same = words_truth(fields[columns[2]]), line = csv->lines[row], fold;

    if (same < 0)
        return eval_fail(r->why, MIEN_EFORMAT, "%s:%d: same is yes or no, not '%s'", r->name, line,
                         fields[columns[2]]);
    if (!*fields[columns[0]] || !*fields[columns[1]])
        return eval_fail(r->why, MIEN_EFORMAT, "%s:%d: no file is named", r->name, line);
    fold = columns[3] < 0 ? seen[same]++ % FOLDS : whole(fields[columns[3]]);
    if (fold < 0 || fold > FOLDS_MAX)
        return eval_fail(r->why, MIEN_EFORMAT, "%s:%d: a fold is a number from 1 to %d", r->name,
                         line, FOLDS_MAX);
    return add(r, fields[columns[0]], fields[columns[1]], same, fold);
}

static int read_csv(struct reading *r, char *text, size_t size) {
    struct csv csv;
    int columns[4], seen[2] = {0, 0}, rc = csv_parse(text, size, r->name, &csv, r->why);
    static const char *const names[] = {"a", "b", "same", "fold"};

    if (rc) return rc;
    for (int i = 0; i < 4; i++) columns[i] = column(&csv, names[i]);
    for (int i = 0; i < 3 && rc == MIEN_OK; i++)
        if (columns[i] < 0)
            rc = eval_fail(r->why, MIEN_EFORMAT,
                           "%s: neither LFW's pairs nor a table: the first row names no column "
                           "'%s'",
                           r->name, names[i]);
    for (int i = 1; i < csv.rows && rc == MIEN_OK; i++) rc = csv_row(r, &csv, i, columns, seen);
    csv_free(&csv);
    return rc;
}

struct place {
    char *path;
    int at; /* of the paths */
};

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

/* Each path once, in the order of their names. Takes the paths over. */
static int number_pictures(struct reading *r) {
    struct pairs *p = r->p;
    int n = 2 * p->n;
    struct place *places = calloc((size_t)n + 1, sizeof *places);

    p->pictures = calloc((size_t)n + 1, sizeof *p->pictures);
    p->now = calloc((size_t)n + 1, sizeof *p->now);
    if (!places || !p->pictures || !p->now) {
        free(places);
        return eval_no_memory(r->why);
    }
    for (int i = 0; i < n; i++) places[i] = (struct place){r->paths[i], i};
    if (n > 1) qsort(places, (size_t)n, sizeof *places, by_path);
    for (int i = 0; i < n; i++) {
        int at = places[i].at, is_new = i == 0 || by_path(&places[i - 1], &places[i]) != 0;
        if (is_new) {
            p->pictures[p->npictures++] = places[i].path;
            r->paths[at] = NULL;
        } else {
            places[i].path = p->pictures[p->npictures - 1];
        }
        *(at % 2 ? &p->at[at / 2].b : &p->at[at / 2].a) = p->npictures - 1;
    }
    free(places);
    return MIEN_OK;
}

static int read_all(struct reading *r, const char *path) {
    char *text;
    size_t size;
    int a_fold, rc = eval_read_file(path, &text, &size, r->why);

    if (rc) return rc;
    a_fold = lfw_header(text);
    if (a_fold) {
        char *behind = strchr(text, '\n');
        rc = behind ? read_lfw(r, behind + 1, a_fold) : MIEN_OK;
    } else {
        rc = read_csv(r, text, size);
    }
    if (rc == MIEN_OK && r->p->n == 0)
        rc = eval_fail(r->why, MIEN_EFORMAT, "%s: no pair is named", r->name);
    if (rc == MIEN_OK) rc = number_pictures(r);
    free(text);
    return rc;
}

int pairs_read(struct pairs *p, const char *path, const char *folder, char why[EVAL_WHY]) {
    char *own = folder ? strdup(folder) : eval_folder_of(path);
    struct reading r = {.p = p, .name = path, .folder = own, .why = why};
    int rc;

    *p = (struct pairs){.n = 0};
    rc = own ? read_all(&r, path) : eval_no_memory(why);
    for (int i = 0; r.paths && i < 2 * p->n; i++) free(r.paths[i]);
    free(r.paths);
    free(own);
    if (rc) pairs_free(p);
    return rc;
}

void pairs_free(struct pairs *p) {
    for (int i = 0; p->pictures && i < p->npictures; i++) free(p->pictures[i]);
    free(p->pictures);
    free(p->now);
    free(p->at);
    *p = (struct pairs){.n = 0};
}

void pairs_keep(struct pairs *p, const unsigned char *keep) {
    int n = 0, left = 0;

    for (int i = 0; i < p->npictures; i++) {
        p->now[i] = keep[i] ? left : -1;
        if (keep[i])
            p->pictures[left++] = p->pictures[i];
        else
            free(p->pictures[i]);
    }
    for (int i = 0; i < p->n; i++) {
        struct pair pair = p->at[i];
        pair.a = p->now[pair.a];
        pair.b = p->now[pair.b];
        if (pair.a >= 0 && pair.b >= 0) p->at[n++] = pair;
    }
    p->npictures = left;
    p->n = n;
}
