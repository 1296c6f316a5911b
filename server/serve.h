/*
 * serve.h - the HTTP server behind `mien serve`: the calls that run it and ask for it.
 *
 * The server is a program of its own on top of mien.h, as the command line is; it is a folder apart
 * from cli/ because it shares nothing with it but the option table, whose values arrive in
 * config.h. How it works is told in docs/server.md.
 */
#ifndef MIEN_SERVER_SERVE_H
#define MIEN_SERVER_SERVE_H

#include "server/config.h"

/*
 * Serves until SIGTERM or SIGINT (drains, a second one gives requests up); SIGHUP reads keys and
 * weights anew. Prints "listening on http://ADDRESS:PORT" on standard error once the socket is
 * open; until the networks are loaded everything but /health answers 503. Returns 0, or -1 after
 * saying on standard error what could not be opened. *config must stay valid and is not changed.
 */
int serve_run(const struct serve_config *config);

/* Asks the server that serve_run() with this configuration is in another process: 0 where it is
 * ready, -1 after saying on standard error why it is not known to be. */
int serve_check(const struct serve_config *config);

#endif
