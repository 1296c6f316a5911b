/*
 * samples.h - pictures and what is true of them: a file a row, and columns of text, whatever they
 * come from.
 *
 * A CSV has a header, a column of files and any others; a folder of UTKFace has the labels in the
 * files' names, a folder of classes in those of its folders. What evaluates does not ask which it
 * was.
 */
#ifndef MIEN_EVAL_SAMPLES_H
#define MIEN_EVAL_SAMPLES_H

#include "eval/csv.h"

struct sample {
    char *file;          /* what is opened */
    const char **fields; /* [columns]; "" where nothing is known */
    int line;            /* of the file of labels; 0 where the labels are a file's name */
};

struct samples {
    const char *name; /* of the file or folder, the caller's */
    int n, columns;
    struct sample *at;
    const char **columns_at; /* [columns] their names */
    /* What the texts lie in. */
    char *text;
    struct csv csv;
    char **made;
    int nmade;
};

/* Pictures of a folder: paths, and what they are called below it. */
struct eval_folder {
    const char *path;
    const char *const *files, *const *tails; /* [n] */
    int n;
};

/* Reads a CSV. pictures: the folder its files are in; NULL: the CSV's own. */
int samples_read(struct samples *s, const char *path, const char *pictures, char why[EVAL_WHY]);
/* Those of a folder whose files are called age_gender_race_date, as UTKFace's: columns age, gender,
 * race. */
int samples_utkface(struct samples *s, const struct eval_folder *folder, char why[EVAL_WHY]);
/* Those of a folder with a folder a class: column label. */
int samples_classes(struct samples *s, const struct eval_folder *folder, char why[EVAL_WHY]);
/* Those of a folder with a folder a class, or of a CSV with a column called label, that are left
 * where conditions are given (samples_where(); NULL: all). *column: of the labels. */
int samples_labelled(struct samples *s, const char *path, const struct eval_folder *folder,
                     const char *pictures, const char *conditions, int *column, char why[EVAL_WHY]);
void samples_free(struct samples *s);

/* The position of the first column that holds this; -1: there is none. */
int samples_column(const struct samples *s, const char *what);

/* Leaves those of which a condition holds: COLUMN OP VALUE, OP one of = != < <= > >=, several with
 * commas between them. Numbers, and the first of a range of years, are compared as numbers, other
 * texts as words. */
int samples_where(struct samples *s, const char *conditions, char why[EVAL_WHY]);
/* Leaves those of keep[n]. */
void samples_keep(struct samples *s, const unsigned char *keep);

#endif
