/*
 * guard.h - requests that somebody else's page makes a browser send.
 *
 * A server on a machine of one's own, without keys, trusts whoever reaches it, and a browser
 * reaches it for every page its user opens: by a form posted to another origin, which no CORS
 * stops, and by a name of the page's own that is made to lead here (DNS rebinding). The first shows
 * in the headers Sec-Fetch-Site (www.w3.org/TR/fetch-metadata) and Origin, the second in Host. Its
 * own module because it is a pure function of those and of two options.
 */
#ifndef MIEN_SERVER_GUARD_H
#define MIEN_SERVER_GUARD_H

#include "server/config.h"
#include "server/why.h"

/* 0 where text is a list for --allowed-host: names with commas, or "*"; -1 with a sentence. */
int guard_check_hosts(const char *text, char why[WHY_SIZE]);

/* 1 where a request to that host (header Host; NULL where there is none) is for this server: IP
 * addresses, localhost and the names of --allowed-host are. Without the option any is, unless the
 * server listens on loopback only. */
int guard_knows_host(const struct serve_config *c, const char *host);

/* 1 where a request that does something comes from a page of another origin, which --cors-origin
 * does not list. Each is a header's value, or NULL. */
int guard_is_foreign(const struct serve_config *c, const char *host, const char *origin,
                     const char *fetch_site);

#endif
