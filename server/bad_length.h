/*
 * bad_length.h - the answer to a Content-Length that is no number of bytes.
 *
 * libmicrohttpd 0.9.75 sees that before we see the request, and answers it itself: in words of its
 * own and, because its parser goes on after that, with two heads, of which a proxy takes the second
 * for the next request's. All it lets us know is a line of its log, right before. So then the
 * connections are looked at whose headers are being parsed, and those of which it may have spoken
 * are answered here and ended; what it writes goes nowhere.
 */
#ifndef MIEN_SERVER_BAD_LENGTH_H
#define MIEN_SERVER_BAD_LENGTH_H

struct server;

/* For the network thread. */
void bad_length_answer(struct server *s);

#endif
