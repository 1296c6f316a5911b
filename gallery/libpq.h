/*
 * libpq.h - PostgreSQL's client library, which is opened when the first gallery in such a database
 * is: what libpq-fe.h declares, as far as it is used.
 */
#ifndef MIEN_GALLERY_LIBPQ_H
#define MIEN_GALLERY_LIBPQ_H

/* libpq-fe.h; numbers that are part of its ABI. */
enum { CONNECTION_OK = 0 };
enum { PGRES_COMMAND_OK = 1, PGRES_TUPLES_OK = 2, PGRES_SINGLE_TUPLE = 9 };
enum { PQPING_OK = 0, PQPING_REJECT = 1, PQPING_NO_RESPONSE = 2, PQPING_NO_ATTEMPT = 3 };

struct pg_conn;
struct pg_result;
struct pg_notify; /* one of LISTEN's, for freemem() */
typedef void pg_notice_processor(void *arg, const char *message);
struct pg_conninfo_option {
    char *keyword, *envvar, *compiled, *val, *label, *dispchar;
    int dispsize;
};

struct libpq {
    struct pg_conn *(*connect)(const char *const *keywords, const char *const *values, int expand);
    int (*ping)(const char *const *keywords, const char *const *values, int expand);
    void (*finish)(struct pg_conn *);
    int (*status)(const struct pg_conn *);
    char *(*error_message)(const struct pg_conn *);
    pg_notice_processor *(*set_notice_processor)(struct pg_conn *, pg_notice_processor *,
                                                 void *arg);
    struct pg_conninfo_option *(*conninfo_parse)(const char *conninfo, char **message);
    void (*conninfo_free)(struct pg_conninfo_option *);
    void (*freemem)(void *);
    struct pg_result *(*exec)(struct pg_conn *, const char *sql);
    struct pg_result *(*prepare)(struct pg_conn *, const char *name, const char *sql, int n,
                                 const unsigned *types);
    struct pg_result *(*describe_prepared)(struct pg_conn *, const char *name);
    int (*send_query_prepared)(struct pg_conn *, const char *name, int n, const char *const *values,
                               const int *lengths, const int *formats, int result_format);
    int (*consume_input)(struct pg_conn *);
    struct pg_notify *(*notifies)(struct pg_conn *);
    int (*set_single_row_mode)(struct pg_conn *);
    struct pg_result *(*get_result)(struct pg_conn *);
    int (*result_status)(const struct pg_result *);
    char *(*result_error_field)(const struct pg_result *, int field);
    char *(*cmd_status)(struct pg_result *);
    int (*nparams)(const struct pg_result *);
    unsigned (*paramtype)(const struct pg_result *, int i);
    int (*ntuples)(const struct pg_result *);
    int (*nfields)(const struct pg_result *);
    unsigned (*ftype)(const struct pg_result *, int column);
    int (*getisnull)(const struct pg_result *, int row, int column);
    int (*getlength)(const struct pg_result *, int row, int column);
    char *(*getvalue)(const struct pg_result *, int row, int column);
    void (*clear)(struct pg_result *);
};

/* The library; NULL, with a sentence, where there is none. MIEN_LIBPQ names another file. */
const struct libpq *libpq_use(void);

#endif
