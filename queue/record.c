#include "queue/record.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The kinds of record by how their places begin; all that are left are folders. */
static const struct {
    const char *prefix;
    const struct record_ops *ops;
} KINDS[] = {
    {"postgresql://", &RECORD_POSTGRES},
    {"postgres://", &RECORD_POSTGRES},
    {"", &RECORD_FOLDER},
};

static struct record_head *head(struct record *r) {
    return (struct record_head *)r;
}

int record_open(const char *place, struct record **out, char why[QUEUE_WHY]) {
    const char *colon = strstr(place, "://");
    size_t i = 0;
    int rc;

    *out = NULL;
    why[0] = '\0';
    while (strncmp(place, KINDS[i].prefix, strlen(KINDS[i].prefix)) != 0) i++;
    if (!*KINDS[i].prefix && colon) {
        snprintf(why, QUEUE_WHY, "%.*s: no such place for results (postgresql:// or a folder)",
                 (int)(colon + 3 - place), place);
        return QUEUE_EFAILED;
    }
    rc = KINDS[i].ops->open(place, out, why);
    if (rc == QUEUE_OK) head(*out)->ops = KINDS[i].ops;
    return rc;
}

void record_close(struct record *r) {
    if (r) head(r)->ops->close(r);
}

const char *record_why(const struct record *r) {
    return ((const struct record_head *)r)->why;
}

int record_put(struct record *r, const struct record_row *rows, int n) {
    return n ? head(r)->ops->put(r, rows, n) : QUEUE_OK;
}

int record_each(struct record *r, record_see *see, void *context) {
    return head(r)->ops->each(r, see, context);
}

int record_failed(struct record *r, int rc, const char *fmt, ...) {
    va_list args;

    va_start(args, fmt);
    vsnprintf(head(r)->why, QUEUE_WHY, fmt, args);
    va_end(args);
    return rc;
}
