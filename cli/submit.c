/* The command submit: pictures become jobs of a queue, for whichever worker has time. */
#include "analysis/faces.h"
#include "commands.h"
#include "common/json_values.h"
#include "inputs.h"
#include "jobs_open.h"
#include "output.h"
#include "say.h"
#include "walk.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum {
    ROUND = 500,             /* jobs of one call, */
    ROUND_BYTES = 16 << 20,  /* or so many bytes of pictures they bring along */
    PICTURE_MAX = 256 << 20, /* of one that is brought along */
    FULL_PAUSE_MS = 500
};

struct submission {
    const struct options *opt;
    struct queue *queue;
    char *asked; /* what every job asks */
    struct job jobs[ROUND];
    char *files[ROUND];
    void *bytes[ROUND];
    int n;
    size_t size;
    long long submitted, failed;
    int told_full, status;
};

/* What the options ask of pictures: all of it, so that a job means the same to any worker. */
static char *asked_text(const struct options *opt) {
    json_t *o = json_object();
    char *text = NULL;
    int failed = 0;

    json_value_set(o, "threshold", json_value_number(opt->threshold, 6), &failed);
    json_value_set(o, "nms", json_value_number(opt->nms, 6), &failed);
    if (opt->side >= 0) json_value_set(o, "size", json_integer(opt->side), &failed);
    json_value_set(o, "search", json_string(FACE_SEARCH_NAMES[opt->search]), &failed);
    json_value_set(o, "max_faces", json_integer(opt->max_faces), &failed);
    json_value_set(o, "top", json_integer(opt->top), &failed);
    json_value_set(o, "face", json_string(FACE_PICK_NAMES[opt->face]), &failed);
    json_value_set(o, "quality", json_boolean(opt->quality), &failed);
    json_value_set(o, "embeddings", json_boolean(opt->embeddings), &failed);
    if (!failed) text = json_value_dump(o, JSON_VALUES_DUMP | JSON_COMPACT, NULL);
    json_decref(o);
    return text;
}

static void pause_ms(int ms) {
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

    nanosleep(&t, NULL);
}

static int print_ids(const struct submission *s) {
    for (int i = 0; i < s->n && s->opt->json; i++) {
        json_t *line =
            json_pack("{s:s, s:o}", "id", s->jobs[i].id, "file", json_value_text(s->jobs[i].file));
        if (output_json(line, 0)) return -1;
    }
    return 0;
}

static void forget_round(struct submission *s) {
    for (int i = 0; i < s->n; i++) {
        free(s->files[i]);
        free(s->bytes[i]);
    }
    s->n = 0;
    s->size = 0;
}

/* Hands over what has been gathered. A queue that is full is waited for; where the answer of one
 * that went away is lost, the jobs are handed over again, by the same ids. */
static void flush_round(struct submission *s) {
    int rc, pause = 100;

    while ((rc = queue_submit(s->queue, s->jobs, s->n)) != QUEUE_OK) {
        if (rc == QUEUE_EFULL && s->opt->no_wait) break;
        if (rc != QUEUE_EFULL && rc != QUEUE_EAWAY) break;
        if (rc == QUEUE_EAWAY && s->opt->no_wait) break;
        if (!s->told_full++) say("%s; waiting", queue_why(s->queue));
        pause_ms(pause);
        if (pause < FULL_PAUSE_MS) pause *= 2;
    }
    if (rc) {
        s->status = jobs_say(s->queue);
    } else {
        s->told_full = 0;
        s->submitted += s->n;
        if (print_ids(s)) s->status = EXIT_FAILED;
    }
    forget_round(s);
}

/* A whole file; NULL after saying why. */
static void *read_file(const char *path, size_t *n) {
    FILE *in = fopen(path, "rbe");
    struct stat st;
    char *bytes = NULL;

    *n = 0;
    errno = 0;
    if (in && fstat(fileno(in), &st) == 0) {
        if (!S_ISREG(st.st_mode))
            errno = EINVAL;
        else if (st.st_size > PICTURE_MAX)
            errno = EFBIG;
        else
            bytes = malloc((size_t)st.st_size + 1);
    }
    if (bytes) {
        *n = fread(bytes, 1, (size_t)st.st_size, in);
        if (ferror(in)) {
            free(bytes);
            bytes = NULL;
        }
    }
    if (!bytes) say("%s: %s", path, strerror(errno ? errno : EIO));
    if (in) fclose(in);
    return bytes;
}

static int is_url(const char *text) {
    return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
}

/* One more job. file: a path or a URL. */
static void add(struct submission *s, const char *file) {
    const struct options *opt = s->opt;
    struct job *job = &s->jobs[s->n];
    char *path = is_url(file) ? strdup(file) : realpath(file, NULL);
    void *bytes = NULL;
    size_t n = 0;

    if (path && opt->carry && !is_url(file)) bytes = read_file(path, &n);
    if (!path) say("%s: %s", file, strerror(errno));
    if (!path || (opt->carry && !is_url(file) && !bytes)) {
        free(path);
        s->failed++;
        return;
    }
    *job = (struct job){.priority = (enum job_priority)opt->priority,
                        .file = path,
                        .bytes = bytes,
                        .n = n,
                        .options = s->asked,
                        .trace = opt->trace};
    s->files[s->n] = path;
    s->bytes[s->n] = bytes;
    s->size += n;
    s->n++;
    if (s->n == ROUND || s->size >= ROUND_BYTES) flush_round(s);
}

/* A line a picture; what is relative is so to where one is. */
static void add_list(struct submission *s, const char *path) {
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t n;

    if (!in) {
        say("%s: %s", path, strerror(errno));
        s->failed++;
        return;
    }
    while (s->status == EXIT_OK && (n = getline(&line, &room, in)) >= 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r')) line[--n] = '\0';
        if (n > 0) add(s, line);
    }
    if (ferror(in)) {
        say("%s: cannot be read", path);
        s->failed++;
    }
    free(line);
    if (in != stdin) fclose(in);
}

static void add_folder(struct submission *s, const char *folder) {
    struct inputs inputs;
    char *args[] = {strdup(folder)};

    if (!args[0] || inputs_expand(args, 1, NULL, &inputs)) {
        free(args[0]);
        s->status = say_no_memory();
        return;
    }
    for (int i = 0; i < inputs.count && s->status == EXIT_OK; i++) {
        if (inputs.items[i].error) say("%s", inputs.items[i].error);
        s->failed += inputs.items[i].error != NULL;
        if (!inputs.items[i].error) add(s, inputs.items[i].path);
    }
    inputs_free(&inputs);
    free(args[0]);
}

static void add_argument(struct submission *s, const char *arg) {
    struct stat st;

    if (stat(arg, &st) == 0 && S_ISDIR(st.st_mode))
        add_folder(s, arg);
    else if (is_url(arg) || (strcmp(arg, "-") != 0 && walk_is_picture_name(arg, NULL)))
        add(s, arg);
    else
        add_list(s, arg);
}

/* A queue that is away is waited for, as later on. */
static int open_queue(struct submission *s) {
    char why[QUEUE_WHY];
    int rc, told = 0;

    while ((rc = jobs_try(s->opt, 0, &s->queue, why)) == QUEUE_EAWAY && !s->opt->no_wait) {
        if (!told++) say("%s; waiting", why);
        pause_ms(FULL_PAUSE_MS);
    }
    if (rc && *why) say("%s", why);
    return rc ? EXIT_FAILED : EXIT_OK;
}

int cmd_submit(const struct options *opt) {
    struct submission *s = calloc(1, sizeof *s);
    int status;

    if (!s) return say_no_memory();
    s->opt = opt;
    s->asked = asked_text(opt);
    status = s->asked ? open_queue(s) : say_no_memory();
    for (int i = 0; i < opt->nargs && status == EXIT_OK && s->status == EXIT_OK; i++)
        add_argument(s, opt->args[i]);
    if (status == EXIT_OK && s->status == EXIT_OK && s->n > 0) flush_round(s);
    forget_round(s);
    if (status == EXIT_OK) {
        say("%lld %s submitted%s", s->submitted, s->submitted == 1 ? "job" : "jobs",
            s->failed ? ", some pictures are missing" : "");
        status = s->status ? s->status : s->failed ? EXIT_FAILED : EXIT_OK;
    }
    queue_close(s->queue);
    free(s->asked);
    free(s);
    return status;
}
