/*
 * postgres_schema.h - the tables of a gallery in PostgreSQL, in a schema of their own.
 */
#ifndef MIEN_GALLERY_POSTGRES_SCHEMA_H
#define MIEN_GALLERY_POSTGRES_SCHEMA_H

/* The scripts that lead from version i to i + 1, as those of sqlite_schema.h; NULL past the last.
 */
extern const char *const POSTGRES_SCHEMA[];

#endif
