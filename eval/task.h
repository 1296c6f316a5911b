/*
 * task.h - an evaluation as data: what reads its labels, judges a picture's analysis, and fills a
 * report. A row of table.c each; who runs pictures through networks (cli/eval.c) knows no other.
 */
#ifndef MIEN_EVAL_TASK_H
#define MIEN_EVAL_TASK_H

#include "analysis/analysis.h"
#include "eval/report.h"
#include "eval/samples.h"

#include <stdio.h>

struct eval_options {
    const char *pictures; /* folder of the files that labels name; NULL: where the labels are */
    const char *where;    /* samples_where(); NULL: all */
    const char *by;       /* groups_make() */
    int mistakes;         /* how many of the worst are told */
    int enrolled;         /* faces of a person, of an identification */
    uint64_t seed;        /* of whatever is drawn at random */
};

struct eval_task {
    const char *name;        /* "attributes": of `mien eval attributes` */
    enum mien_result result; /* what networks give that is judged */
    int classes;             /* that a classifier is asked for */
    /* Reads labels: of a file, or of the pictures of a folder. *state is NULL on failure. */
    int (*open)(const struct eval_options *o, const char *path, const struct eval_folder *folder,
                void **state, char why[EVAL_WHY]);
    void (*close)(void *state);
    /* The pictures, in the order of their numbers. NULL past the last. */
    const char *(*file)(const void *state, int i);
    /* Leaves those of keep[pictures], before begin. */
    void (*keep)(void *state, const unsigned char *keep);
    /* What the labels mean to these networks. MIEN_EINVAL where they do not fit. */
    int (*begin)(void *state, const struct networks *networks, char why[EVAL_WHY]);
    /* Judges picture i. A picture that could not be read is never given. Returns a MIEN_E code. */
    int (*judge)(void *state, int i, const struct analysis *a);
    int (*report)(void *state, struct report *r);
    /* Writes what was answered of each picture as a CSV. */
    void (*answers)(const void *state, FILE *out);
};

extern const struct eval_task eval_attributes, eval_detect, eval_classify, eval_identify,
    eval_verify;

/* The task of that name; NULL: there is none. */
const struct eval_task *eval_task_named(const char *name);

/* Which of n pictures are kept: where missing is not NULL only those that are there, the number of
 * others in *missing; and of these at most limit (0: all), drawn at random. Returns how many. */
int eval_choose(const struct eval_task *task, const void *state, int n, int limit, uint64_t seed,
                int *missing, unsigned char *keep);

#endif
