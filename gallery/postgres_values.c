#include "gallery/postgres_values.h"

#include "engine/err.h"
#include "mien_gallery.h"

#include <limits.h>
#include <string.h>

/* Object identifiers of PostgreSQL's catalog of types, which never change. */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_FLOAT8 = 701,
    TYPE_VOID = 2278
};

static void put_number(unsigned char *out, uint64_t bits, int bytes) {
    for (int i = 0; i < bytes; i++) out[i] = (unsigned char)(bits >> 8 * (bytes - 1 - i));
}

static uint64_t get_number(const char *in, int bytes) {
    uint64_t bits = 0;

    for (int i = 0; i < bytes; i++) bits = bits << 8 | (unsigned char)in[i];
    return bits;
}

int postgres_put(struct postgres_parameters *p, int i, const struct store_value *v, unsigned type) {
    uint64_t bits = (uint64_t)v->i;

    p->formats[i] = 1;
    p->lengths[i] = 0;
    p->values[i] = NULL;
    if (v->type == STORE_NULL) return MIEN_OK;
    if (v->n > INT_MAX) return err_set(MIEN_ETOOBIG, "a value is too long");
    if (v->type == STORE_REAL) memcpy(&bits, &v->real, sizeof bits);
    if ((v->type == STORE_TEXT && type == TYPE_TEXT) ||
        (v->type == STORE_BYTES && type == TYPE_BYTEA)) {
        p->values[i] = v->n ? v->bytes : "";
        p->lengths[i] = (int)v->n;
    } else if ((v->type == STORE_INT && type == POSTGRES_INT8) ||
               (v->type == STORE_REAL && type == TYPE_FLOAT8)) {
        p->lengths[i] = 8;
    } else if (v->type == STORE_INT && type == TYPE_INT4 && v->i == (int32_t)v->i) {
        p->lengths[i] = 4;
    } else {
        return err_set(MIEN_EINVAL, "parameter %d is not of the type %u", i + 1, type);
    }
    if (p->values[i]) return MIEN_OK;
    put_number(p->numbers[i], bits, p->lengths[i]);
    p->values[i] = (const char *)p->numbers[i];
    return MIEN_OK;
}

int postgres_get(const struct libpq *pq, const struct pg_result *result, int column,
                 struct store_value *v) {
    const char *bytes = pq->getvalue(result, 0, column);
    int n = pq->getlength(result, 0, column);
    unsigned type = pq->ftype(result, column);
    uint64_t bits;

    *v = (struct store_value){.type = STORE_NULL};
    if (pq->getisnull(result, 0, column)) return MIEN_OK;
    switch (type) {
    case TYPE_VOID: return MIEN_OK;
    case TYPE_BOOL: *v = store_int(*bytes != 0); return MIEN_OK;
    case TYPE_INT2: *v = store_int((int16_t)get_number(bytes, 2)); return MIEN_OK;
    case TYPE_INT4: *v = store_int((int32_t)get_number(bytes, 4)); return MIEN_OK;
    case POSTGRES_INT8: *v = store_int((int64_t)get_number(bytes, 8)); return MIEN_OK;
    case TYPE_FLOAT8:
        bits = get_number(bytes, 8);
        v->type = STORE_REAL;
        memcpy(&v->real, &bits, sizeof bits);
        return MIEN_OK;
    case TYPE_TEXT:
    case TYPE_BYTEA:
        v->type = type == TYPE_TEXT ? STORE_TEXT : STORE_BYTES;
        v->bytes = bytes;
        v->n = (size_t)n;
        return MIEN_OK;
    default:
        return err_set(MIEN_EINVAL, "column %d is of a type %u that nobody knows", column + 1,
                       type);
    }
}
