#include "server/apis/kserve_codec.h"
#include "server/json_read.h"

#include <endian.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The part of a body that is not JSON, and how much of it inputs have taken. */
struct binary {
    int given; /* the request has a length of its JSON */
    const uint8_t *next;
    size_t left;
};

/* v[key], NULL where there is none or where it is null, as clients may leave a field out. */
static const json_t *member(const json_t *v, const char *key) {
    const json_t *value = json_object_get(v, key);
    return json_is_null(value) ? NULL : value;
}

/* Copies the string v[key] into name. what: "input 2" and the like. */
static int read_name(const json_t *v, const char *key, const char *what,
                     char name[KSERVE_NAME_SIZE], char why[WHY_SIZE]) {
    const json_t *text = member(v, key);
    size_t length = json_string_length(text);
    if (!json_is_string(text)) return why_set(why, 400, "%s has no %s", what, key);
    if (length == 0 || length >= KSERVE_NAME_SIZE)
        return why_set(why, 400, "the %s of %s must have 1 to %d bytes", key, what,
                       KSERVE_NAME_SIZE - 1);
    memcpy(name, json_string_value(text), length + 1);
    return 0;
}

/* The object v["parameters"], NULL where there is none. */
static int read_parameters(const json_t *v, const char *what, const json_t **parameters,
                           char why[WHY_SIZE]) {
    *parameters = member(v, "parameters");
    if (!*parameters || json_is_object(*parameters)) return 0;
    return why_set(why, 400, "the parameters of %s are not an object", what);
}

/* The boolean parameters[key]; *value stays as it is where there is none. */
static int read_flag(const json_t *parameters, const char *key, const char *what, int *value,
                     char why[WHY_SIZE]) {
    const json_t *flag = member(parameters, key);
    if (!flag) return 0;
    if (!json_is_boolean(flag)) return why_set(why, 400, "%s of %s is not a boolean", key, what);
    *value = json_is_true(flag);
    return 0;
}

/* Reads the shape of *in. most: more values than that there cannot be. */
static int read_shape(const json_t *v, const char *what, size_t most, struct kserve_input *in,
                      char why[WHY_SIZE]) {
    const json_t *shape = member(v, "shape");
    size_t dims = json_array_size(shape);
    if (!json_is_array(shape)) return why_set(why, 400, "%s has no shape", what);
    if (dims < 1 || dims > KSERVE_DIMS)
        return why_set(why, 400, "%s has %zu dimensions, not 1 to %d", what, dims, KSERVE_DIMS);
    in->dims = (int)dims;
    in->count = 1;
    for (size_t i = 0; i < dims; i++) {
        const json_t *d = json_array_get(shape, i);
        if (!json_is_integer(d) || json_integer_value(d) < 1)
            return why_set(why, 400, "dimension %zu of %s is not a positive integer", i + 1, what);
        in->shape[i] = json_integer_value(d);
        if ((uint64_t)in->shape[i] > most / in->count)
            return why_set(why, 400, "%s has a shape of more values than the request holds", what);
        in->count *= (size_t)in->shape[i];
    }
    return 0;
}

/* Takes the input's bytes from what follows the JSON. */
static int read_binary(const json_t *size, const char *what, int is_float, struct binary *binary,
                       struct kserve_input *in, char why[WHY_SIZE]) {
    size_t bytes =
        in->count * (is_float ? sizeof(float) : 1); /* count is at most the body's size */
    if (!binary->given)
        return why_set(why, 400,
                       "%s has binary_data_size, but the request has no "
                       "Inference-Header-Content-Length",
                       what);
    if (!json_is_integer(size) || json_integer_value(size) < 0 ||
        (uint64_t)json_integer_value(size) != bytes)
        return why_set(why, 400, "binary_data_size of %s is not the %zu bytes of its shape", what,
                       bytes);
    if (bytes > binary->left)
        return why_set(why, 400, "the request ends before the binary data of %s does", what);
    const uint8_t *from = binary->next;
    binary->next += bytes;
    binary->left -= bytes;
    if (!is_float) {
        in->bytes = from;
        return 0;
    }
    float *values = in->owned = malloc(bytes); /* a copy, as the body's may not be aligned */
    if (!values) return why_set(why, 500, "out of memory");
    in->floats = values;
    for (size_t i = 0; i < in->count; i++) {
        uint32_t bits;
        memcpy(&bits, from + i * sizeof bits, sizeof bits);
        bits = le32toh(bits);
        memcpy(&values[i], &bits, sizeof bits);
        if (!isfinite(values[i]))
            return why_set(why, 400, "value %zu of %s is not a finite number", i + 1, what);
    }
    return 0;
}

/* One number of JSON into values[at], floats or bytes. */
static int read_value(const json_t *v, const char *what, int is_float, void *values, size_t at,
                      char why[WHY_SIZE]) {
    if (is_float) {
        if (!json_is_number(v) || fabs(json_number_value(v)) > (double)FLT_MAX)
            return why_set(why, 400, "value %zu of %s is not a number of FP32", at + 1, what);
        ((float *)values)[at] = (float)json_number_value(v);
        return 0;
    }
    json_int_t n = json_is_integer(v) ? json_integer_value(v) : -1;
    if (n < 0 || n > 255)
        return why_set(why, 400, "value %zu of %s is not an integer of 0 to 255", at + 1, what);
    ((uint8_t *)values)[at] = (uint8_t)n;
    return 0;
}

/* Reads the lists of dimension `dim` and those inside of it, *done values being read before. */
static int read_nested(const json_t *list, const char *what, int is_float, int dim,
                       struct kserve_input *in, size_t *done, char why[WHY_SIZE]) {
    if (!json_is_array(list) || json_array_size(list) != (size_t)in->shape[dim])
        return why_set(why, 400, "the lists of %s are not of its shape", what);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        int status = dim + 1 < in->dims ? read_nested(v, what, is_float, dim + 1, in, done, why)
                                        : read_value(v, what, is_float, in->owned, (*done)++, why);
        if (status) return status;
    }
    return 0;
}

static int read_flat(const json_t *list, const char *what, int is_float, struct kserve_input *in,
                     char why[WHY_SIZE]) {
    size_t n = json_array_size(list);
    if (n != in->count)
        return why_set(why, 400, "%s has %zu values, its shape %zu", what, n, in->count);
    for (size_t i = 0; i < n; i++) {
        int status = read_value(json_array_get(list, i), what, is_float, in->owned, i, why);
        if (status) return status;
    }
    return 0;
}

static int read_json_data(const json_t *v, const char *what, int is_float, struct kserve_input *in,
                          char why[WHY_SIZE]) {
    const json_t *data = member(v, "data");
    size_t done = 0;
    if (!json_is_array(data)) return why_set(why, 400, "%s has no data", what);
    in->owned = malloc(in->count * (is_float ? sizeof(float) : 1));
    if (!in->owned) return why_set(why, 500, "out of memory");
    if (is_float)
        in->floats = in->owned;
    else
        in->bytes = in->owned;
    if (json_is_array(json_array_get(data, 0)))
        return read_nested(data, what, is_float, 0, in, &done, why);
    return read_flat(data, what, is_float, in, why);
}

static int read_datatype(const json_t *v, const char *what, int *is_float, char why[WHY_SIZE]) {
    char shown[WHY_NAME_SIZE];
    const char *type = json_string_value(member(v, "datatype"));
    if (!type) return why_set(why, 400, "%s has no datatype", what);
    *is_float = strcmp(type, "FP32") == 0;
    if (*is_float || strcmp(type, "UINT8") == 0) return 0;
    return why_set(why, 400, "%s has the datatype %s; FP32 and UINT8 are taken", what,
                   why_name(shown, type));
}

/* Reads one element of "inputs". what: "input 2". */
static int read_input(const json_t *v, const char *what, size_t most, struct binary *binary,
                      struct kserve_input *in, char why[WHY_SIZE]) {
    const json_t *parameters;
    int status, is_float;
    if (!json_is_object(v)) return why_set(why, 400, "%s is not an object", what);
    if ((status = read_name(v, "name", what, in->name, why))) return status;
    if ((status = read_datatype(v, what, &is_float, why))) return status;
    if ((status = read_shape(v, what, most, in, why))) return status;
    if ((status = read_parameters(v, what, &parameters, why))) return status;
    const json_t *size = member(parameters, "binary_data_size");
    if (!size) return read_json_data(v, what, is_float, in, why);
    if (member(v, "data")) return why_set(why, 400, "%s has both data and binary_data_size", what);
    return read_binary(size, what, is_float, binary, in, why);
}

static int read_inputs(const json_t *root, size_t most, struct binary *binary,
                       struct kserve_request *out, char why[WHY_SIZE]) {
    const json_t *inputs = member(root, "inputs");
    size_t n = json_array_size(inputs);
    if (!json_is_array(inputs)) return why_set(why, 400, "the request has no list of inputs");
    if (n < 1 || n > KSERVE_INPUTS)
        return why_set(why, 400, "the request has %zu inputs, not 1 to %d", n, KSERVE_INPUTS);
    for (size_t i = 0; i < n; i++) {
        char what[32];
        snprintf(what, sizeof what, "input %zu", i + 1);
        struct kserve_input *in = &out->inputs[out->inputs_count++];
        int status = read_input(json_array_get(inputs, i), what, most, binary, in, why);
        if (status) return status;
        for (size_t k = 0; k < i; k++)
            if (strcmp(out->inputs[k].name, in->name) == 0)
                return why_set(why, 400, "%s has the name of another", what);
    }
    if (binary->left == 0) return 0;
    return why_set(why, 400, "%zu bytes behind the JSON belong to no input", binary->left);
}

static int read_output(const json_t *v, const char *what, struct kserve_request *out,
                       char why[WHY_SIZE]) {
    struct kserve_wanted *wanted = &out->outputs[out->outputs_count];
    const json_t *parameters;
    int status;
    if (!json_is_object(v)) return why_set(why, 400, "%s is not an object", what);
    if ((status = read_name(v, "name", what, wanted->name, why))) return status;
    if ((status = read_parameters(v, what, &parameters, why))) return status;
    wanted->binary = out->binary_default;
    if ((status = read_flag(parameters, "binary_data", what, &wanted->binary, why))) return status;
    for (int i = 0; i < out->outputs_count; i++)
        if (strcmp(out->outputs[i].name, wanted->name) == 0)
            return why_set(why, 400, "%s has the name of another", what);
    out->outputs_count++;
    return 0;
}

static int read_outputs(const json_t *root, struct kserve_request *out, char why[WHY_SIZE]) {
    const json_t *outputs = member(root, "outputs");
    if (!outputs) return 0;
    if (!json_is_array(outputs)) return why_set(why, 400, "the outputs are not a list");
    if (json_array_size(outputs) > KSERVE_OUTPUTS)
        return why_set(why, 400, "the request names %zu outputs, more than %d",
                       json_array_size(outputs), KSERVE_OUTPUTS);
    for (size_t i = 0; i < json_array_size(outputs); i++) {
        char what[32];
        snprintf(what, sizeof what, "output %zu", i + 1);
        int status = read_output(json_array_get(outputs, i), what, out, why);
        if (status) return status;
    }
    return 0;
}

/* The id is optional, and may be empty. */
static int read_id(const json_t *root, struct kserve_request *out, char why[WHY_SIZE]) {
    const json_t *id = member(root, "id");
    if (!id || (json_is_string(id) && json_string_length(id) == 0)) return 0;
    return read_name(root, "id", "the request", out->id, why);
}

static int read_request(const json_t *root, size_t most, struct binary *binary,
                        struct kserve_request *out, char why[WHY_SIZE]) {
    const char *what = "the request";
    const json_t *parameters;
    int status;
    if (!json_is_object(root)) return why_set(why, 400, "the request is not an object");
    if ((status = read_id(root, out, why))) return status;
    if ((status = read_parameters(root, what, &parameters, why))) return status;
    status = read_flag(parameters, "binary_data_output", what, &out->binary_default, why);
    if (status) return status;
    if ((status = read_outputs(root, out, why))) return status;
    return read_inputs(root, most, binary, out, why);
}

int kserve_read(const void *body, size_t length, long long header_length, size_t max_memory,
                struct kserve_request *out, char why[WHY_SIZE]) {
    json_t *root;
    memset(out, 0, sizeof *out);
    struct binary binary = {.given = header_length >= 0};
    size_t json = binary.given ? (size_t)header_length : length;
    if (json > length)
        return why_set(why, 400, "Inference-Header-Content-Length is more than the body's length");
    binary.next = (const uint8_t *)body + json;
    binary.left = length - json;
    int status = json_read(body, json, max_memory, &root, why);
    if (status) return status;
    status = read_request(root, length, &binary, out, why);
    json_decref(root);
    if (status) kserve_request_free(out);
    return status;
}

void kserve_request_free(struct kserve_request *r) {
    for (int i = 0; i < r->inputs_count; i++) free(r->inputs[i].owned);
    memset(r, 0, sizeof *r);
}

const struct kserve_wanted *kserve_wants(const struct kserve_request *r, const char *name,
                                         struct kserve_wanted *fallback) {
    for (int i = 0; i < r->outputs_count; i++)
        if (strcmp(r->outputs[i].name, name) == 0) return &r->outputs[i];
    if (r->outputs_count) return NULL;
    *fallback = (struct kserve_wanted){.binary = r->binary_default};
    return fallback;
}
