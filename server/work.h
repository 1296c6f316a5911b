/*
 * work.h - the way of a request through the server, from whole to answered, however it came.
 */
#ifndef MIEN_SERVER_WORK_H
#define MIEN_SERVER_WORK_H

#include "server/request.h"

/* A request that is whole (admit.h) and in whose place nobody works: 1 where it waits for a worker
 * now, and its transport's answer() follows; 0 where its reply is there. */
int work_begin(struct request *r);
/* What a worker does with it: runs its handler, and has it answered. */
void work_on(struct request *r);
/* Its answer has left, or its client has: counts and logs it, and frees it. */
void work_end(struct request *r);

#endif
