/*
 * v1_status.h - what /v1/status says: which networks answer, what they tell of faces and how often
 * that was found to be right, and what is refused.
 */
#ifndef MIEN_SERVER_APIS_V1_STATUS_H
#define MIEN_SERVER_APIS_V1_STATUS_H

#include "analysis/networks.h"
#include "server/request.h"

#include <jansson.h>

/* The similarity from which two faces are one person: what the configuration says, else what was
 * measured for the network. */
double v1_same_person(const struct request *r, const struct network *embedder);
/* The object; NULL where memory ran out. */
json_t *v1_status_json(const struct request *r, const struct networks *networks);

#endif
