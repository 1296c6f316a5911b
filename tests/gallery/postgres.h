/*
 * postgres.h - a PostgreSQL server of the tests' own, in a folder of its own and reached by a
 * socket there, with nothing of it left afterwards. Skips the test where none is installed.
 */
#ifndef TESTS_GALLERY_POSTGRES_H
#define TESTS_GALLERY_POSTGRES_H

/* Where the server is: an address whose database is empty. Starts it at the first call, and ends it
 * with the process. */
const char *postgres_address(void);
/* The folder of the server, where its socket and data/ are. */
const char *postgres_folder(void);
/* Runs statements as the server's master; the first value of what the last gives. Valid until the
 * next call. */
const char *postgres_query(const char *sql);
/* Ends the server as a crash would, or in order; and starts it again. */
void postgres_stop(int crash);
void postgres_start(void);

#endif
