/*
 * kserve_codec.h - inference requests and answers of the Open Inference Protocol ("KServe v2").
 *
 * JSON tensors, flat or nested, and Triton's binary tensor data extension both ways: tensors whose
 * bytes follow the JSON, little-endian and without gaps. After
 * https://github.com/kserve/open-inference-protocol (specification/protocol/inference_rest.md) and
 * Triton's docs/protocol/extension_binary_data.md. Its own module because it is a pure function of
 * untrusted bytes; which networks there are and what they take is its callers' business.
 */
#ifndef MIEN_SERVER_APIS_KSERVE_CODEC_H
#define MIEN_SERVER_APIS_KSERVE_CODEC_H

#include "server/why.h"

#include <stddef.h>
#include <stdint.h>

enum {
    KSERVE_DIMS = 8,       /* most dimensions of a tensor */
    KSERVE_INPUTS = 8,     /* most inputs of a request */
    KSERVE_OUTPUTS = 32,   /* most outputs a request may name */
    KSERVE_NAME_SIZE = 128 /* bytes of a name or an id, with its NUL */
};

struct kserve_input {
    char name[KSERVE_NAME_SIZE];
    int dims;                   /* 1..KSERVE_DIMS */
    int64_t shape[KSERVE_DIMS]; /* [dims], all > 0 */
    size_t count;               /* their product */
    /* One of the two, row-major; the other is NULL. */
    const float *floats;  /* FP32: [count], all finite */
    const uint8_t *bytes; /* UINT8: [count]; may lie in the body */
    void *owned;          /* what kserve_request_free() frees */
};

struct kserve_wanted {
    char name[KSERVE_NAME_SIZE];
    int binary; /* the answer has its data behind the JSON */
};

struct kserve_request {
    char id[KSERVE_NAME_SIZE]; /* "" where there is none */
    int inputs_count;          /* > 0 */
    struct kserve_input inputs[KSERVE_INPUTS];
    int outputs_count; /* 0: all outputs are wanted */
    struct kserve_wanted outputs[KSERVE_OUTPUTS];
    int binary_default; /* outputs that are not named are wanted as binary data */
};

/* Reads body[0..length). header_length: the value of Inference-Header-Content-Length, bytes of JSON
 * before the binary data; negative where the request has no such header, and all of it is JSON.
 * max_memory: bytes that the values of the JSON may take while it is read; a number takes 48.
 * Returns 0 with *out, which needs body until kserve_request_free(); or 400, 413 (too many values)
 * or 500 (no memory) with a sentence in why and *out all zero. */
int kserve_read(const void *body, size_t length, long long header_length, size_t max_memory,
                struct kserve_request *out, char why[WHY_SIZE]);

/* Frees what *r holds and makes it all zero. */
void kserve_request_free(struct kserve_request *r);

/* What the request wants of the output of that name: NULL where it does not want it, else whether
 * its data is wanted as binary, in an element of outputs or in *fallback, which is written. */
const struct kserve_wanted *kserve_wants(const struct kserve_request *r, const char *name,
                                         struct kserve_wanted *fallback);

struct kserve_output {
    const char *name;
    int dims;
    const int64_t *shape; /* [dims] */
    const float *data;    /* FP32, as many as the product of shape, row-major */
    int binary;
};

struct kserve_answer {
    char *bytes; /* [size], malloc'ed; the caller frees it */
    size_t size;
    long long header_length; /* for Inference-Header-Content-Length; -1: all of it is JSON */
};

/* Writes the answer of `model` with outputs[0..count). id: the request's, "" for none. Floats in
 * JSON have nine significant digits, enough to come back as they were. Returns 0 with *out; or 500
 * with a sentence in why and *out all zero: no memory, or a value in JSON that is not finite. */
int kserve_write(const char *model, const char *id, const struct kserve_output *outputs, int count,
                 struct kserve_answer *out, char why[WHY_SIZE]);

#endif
