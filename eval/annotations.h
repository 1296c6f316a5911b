/*
 * annotations.h - where the faces of pictures are: WIDER FACE's text files, and JSON.
 *
 * The text is wider_face_val_bbx_gt.txt: a file, how many faces, and a line a face. It does not say
 * how difficult a face is (that is in .mat files), so faces are divided by their height as WIDER's
 * paper does. JSON is a list of {"file", "boxes": [[x1, y1, x2, y2]...]} and, for each level of
 * difficulty, the indices of the boxes that count in it.
 */
#ifndef MIEN_EVAL_ANNOTATIONS_H
#define MIEN_EVAL_ANNOTATIONS_H

#include "eval/file.h"

enum { LEVELS_MAX = 8, LEVEL_NAME = 24 };

struct annotation {
    char *file;
    int n;
    double (*boxes)[4];    /* [n] x1, y1, x2, y2 */
    unsigned char *levels; /* [n] bit l: the face counts in level l */
};

struct annotations {
    int n, capacity, nlevels;
    struct annotation *at;
    char levels[LEVELS_MAX][LEVEL_NAME];
};

/* Parses text[size], which a NUL follows. name: what sentences call it. *out is empty on failure.
 * MIEN_EFORMAT where it is neither. */
int annotations_parse(const char *text, size_t size, const char *name, struct annotations *out,
                      char why[EVAL_WHY]);
void annotations_free(struct annotations *a);

/* Of the readers: a new annotation of a file and n boxes, all zeros; NULL: no memory. */
struct annotation *annotations_add(struct annotations *a, const char *file, size_t length, int n);
/* Those of JSON; annotations_parse() frees what a failure leaves. */
int annotations_json(const char *text, size_t size, const char *name, struct annotations *out,
                     char why[EVAL_WHY]);

#endif
