/*
 * sqlite_schema.h - the tables of a gallery in SQLite, version by version.
 *
 * A gallery of an older version goes through each script that follows, one transaction each. A
 * script that a release has had is never changed: what is new is a script more.
 */
#ifndef MIEN_GALLERY_SQLITE_SCHEMA_H
#define MIEN_GALLERY_SQLITE_SCHEMA_H

/* GALLERY_SCHEMA[v] leads from version v to v + 1; ended by NULL. */
extern const char *const GALLERY_SCHEMA[], *const KEYS_SCHEMA[];

#endif
