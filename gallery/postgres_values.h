/*
 * postgres_values.h - parameters and columns of a store in PostgreSQL's binary formats.
 */
#ifndef MIEN_GALLERY_POSTGRES_VALUES_H
#define MIEN_GALLERY_POSTGRES_VALUES_H

#include "gallery/postgres_open.h"

/* What integers are there, by its catalog's number. */
enum { POSTGRES_INT8 = 20 };

/* As PQsendQueryPrepared() takes them. */
struct postgres_parameters {
    const char *values[POSTGRES_VALUES_MAX];
    int lengths[POSTGRES_VALUES_MAX], formats[POSTGRES_VALUES_MAX];
    unsigned char numbers[POSTGRES_VALUES_MAX][8];
};

/* Parameter i, which is of that type there; its bytes must stay. MIEN_EINVAL, MIEN_ETOOBIG. */
int postgres_put(struct postgres_parameters *p, int i, const struct store_value *v, unsigned type);
/* A column of a result's only row; valid as long as the result. */
int postgres_get(const struct libpq *pq, const struct pg_result *result, int column,
                 struct store_value *v);

#endif
