/*
 * words.h - what people call things in files of labels: columns, genders, races, ranges of years.
 *
 * Data sets say "Male", "M" or "man", "20-29", "(25, 32)" or "more than 70", "East Asian" or
 * "east_asian". Words are compared by their letters and digits alone, and the few names that differ
 * beyond that stand in tables, which docs/eval.md repeats.
 */
#ifndef MIEN_EVAL_WORDS_H
#define MIEN_EVAL_WORDS_H

enum { WORDS_LABELS_MAX = 10000 };

/* 1 where both are the same but for case, blanks and punctuation. */
int words_same(const char *a, const char *b);
/* 1 where a column of this name holds that: "sex" is "gender", "path" is "file". */
int words_column_is(const char *column, const char *what);
/* Which of labels[n] a text means: sets member[i] to 1 where labels[i] is one, else to 0. Several
 * may be ("Asian"). Returns how many. */
int words_labels(const char *text, const char *const *labels, int n, unsigned char *member);
/* 1 for "yes", 0 for "no", and words like them; -1 for others. */
int words_truth(const char *text);
/* Years in a text: "34" (both are 34), "20-29" (20 up to 30), "more than 70" (70 up to infinity).
 * Returns 0; -1 where it is neither. */
int words_years(const char *text, double *low, double *high);
/* A finite number, all of the text. Returns 0; -1 where it is none. */
int words_number(const char *text, double *v);

#endif
