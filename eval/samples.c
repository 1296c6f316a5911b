#include "eval/samples.h"

#include "eval/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that lives as long as the samples; NULL: no memory. The room was made by samples_make().
 */
static char *keep_text(struct samples *s, char *text) {
    if (text) s->made[s->nmade++] = text;
    return text;
}

/* Room for n samples of these columns, whose fields are "", and as many made texts each. */
static int make(struct samples *s, int n, int columns, char why[EVAL_WHY]) {
    size_t cells = (size_t)n * (size_t)columns;

    s->columns = columns;
    s->at = calloc((size_t)n + 1, sizeof *s->at);
    s->columns_at = calloc((size_t)columns + 1, sizeof *s->columns_at);
    s->made = calloc((size_t)n + cells + 1, sizeof *s->made);
    for (int i = 0; s->at && i < n; i++) {
        s->at[i].fields = calloc((size_t)columns + 1, sizeof *s->at[i].fields);
        if (!s->at[i].fields) return eval_no_memory(why);
        s->n++;
        for (int c = 0; c < columns; c++) s->at[i].fields[c] = "";
    }
    return s->at && s->columns_at && s->made ? MIEN_OK : eval_no_memory(why);
}

static int take_rows(struct samples *s, const char *folder, char why[EVAL_WHY]) {
    const struct csv *csv = &s->csv;
    int file = -1, rc = make(s, csv->rows - 1, csv->columns, why);

    if (rc) return rc;
    for (int c = 0; c < csv->columns; c++) s->columns_at[c] = csv->fields[c];
    file = samples_column(s, "file");
    if (file < 0)
        return eval_fail(why, MIEN_EFORMAT, "%s: the first row names no column 'file'", s->name);
    for (int i = 0; i < s->n; i++) {
        char *const *fields = csv->fields + (size_t)(i + 1) * (size_t)csv->columns;
        for (int c = 0; c < csv->columns; c++) s->at[i].fields[c] = fields[c];
        s->at[i].line = csv->lines[i + 1];
        if (!*fields[file])
            return eval_fail(why, MIEN_EFORMAT, "%s:%d: no file is named", s->name, s->at[i].line);
        s->at[i].file = keep_text(s, eval_path(folder, fields[file]));
        if (!s->at[i].file) return eval_no_memory(why);
    }
    return MIEN_OK;
}

int samples_read(struct samples *s, const char *path, const char *pictures, char why[EVAL_WHY]) {
    char *folder = NULL;
    size_t size;
    int rc;

    memset(s, 0, sizeof *s);
    s->name = path;
    rc = eval_read_file(path, &s->text, &size, why);
    if (rc == MIEN_OK) rc = csv_parse(s->text, size, path, &s->csv, why);
    if (rc == MIEN_OK) {
        folder = pictures ? strdup(pictures) : eval_folder_of(path);
        rc = folder ? take_rows(s, folder, why) : eval_no_memory(why);
    }
    free(folder);
    if (rc == MIEN_OK && s->n == 0)
        rc = eval_fail(why, MIEN_EFORMAT, "%s: no row follows the names of the columns", path);
    if (rc) samples_free(s);
    return rc;
}

/* The parts of a name such as 26_1_2_20170116184024662.jpg.chip.jpg: numbers with underscores. */
static int utkface_parts(const char *tail, long part[3]) {
    const char *slash = strrchr(tail, '/'), *at = slash ? slash + 1 : tail;

    for (int i = 0; i < 3; i++) {
        char *end;
        part[i] = *at >= '0' && *at <= '9' ? strtol(at, &end, 10) : -1;
        if (part[i] < 0 || *end != '_') return -1;
        at = end + 1;
    }
    return part[0] > 150 || part[1] > 1 || part[2] > 4 ? -1 : 0;
}

int samples_utkface(struct samples *s, const struct eval_folder *folder, char why[EVAL_WHY]) {
    static const char *const genders[] = {"male", "female"};
    static const char *const races[] = {"White", "Black", "Asian", "Indian", "Others"};
    static const char *const columns[] = {"age", "gender", "race"};
    long part[3];
    int rc;

    memset(s, 0, sizeof *s);
    s->name = folder->path;
    rc = make(s, folder->n, 3, why);
    for (int c = 0; rc == MIEN_OK && c < 3; c++) s->columns_at[c] = columns[c];
    for (int i = 0; rc == MIEN_OK && i < s->n; i++) {
        struct sample *one = &s->at[i];
        one->file = keep_text(s, strdup(folder->files[i]));
        if (!one->file) rc = eval_no_memory(why);
        if (rc || utkface_parts(folder->tails[i], part)) continue; /* some lack a part */
        char age[16];
        int n = snprintf(age, sizeof age, "%ld", part[0]);
        one->fields[0] = keep_text(s, strndup(age, (size_t)n));
        one->fields[1] = genders[part[1]];
        one->fields[2] = races[part[2]];
        if (!one->fields[0]) rc = eval_no_memory(why);
    }
    if (rc) samples_free(s);
    return rc;
}

int samples_classes(struct samples *s, const struct eval_folder *folder, char why[EVAL_WHY]) {
    int rc;

    memset(s, 0, sizeof *s);
    s->name = folder->path;
    rc = make(s, folder->n, 1, why);
    if (rc == MIEN_OK) s->columns_at[0] = "label";
    for (int i = 0; rc == MIEN_OK && i < s->n; i++) {
        const char *tail = folder->tails[i], *slash = strchr(tail, '/');
        if (!slash) {
            rc = eval_fail(why, MIEN_EFORMAT,
                           "%s is in no folder of its class: give a folder a class, or a CSV",
                           folder->files[i]);
            break;
        }
        s->at[i].file = keep_text(s, strdup(folder->files[i]));
        s->at[i].fields[0] = keep_text(s, strndup(tail, (size_t)(slash - tail)));
        if (!s->at[i].file || !s->at[i].fields[0]) rc = eval_no_memory(why);
    }
    if (rc) samples_free(s);
    return rc;
}

int samples_labelled(struct samples *s, const char *path, const struct eval_folder *folder,
                     const char *pictures, const char *conditions, int *column,
                     char why[EVAL_WHY]) {
    int rc = folder ? samples_classes(s, folder, why) : samples_read(s, path, pictures, why);

    if (rc == MIEN_OK && conditions) rc = samples_where(s, conditions, why);
    *column = samples_column(s, "label");
    if (rc == MIEN_OK && *column < 0)
        rc = eval_fail(why, MIEN_EFORMAT, "%s: the first row names no column 'label'", path);
    return rc;
}

void samples_free(struct samples *s) {
    for (int i = 0; i < s->nmade; i++) free(s->made[i]);
    for (int i = 0; s->at && i < s->n; i++) free(s->at[i].fields);
    free(s->made);
    free(s->at);
    free(s->columns_at);
    csv_free(&s->csv);
    free(s->text);
    memset(s, 0, sizeof *s);
}

int samples_column(const struct samples *s, const char *what) {
    for (int c = 0; c < s->columns; c++)
        if (words_same(s->columns_at[c], what)) return c;
    for (int c = 0; c < s->columns; c++)
        if (words_column_is(s->columns_at[c], what)) return c;
    return -1;
}

void samples_keep(struct samples *s, const unsigned char *keep) {
    int n = 0;

    for (int i = 0; i < s->n; i++) {
        if (keep[i])
            s->at[n++] = s->at[i];
        else
            free(s->at[i].fields);
    }
    s->n = n;
}
