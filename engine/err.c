#include "engine/err.h"

#include "mien.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char text[512];

int err_set(int code, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return code;
}

int err_prefix(int code, const char *fmt, ...) {
    char old[sizeof text];
    memcpy(old, text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text) snprintf(text + n, sizeof text - (size_t)n, ": %s", old);
    return code;
}

int err_if_memory(int rc, int broken, const char *what) {
    return rc == broken && errno == ENOMEM ? err_set(MIEN_ENOMEM, "%s: out of memory", what) : rc;
}

const char *err_text(void) {
    return text;
}

int err_null(const char *function) {
    return err_set(MIEN_EINVAL, "%s: a pointer that is needed is NULL", function);
}
