/*
 * redis_link.h - a connection to Redis: commands out, replies in. hiredis, which is opened when the
 * first queue in Redis is, speaks the protocol; the socket, its time limits and TLS are here.
 */
#ifndef MIEN_QUEUE_REDIS_LINK_H
#define MIEN_QUEUE_REDIS_LINK_H

#include "queue/redis_address.h"

#include <hiredis/hiredis.h>

struct redis_link;

/* Connects, and says who one is. NULL with a sentence; *away says whether another time it may work.
 */
struct redis_link *redis_link_open(const struct redis_address *a, int *away, char *why,
                                   size_t room);
/* Sends a command and waits for its reply, for redis_link_free_reply(); at most wait_ms longer than
 * any reply may take. NULL with a sentence where the connection was lost: then it is of no more
 * use. */
redisReply *redis_link_call(struct redis_link *l, int argc, const char **argv, const size_t *sizes,
                            int wait_ms, char *why, size_t room);
void redis_link_free_reply(redisReply *reply);
/* NULL is let through. */
void redis_link_close(struct redis_link *l);

#endif
