/*
 * galleries.h - the gallery a server keeps, and whose turn it is to use it.
 *
 * A gallery is used by one thread at a time, and whoever writes may have to wait for another
 * process. So it is open four times: those who read wait for nobody who writes, those who search
 * for nobody who reads, and nobody for what takes long: it computes on what it has read, and takes
 * the file only to write a part of the result, after a look at what is there by then. It is opened
 * when it is first asked for, and made by the first who writes.
 */
#ifndef MIEN_SERVER_GALLERIES_H
#define MIEN_SERVER_GALLERIES_H

#include "mien_gallery.h"
#include "server/config.h"
#include "server/request.h"

/* What for; each has a turn of its own. */
enum gallery_use { GALLERY_READ, GALLERY_SEARCH, GALLERY_WRITE, GALLERY_LONG, GALLERY_USES };

struct galleries;

/* The gallery of a configuration, which stays; not opened yet. NULL where memory ran out. */
struct galleries *galleries_new(const struct serve_config *config);
/* Whether the key is the gallery's, where that is there: MIEN_OK or MIEN_GALLERY_EKEY. */
int galleries_check_key(const struct galleries *g);
/* NULL is let through. */
void galleries_free(struct galleries *g);

/* Waits for a turn and gives the gallery: 0, and galleries_release() it; NULL where there is none
 * yet and nobody writes. -1 after replying. */
int galleries_acquire(struct galleries *g, enum gallery_use use, struct request *r,
                      mien_gallery **out);
/* Gives the gallery to write to, where nobody waits for that or does: 0, and galleries_release()
 * it; else -1, without a reply. */
int galleries_try(struct galleries *g, mien_gallery **out);
void galleries_release(struct galleries *g, enum gallery_use use);
/* Replies for a code of the gallery's, with the sentence of the last call; above 0: for what was
 * given up because the request is over. */
void galleries_failed(struct request *r, int rc);
/* With that sentence. */
void galleries_refuse(struct request *r, int rc, const char *why);

#endif
