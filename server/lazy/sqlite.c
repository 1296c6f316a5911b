/* SQLite's functions that libmien-gallery calls, from the library that is opened by the first. */
#include "server/lazy/lazy.h"

#include <sqlite3.h>

static struct lazy_library library = {.file = LAZY_SQLITE, .package = "libsqlite3-0"};

/* Names of parameters are those of sqlite3.h. */
LAZY(int, sqlite3_open_v2, (const char *filename, sqlite3 **ppDb, int flags, const char *zVfs),
     (filename, ppDb, flags, zVfs))
LAZY(int, sqlite3_close, (sqlite3 * db), (db))
LAZY(int, sqlite3_busy_timeout, (sqlite3 * db, int ms), (db, ms))
LAZY(int, sqlite3_exec,
     (sqlite3 * db, const char *sql, int (*callback)(void *, int, char **, char **), void *x,
      char **errmsg),
     (db, sql, callback, x, errmsg))
LAZY(int, sqlite3_prepare_v2,
     (sqlite3 * db, const char *zSql, int nByte, sqlite3_stmt **ppStmt, const char **pzTail),
     (db, zSql, nByte, ppStmt, pzTail))
LAZY(int, sqlite3_prepare_v3,
     (sqlite3 * db, const char *zSql, int nByte, unsigned int prepFlags, sqlite3_stmt **ppStmt,
      const char **pzTail),
     (db, zSql, nByte, prepFlags, ppStmt, pzTail))
LAZY(int, sqlite3_step, (sqlite3_stmt * statement), (statement))
LAZY(int, sqlite3_reset, (sqlite3_stmt * pStmt), (pStmt))
LAZY(int, sqlite3_clear_bindings, (sqlite3_stmt * statement), (statement))
LAZY(int, sqlite3_finalize, (sqlite3_stmt * pStmt), (pStmt))
LAZY(int, sqlite3_bind_null, (sqlite3_stmt * statement, int i), (statement, i))
LAZY(int, sqlite3_bind_int64, (sqlite3_stmt * statement, int i, sqlite3_int64 v), (statement, i, v))
LAZY(int, sqlite3_bind_double, (sqlite3_stmt * statement, int i, double v), (statement, i, v))
LAZY(int, sqlite3_bind_text64,
     (sqlite3_stmt * statement, int i, const char *text, sqlite3_uint64 n, void (*end)(void *),
      unsigned char encoding),
     (statement, i, text, n, end, encoding))
LAZY(int, sqlite3_bind_blob64,
     (sqlite3_stmt * statement, int i, const void *bytes, sqlite3_uint64 n, void (*end)(void *)),
     (statement, i, bytes, n, end))
LAZY(int, sqlite3_column_count, (sqlite3_stmt * pStmt), (pStmt))
LAZY(int, sqlite3_column_type, (sqlite3_stmt * statement, int iCol), (statement, iCol))
LAZY(int, sqlite3_column_int, (sqlite3_stmt * statement, int iCol), (statement, iCol))
LAZY(sqlite3_int64, sqlite3_column_int64, (sqlite3_stmt * statement, int iCol), (statement, iCol))
LAZY(double, sqlite3_column_double, (sqlite3_stmt * statement, int iCol), (statement, iCol))
LAZY(const unsigned char *, sqlite3_column_text, (sqlite3_stmt * statement, int iCol),
     (statement, iCol))
LAZY(const void *, sqlite3_column_blob, (sqlite3_stmt * statement, int iCol), (statement, iCol))
LAZY(int, sqlite3_column_bytes, (sqlite3_stmt * statement, int iCol), (statement, iCol))
/* cppcheck takes the pointer for a number. */
/* cppcheck-suppress CastIntegerToAddressAtReturn */
LAZY(const char *, sqlite3_errmsg, (sqlite3 * db), (db))
LAZY(const char *, sqlite3_errstr, (int i), (i))
LAZY(int, sqlite3_system_errno, (sqlite3 * db), (db))
LAZY(int, sqlite3_changes, (sqlite3 * db), (db))
LAZY(int, sqlite3_get_autocommit, (sqlite3 * db), (db))
LAZY(int, sqlite3_wal_checkpoint_v2,
     (sqlite3 * db, const char *zDb, int eMode, int *pnLog, int *pnCkpt),
     (db, zDb, eMode, pnLog, pnCkpt))
