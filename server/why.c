#include "server/why.h"

#include "common/ascii.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int why_set(char why[WHY_SIZE], int status, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, WHY_SIZE, fmt, args);
    va_end(args);
    return status;
}

int why_prefix(char why[WHY_SIZE], int status, const char *fmt, ...) {
    char prefix[WHY_SIZE], rest[WHY_SIZE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(prefix, sizeof prefix, fmt, args);
    va_end(args);
    memcpy(rest, why, sizeof rest);
    return why_set(why, status, "%.60s: %.190s", prefix, rest);
}

const char *why_name(char out[WHY_NAME_SIZE], const char *name) {
    size_t n = 0;
    for (; n < WHY_NAME_SIZE - 1 && name[n]; n++) {
        char c = name[n];
        out[n] = ascii_is_letter(c) || ascii_is_digit(c) || strchr("._-:/ ", c) ? c : '?';
    }
    out[n] = '\0';
    return out;
}
