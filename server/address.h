/*
 * address.h - which addresses a URL of a stranger may lead to.
 *
 * A server that fetches what it is told can be made to reach what only it can reach: itself, its
 * network, the metadata service of its cloud. So only addresses of the public internet are allowed,
 * and of these none that wraps another one. Its own module because it is a pure function of an
 * address and two tables, which a test goes through entry by entry.
 */
#ifndef MIEN_SERVER_ADDRESS_H
#define MIEN_SERVER_ADDRESS_H

#include <sys/socket.h>

/* From harmless to harmful. */
enum address_class {
    ADDRESS_PUBLIC,
    ADDRESS_PRIVATE, /* this machine, its networks, and all else that is not the public internet; an
                        operator may allow it */
    ADDRESS_REFUSED, /* a cloud's metadata service, which hands out credentials, or no IP address */
};

/* The class of a struct sockaddr_in or sockaddr_in6. An IPv6 address that carries IPv4 ones
 * (mapped, compatible, translated, NAT64, 6to4, Teredo) has the worst class of all of them.
 * Thread-safe. */
enum address_class address_classify(const struct sockaddr *address);

#endif
