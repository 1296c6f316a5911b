/* Bytes that grow as an encoder adds to them. */
#include "engine/err.h"
#include "vision/codec.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM ((size_t)1 << 16)

void byte_sink_add(struct byte_sink *s, const void *bytes, size_t n) {
    if (s->failed || n == 0) return;
    if (n > s->room - s->n) {
        size_t room = s->room ? s->room : FIRST_ROOM;
        while (room < SIZE_MAX / 2 && n > room - s->n) room *= 2;
        uint8_t *at = n <= room - s->n ? realloc(s->at, room) : NULL;
        if (!at) {
            s->failed = 1;
            return;
        }
        s->at = at;
        s->room = room;
    }
    memcpy(s->at + s->n, bytes, n);
    s->n += n;
}

int byte_sink_finish(struct byte_sink *s, uint8_t **bytes, size_t *size) {
    *bytes = NULL;
    if (s->failed) {
        free(s->at);
        return err_set(MIEN_ENOMEM, "no memory for the encoded picture");
    }
    *bytes = s->at;
    *size = s->n;
    return MIEN_OK;
}
