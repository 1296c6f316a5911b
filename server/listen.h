/*
 * listen.h - the socket the server listens on.
 */
#ifndef MIEN_SERVER_LISTEN_H
#define MIEN_SERVER_LISTEN_H

#include "server/config.h"

/* Opens it. Returns the descriptor, or -1 with a sentence in why. */
int listen_open(const struct serve_config *c, char *why, size_t room);
/* The port a socket has; 0 where it has none. */
int listen_port(int fd);

#endif
