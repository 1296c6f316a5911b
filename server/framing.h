/*
 * framing.h - whether the headers say in one way only where a request ends.
 */
#ifndef MIEN_SERVER_FRAMING_H
#define MIEN_SERVER_FRAMING_H

struct MHD_Connection;

/* 1 where a proxy in front of the server may end the body elsewhere than libmicrohttpd does, so
 * that what the one takes for a body is to the other a request (RFC 9112, 6.3 and 11.2). */
int framing_is_ambiguous(struct MHD_Connection *http, const char *version);

#endif
