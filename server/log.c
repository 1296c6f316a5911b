#include "server/log.h"

#include "common/json_values.h"
#include "server/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TIME_SIZE = 40, SENTENCE = 512 };

struct log {
    enum serve_log kind;
};

struct log *log_new(enum serve_log kind) {
    struct log *l = calloc(1, sizeof *l);

    if (l) l->kind = kind;
    return l;
}

void log_free(struct log *l) {
    free(l);
}

/* "2026-11-22T10:11:12.345Z" */
static void write_time(char out[TIME_SIZE]) {
    struct timespec t;
    struct tm utc;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &t);
    gmtime_r(&t.tv_sec, &utc);
    n = strftime(out, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + n, TIME_SIZE - n, ".%03ldZ", t.tv_nsec / 1000000);
}

/* One write a line, so that lines of several threads do not mix. */
static void write_line(const json_t *object) {
    char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;

    if (text) fprintf(stderr, "%s\n", text);
    free(text);
}

static json_t *request_object(const struct request *r, const char *time, double seconds) {
    int failed = 0;
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:i, s:i}", "time", time, "event",
                  "request", "request_id", r->id, "method", r->method, "path", r->path, "status",
                  r->reply.status, "bytes_in", (json_int_t)r->received, "bytes_out",
                  (json_int_t)r->reply.size, "pictures", r->pictures, "faces", r->faces);

    if (*r->key) json_value_set(o, "key", json_value_text(r->key), &failed);
    json_value_set(o, "ms", json_value_number(1e3 * seconds, 3), &failed);
    for (int i = 0; i < stages_count(); i++) {
        double spent = r->seconds[stages_at(i)];
        if (spent > 0)
            json_value_set(o, stage_name(stages_at(i)), json_value_number(1e3 * spent, 3), &failed);
    }
    return o;
}

static void log_text(const struct request *r, const char *time, double seconds) {
    char *line = NULL;
    size_t size;
    FILE *f = open_memstream(&line, &size);

    if (!f) return;
    fprintf(f, "%s %s %s %d id=%s in=%llu out=%zu ms=%.1f", time, r->method, r->path,
            r->reply.status, r->id, (unsigned long long)r->received, r->reply.size, 1e3 * seconds);
    if (r->pictures) fprintf(f, " pictures=%d faces=%d", r->pictures, r->faces);
    for (int i = 0; i < stages_count(); i++) {
        double spent = r->seconds[stages_at(i)];
        if (spent > 0) fprintf(f, " %s=%.1f", stage_name(stages_at(i)), 1e3 * spent);
    }
    if (*r->key) fprintf(f, " key=%s", r->key);
    if (fclose(f) == 0) fprintf(stderr, "%s\n", line);
    free(line);
}

void log_request(struct log *l, const struct request *r, double seconds) {
    char time[TIME_SIZE];
    json_t *object;

    if (l->kind == SERVE_LOG_NONE) return;
    write_time(time);
    if (l->kind == SERVE_LOG_TEXT) {
        log_text(r, time, seconds);
        return;
    }
    object = request_object(r, time, seconds);
    write_line(object);
    json_decref(object);
}

void log_say(struct log *l, const char *fmt, ...) {
    char time[TIME_SIZE], sentence[SENTENCE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    write_time(time);
    if (l->kind == SERVE_LOG_JSON) {
        json_t *text = json_value_text(sentence);
        json_t *object =
            json_pack("{s:s, s:s, s:o}", "time", time, "event", "server", "message", text);
        write_line(object);
        json_decref(object);
    } else {
        fprintf(stderr, "%s mien serve: %s\n", time, sentence);
    }
}
