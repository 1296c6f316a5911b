#include "watch.h"

#include "common/clock.h"
#include "say.h"
#include "stop.h"
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Names that are kept; pictures given at a time. */
enum { PENDING_MAX = 1 << 14, READY_MAX = 1 << 10 };

/* Seconds until a file that somebody writes is looked at again, and for which one that may be
 * written has to stay as it is. */
static const double LATER = 0.5, QUIET = 1.0;
/* Seconds between looks whether the folders are there: the kernel tells late of one that is gone
 * while something below it is open, as what is written to may be. */
static const double LOOK = 2.0;

static const uint32_t EVENTS = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MOVED_FROM |
                               IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct watched {
    char *path; /* NULL: none of that number */
    int arg;
};

struct pending {
    char *path;
    int arg;
    double due; /* not before */
    off_t size; /* as it was when it was last looked at */
    struct timespec changed;
};

struct watch {
    const struct options *opt;
    int fd;
    struct watched *folders; /* by watch descriptor */
    int room;
    struct stat *roots;   /* [opt->nargs], as they were */
    int lost, told;       /* 1 + the argument that is there no more; that it watches was told */
    atomic_int all;       /* all folders are to be gone through */
    pthread_mutex_t lock; /* guards what follows */
    struct pending *pending;
    int count;
};

/* The bytes of paths before what an input's tail is. */
static size_t root_length(const char *root) {
    size_t n = strlen(root);

    while (n > 1 && root[n - 1] == '/') n--;
    return n + (root[n - 1] != '/');
}

static int compare_pending(const void *a, const void *b) {
    const struct pending *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order ? order : (x->due > y->due) - (x->due < y->due);
}

/* Of a name that was told several times the first that is due stays. */
static void drop_doubles(struct watch *w) {
    int n = 0;

    qsort(w->pending, (size_t)w->count, sizeof *w->pending, compare_pending);
    for (int i = 0; i < w->count; i++) {
        if (n > 0 && strcmp(w->pending[n - 1].path, w->pending[i].path) == 0)
            free(w->pending[i].path);
        else
            w->pending[n++] = w->pending[i];
    }
    w->count = n;
}

/* Takes path over. */
static void add_pending(struct watch *w, char *path, int arg, double due, const struct stat *st) {
    struct pending one = {.path = path, .arg = arg, .due = due};

    if (st) {
        one.size = st->st_size;
        one.changed = st->st_mtim;
    }
    pthread_mutex_lock(&w->lock);
    if (w->count == PENDING_MAX) drop_doubles(w);
    if (path && w->count < PENDING_MAX) {
        w->pending[w->count++] = one;
    } else {
        w->all = 1;
        free(path);
    }
    pthread_mutex_unlock(&w->lock);
}

/* 1: somebody has it open for writing; 0: nobody has; -1: the system does not tell. A lease is
 * given only while nobody has. */
static int is_being_written(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), written;

    if (fd < 0) return 0; /* that will be told when it is read */
    written = fcntl(fd, F_SETLEASE, F_RDLCK) == 0 ? 0 : errno == EAGAIN ? 1 : -1;
    if (written == 0) (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    close(fd);
    return written;
}

static int is_newer(const struct timespec *changed, double seconds) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return difftime(now.tv_sec, changed->tv_sec) < seconds + 1 && now.tv_sec >= changed->tv_sec;
}

/* Of struct folders. */
static int wait_for(void *context, const struct input *input) {
    struct watch *w = context;
    int written = is_being_written(input->path);
    struct stat st;

    if (written == 0 || (written < 0 && !is_newer(&input->changed, QUIET))) return 0;
    if (stat(input->path, &st)) return 0;
    if (written < 0 && st.st_size == input->size && !is_newer(&st.st_mtim, QUIET)) return 0;
    add_pending(w, strdup(input->path), input->arg, clock_seconds() + (written > 0 ? LATER : QUIET),
                &st);
    return 1;
}

static int note_folder(struct watch *w, int wd, const char *path, int arg) {
    char *copy = strdup(path);

    if (wd >= w->room) {
        int room = 2 * wd + 64;
        struct watched *folders = realloc(w->folders, (size_t)room * sizeof *folders);
        if (!folders) {
            free(copy);
            return -1;
        }
        memset(folders + w->room, 0, (size_t)(room - w->room) * sizeof *folders);
        w->folders = folders;
        w->room = room;
    }
    free(w->folders[wd].path);
    w->folders[wd] = (struct watched){.path = copy, .arg = arg};
    return copy ? 0 : -1;
}

/* A folder that is gone into, and those around it. */
struct level {
    const struct level *outer;
    struct stat st;
};

static int is_same(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* What the run writes to, but not where a root is that; and links to a folder around it. */
static int is_left_out(const struct watch *w, const struct level *level, const struct stat *st) {
    const char *const skip[] = {w->opt->draw, w->opt->output};
    struct stat other;

    for (size_t i = 0; level->outer && i < sizeof skip / sizeof *skip; i++)
        if (skip[i] && stat(skip[i], &other) == 0 && is_same(&other, st)) return 1;
    for (const struct level *l = level->outer; l; l = l->outer)
        if (is_same(&l->st, st)) return 1;
    return 0;
}

static int add_tree(struct watch *w, const char *path, int arg, const struct level *outer,
                    int collect);

static int add_entry(struct watch *w, const char *folder, const struct dirent *entry, int arg,
                     const struct level *level, int collect) {
    struct stat st;
    char *path;
    int status = EXIT_OK;

    if (entry->d_name[0] == '.' ||
        (entry->d_type == DT_REG && (!collect || !walk_is_picture_name(entry->d_name, NULL))))
        return EXIT_OK;
    if (asprintf(&path, "%s%s%s", folder, folder[strlen(folder) - 1] == '/' ? "" : "/",
                 entry->d_name) < 0)
        return say_no_memory();
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        status = add_tree(w, path, arg, level, collect);
    } else if (collect && walk_is_picture_name(path, NULL)) {
        add_pending(w, path, arg, 0, NULL);
        path = NULL;
    }
    free(path);
    return status;
}

/* 1 + the first argument that is not the folder it was; 0: all are. */
static int lost_root(const struct watch *w) {
    struct stat st;

    for (int i = 0; i < w->opt->nargs; i++)
        if (stat(w->opt->args[i], &st) || !is_same(&st, &w->roots[i])) return i + 1;
    return 0;
}

static int say_no_watch(const char *path) {
    if (errno == ENOSPC)
        say("%s: the system lets no more folders be watched (sysctl fs.inotify.max_user_watches)",
            path);
    else
        say("%s: %s", path, strerror(errno));
    return EXIT_FAILED;
}

/* Watches a folder and those in it; collect: pictures that are there are pending. What is gone
 * meanwhile, or may not be read, is passed over: who reads it says so. */
static int add_tree(struct watch *w, const char *path, int arg, const struct level *outer,
                    int collect) {
    struct level level = {.outer = outer};
    const struct dirent *entry;
    int wd, status = EXIT_OK;
    DIR *dir;

    if (stat(path, &level.st) || is_left_out(w, &level, &level.st)) return EXIT_OK;
    wd = inotify_add_watch(w->fd, path, EVENTS);
    if (wd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return EXIT_OK;
    if (wd < 0) return say_no_watch(path);
    if (note_folder(w, wd, path, arg)) return say_no_memory();
    dir = opendir(path);
    while (dir && status == EXIT_OK && (entry = readdir(dir)) != NULL)
        status = add_entry(w, path, entry, arg, &level, collect);
    if (dir) closedir(dir);
    return status;
}

static int add_roots(struct watch *w) {
    char *path;
    int status = EXIT_OK;

    for (int i = 0; i < w->opt->nargs && status == EXIT_OK; i++) {
        size_t n = root_length(w->opt->args[i]);
        path = strndup(w->opt->args[i], n > 1 && w->opt->args[i][n - 1] == '/' ? n - 1 : n);
        status = path ? add_tree(w, path, i, NULL, 0) : say_no_memory();
        free(path);
    }
    return status;
}

int watch_open(struct watch **out, const struct options *opt, struct folders *folders) {
    struct watch *w = calloc(1, sizeof *w);
    int status = w ? EXIT_OK : say_no_memory();

    *out = w;
    if (status) return status;
    w->opt = opt;
    pthread_mutex_init(&w->lock, NULL);
    w->pending = calloc(PENDING_MAX, sizeof *w->pending);
    w->roots = calloc((size_t)opt->nargs, sizeof *w->roots);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (!w->pending || !w->roots) return say_no_memory();
    if (w->fd < 0) return say_no_watch("--watch");
    signal(SIGIO,
           SIG_IGN); /* somebody wants to write while a lease is held, for some microseconds */
    for (int i = 0; i < opt->nargs; i++)
        if (stat(opt->args[i], &w->roots[i])) return say_no_watch(opt->args[i]);
    folders->wait = wait_for;
    folders->context = w;
    return add_roots(w);
}

/* A folder that was moved away, with all in it: what happens there is not told any more. */
static void forget_below(struct watch *w, const char *path) {
    size_t n = strlen(path);

    for (int wd = 0; wd < w->room; wd++) {
        const char *other = w->folders[wd].path;
        if (other && strncmp(other, path, n) == 0 && (other[n] == '/' || !other[n]))
            (void)inotify_rm_watch(w->fd, wd); /* IN_IGNORED follows */
    }
}

/* Something with a name in a folder; takes path over. */
static void hear_name(struct watch *w, const struct inotify_event *event, char *path, int arg) {
    const struct level inside = {0}; /* no root: what is left out counts */
    struct stat st;

    if (event->mask & IN_ISDIR) {
        if (event->mask & IN_MOVED_FROM) forget_below(w, path);
        if ((event->mask & (IN_CREATE | IN_MOVED_TO)) && add_tree(w, path, arg, &inside, 1))
            w->all = 1;
    } else if (!(event->mask & IN_MOVED_FROM) && lstat(path, &st) == 0) {
        double due = 0;
        if (S_ISLNK(st.st_mode) && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            if (add_tree(w, path, arg, &inside, 1)) w->all = 1;
        } else if (walk_is_picture_name(path, NULL)) {
            /* of one that was made, its being closed is told; of one that was linked in nothing is
             */
            if (event->mask & IN_CREATE && S_ISREG(st.st_mode) && st.st_nlink == 1)
                due = clock_seconds() + QUIET;
            add_pending(w, path, arg, due, &st);
            path = NULL;
        }
    }
    free(path);
}

static void hear(struct watch *w, const struct inotify_event *event) {
    struct watched *folder = event->wd >= 0 && event->wd < w->room ? &w->folders[event->wd] : NULL;
    char *path;

    if (event->mask & IN_Q_OVERFLOW) w->all = 1;
    if (!folder || !folder->path) return;
    if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) &&
        strlen(folder->path) < root_length(w->opt->args[folder->arg]))
        w->lost = folder->arg + 1;
    if (event->mask & IN_IGNORED) {
        free(folder->path);
        folder->path = NULL;
        return;
    }
    if (!event->len || event->name[0] == '.') return;
    if (asprintf(&path, "%s%s%s", folder->path,
                 folder->path[strlen(folder->path) - 1] == '/' ? "" : "/", event->name) < 0)
        w->all = 1;
    else
        hear_name(w, event, path, folder->arg);
}

void watch_drain(struct watch *w) {
    _Alignas(struct inotify_event) char bytes[1 << 14];
    ssize_t n;

    while ((n = read(w->fd, bytes, sizeof bytes)) > 0) {
        for (char *at = bytes; at < bytes + n;) {
            const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
            hear(w, event);
            at += sizeof *event + event->len;
        }
    }
}

/* Whether a file that is due is ready; else it is due later. */
static int is_ready(struct pending *one, double now, struct stat *st) {
    int written = is_being_written(one->path);

    if (written == 0) return 1;
    if (written < 0 && st->st_size == one->size && st->st_mtim.tv_sec == one->changed.tv_sec &&
        st->st_mtim.tv_nsec == one->changed.tv_nsec && one->due > 0)
        return 1; /* it has stayed as it is while it was waited for */
    one->size = st->st_size;
    one->changed = st->st_mtim;
    one->due = now + (written > 0 ? LATER : QUIET);
    return 0;
}

/* Appends the picture. Takes path over. */
static int append_ready(struct watch *w, char *path, int arg, const struct stat *st,
                        struct inputs *ready) {
    struct input input;
    const char *name = strrchr(path, '/');
    char *folder = strndup(path, name ? (size_t)(name + 1 - path) : 0);
    int failed = !folder || input_init(&input, path);

    if (!failed) {
        input_look(&input, st);
        input.tail = input.path + root_length(w->opt->args[arg]);
        input.arg = arg;
        input.walked = 1;
        input.whole_name = walk_shares_stem(folder, name ? name + 1 : path);
        failed = inputs_take(ready, &input);
    }
    free(folder);
    free(path);
    return failed;
}

/* Moves what is ready to a list. *next: seconds until something may be, negative where nothing is
 * waited for. Returns -1 where memory ran out. */
static int take_ready(struct watch *w, struct inputs *ready, double *next) {
    double now = clock_seconds();
    int n = 0, failed = 0;

    pthread_mutex_lock(&w->lock);
    drop_doubles(w);
    *next = -1;
    for (int i = 0; i < w->count; i++) {
        struct pending *one = &w->pending[i];
        struct stat st;
        if (one->due <= now && ready->count < READY_MAX) {
            if (stat(one->path, &st) || !S_ISREG(st.st_mode)) {
                free(one->path);
                continue;
            }
            if (is_ready(one, now, &st)) {
                failed |= append_ready(w, one->path, one->arg, &st, ready);
                continue;
            }
        }
        if (*next < 0 || one->due - now < *next) *next = one->due > now ? one->due - now : 0;
        w->pending[n++] = *one;
    }
    w->count = n;
    pthread_mutex_unlock(&w->lock);
    return failed ? -1 : 0;
}

int watch_next(struct watch *w, struct inputs *ready, int *got) {
    double next;

    memset(ready, 0, sizeof *ready);
    if (!w->told) say("watching, until Ctrl-C, for pictures");
    w->told = 1;
    for (;;) {
        watch_drain(w);
        *got = WATCH_END;
        if (stop_asked()) return EXIT_OK;
        if (!w->lost) w->lost = lost_root(w);
        if (w->lost) {
            say("%s: the folder is gone", w->opt->args[w->lost - 1]);
            return EXIT_FAILED;
        }
        if (w->all) {
            w->all = 0;
            *got = WATCH_ALL;
            return add_roots(w);
        }
        if (take_ready(w, ready, &next)) {
            inputs_free(ready);
            return say_no_memory();
        }
        *got = WATCH_SOME;
        if (ready->count > 0) return EXIT_OK;
        stop_wait(w->fd, (int)(1000 * (next < 0 || next > LOOK ? LOOK : next)) + 1);
    }
}

void watch_close(struct watch *w) {
    if (!w) return;
    for (int wd = 0; wd < w->room; wd++) free(w->folders[wd].path);
    for (int i = 0; i < w->count; i++) free(w->pending[i].path);
    if (w->fd >= 0) close(w->fd);
    pthread_mutex_destroy(&w->lock);
    free(w->folders);
    free(w->roots);
    free(w->pending);
    free(w);
}
