/*
 * transport_http.h - what requests that came over HTTP ask libmicrohttpd.
 */
#ifndef MIEN_SERVER_TRANSPORT_HTTP_H
#define MIEN_SERVER_TRANSPORT_HTTP_H

#include "server/request.h"

extern const struct transport TRANSPORT_HTTP;

#endif
