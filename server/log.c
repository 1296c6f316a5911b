#include "server/log.h"

#include "common/clock.h"
#include "common/json_values.h"
#include "common/text_stream.h"
#include "server/request.h"
#include "server/sync.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TIME_SIZE = 40, SENTENCE = 512, ROOM = 4096 };

#define PATIENCE 0.25 /* seconds log_flush() waits for a line to be read */

struct log {
    enum serve_log kind;
    struct metrics *metrics;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    char *line[ROOM]; /* a ring: with their newlines, malloc */
    unsigned first, n;
    int dropped;                /* lines, since that was last said */
    unsigned long long written; /* lines */
    int is_closing, has_ended;
};

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

/* The object as a line; malloc, NULL where memory ran out. Frees the object. */
static char *line_of(json_t *object) {
    char *text = json_value_dump(object, JSON_COMPACT | JSON_VALUES_DUMP, NULL);
    char *line = NULL;

    if (text && asprintf(&line, "%s\n", text) < 0) line = NULL;
    free(text);
    json_decref(object);
    return line;
}

/* A sentence of the server's own as a line; as line_of(). */
static char *sentence_line(enum serve_log kind, const char *sentence) {
    char time[TIME_SIZE], *line = NULL;

    write_time(time);
    if (kind == SERVE_LOG_JSON)
        return line_of(json_pack("{s:s, s:s, s:o}", "time", time, "event", "server", "message",
                                 json_value_text(sentence)));
    return asprintf(&line, "%s mien serve: %s\n", time, sentence) < 0 ? NULL : line;
}

/* With the lock. There is room. */
static void append(struct log *l, char *line) {
    l->line[(l->first + l->n++) % ROOM] = line;
}

/* With the lock. What was dropped is said before what comes after it. */
static void append_dropped(struct log *l) {
    char sentence[SENTENCE], *line;

    snprintf(sentence, sizeof sentence, "%d lines of the log were dropped: nobody read it",
             l->dropped);
    line = sentence_line(l->kind, sentence);
    if (!line) return;
    append(l, line);
    l->dropped = 0;
}

/* Takes the line over; NULL is a line lost. */
static void push(struct log *l, char *line) {
    pthread_mutex_lock(&l->lock);
    if (line && l->n + 2 <= ROOM) {
        if (l->dropped) append_dropped(l);
        append(l, line);
        pthread_cond_broadcast(&l->changed);
    } else {
        free(line);
        l->dropped++;
        metrics_log_dropped(l->metrics, 1);
    }
    pthread_mutex_unlock(&l->lock);
}

/* One write a line where the system takes it whole, so that others' lines do not mix with it. -1
 * where it cannot be written. */
static int write_all(const char *text, size_t n) {
    struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};

    while (n > 0) {
        ssize_t wrote = write(STDERR_FILENO, text, n);
        if (wrote >= 0) {
            text += wrote;
            n -= (size_t)wrote;
        } else if (errno == EAGAIN) { /* whoever started us does not want to wait itself */
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return 0;
}

static void *log_main(void *arg) {
    struct log *l = arg;

    pthread_mutex_lock(&l->lock);
    for (;;) {
        char *line;
        int failed;
        if (l->n == 0 && l->dropped) append_dropped(l);
        if (l->n == 0 && l->is_closing) break;
        if (l->n == 0) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        line = l->line[l->first];
        pthread_mutex_unlock(&l->lock);
        failed = write_all(line, strlen(line));
        free(line);
        pthread_mutex_lock(&l->lock);
        if (failed && !l->is_closing) metrics_log_dropped(l->metrics, 1);
        l->first = (l->first + 1) % ROOM;
        l->n--;
        l->written++;
        pthread_cond_broadcast(&l->changed);
    }
    l->has_ended = 1;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

struct log *log_new(enum serve_log kind, struct metrics *metrics) {
    struct log *l = calloc(1, sizeof *l);

    if (!l) return NULL;
    l->kind = kind;
    l->metrics = metrics;
    pthread_mutex_init(&l->lock, NULL);
    sync_cond_init(&l->changed);
    if (pthread_create(&l->thread, NULL, log_main, l) == 0) return l;
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}

/* With the lock: until all is written, or the thread has ended; or nothing was written for a while.
 */
static void wait_for_writer(struct log *l, int to_its_end) {
    unsigned long long written = l->written;
    double until = clock_seconds() + PATIENCE;

    while (to_its_end ? !l->has_ended : l->n > 0) {
        if (sync_cond_wait(&l->changed, &l->lock, until) && l->written == written) return;
        if (l->written == written) continue;
        written = l->written;
        until = clock_seconds() + PATIENCE;
    }
}

void log_flush(struct log *l) {
    pthread_mutex_lock(&l->lock);
    wait_for_writer(l, 0);
    pthread_mutex_unlock(&l->lock);
}

void log_free(struct log *l) {
    int has_ended;

    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->is_closing = 1;
    pthread_cond_broadcast(&l->changed);
    wait_for_writer(l, 1);
    has_ended = l->has_ended;
    pthread_mutex_unlock(&l->lock);
    if (!has_ended) return; /* the thread is in write(), and ends with the process */
    pthread_join(l->thread, NULL);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

static json_t *request_object(const struct request *r, const char *time, double seconds) {
    int failed = 0;
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:i, s:i}", "time", time, "event",
                  "request", "request_id", r->id, "method", r->method, "path", r->path, "status",
                  r->reply.status, "bytes_in", (json_int_t)r->received, "bytes_out",
                  (json_int_t)r->reply.size, "pictures", r->pictures, "faces", r->faces);

    if (*r->key) json_value_set(o, "key", json_value_text(r->key), &failed);
    if (*r->trace.id) json_value_set(o, "trace_id", json_string(r->trace.id), &failed);
    json_value_set(o, "ms", json_value_number(1e3 * seconds, 3), &failed);
    for (int i = 0; i < stages_count(); i++) {
        double spent = r->seconds[stages_at(i)];
        if (spent > 0)
            json_value_set(o, stage_name(stages_at(i)), json_value_number(1e3 * spent, 3), &failed);
    }
    return o;
}

static char *request_text(const struct request *r, const char *time, double seconds) {
    struct text_stream line;
    FILE *f = text_stream_open(&line);

    if (!f) return NULL;
    fprintf(f, "%s %s %s %d id=%s in=%llu out=%zu ms=%.1f", time, r->method, r->path,
            r->reply.status, r->id, (unsigned long long)r->received, r->reply.size, 1e3 * seconds);
    if (r->pictures) fprintf(f, " pictures=%d faces=%d", r->pictures, r->faces);
    for (int i = 0; i < stages_count(); i++) {
        double spent = r->seconds[stages_at(i)];
        if (spent > 0) fprintf(f, " %s=%.1f", stage_name(stages_at(i)), 1e3 * spent);
    }
    if (*r->key) fprintf(f, " key=%s", r->key);
    if (*r->trace.id) fprintf(f, " trace=%s", r->trace.id);
    fputc('\n', f);
    return text_stream_close(&line, f, NULL);
}

void log_request(struct log *l, const struct request *r, double seconds) {
    char time[TIME_SIZE];

    if (l->kind == SERVE_LOG_NONE) return;
    write_time(time);
    push(l, l->kind == SERVE_LOG_TEXT ? request_text(r, time, seconds)
                                      : line_of(request_object(r, time, seconds)));
}

void log_say(struct log *l, const char *fmt, ...) {
    char sentence[SENTENCE];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(sentence, sizeof sentence, fmt, ap);
    va_end(ap);
    push(l, sentence_line(l->kind, sentence));
}
