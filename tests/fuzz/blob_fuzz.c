/*
 * blob_fuzz.c - feeds arbitrary bytes to the weights reader, and what it accepts to the model
 * files.
 *
 * Every float of an accepted tensor is read, so that one that lies about its place is caught by the
 * address sanitizer; then the network is built, folded and planned at the size the blob asks for,
 * and in int8, packed as well, where the blob says it is calibrated.
 */
#include "engine/backend.h"
#include "engine/blob.h"
#include "engine/plan.h"
#include "engine/precision.h"
#include "engine/ranges.h"
#include "models/models.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads all of t; NaNs are the business of whoever packs the weights. */
static unsigned checksum(const struct blob_tensor *t) {
    unsigned sum = 0, bits;
    for (size_t i = 0; i < t->count; i++) {
        memcpy(&bits, &t->data[i], sizeof bits);
        sum = sum * 31 + bits;
    }
    return sum;
}

/* At the size the blob asks for. */
static void plan(const struct net *net) {
    struct plan_graph *graph;
    if (plan_make(net, NULL, 1, net->input_width, net->input_height, &graph) == 0) plan_free(graph);
}

/* Stored in bytes, on the table every processor has. */
static void build_int8(struct net *net) {
    static const struct precision_support support = {.bf16 = 1, .u8 = 1};
    static struct backend *backend;
    const struct backend_options options = {.threads = 1, .kernels = "c"};
    struct backend_weights *weights;
    if (!backend && cpu_backend.open(&options, &backend)) return;
    if (precision_assign(net, MIEN_INT8, &support)) return;
    if (cpu_backend.load(backend, net, &weights) == 0) cpu_backend.close(NULL, weights, NULL);
    plan(net);
}

static void build(const struct blob *blob) {
    struct net *net;
    if (models_build(blob, &net)) return;
    plan(net);
    if (ranges_has(blob)) build_int8(net);
    net_free(net);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct blob *blob;
    if (blob_from_memory(data, size, "fuzz", &blob)) return 0;
    for (int i = 0; i < blob_count(blob); i++) {
        const struct blob_tensor *t = blob_at(blob, i);
        volatile unsigned sum = checksum(t);
        (void)sum;
        if (blob_find(blob, t->name) != t) __builtin_trap();
    }
    build(blob);
    blob_close(blob);
    return 0;
}
