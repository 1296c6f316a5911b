/*
 * blob_fuzz.c - feeds arbitrary bytes to the weights reader.
 *
 * Whatever it accepts is read to the last float, so that a tensor that lies about its place is
 * caught by the address sanitizer.
 */
#include "engine/blob.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct blob *blob;
    if (blob_from_memory(data, size, "fuzz", &blob)) return 0;
    volatile float sum = 0;
    for (int i = 0; i < blob_count(blob); i++) {
        const struct blob_tensor *t = blob_at(blob, i);
        if (blob_find(blob, t->name) != t) __builtin_trap();
        for (size_t j = 0; j < t->count; j++) sum += t->data[j];
    }
    blob_close(blob);
    return 0;
}
