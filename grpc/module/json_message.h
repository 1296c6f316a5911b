/*
 * json_message.h - messages from the program's JSON, field by field of the same names.
 *
 * An object becomes a message; a list becomes a repeated field, or where a message is wanted (a
 * box, a point) its fields in the order of their numbers. null is left out, and so is what the
 * message has no field for, unless it has a map for that: `attributes` of a face, `measured`.
 */
#ifndef MIEN_GRPC_MODULE_JSON_MESSAGE_H
#define MIEN_GRPC_MODULE_JSON_MESSAGE_H

#include "grpc/module.h"

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>
#include <jansson.h>

/* INTERNAL where a value is of another type than its field: the two are then of different
 * versions. */
grpc::Status message_from_json(const json_t *value, google::protobuf::Message *out);
/* The same of an answer's body. */
grpc::Status message_from_answer(const grpc_answer *answer, google::protobuf::Message *out);

#endif
