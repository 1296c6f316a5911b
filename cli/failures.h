/*
 * failures.h - failed.jsonl: the pictures of a folder that could not be analysed, and why, a line
 * each.
 *
 * One that fails for what is in it is not tried again by later runs while it and the options are as
 * they were. The file is only added to while a run goes on, so that one that is killed loses
 * nothing; lines that hold no more are taken out when it ends. In memory there are 24 bytes for
 * each. Several threads may use it.
 */
#ifndef MIEN_CLI_FAILURES_H
#define MIEN_CLI_FAILURES_H

#include "pipeline.h"

#include <pthread.h>

struct failure {
    uint64_t name, stamp; /* 0: none in this place; the stamp's: it is tried again */
    int seen, gone;       /* met by this run; it holds no more */
};

struct failures {
    char *path;
    int fd; /* -1: there has been none so far */
    struct failure *table;
    size_t count, room; /* room: a power of two */
    int stale;          /* there are lines that hold no more */
    pthread_mutex_t lock;
};

/* Reads what a folder has. retry: all are forgotten. Returns an exit status after saying what is
 * wrong; close with failures_close() where it is EXIT_OK. */
int failures_open(struct failures *f, const char *folder, int retry);
/* Whether a picture has failed before, as it is. */
int failures_have(struct failures *f, const struct input *input);
/* Adds one. Returns 0 or an errno. */
int failures_add(struct failures *f, const struct picture *picture);
/* Notes that a picture fails no more. */
void failures_mend(struct failures *f, const struct input *input);
/* Takes out lines that hold no more; all: also of pictures that this run has not met. Returns 0 or
 * an errno. */
int failures_tidy(struct failures *f, int all);
void failures_close(struct failures *f);

#endif
