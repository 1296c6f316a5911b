/*
 * clients.h - who asks: the address a connection comes from, or the API key of a request.
 *
 * What the server has little of it shares out between clients, so that one that wants all of it
 * takes nothing from the others. A client has an entry as long as somebody holds it; what it has of
 * each thing is counted there by whoever shares that out, under that one's own lock. Its own module
 * because all of those have to mean the same by a client. Of an IPv6 address the first 64 bits
 * count, which one subscriber has (RFC 6177).
 */
#ifndef MIEN_SERVER_CLIENTS_H
#define MIEN_SERVER_CLIENTS_H

#include <stdatomic.h>
#include <sys/socket.h>

enum { CLIENT_NAME = 80 };

struct client {
    int connections;            /* open ones: connections.c */
    int fetches;                /* of URLs, under way: fetcher.c */
    int waiting, working, lent; /* requests: workers.c */
    atomic_int requests;        /* that are worked on: turns.c */
    int decoding;               /* turns it has: turns.c */
    double turned;              /* when it last got one */
    double active; /* when a decode or run of it last ended, or a request began: turns.c */
    struct client *next_at_work;
    int items;             /* that wait for a run: batch.c */
    _Atomic double served; /* seconds, as client_charge() counts them */

    struct client *next; /* the rest is clients.c's */
    int users;
    char name[CLIENT_NAME];
};

struct clients;

/* NULL where memory ran out. */
struct clients *clients_new(void);
/* Nobody may hold an entry. NULL is let through. */
void clients_free(struct clients *c);

/* The entry of an address, or of the key with that name: made where there is none, held until
 * clients_release(). Where memory ran out, one that all share that came to nothing so. */
struct client *clients_of_address(struct clients *c, const struct sockaddr *address);
struct client *clients_of_key(struct clients *c, const char *key);
/* Another hold of one that is held. */
struct client *clients_share(struct clients *c, struct client *one);
void clients_release(struct clients *c, struct client *one);

/* The server has worked so many seconds for the client, who pays for each as often as it has
 * requests at once, up to CLIENT_WEIGHT: whoever waits for one answer goes before whoever sends
 * many. Whose turn it is follows from it, of decodes as of runs: of several clients the one that
 * has paid least (start-time fair queueing: Goyal, Vin and Cheng 1996). Any thread, any lock. */
enum { CLIENT_WEIGHT = 4 };
void client_charge(struct client *one, double seconds);
/* Has paid that much at least from now on: who comes back has no claim to what others had. */
void client_catch_up(struct client *one, double served);

#endif
