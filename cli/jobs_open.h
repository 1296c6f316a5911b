/*
 * jobs_open.h - the queue that --queue names, or the user's, and what goes wrong with it in a
 * sentence.
 */
#ifndef MIEN_CLI_JOBS_OPEN_H
#define MIEN_CLI_JOBS_OPEN_H

#include "options.h"
#include "queue/queue.h"

/* A queue_error with a sentence, which is "" where it was said already. */
int jobs_try(const struct options *opt, int must_exist, struct queue **out, char why[QUEUE_WHY]);
/* must_exist: nothing is made where there is none. Returns an exit status after saying what is
 * wrong; *out is NULL unless EXIT_OK. */
int jobs_open(const struct options *opt, int must_exist, struct queue **out);
/* The place, for free(), its folder made; NULL after saying what is wrong. */
char *jobs_place(const struct options *opt);
/* Says why a function of the queue failed; returns EXIT_FAILED. */
int jobs_say(const struct queue *q);

#endif
