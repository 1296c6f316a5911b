/*
 * postgres_files.h - the files of a PostgreSQL server that a gallery lies in: those of its tables
 * and indexes, and the write-ahead log, as the server itself reads them to who may have them.
 */
#ifndef MIEN_GALLERY_POSTGRES_FILES_H
#define MIEN_GALLERY_POSTGRES_FILES_H

#include "gallery/store.h"

/* As store_ops.read_files, after a checkpoint. MIEN_EUNSUPPORTED where the role may not. */
int postgres_read_files(struct store *s, store_piece *piece, void *context);

#endif
