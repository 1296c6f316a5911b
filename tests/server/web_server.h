/*
 * web_server.h - a web server on loopback that says what the tests of fetch.c need said, true or
 * not. One connection at a time, one request a connection.
 *
 *   /picture         "not really a picture", as image/jpeg
 *   /hops/N          redirects to /hops/N-1, /hops/0 to /picture; sets a cookie
 *   /to?LOCATION     redirects to LOCATION as it stands
 *   /status/NNN      that status, with a body
 *   /empty           200 with no byte
 *   /bytes/N         N bytes of which Content-Length tells
 *   /endless         bytes without end, no Content-Length
 *   /claims/N        Content-Length N, but 10 bytes
 *   /headers         headers without end
 *   /drip            a byte each 50 ms without end
 *   /silent          nothing, until the client goes
 *   /garbage         bytes that are not HTTP
 */
#ifndef MIEN_TESTS_SERVE_WEB_SERVER_H
#define MIEN_TESTS_SERVE_WEB_SERVER_H

#define WEB_PICTURE "not really a picture"

/* Starts it in a thread of its own; fails the test where it cannot. Stop it before another. */
void web_start(void);
void web_stop(void);
/* Where it listens, at 127.0.0.1. */
int web_port(void);
/* Connections taken since the start. */
int web_connections(void);
/* The text of the last request; the next call writes over it. */
const char *web_last_request(void);

#endif
