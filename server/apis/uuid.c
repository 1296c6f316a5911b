#include "server/apis/uuid.h"

#include "common/ascii.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "mien" first; the version and the variant where they belong. */
#define UUID_FORMAT "6d69656e-0000-8%03x-8%03x-%010" PRIx64 "00"

char *uuid_text(int64_t id, char out[UUID_SIZE]) {
    uint64_t bits = (uint64_t)id;

    snprintf(out, UUID_SIZE, UUID_FORMAT, (unsigned)(bits >> 52), (unsigned)(bits >> 40 & 0xfff),
             bits & 0xffffffffff);
    return out;
}

int uuid_read(const char *text, int64_t *id) {
    char digits[17] = "", back[UUID_SIZE];

    *id = 0;
    if (strlen(text) != UUID_SIZE - 1) return -1;
    memcpy(digits, text + 15, 3);
    memcpy(digits + 3, text + 20, 3);
    memcpy(digits + 6, text + 24, 10);
    if (strspn(digits, "0123456789abcdefABCDEF") != 16) return -1;
    *id = (int64_t)strtoull(digits, NULL, 16);
    return ascii_same(uuid_text(*id, back), text) && *id > 0 ? 0 : -1;
}
