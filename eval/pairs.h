/*
 * pairs.h - pairs of pictures, and whether both show one person: LFW's pairs.txt, or a CSV.
 *
 * Which pictures there are is told once each, however many pairs they are of.
 */
#ifndef MIEN_EVAL_PAIRS_H
#define MIEN_EVAL_PAIRS_H

#include "eval/file.h"

struct pair {
    int a, b; /* pictures */
    int same, fold;
};

struct pairs {
    int n, npictures;
    struct pair *at;
    char **pictures; /* [npictures] what is opened */
    int *now;        /* [npictures] of pairs_keep() */
};

/*
 * Reads LFW's text: a line "FOLDS N" (or "N"), then for each fold N lines NAME I J and N lines
 * NAME I NAME J, of pictures NAME/NAME_0001.jpg; or a CSV with columns a, b and same (yes, no, 1,
 * 0, ...), and fold (a number) where the folds are not the tenths of both kinds as they stand.
 * folder: that the pictures are in; NULL: the file's own. MIEN_EFORMAT where it is neither.
 */
int pairs_read(struct pairs *p, const char *path, const char *folder, char why[EVAL_WHY]);
void pairs_free(struct pairs *p);
/* Leaves the pictures of keep[npictures], and the pairs both of whose pictures are left. */
void pairs_keep(struct pairs *p, const unsigned char *keep);

#endif
