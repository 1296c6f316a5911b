/*
 * fake_http.h - libmicrohttpd without sockets: requests in memory, answers looked at.
 *
 * It stands in for the functions of the library that the server calls. The server starts as ever;
 * what it hands to MHD_start_daemon() is kept, and called for each request as the library would
 * call it: headers, the body in pieces, the end, again after a worker has resumed it.
 */
#ifndef MIEN_TESTS_FUZZ_FAKE_HTTP_H
#define MIEN_TESTS_FUZZ_FAKE_HTTP_H

#include <stddef.h>
#include <stdint.h>

/* Waits until the server in another thread has called MHD_start_daemon(). */
void fake_http_wait(void);

/* Sends a request of HTTP/1.1 and waits for its end. pieces: 0: the body at once; else the most
 * bytes of a piece. Returns the status of the answer, 0 where the connection was ended without one,
 * -1 where these bytes are no request the library would hand on. Aborts where an answer is none:
 * a status that HTTP does not have, JSON that is not JSON, two answers, or a fault of the server's
 * own (500). */
int fake_http_send(const uint8_t *bytes, size_t size, size_t pieces);

#endif
