/*
 * file_hash.h - which picture a file is, whatever it is called: what was enrolled is known by it.
 */
#ifndef MIEN_CLI_FILE_HASH_H
#define MIEN_CLI_FILE_HASH_H

#include "mien_gallery.h"

/* The SHA-256 of a file: 1, or 0 where it cannot be read, as who reads the picture will say. */
int file_hash(const char *path, uint8_t hash[MIEN_GALLERY_HASH_SIZE]);

#endif
