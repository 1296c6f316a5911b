/*
 * send.h - an answer on its way out: status, headers, body.
 */
#ifndef MIEN_SERVER_SEND_H
#define MIEN_SERVER_SEND_H

#include "server/request.h"

/* Hands the request's reply to libmicrohttpd. */
enum MHD_Result send_reply(struct request *r);

#endif
