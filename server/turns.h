/*
 * turns.h - whose decoding goes on: a turn each, as many at once as there are cores.
 *
 * A picture may take seconds to decode, so a turn is not kept to its end: who decodes asks now and
 * then, and lets others go first that have had less. A client has as many turns as it likes while
 * it is alone, and half of them while others have requests, so that what those have decoded can be
 * worked on, too; and none while the networks run for another that has been served less
 * (clients.h). Nor do those run for who has several requests while one is to decode first who has
 * been served less. Its own module because it is a rule about
 * counts, which a test can go through without pictures.
 */
#ifndef MIEN_SERVER_TURNS_H
#define MIEN_SERVER_TURNS_H

#include "server/clients.h"

#include <pthread.h>

/* A decode that has, or waits for, a turn. */
struct turn {
    struct client *client;
    int (*stop)(void *context); /* asked while it waits, now and then */
    void *context;

    struct turn *next; /* the rest is turns.c's */
    unsigned long long number;
    double began; /* clock_seconds(); 0: never yet */
};

struct turns {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n, running;
    double served;          /* of who got a turn last, then */
    struct client *runs;    /* for whom the networks run; NULL: nobody */
    struct client *at_work; /* those that have requests, in no order */
    int clients;            /* how many */
    int suspended;          /* turns that wait for the second time or more */
    struct turn *waiting;   /* in no order */
    unsigned long long numbers;
};

/* n > 0: turns at once. */
void turns_init(struct turns *t, int n);
void turns_destroy(struct turns *t);

/* A request of the client is worked on from now on, or no longer. */
void turns_enter(struct turns *t, struct client *client);
void turns_leave(struct turns *t, struct client *client);

/* The networks run for this client from now on; NULL: for nobody. It must be there until then. */
void turns_run(struct turns *t, struct client *client);
/* Until when, by clock_seconds(), a run should wait that is for a client of several requests: while
 * one decodes who has a single request and has been served less, and for a moment after his decodes
 * and runs, in which he submits what is next (anticipatory scheduling: Iyer and Druschel 2001). 0:
 * it should not wait. */
double turns_ahead(struct turns *t, const struct client *client);

/* 1 while several clients have requests. */
int turns_are_shared(struct turns *t);

/* Waits for a turn: 0; -1 where stop(context) has said so before, and then there is none. turn's
 * client, stop and context are the caller's to set. */
int turns_begin(struct turns *t, struct turn *turn);
/* In the middle of it: lets others go first who are due, and waits until it goes on: 0; -1 as
 * above. Cheap where nobody waits. */
int turns_pass(struct turns *t, struct turn *turn);
void turns_end(struct turns *t, struct turn *turn);

#endif
