#include "text_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static ssize_t add(void *cookie, const char *bytes, size_t n) {
    struct text_stream *t = cookie;

    if (t->n + n >= t->room) {
        size_t room = 2 * t->room + n + 1;
        char *text = realloc(t->text, room);
        if (!text) {
            t->failed = 1;
            errno = ENOMEM;
            return 0;
        }
        t->text = text;
        t->room = room;
    }
    memcpy(t->text + t->n, bytes, n);
    t->n += n;
    return (ssize_t)n;
}

FILE *text_stream_open(struct text_stream *t) {
    *t = (struct text_stream){.text = NULL};
    return fopencookie(t, "w", (cookie_io_functions_t){.write = add});
}

char *text_stream_close(struct text_stream *t, FILE *f, size_t *n) {
    int failed = fclose(f) != 0 || t->failed || !t->text;

    if (failed) {
        free(t->text);
        return NULL;
    }
    t->text[t->n] = '\0';
    if (n) *n = t->n;
    return t->text;
}
