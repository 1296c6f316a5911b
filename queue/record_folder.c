/* Results in a folder, laid out as a store of objects is: YYYY/MM/DD/ID.json by when the job was
 * submitted, which its id tells, so that a job has one place. A file is written beside it, synced
 * and linked to its name: it is there whole or not at all, and the first stays. */
#include "common/json_text.h"
#include "common/json_values.h"
#include "queue/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, DAY_ROOM = 16 };

struct record {
    struct record_head head;
    char *root;
};

static int open_record(const char *place, struct record **out, char why[QUEUE_WHY]) {
    struct record *r;

    if (mkdir(place, 0777) && errno != EEXIST) {
        snprintf(why, QUEUE_WHY, "%.256s: %s", place, strerror(errno));
        return QUEUE_EFAILED;
    }
    if (access(place, W_OK | X_OK)) {
        snprintf(why, QUEUE_WHY, "%.256s: %s", place, strerror(errno));
        return QUEUE_EFAILED;
    }
    r = calloc(1, sizeof *r);
    if (r) r->root = strdup(place);
    if (!r || !r->root) {
        free(r);
        snprintf(why, QUEUE_WHY, "out of memory");
        return QUEUE_EFAILED;
    }
    *out = r;
    return QUEUE_OK;
}

static void close_record(struct record *r) {
    free(r->root);
    free(r);
}

/* A full disk may have room again. */
static int failed(struct record *r, const char *path) {
    int is_full = errno == ENOSPC || errno == EDQUOT || errno == EINTR;

    return record_failed(r, is_full ? QUEUE_EAWAY : QUEUE_EFAILED, "%.256s: %s", path,
                         strerror(errno));
}

static void day_of(const char *id, char out[DAY_ROOM]) {
    char digits[13] = "";
    struct tm t;
    time_t seconds;

    memcpy(digits, id, 12);
    seconds = (time_t)(strtoull(digits, NULL, 16) / 1000);
    if (!gmtime_r(&seconds, &t) || strftime(out, DAY_ROOM, "%Y/%m/%d", &t) == 0)
        snprintf(out, DAY_ROOM, "0000/00/00");
}

/* The folders of a day; path: [PATH_ROOM], the root and a slash, to which the day is added. */
static int make_day(struct record *r, char *path, const char *day) {
    size_t root = strlen(path);

    snprintf(path + root, PATH_ROOM - root, "%s", day);
    for (char *p = path + root; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        if (mkdir(path, 0777) && errno != EEXIST) return failed(r, path);
        *p = '/';
    }
    return mkdir(path, 0777) && errno != EEXIST ? failed(r, path) : QUEUE_OK;
}

static char *row_text(const struct record_row *row, size_t *n) {
    json_error_t error;
    json_t *object = json_object(), *result = NULL;
    char *text = NULL;
    int bad = 0;

    json_value_set(object, "id", json_string(row->id), &bad);
    json_value_set(object, "file", json_value_text(row->file), &bad);
    json_value_set(object, "state",
                   json_string(JOB_STATE_NAMES[row->failed ? JOB_FAILED : JOB_DONE]), &bad);
    json_value_set(object, "worker", json_value_text(row->worker), &bad);
    json_value_set(object, "trace_id", json_value_text(row->trace), &bad);
    json_value_set(object, "tries", json_integer(row->tries), &bad);
    json_value_set(object, "finished_ms", json_integer(row->finished), &bad);
    if (json_text_read(row->result, strlen(row->result), 0, &result, &error)) bad = 1;
    json_value_set(object, "result", result ? result : json_null(), &bad);
    if (!bad) text = json_value_dump(object, JSON_VALUES_DUMP | JSON_COMPACT, n);
    json_decref(object);
    return text;
}

static int write_file(struct record *r, const char *path, const char *text, size_t n) {
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666), rc = QUEUE_OK;

    if (fd < 0) return failed(r, path);
    while (n > 0 && rc == QUEUE_OK) {
        ssize_t wrote = write(fd, text, n);
        if (wrote < 0 && errno != EINTR) rc = failed(r, path);
        if (wrote > 0) {
            text += wrote;
            n -= (size_t)wrote;
        }
    }
    if (rc == QUEUE_OK && fsync(fd)) rc = failed(r, path);
    if (close(fd) && rc == QUEUE_OK) rc = failed(r, path);
    return rc;
}

static int is_failure(const char *path) {
    json_error_t error;
    json_t *object = json_load_file(path, 0, &error);
    const char *state = json_string_value(json_object_get(object, "state"));
    int is = state && strcmp(state, "failed") == 0;

    json_decref(object);
    return is;
}

static int put_one(struct record *r, const struct record_row *row, const char *folder) {
    char path[PATH_ROOM + 64], own[PATH_ROOM + 96];
    size_t n = 0;
    char *text;
    int rc;

    snprintf(path, sizeof path, "%s/%s.json", folder, row->id);
    if (access(path, F_OK) == 0 && (row->failed || !is_failure(path))) return QUEUE_OK;
    snprintf(own, sizeof own, "%s/.%s.%ld", folder, row->id, (long)getpid());
    text = row_text(row, &n);
    if (!text) return record_failed(r, QUEUE_EFAILED, "out of memory");
    rc = write_file(r, own, text, n);
    free(text);
    /* A good result takes the place of that of a try that failed. */
    if (rc == QUEUE_OK && access(path, F_OK) == 0) {
        if (rename(own, path)) rc = failed(r, path);
    } else if (rc == QUEUE_OK && link(own, path) && errno != EEXIST) {
        rc = failed(r, path);
    }
    unlink(own);
    return rc;
}

/* That the names are on the disk, too. */
static int sync_folder(struct record *r, const char *path) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = QUEUE_OK;

    if (fd < 0) return failed(r, path);
    if (fsync(fd)) rc = failed(r, path);
    close(fd);
    return rc;
}

/* Rows need not be of one day; each that is kept stays, so that what failed is tried whole again.
 */
static int put(struct record *r, const struct record_row *rows, int n) {
    char folder[PATH_ROOM] = "", day[DAY_ROOM], last[DAY_ROOM] = "";
    int rc = QUEUE_OK;

    if (strlen(r->root) + 64 > PATH_ROOM)
        return record_failed(r, QUEUE_EFAILED, "the name of the folder is too long");
    for (int i = 0; i < n && rc == QUEUE_OK; i++) {
        day_of(rows[i].id, day);
        if (strcmp(day, last) != 0) {
            if (*last) rc = sync_folder(r, folder);
            snprintf(folder, sizeof folder, "%s/", r->root);
            if (rc == QUEUE_OK) rc = make_day(r, folder, day);
            memcpy(last, day, sizeof last);
        }
        if (rc == QUEUE_OK) rc = put_one(r, &rows[i], folder);
    }
    return rc == QUEUE_OK && *last ? sync_folder(r, folder) : rc;
}

static int see_file(const char *path, record_see *see, void *context) {
    json_error_t error;
    json_t *object = json_load_file(path, 0, &error);
    const char *id = json_string_value(json_object_get(object, "id")),
               *state = json_string_value(json_object_get(object, "state"));
    char *result =
        json_value_dump(json_object_get(object, "result"), JSON_VALUES_DUMP | JSON_COMPACT, NULL);
    struct record_row row = {.file = json_string_value(json_object_get(object, "file")),
                             .worker = json_string_value(json_object_get(object, "worker")),
                             .trace = json_string_value(json_object_get(object, "trace_id")),
                             .failed = state && strcmp(state, "failed") == 0,
                             .tries = (int)json_integer_value(json_object_get(object, "tries")),
                             .finished = json_integer_value(json_object_get(object, "finished_ms")),
                             .result = result};
    int rc = QUEUE_OK;

    if (id && job_id_is_good(id) && result) {
        memcpy(row.id, id, JOB_ID);
        rc = see(context, &row);
    }
    free(result);
    json_decref(object);
    return rc;
}

static int is_shown(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* Years, months, days, files: `depth` levels of folders lie below. */
static int walk(struct record *r, const char *path, int depth, record_see *see, void *context) {
    struct dirent **entries = NULL;
    int n = scandir(path, &entries, is_shown, alphasort), rc = QUEUE_OK;

    if (n < 0) return failed(r, path);
    for (int i = 0; i < n; i++) {
        char inner[PATH_ROOM];
        int fits =
            snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name) < (int)sizeof inner;
        if (rc == QUEUE_OK && fits)
            rc = depth ? walk(r, inner, depth - 1, see, context) : see_file(inner, see, context);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

static int each(struct record *r, record_see *see, void *context) {
    return walk(r, r->root, 3, see, context);
}

const struct record_ops RECORD_FOLDER = {
    .open = open_record, .close = close_record, .put = put, .each = each};
