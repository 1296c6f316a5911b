#include "services/arrivals.h"

#include "common/ascii.h"
#include "common/clock.h"
#include "mien.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 64, EVENTS = 64 << 10, ROOT_POLL_MS = 500 };

#define FILES   (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)
#define FOLDERS (IN_MOVED_FROM | IN_MOVE_SELF | IN_DELETE_SELF)

struct watched {
    int wd;
    char *name; /* of the folder, with a slash behind it; "" */
};

struct arrivals {
    char *folder;
    int fd;             /* of inotify */
    struct watched *at; /* [n], by wd, which the kernel counts up */
    size_t n, room;
    int is_new;      /* all is to be looked through, with new watches */
    int misses_some; /* folders that are not watched */
    char events[EVENTS] __attribute__((aligned(__alignof__(struct inotify_event))));
};

static void forget_all(struct arrivals *a) {
    if (a->fd >= 0) close(a->fd);
    a->fd = -1;
    for (size_t i = 0; i < a->n; i++) free(a->at[i].name);
    a->n = 0;
    a->is_new = 1;
}

struct arrivals *arrivals_open(const char *folder, char *why, size_t room) {
    struct arrivals *a = calloc(1, sizeof *a);
    struct stat st;

    if (a) a->folder = strdup(folder);
    if (!a || !a->folder) {
        snprintf(why, room, "out of memory");
        free(a);
        return NULL;
    }
    a->fd = -1;
    a->is_new = 1;
    if (stat(folder, &st) == 0 && S_ISDIR(st.st_mode)) return a;
    snprintf(why, room, "%s is no folder", folder);
    arrivals_close(a);
    return NULL;
}

void arrivals_close(struct arrivals *a) {
    if (!a) return;
    forget_all(a);
    free(a->at);
    free(a->folder);
    free(a);
}

void arrivals_look_again(struct arrivals *a) {
    a->is_new = 1;
}

int arrivals_misses_some(const struct arrivals *a) {
    return a->misses_some;
}

/* Whether one of the words, with blanks between them, is this. */
static int has_word(const char *words, const char *word) {
    char one[16];

    for (size_t n; *words; words += n + (words[n] == ' ')) {
        n = strcspn(words, " ");
        snprintf(one, sizeof one, "%.*s", (int)n, words);
        if (ascii_same(one, word)) return 1;
    }
    return 0;
}

static int is_picture_name(const char *name) {
    const char *dot = strrchr(name, '.');
    mien_format format = {.struct_size = sizeof format};

    if (name[0] == '.') return 0;
    for (int i = 0; dot && mien_format_at(i, &format) == MIEN_OK; i++)
        if (has_word(format.extensions, dot)) return 1;
    return 0;
}

/* Remembers a folder's watch; name is taken over. */
static int keep(struct arrivals *a, int wd, char *name) {
    if (a->n > 0 &&
        a->at[a->n - 1].wd >= wd) { /* watched already, under the same or another name */
        for (size_t i = 0; i < a->n; i++) {
            if (a->at[i].wd != wd) continue;
            free(a->at[i].name);
            a->at[i].name = name;
            return 0;
        }
    }
    if (a->n == a->room) {
        size_t more = a->room ? 2 * a->room : 16;
        struct watched *at = realloc(a->at, more * sizeof *at);
        if (!at) {
            free(name);
            return -1;
        }
        a->at = at;
        a->room = more;
    }
    a->at[a->n++] = (struct watched){.wd = wd, .name = name};
    return 0;
}

static int by_wd(const void *key, const void *element) {
    int wd = *(const int *)key, other = ((const struct watched *)element)->wd;

    return wd < other ? -1 : wd > other;
}

static const struct watched *watched_of(const struct arrivals *a, int wd) {
    return a->n ? bsearch(&wd, a->at, a->n, sizeof *a->at, by_wd) : NULL;
}

static int look(struct arrivals *a, const char *name, int depth, arrivals_see *see, void *context);

static int look_at(struct arrivals *a, const char *below, const struct dirent *e, int depth,
                   arrivals_see *see, void *context) {
    int is_folder = e->d_type == DT_DIR, rc = 0;
    struct stat st;
    char *name, *path;

    if (e->d_name[0] == '.') return 0;
    if (asprintf(&name, "%s%s", below, e->d_name) < 0) return 0;
    if (e->d_type == DT_UNKNOWN && asprintf(&path, "%s/%s", a->folder, name) >= 0) {
        is_folder = lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
        free(path);
    }
    if (is_folder)
        rc = look(a, name, depth + 1, see, context);
    else if (is_picture_name(e->d_name))
        rc = see(context, name);
    free(name);
    return rc;
}

/* Watches a folder, then looks through it. name: "" or without a slash at the end. */
static int look(struct arrivals *a, const char *name, int depth, arrivals_see *see, void *context) {
    char *path, *below;
    DIR *d;
    int wd, rc = 0;

    if (depth > DEPTH) return 0;
    if (asprintf(&path, "%s/%s", a->folder, name) < 0) return 0;
    if (asprintf(&below, "%s%s", name, *name ? "/" : "") < 0) {
        free(path);
        return 0;
    }
    wd =
        inotify_add_watch(a->fd, path, FILES | FOLDERS | IN_ONLYDIR | (*name ? IN_DONT_FOLLOW : 0));
    d = opendir(path);
    free(path);
    if (wd < 0 && d) a->misses_some = 1;
    if (wd >= 0) {
        char *copy = strdup(below);
        if (!copy || keep(a, wd, copy)) a->misses_some = 1;
    }
    for (struct dirent *e; d && rc == 0 && (e = readdir(d));)
        rc = look_at(a, below, e, depth, see, context);
    if (d) closedir(d);
    free(below);
    return rc;
}

/* Whether a file that was made is whole: a link to one that was there before. */
static int is_link(const struct arrivals *a, const char *name) {
    struct stat st;
    char *path;
    int is = 0;

    if (asprintf(&path, "%s/%s", a->folder, name) < 0) return 0;
    if (lstat(path, &st) == 0) is = S_ISLNK(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink > 1);
    free(path);
    return is;
}

static int take(struct arrivals *a, const struct inotify_event *e, arrivals_see *see,
                void *context) {
    const struct watched *folder = watched_of(a, e->wd);
    char *name;
    int rc = 0;

    /* What was known of folders may be wrong now. */
    if (e->mask & (IN_Q_OVERFLOW | IN_UNMOUNT | IN_MOVE_SELF) ||
        (e->mask & IN_MOVED_FROM && e->mask & IN_ISDIR) ||
        (e->mask & IN_DELETE_SELF && folder && !*folder->name)) {
        a->is_new = 1;
        return 0;
    }
    if (!folder || !e->len || e->name[0] == '.') return 0;
    if (asprintf(&name, "%s%s", folder->name, e->name) < 0) {
        a->is_new = 1;
        return 0;
    }
    if (e->mask & IN_ISDIR) {
        if (e->mask & (IN_CREATE | IN_MOVED_TO)) rc = look(a, name, 1, see, context);
    } else if (is_picture_name(e->name)) {
        if (e->mask & (IN_CLOSE_WRITE | IN_MOVED_TO) || (e->mask & IN_CREATE && is_link(a, name)))
            rc = see(context, name);
    }
    free(name);
    return rc;
}

/* The events that are there. */
static int take_all(struct arrivals *a, arrivals_see *see, void *context) {
    ssize_t n = read(a->fd, a->events, sizeof a->events);
    int rc = 0;

    for (char *at = a->events; rc == 0 && !a->is_new && at < a->events + (n > 0 ? n : 0);) {
        const struct inotify_event *e = (const struct inotify_event *)(const void *)at;
        rc = take(a, e, see, context);
        at += sizeof *e + e->len;
    }
    return rc;
}

/* With new watches, so that names of folders are right. */
static int look_through(struct arrivals *a, arrivals_see *see, void *context) {
    forget_all(a);
    a->misses_some = 0;
    a->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    a->is_new = access(a->folder, R_OK | X_OK) != 0; /* it may come back */
    if (a->fd < 0) a->misses_some = 1;
    return look(a, "", 0, see, context);
}

int arrivals_wait(struct arrivals *a, int ms, arrivals_see *see, void *context) {
    double until = clock_seconds() + 1e-3 * ms;
    int rc = 0;

    do {
        int left = (int)(1e3 * (until - clock_seconds()));
        struct pollfd told = {.events = POLLIN};
        if (a->is_new) rc = look_through(a, see, context);
        if (rc || left <= 0) break;
        told.fd = a->fd;
        if (a->is_new && left > ROOT_POLL_MS) left = ROOT_POLL_MS;
        if (poll(&told, 1, left) > 0) rc = take_all(a, see, context);
    } while (rc == 0 && clock_seconds() < until);
    return rc;
}
