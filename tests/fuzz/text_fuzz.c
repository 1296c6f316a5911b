/*
 * text_fuzz.c - feeds arbitrary bytes to the readers of base64 and of files of keys; the first byte
 * says which.
 *
 * What base64 is taken must be what its bytes encode to again, but for blanks, padding and the
 * alphabet. A table of keys that is taken must have keys, and know none that is not in it.
 */
#include "server/base64.h"
#include "server/keys.h"

#include <ctype.h>
#include <nettle/base64.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where the data begins, behind the comma of a data: URI. */
static const char *behind_prefix(const char *text, size_t length) {
    if (length < 5 || strncasecmp(text, "data:", 5) != 0) return text;
    const char *comma = memchr(text, ',', length);
    if (!comma) abort(); /* it was taken without */
    return comma + 1;
}

static void compare(const char *text, const char *end, const uint8_t *bytes, size_t size) {
    size_t length = BASE64_ENCODE_RAW_LENGTH(size), at = 0;
    char *again = malloc(length + 1);
    if (!again) return;
    base64_encode_raw(again, size, bytes);
    for (const char *p = text; p < end; p++) {
        if (isspace((unsigned char)*p)) continue;
        char c = *p;
        if (c == '-') c = '+';
        if (c == '_') c = '/';
        if (at == length || again[at++] != c) abort();
    }
    while (at < length)
        if (again[at++] != '=') abort();
    free(again);
}

static void fuzz_base64(const char *text, size_t length, size_t max) {
    uint8_t *bytes;
    size_t size;
    char why[WHY_SIZE] = "";
    int rc = base64_to_bytes(text, length, max, &bytes, &size, why);
    if (rc) {
        if (bytes || size || !why[0]) abort();
        return;
    }
    if (size > max) abort();
    compare(behind_prefix(text, length), text + length, bytes, size);
    free(bytes);
}

static void fuzz_keys(const char *text, size_t length) {
    struct keys *k;
    char why[WHY_SIZE] = "";
    if (keys_parse(text, length, &k, why)) {
        if (k || !why[0]) abort();
        return;
    }
    if (keys_count(k) == 0 || keys_check(k, "never in a file of keys, for its blanks")) abort();
    keys_free(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    char *text = malloc(size); /* its own block, so that one byte beyond is one too far */
    if (!text) return 0;
    memcpy(text, data + 1, size - 1);
    char *exact = realloc(text, size > 1 ? size - 1 : 1);
    if (data[0] & 1)
        fuzz_keys(exact, size - 1);
    else
        fuzz_base64(exact, size - 1, data[0]);
    free(exact);
    return 0;
}
