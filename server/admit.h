/*
 * admit.h - who may ask what: all that can be said of a request from its headers.
 */
#ifndef MIEN_SERVER_ADMIT_H
#define MIEN_SERVER_ADMIT_H

#include "server/keys.h"
#include "server/request.h"

/* Finds the route, and checks key, state of the server, length of the body and room in the queue.
 * Leaves a reply where the request is refused, and where it is OPTIONS, which the table of routes
 * answers. */
void admit(struct request *r, const char *method, const char *path);
/* For a route of ROUTE_LATE_KEY: the key may be a parameter of that name, too. 0; -1 after replying
 * where the server wants a key and there is none, or one that may not do this. */
int admit_late_key(struct request *r, const char *name);
/* For dialects whose clients sign with their keys: that of a name. 1; 0 where this server wants
 * none; -1 where there is no such name. Whoever has it and has checked the signature goes on with
 * admit_key(), and wipes it. */
int admit_secret(struct request *r, const char *name, char out[KEYS_MAX_LENGTH + 1]);
/* The same of a key the path has. */
int admit_key(struct request *r, const char *key);

#endif
