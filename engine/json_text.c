#include "engine/json_text.h"

#include "base/json_memory.h"

#include <errno.h>
#include <string.h>

json_t *json_bytes(const void *bytes, size_t n, size_t flags, json_error_t *why) {
    int before = errno;
    json_t *value = NULL;
    int rc = json_memory_read(bytes, n, flags, &value, why);
    errno = rc ? ENOMEM : before;
    return value;
}

char *json_written(const json_t *value, size_t flags, size_t *n) {
    return json_memory_write(value, flags, n);
}

json_t *json_text(const char *text, json_error_t *why) {
    return json_bytes(text, strlen(text), 0, why);
}
