/* Opening and closing a gallery, of mien_gallery.h. */
#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/in_store.h"
#include "gallery/keyring_open.h"
#include "gallery/view.h"

#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000 };

static int init_lock(pthread_mutex_t *lock) {
    pthread_mutexattr_t attributes;
    int failed = pthread_mutexattr_init(&attributes);

    if (failed) return failed;
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    failed = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return failed;
}

static int set_index(mien_gallery *g, const mien_gallery_options *o) {
    g->index_memory = o->index_memory;
    if (!o->index || strcmp(o->index, "exact") == 0) return MIEN_OK;
    if (strcmp(o->index, "pgvector") != 0)
        return err_set(MIEN_EINVAL, "'%s' is no index: exact or pgvector", o->index);
    g->index_in_store = 1;
    if (g->ops->nearest) return MIEN_OK;
    return err_set(MIEN_EUNSUPPORTED, "pgvector searches galleries in PostgreSQL, not files");
}

int mien_gallery_open(const char *path, const mien_gallery_options *opt, mien_gallery **out) {
    mien_gallery_options own = {.struct_size = sizeof own};
    struct store_options options;
    mien_gallery *g;
    int rc;

    if (out) *out = NULL;
    if (!path || !out) return err_null("mien_gallery_open");
    rc = sized_read(&own, sizeof own, opt, "mien_gallery_options");
    if (rc) return rc;
    if (!*path || own.wait_ms < 0)
        return err_set(MIEN_EINVAL, "mien_gallery_open: %s",
                       *path ? "wait_ms is below 0" : "the path is empty");
    g = calloc(1, sizeof *g);
    if (!g || init_lock(&g->lock)) {
        free(g);
        return err_set(MIEN_ENOMEM, "%s: out of memory", path);
    }
    options = (struct store_options){.read_only = own.read_only,
                                     .must_exist = own.must_exist,
                                     .wait_ms = own.wait_ms ? own.wait_ms : WAIT_MS,
                                     .listen = own.listen};
    g->ops = store_for(path);
    g->who = strdup(own.who ? own.who : "");
    rc = g->who ? set_index(g, &own) : err_set(MIEN_ENOMEM, "%s: out of memory", path);
    if (rc == MIEN_OK) rc = g->ops->open(path, &options, &g->store);
    if (rc == MIEN_OK) rc = keyring_open(g, path, &options, own.key);
    if (rc == MIEN_OK && g->keys && g->index_in_store)
        rc =
            err_set(MIEN_EUNSUPPORTED,
                    "an encrypted gallery is not searched by pgvector, whose copies anybody who has"
                    " the database could read");
    if (rc == MIEN_OK) {
        *out = g;
        return MIEN_OK;
    }
    mien_gallery_close(g);
    return rc;
}

void mien_gallery_close(mien_gallery *g) {
    if (!g) return;
    view_forget(g);
    in_store_forget(g);
    if (g->store && g->depth) g->ops->rollback(g->store);
    keyring_close(g->keys);
    if (g->store) g->ops->close(g->store);
    pthread_mutex_destroy(&g->lock);
    free(g->who);
    free(g);
}
