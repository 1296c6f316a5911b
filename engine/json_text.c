#include "engine/json_text.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct feed {
    const char *at;
    size_t left;
    bool no_memory;
};

/* One byte a call: errno is looked at before jansson, which clears it for each number, goes on. */
static size_t feed_byte(void *to, size_t room, void *arg) {
    struct feed *f = arg;
    f->no_memory |= errno == ENOMEM;
    if (f->left == 0 || room == 0 || f->no_memory) return 0;
    *(char *)to = *f->at++;
    f->left--;
    return 1;
}

/* malloc() that got its memory another way may leave errno as well: a second reading, out of what
 * the first has freed, does not. */
json_t *json_bytes(const void *bytes, size_t n, size_t flags, json_error_t *why) {
    int before = errno;
    for (int i = 0; i < 2; i++) {
        struct feed f = {.at = bytes, .left = n};
        errno = 0;
        json_t *value = json_load_callback(feed_byte, &f, flags, why);
        if (!f.no_memory && errno != ENOMEM) {
            errno = before;
            return value;
        }
        json_decref(value);
    }
    errno = ENOMEM;
    return NULL;
}

json_t *json_text(const char *text, json_error_t *why) {
    return json_bytes(text, strlen(text), 0, why);
}
