#include "gallery/gallery.h"

#include "engine/err.h"
#include "gallery/keyring.h"
#include "gallery/sha256.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *mien_gallery_error(void) {
    return err_text();
}

char *mien_gallery_id_text(int64_t id, char out[MIEN_GALLERY_ID_SIZE]) {
    if (out) snprintf(out, MIEN_GALLERY_ID_SIZE, "%016" PRIx64, (uint64_t)id);
    return out;
}

int mien_gallery_id_read(const char *text, int64_t *id) {
    char *end;

    if (!text || !id) return err_null("mien_gallery_id_read");
    *id = 0;
    if (strlen(text) == MIEN_GALLERY_ID_SIZE - 1 &&
        strspn(text, "0123456789abcdefABCDEF") == MIEN_GALLERY_ID_SIZE - 1)
        *id = (int64_t)strtoull(text, &end, 16);
    if (*id > 0) return MIEN_OK;
    *id = 0;
    return err_set(MIEN_EINVAL, "'%s' is no id: one has 16 hexadecimal digits", text);
}

void mien_gallery_hash(const void *bytes, size_t n, uint8_t out[MIEN_GALLERY_HASH_SIZE]) {
    struct sha256 hash;

    if (!out || (!bytes && n)) return;
    sha256_start(&hash);
    sha256_add(&hash, bytes, n);
    sha256_end(&hash, out);
}

int gallery_enter(mien_gallery *g, const char *function) {
    if (!g) return err_null(function);
    pthread_mutex_lock(&g->lock);
    return MIEN_OK;
}

int gallery_leave(mien_gallery *g, int rc) {
    pthread_mutex_unlock(&g->lock);
    return rc;
}

int gallery_enter_to_write(mien_gallery *g, const char *function) {
    int rc = gallery_enter(g, function);

    if (rc) return rc;
    if (g->depth == 0) {
        rc = g->ops->begin(g->store);
        if (rc) return gallery_leave(g, rc);
        g->failed = g->searched = 0;
        g->last_id = 0;
    }
    g->depth++;
    return MIEN_OK;
}

static int commit(mien_gallery *g) {
    int rc = MIEN_OK;

    if (g->last_id)
        rc = GALLERY_RUN(g, "UPDATE settings SET value = ?1 WHERE name = 'last_id'", NULL, NULL,
                         store_int(g->last_id));
    if (rc == MIEN_OK && g->keys) rc = keyring_commit(g->keys);
    if (rc == MIEN_OK) rc = g->ops->commit(g->store);
    /* Keys that stay by a failure here are marked, for mien_gallery_scrub(). */
    if (rc == MIEN_OK && g->keys) (void)keyring_committed(g->keys);
    return rc;
}

static void roll_back(mien_gallery *g) {
    g->ops->rollback(g->store);
    if (g->keys) keyring_rollback(g->keys);
}

int gallery_leave_written(mien_gallery *g, int rc) {
    if (rc) g->failed = 1;
    if (--g->depth == 0) {
        if (rc == MIEN_OK && g->failed)
            rc = err_set(MIEN_GALLERY_ECONFLICT,
                         "a call since mien_gallery_begin() failed: nothing was changed");
        if (rc == MIEN_OK) rc = commit(g);
        if (rc) roll_back(g);
        if (rc && g->searched) g->rolled_back++;
        g->as = NULL;
    }
    return gallery_leave(g, rc);
}

int mien_gallery_begin(mien_gallery *g) {
    return mien_gallery_begin_as(g, NULL);
}

int mien_gallery_begin_as(mien_gallery *g, const char *who) {
    int rc = gallery_enter_to_write(g, "mien_gallery_begin");

    if (rc == MIEN_OK && g->depth == 1) {
        g->as = who;
        return MIEN_OK; /* the lock is kept */
    }
    if (rc) return rc;
    g->depth--;
    return gallery_leave(g, err_set(MIEN_EINVAL, "mien_gallery_begin: has begun already"));
}

int mien_gallery_commit(mien_gallery *g) {
    int rc = gallery_enter(g, "mien_gallery_commit");

    if (rc) return rc;
    gallery_leave(g, rc); /* that of begin is left */
    if (g->depth) return gallery_leave_written(g, MIEN_OK);
    return err_set(MIEN_EINVAL, "mien_gallery_commit: nothing has begun");
}

void mien_gallery_rollback(mien_gallery *g) {
    if (!g) return;
    gallery_enter(g, "mien_gallery_rollback");
    gallery_leave(g, MIEN_OK);
    if (g->depth) gallery_leave_written(g, MIEN_EINVAL);
}

int64_t gallery_now(void) {
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int look_up_last_id(mien_gallery *g) {
    if (g->last_id) return MIEN_OK;
    return gallery_number(g, "SELECT value FROM settings WHERE name = 'last_id'", NULL, 0,
                          &g->last_id);
}

/* Time above, so that rows of one time lie together and galleries that are joined rarely meet: 2048
 * ids a millisecond, and more by going ahead of it. */
int gallery_new_id(mien_gallery *g, int64_t *id) {
    int64_t by_time = gallery_now() / 1000 * 2048;
    int rc = look_up_last_id(g);

    if (rc) return rc;
    g->last_id = g->last_id >= by_time ? g->last_id + 1 : by_time;
    *id = g->last_id;
    return MIEN_OK;
}

int gallery_use_id(mien_gallery *g, int64_t id) {
    int rc = look_up_last_id(g);

    if (rc) return rc;
    if (id < 1 || id > INT64_MAX / 2)
        return err_set(MIEN_EINVAL, "%" PRId64 " cannot be an id", id);
    if (id > g->last_id) g->last_id = id;
    return MIEN_OK;
}

int gallery_run(mien_gallery *g, const char *sql, const struct store_value *values, int n,
                store_row *row, void *context) {
    return g->ops->run(g->store, sql, values, n, row, context);
}

static int take_number(void *context, const struct store_value *row, int n) {
    if (n && row[0].type == STORE_INT) *(int64_t *)context = row[0].i;
    return MIEN_OK;
}

int gallery_number(mien_gallery *g, const char *sql, const struct store_value *values, int n,
                   int64_t *out) {
    return gallery_run(g, sql, values, n, take_number, out);
}
