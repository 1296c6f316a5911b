/*
 * body.h - the body of a request as it comes in: a form in its parts, others whole.
 */
#ifndef MIEN_SERVER_BODY_H
#define MIEN_SERVER_BODY_H

#include "server/request.h"

/* Bytes of a refused body that are read so that the answer arrives. */
enum { BODY_DRAIN = 32 << 20 };

/* From the headers; replies 400 where a form has no boundary. */
void body_begin(struct request *r);
/* Bytes of it; *size becomes 0. Once a reply is set the rest is dropped, up to BODY_DRAIN: then
 * MHD_NO, and the connection ends without an answer. */
enum MHD_Result body_take(struct request *r, const char *data, size_t *size);
/* After the last byte; replies 400 where the form was broken. */
void body_end(struct request *r);

#endif
