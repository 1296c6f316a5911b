#include "gallery/libpq.h"

#include "engine/err.h"
#include "engine/library.h"
#include "mien.h"

#include <pthread.h>
#include <stdio.h>

static struct libpq lib;
static char lacks[256]; /* a sentence; empty: nothing */

static void open_library(void) {
    static const char *const names[] = {"libpq.so.5", NULL};
    static const struct library_function functions[] = {
        {"PQconnectdbParams", offsetof(struct libpq, connect)},
        {"PQpingParams", offsetof(struct libpq, ping)},
        {"PQfinish", offsetof(struct libpq, finish)},
        {"PQstatus", offsetof(struct libpq, status)},
        {"PQerrorMessage", offsetof(struct libpq, error_message)},
        {"PQsetNoticeProcessor", offsetof(struct libpq, set_notice_processor)},
        {"PQconninfoParse", offsetof(struct libpq, conninfo_parse)},
        {"PQconninfoFree", offsetof(struct libpq, conninfo_free)},
        {"PQfreemem", offsetof(struct libpq, freemem)},
        {"PQexec", offsetof(struct libpq, exec)},
        {"PQprepare", offsetof(struct libpq, prepare)},
        {"PQdescribePrepared", offsetof(struct libpq, describe_prepared)},
        {"PQsendQueryPrepared", offsetof(struct libpq, send_query_prepared)},
        {"PQconsumeInput", offsetof(struct libpq, consume_input)},
        {"PQnotifies", offsetof(struct libpq, notifies)},
        {"PQsetSingleRowMode", offsetof(struct libpq, set_single_row_mode)},
        {"PQgetResult", offsetof(struct libpq, get_result)},
        {"PQresultStatus", offsetof(struct libpq, result_status)},
        {"PQresultErrorField", offsetof(struct libpq, result_error_field)},
        {"PQcmdStatus", offsetof(struct libpq, cmd_status)},
        {"PQnparams", offsetof(struct libpq, nparams)},
        {"PQparamtype", offsetof(struct libpq, paramtype)},
        {"PQntuples", offsetof(struct libpq, ntuples)},
        {"PQnfields", offsetof(struct libpq, nfields)},
        {"PQftype", offsetof(struct libpq, ftype)},
        {"PQgetisnull", offsetof(struct libpq, getisnull)},
        {"PQgetlength", offsetof(struct libpq, getlength)},
        {"PQgetvalue", offsetof(struct libpq, getvalue)},
        {"PQclear", offsetof(struct libpq, clear)},
        {NULL, 0}};

    if (library_open("libpq", "MIEN_LIBPQ", names, functions, &lib) == MIEN_OK) return;
    snprintf(lacks, sizeof lacks,
             "galleries in PostgreSQL need libpq, which is not installed here (Debian, Ubuntu: "
             "apt-get install libpq5)");
}

const struct libpq *libpq_use(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, open_library);
    if (!*lacks) return &lib;
    err_set(MIEN_EDEVICE, "%s", lacks);
    return NULL;
}
