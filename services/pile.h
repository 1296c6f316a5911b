/*
 * pile.h - names of pictures that wait, and those somebody has in hand: each once.
 *
 * It holds so many and no more: who puts waits then, so that a folder of a million pictures takes
 * no more memory than one of ten. One that is put while somebody has it in hand waits again when it
 * is done, for it may have been read before it changed.
 */
#ifndef MIEN_SERVICES_PILE_H
#define MIEN_SERVICES_PILE_H

#include <stddef.h>

struct pile;

struct pile *pile_new(size_t room);
void pile_free(struct pile *p);
/* 0; -1 where it has ended, or memory ran out. */
int pile_put(struct pile *p, const char *name);
/* Waits for one; pile_done() it. NULL where it has ended. */
char *pile_take(struct pile *p);
void pile_done(struct pile *p, char *name);
/* Waits: 0; -1 where it has ended meanwhile. */
int pile_sleep(struct pile *p, double seconds);
/* Whoever waits is woken, and finds nothing. */
void pile_end(struct pile *p);

#endif
