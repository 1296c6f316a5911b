/*
 * stop.h - a run that is asked to end by SIGINT or SIGTERM finishes what it has in hand.
 *
 * The second signal ends it at once, as it would without this.
 */
#ifndef MIEN_CLI_STOP_H
#define MIEN_CLI_STOP_H

/* From here on the signals are noted. */
void stop_catch(void);
/* 1 once one has come. */
int stop_asked(void);
/* Waits until fd can be read, a signal has come, or that many milliseconds have passed (negative:
 * no matter how long): 1 where it can be read. */
int stop_wait(int fd, int milliseconds);

#endif
