/*
 * forwarded.h - whom a proxy asks for.
 *
 * Behind a proxy every connection comes from its address, and all its clients would be one (see
 * clients.h). Proxies append the address they got a request from to the header X-Forwarded-For, and
 * anybody may send that header: so it is read from its end, and only as far as those who wrote it
 * are proxies that --trusted-proxy lists. Its own module because it is a pure function of strings.
 */
#ifndef MIEN_SERVER_FORWARDED_H
#define MIEN_SERVER_FORWARDED_H

#include "server/why.h"

#include <netinet/in.h>

/* 0 where text is a list for --trusted-proxy: addresses or networks (10.0.0.0/8), with commas; -1
 * with a sentence. */
int forwarded_check(const char *text, char why[WHY_SIZE]);

/* 1 and the address of the client, as one of IPv6 (of IPv4 mapped), where peer is one of `trusted`
 * and the header's value says for whom it asks; 0 where the peer itself is the client. */
int forwarded_client(const char *trusted, const struct sockaddr *peer, const char *header,
                     struct sockaddr_in6 *client);

#endif
