/*
 * kserve_fuzz.c - feeds arbitrary bytes to the reader of inference requests, and what it accepts to
 * the writer of answers.
 *
 * The first two bytes are the length of the JSON, 0xffff for a request that does not say. Every
 * value of an accepted tensor is read; the first of FP32 is sent back as JSON and as binary data,
 * and that answer's JSON must be JSON.
 */
#include "server/apis/kserve_codec.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const struct kserve_request *r, const struct kserve_input *in) {
    const struct kserve_output outputs[2] = {
        {.name = "json", .dims = in->dims, .shape = in->shape, .data = in->floats},
        {.name = in->name, .dims = in->dims, .shape = in->shape, .data = in->floats, .binary = 1}};
    struct kserve_answer a;
    char why[WHY_SIZE] = "";
    if (kserve_write("fuzz", r->id, outputs, 2, &a, why)) abort();
    if (a.size != (size_t)a.header_length + in->count * sizeof(float)) abort();
    if (memcmp(a.bytes + a.header_length, in->floats, in->count * sizeof(float)) != 0) abort();
    json_t *root = json_loadb(a.bytes, (size_t)a.header_length, JSON_REJECT_DUPLICATES, NULL);
    json_t *back = json_object_get(json_array_get(json_object_get(root, "outputs"), 0), "data");
    if (json_array_size(back) != in->count) abort();
    for (size_t i = 0; i < in->count; i++)
        if ((float)json_number_value(json_array_get(back, i)) != in->floats[i]) abort();
    json_decref(root);
    free(a.bytes);
}

static void check_input(const struct kserve_input *in) {
    size_t count = 1;
    volatile unsigned sum = 0;
    for (int i = 0; i < in->dims; i++) count *= (size_t)in->shape[i];
    if (count != in->count || !in->floats == !in->bytes) abort();
    for (size_t i = 0; i < count; i++) {
        if (in->bytes)
            sum = sum + in->bytes[i];
        else if (!isfinite(in->floats[i]))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct kserve_request r;
    char why[WHY_SIZE] = "";
    if (size < 2) return 0;
    long long json = data[0] << 8 | data[1];
    size_t length = size - 2;
    uint8_t *body = malloc(length + 1); /* its own block, so that one byte beyond is one too far */
    if (!body) return 0;
    memcpy(body, data + 2, length);
    uint8_t *exact = realloc(body, length ? length : 1);
    if (kserve_read(exact, length, json == 0xffff ? -1 : json, 100000, &r, why)) {
        if (!why[0] || r.inputs_count || r.inputs[0].owned) abort();
    } else {
        int answered = 0;
        for (int i = 0; i < r.inputs_count; i++) {
            check_input(&r.inputs[i]);
            if (r.inputs[i].floats && !answered++) answer(&r, &r.inputs[i]);
        }
        kserve_request_free(&r);
    }
    free(exact);
    return 0;
}
