#include "inputs.h"

#include "feed.h"
#include "mien.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int inputs_take(struct inputs *in, struct input *input) {
    if (in->count == in->capacity) {
        int capacity = in->capacity ? 2 * in->capacity : 16;
        struct input *items = realloc(in->items, (size_t)capacity * sizeof *items);
        if (!items) {
            input_free(input);
            return -1;
        }
        in->items = items;
        in->capacity = capacity;
    }
    in->items[in->count++] = *input;
    return 0;
}

int inputs_append(struct inputs *in, const char *path) {
    struct input input;

    if (input_init(&input, path)) return -1;
    return inputs_take(in, &input);
}

int inputs_expand(char *const *args, int nargs, const char *const skip[INPUTS_SKIP_MAX],
                  struct inputs *out) {
    struct feed feed;
    struct input *input;
    int failed = 0;

    memset(out, 0, sizeof *out);
    feed_open(&feed, args, nargs, skip);
    while (!failed && (input = feed_next(&feed)) != NULL) {
        failed = inputs_take(out, input);
        free(input);
    }
    failed |= feed.no_memory;
    out->folders = feed.folders;
    feed_close(&feed);
    if (failed) inputs_free(out);
    return failed ? -1 : 0;
}

void inputs_free(struct inputs *in) {
    for (int i = 0; i < in->count; i++) input_free(&in->items[i]);
    free(in->items);
    memset(in, 0, sizeof *in);
}

int inputs_read_stdin(uint8_t **bytes, size_t *size, char **error) {
    size_t capacity = 1 << 16, n = 0;
    uint8_t *data = malloc(capacity), *grown;
    ssize_t got = 1;
    int written = -1;

    *bytes = NULL;
    *size = 0;
    *error = NULL;
    while (data && (got = read(STDIN_FILENO, data + n, capacity - n)) != 0) {
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        n += (size_t)got;
        if (n < capacity) continue;
        if (capacity >= INPUT_MAX) break;
        grown = realloc(data, 2 * capacity);
        if (!grown) free(data);
        data = grown;
        capacity *= 2;
    }
    if (data && got == 0) {
        *bytes = data;
        *size = n;
        return 0;
    }
    if (data)
        written = asprintf(error, "standard input: %s",
                           got < 0 ? strerror(errno) : "more than 1 GiB, too large for a picture");
    free(data);
    if (written >= 0) return got < 0 ? MIEN_EIO : MIEN_ETOOBIG;
    *error = NULL;
    return MIEN_ENOMEM;
}
