/*
 * folders.h - a run from folders into a folder (--output): which of the pictures are still to be
 * done, and writing down those that were.
 *
 * Whatever ends a run, the next goes on where it stopped: a picture is done once its file is there,
 * and that says for which picture, options and networks (stamp.h); one that failed is done once
 * failed.jsonl has it.
 */
#ifndef MIEN_CLI_FOLDERS_H
#define MIEN_CLI_FOLDERS_H

#include "failures.h"
#include "feed.h"
#include "pipeline.h"
#include "targets.h"

struct folders {
    const struct options *opt;
    const struct targets *targets;
    int keeps;         /* --output, and a folder to read: what follows is in use */
    uint64_t contract; /* of stamps */
    struct failures failures;
    int lock;                               /* of the folder that is written to */
    long long current, failed_before, left; /* passed over: up to date; in failed.jsonl; gone */
    atomic_int broken;                      /* nothing more can be written */
    /* Of --watch: whether a picture is to be left for later. NULL: none is. */
    int (*wait)(void *context, const struct input *input);
    void *context;
};

/* The pipeline is open. Makes the folder that is written to. Returns an exit status after saying
 * what is wrong; close with folders_close() in any case. */
int folders_open(struct folders *f, const struct pipeline *p, const struct targets *targets);
/* Of a feed: what is to be written for a picture, and whether it is to be done. context: the
 * struct folders. */
int folders_want(void *context, struct input *input);
/* Prints and writes what was found in a picture, or why nothing was; draws it. print: JSON goes to
 * standard output, too. Returns an exit status after saying what failed. */
int folders_write(struct folders *f, struct picture *picture, int print);
/* Whether a picture that failed is there no more. */
int folders_left(struct folders *f, const struct picture *picture);
/* After a feed has ended; all: it went through everything. Returns an exit status. */
int folders_end(struct folders *f, int all);
void folders_close(struct folders *f);

#endif
