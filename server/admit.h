/*
 * admit.h - who may ask what: all that can be said of a request from its headers.
 */
#ifndef MIEN_SERVER_ADMIT_H
#define MIEN_SERVER_ADMIT_H

#include "server/request.h"

/* Finds the route, and checks key, state of the server, length of the body and room in the queue.
 * Leaves a reply where the request is refused, and where it is OPTIONS, which the table of routes
 * answers. */
void admit(struct request *r, const char *method, const char *path);

#endif
