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

#include <sys/socket.h>

enum { CLIENT_NAME = 80 };

struct client {
    int connections;            /* open ones: connections.c */
    int fetches;                /* of URLs, under way: fetcher.c */
    int waiting, working, lent; /* requests: workers.c */
    int requests;               /* that are worked on: turns.c */
    int decoding;               /* turns it has: turns.c */
    double turned;              /* when it last got one */
    int items;                  /* that wait for a run: batch.c */
    double served;              /* pictures and faces run: batch.c */

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

#endif
