/*
 * eval_output.h - what an evaluation leaves: a table or JSON on standard output, plots, answers.
 */
#ifndef MIEN_CLI_EVAL_OUTPUT_H
#define MIEN_CLI_EVAL_OUTPUT_H

#include "eval/task.h"
#include "options.h"

#include <jansson.h>

struct evaluation {
    const struct eval_task *task;
    void *state;
    const char *path;            /* of the labels */
    int judged, failed, missing; /* pictures; missing ones were left out */
    json_t *failures;            /* [{"file", "error"}] */
};

/* Notes a picture that could not be read. Returns 0, or -1 where memory ran out. */
int evaluation_failed(struct evaluation *e, const char *file, const char *error);
/* Writes everything the options ask for. Returns an exit status after saying what went wrong. */
int evaluation_write(const struct evaluation *e, const struct options *opt,
                     const struct networks *networks);
void evaluation_free(struct evaluation *e);

#endif
