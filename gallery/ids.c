#include "gallery/ids.h"

#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>

int ids_take(void *context, const struct store_value *row, int n) {
    struct ids *ids = context;

    if (n < 1) return MIEN_OK;
    if (ids->n == ids->room) {
        size_t room = ids->room ? 2 * ids->room : 64;
        int64_t *more = realloc(ids->at, room * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "a gallery's list of ids: out of memory");
        ids->at = more;
        ids->room = room;
    }
    ids->at[ids->n++] = row[0].i;
    return MIEN_OK;
}

void ids_free(struct ids *ids) {
    free(ids->at);
    *ids = (struct ids){0};
}
