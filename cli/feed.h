/*
 * feed.h - the pictures of a command line, found one by one as they are wanted, so that a run over
 * a million files takes no more memory than one over ten.
 *
 * A feed goes through files and folders in order, or through a list. Who opens it may have some
 * passed over, because they are done, or end it before its end.
 */
#ifndef MIEN_CLI_FEED_H
#define MIEN_CLI_FEED_H

#include "input.h"
#include "walk.h"

#include <stdatomic.h>

struct feed {
    struct input *list; /* [total] of feed_of(); NULL: what follows */
    char *const *args;
    int nargs;
    const char *const *skip;
    struct walk *walk; /* of the folder it is in */

    int at;        /* the next of the list, or argument */
    int folders;   /* how many of the arguments are folders, up to here */
    int no_memory; /* why it has ended */
    int ended;

    /* Asked for each: 1 to have it, 0 to pass it over, -1 to end here, -2 where memory ran out.
     * NULL: all are wanted. */
    int (*want)(void *context, struct input *input);
    void *context;

    long long total;   /* how many there are, more or less; 0: that was not counted */
    atomic_llong past; /* passed over */
};

/* The pictures of args[0..nargs-1]; see inputs_expand(). All must outlive the feed. */
void feed_open(struct feed *f, char *const *args, int nargs,
               const char *const skip[INPUTS_SKIP_MAX]);
/* Those of a list, which stays the caller's. */
void feed_of(struct feed *f, struct input *list, int count);
/* Sets total; see walk_count(). *skipped: files that are passed over. */
void feed_count(struct feed *f, long long *skipped,
                void (*see)(void *context, const char *folder, const char *name), void *context);
/* The next picture; NULL at the end, or where memory ran out. Of a list it is the list's, else the
 * caller's, for feed_done(). One thread at a time. */
struct input *feed_next(struct feed *f);
void feed_done(const struct feed *f, struct input *input);
void feed_close(struct feed *f);

#endif
