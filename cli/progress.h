/*
 * progress.h - a progress bar on standard error, for a person who waits for many pictures.
 *
 * It is drawn only where standard error is a terminal. Results that go to the same terminal must
 * not mix with it: it is wiped before they are printed. (say() wipes it for itself.)
 */
#ifndef MIEN_CLI_PROGRESS_H
#define MIEN_CLI_PROGRESS_H

struct progress {
    int shown;  /* standard error is a terminal, and the run is long enough */
    int shares; /* standard output is a terminal, too: results and the bar share it */
    long long total;
    double start, last; /* seconds on the monotonic clock */
};

void progress_start(struct progress *p, long long total);
/* Before results are printed. */
void progress_hide(const struct progress *p);
/* Draws how many of total are done, in this run or before (past), and how fast and how long still,
 * at most ten times a second where nothing wipes it. */
void progress_show(struct progress *p, long long done, long long past, int failed);
void progress_end(const struct progress *p);
/* Seconds since the process began, if main calls it first of all: what ran before main is counted
 * by the processor time it took. */
double progress_since_start(void);

#endif
