/*
 * progress.h - a progress bar on standard error, for a person who waits for many pictures.
 *
 * It is drawn only where standard error is a terminal, and taken away before anything else is
 * printed, so that it never mixes with results that go to the same terminal.
 */
#ifndef MIEN_CLI_PROGRESS_H
#define MIEN_CLI_PROGRESS_H

struct progress {
    int shown; /* a terminal is there and the run is long enough */
    int total;
    double start, last; /* seconds on the monotonic clock */
};

void progress_start(struct progress *p, int total);
/* Wipes the line, before other output. */
void progress_hide(const struct progress *p);
/* Draws done of total, at most ten times a second. */
void progress_show(struct progress *p, int done, int failed);
/* Seconds on the monotonic clock. */
double progress_clock(void);

#endif
