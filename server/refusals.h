/*
 * refusals.h - what the server refuses because it has enough: each answers, and is counted.
 */
#ifndef MIEN_SERVER_REFUSALS_H
#define MIEN_SERVER_REFUSALS_H

#include "server/request.h"

/* Bytes a body of this request's route may have. */
size_t refusals_body_limit(const struct request *r);
/* 413: the body is larger. */
void refuse_size(struct request *r);
/* 503: other requests take all memory they may. */
void refuse_memory(struct request *r);
/* 429: as many requests wait as may. */
void refuse_queue(struct request *r);
/* 503: the server is not ready yet, or no more. state: of enum server_state. */
void refuse_state(struct request *r, int state);

#endif
