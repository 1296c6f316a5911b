/*
 * watch.h - --watch: pictures that come into folders, as the kernel tells of them (inotify).
 *
 * A picture is ready when who wrote it has closed it, or when it was moved or linked in. What is
 * told is kept as a bounded set of names; where more comes than fits, in it or in the kernel's
 * queue, all folders are gone through again instead: nothing is missed, and stamps (stamp.h) keep
 * what is done from being done twice.
 */
#ifndef MIEN_CLI_WATCH_H
#define MIEN_CLI_WATCH_H

#include "folders.h"
#include "inputs.h"
#include "options.h"

struct watch;

enum { WATCH_END, WATCH_SOME, WATCH_ALL };

/* Watches the folders of the arguments and those below them, from now on. folders: whose wait is
 * set, so that pictures somebody may still be writing are left for later. Returns an exit status
 * after saying what is wrong. */
int watch_open(struct watch **out, const struct options *opt, struct folders *folders);
/* Reads what has been told so far. */
void watch_drain(struct watch *w);
/* Waits. *got is WATCH_SOME: *ready are pictures, for inputs_free(); WATCH_ALL: all folders are to
 * be gone through; WATCH_END: it was asked to end. Returns an exit status after saying what is
 * wrong. */
int watch_next(struct watch *w, struct inputs *ready, int *got);
/* NULL is allowed. */
void watch_close(struct watch *w);

#endif
