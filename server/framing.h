/*
 * framing.h - whether the headers say in one way only where a request ends and whom it is for.
 */
#ifndef MIEN_SERVER_FRAMING_H
#define MIEN_SERVER_FRAMING_H

struct MHD_Connection;

/* A sentence where a proxy in front of the server may end the headers or the body elsewhere than
 * libmicrohttpd does, so that what the one takes for a body is to the other a request, or take it
 * for another host's (RFC 9112, 2.2, 3.2, 5.2, 6.3 and 11.2); NULL where all is well. method and
 * version are libmicrohttpd's own, since it matters where they lie. */
const char *framing_fault(struct MHD_Connection *http, const char *method, const char *version);

/* 1 where a Content-Length's value is a number of bytes. NULL is none. */
int framing_is_length(const char *value);

#endif
