/*
 * arrivals.h - pictures that come into a folder and those below it: what is there, and what the
 * kernel tells of from then on (inotify).
 *
 * A picture has come when who wrote it has closed it, or when it was moved or linked in; one that
 * is half written is told of again when it is whole. A folder is watched before it is looked
 * through, so nothing comes in between. Where the kernel loses count all is to be looked through
 * again: who takes what comes knows what is done. Links to folders are not followed, hidden files
 * and files without a picture's extension passed over.
 */
#ifndef MIEN_SERVICES_ARRIVALS_H
#define MIEN_SERVICES_ARRIVALS_H

#include <stddef.h>

struct arrivals;

/* Names are paths below the folder. Not 0 ends what calls it. */
typedef int arrivals_see(void *context, const char *name);

/* NULL with a sentence. The folder may come later. */
struct arrivals *arrivals_open(const char *folder, char *why, size_t room);
void arrivals_close(struct arrivals *a);
/* Tells of all that is there, then of what comes for `ms` milliseconds. Returns 0, or what see()
 * returned. */
int arrivals_wait(struct arrivals *a, int ms, arrivals_see *see, void *context);
/* Tells of all that is there once more at the next arrivals_wait(). */
void arrivals_look_again(struct arrivals *a);
/* 1 where not every folder can be watched, so that it must be looked at now and then. */
int arrivals_misses_some(const struct arrivals *a);

#endif
