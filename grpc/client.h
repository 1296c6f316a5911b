/*
 * client.h - what a program asks others over gRPC through the module: the calls of services that
 * look at a picture, and of the one that stores results (proto/landmark_detection.proto and its
 * kin).
 *
 * Services that look at a picture have messages of one form, by number and type of their fields,
 * so that any is asked by its name alone (docs/services.md).
 */
#ifndef MIEN_GRPC_CLIENT_H
#define MIEN_GRPC_CLIENT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct grpc_field;
struct grpc_client; /* a connection, kept and made anew by gRPC */

struct grpc_client_options {
    const char *target; /* "host:port" */
    const char *ca;     /* PEM text of whom is trusted over TLS; NULL: no TLS */
    size_t max_message; /* bytes of an answer */
};

/* A request: of an image, or where there is a redis_key for its results to be stored. */
struct grpc_sent {
    const char *method; /* "/package.Service/Method" */
    const char *image_id;
    const void *image;
    size_t size;
    const char *redis_key;   /* NULL: the image is sent */
    long long image_read_ns; /* with that: since 1970 */
    const struct grpc_field *metadata;
    size_t nmetadata;
    double seconds; /* until the answer */
};

struct grpc_received {
    int code;            /* gRPC's; 0: it answered */
    int may_come_right;  /* of a code: asking again may help */
    int success;         /* what it answered */
    char redis_key[256]; /* as well */
    char text[1024];     /* its sentence, or where it saved; of a code gRPC's sentence */
};

struct grpc_client_ops {
    /* Connects when it is first asked. NULL with a sentence. */
    struct grpc_client *(*open)(const struct grpc_client_options *o, char *why, size_t room);
    /* Waits for the answer; any number of threads at once. */
    void (*ask)(struct grpc_client *client, const struct grpc_sent *sent,
                struct grpc_received *received);
    /* Ends asks that wait, and those that come, with code 1 (CANCELLED). */
    void (*cancel)(struct grpc_client *client);
    void (*close)(struct grpc_client *client);
};

#ifdef __cplusplus
}
#endif

#endif
