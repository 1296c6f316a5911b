#include "json_text.h"

#include "base/json_memory.h"

int json_text_read(const char *text, size_t n, size_t flags, json_t **out, json_error_t *why) {
    return json_memory_read(text, n, flags, out, why);
}
