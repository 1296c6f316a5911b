#include "folders.h"

#include "analysis/seed_json.h"
#include "common/folders.h"
#include "draw.h"
#include "files.h"
#include "output.h"
#include "result.h"
#include "say.h"
#include "stamp.h"
#include "stop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Makes a folder, and those around it. */
static int make_folder(const char *path) {
    char *inside;
    int error;

    if (asprintf(&inside, "%s/", path) < 0) return ENOMEM;
    error = folders_make(inside);
    free(inside);
    return error;
}

static int open_output(struct folders *f) {
    const char *path = f->opt->output;
    int error = make_folder(path);

    if (!error) {
        f->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (f->lock < 0) error = errno;
    }
    if (!error && access(path, W_OK | X_OK)) error = errno;
    if (error) {
        say("%s: %s", path, strerror(error));
        return EXIT_FAILED;
    }
    /* where a file system has no locks, nobody is kept from it */
    if (flock(f->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
        say("%s: another mien is writing to this folder", path);
        return EXIT_FAILED;
    }
    return failures_open(&f->failures, path, f->opt->retry || f->opt->force);
}

int folders_open(struct folders *f, const struct pipeline *p, const struct targets *targets) {
    int status = EXIT_OK;

    *f = (struct folders){.opt = p->opt, .targets = targets, .lock = -1};
    f->keeps = p->opt->output && targets->folders > 0;
    if (!f->keeps) return EXIT_OK;
    if (p->opt->draw) (void)make_folder(p->opt->draw); /* what fails is told when it is drawn to */
    status = open_output(f);
    if (status == EXIT_OK) status = stamp_contract(p, &f->contract);
    return status;
}

void folders_close(struct folders *f) {
    failures_close(&f->failures);
    if (f->lock >= 0) close(f->lock);
    f->lock = -1;
}

static int is_current(const struct folders *f, const struct input *input) {
    if (f->opt->force) return 0;
    return stamp_is_on(input->json, input->stamp) &&
           (!input->drawn || stamp_is_on(input->drawn, input->stamp));
}

int folders_want(void *context, struct input *input) {
    struct folders *f = context;

    if (stop_asked() || f->broken) return -1;
    if (targets_name(f->targets, input)) return -2;
    if (!f->keeps || !input->walked || input->error) return 1;
    input->stamp = stamp_of(f->contract, input);
    if (failures_have(&f->failures, input)) {
        f->failed_before++;
        return 0;
    }
    if (is_current(f, input)) {
        f->current++;
        failures_mend(&f->failures, input); /* a line of before, which was killed away from here */
        return 0;
    }
    return !f->wait || !f->wait(f->context, input);
}

int folders_left(struct folders *f, const struct picture *picture) {
    struct stat st;

    if (!picture->error[0] || !picture->input->walked || !f->keeps) return 0;
    if (lstat(picture->input->path, &st) == 0 || errno != ENOENT) return 0;
    f->left++;
    return 1;
}

/* What the options want to be said of a picture. NULL: no memory, or, where it failed, nothing. */
static json_t *json_of(const struct folders *f, const struct picture *picture) {
    const struct input *input = picture->input;
    struct timespec now;
    json_t *object;
    int failed = 0;

    if (f->opt->format != FORMAT_SEED) return result_json(picture);
    if (picture->error[0]) return NULL;
    clock_gettime(CLOCK_REALTIME, &now);
    object = seed_json(input->is_stdin ? "stdin" : input->tail, picture->analysis, now, &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

/* A folder that takes no more ends the run: all that would follow would fail, too. */
static int say_failed(struct folders *f, const char *path, int error) {
    say("%s: %s", path, strerror(error));
    if (error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO) f->broken = 1;
    return EXIT_FAILED;
}

static int write_json(struct folders *f, const struct picture *picture, json_t *result) {
    const struct input *input = picture->input;
    int failed = picture->error[0] != '\0', error;

    if (!f->keeps) return files_write_json(input->json, result, f->opt->pretty);
    error = files_put_json(input->json, result, f->opt->pretty, failed ? 0 : input->stamp);
    return error ? say_failed(f, input->json, error) : EXIT_OK;
}

/* What an earlier picture of that name gave is not this one's. */
static int remove_json(struct folders *f, const struct input *input) {
    if (!input->json || !f->keeps || unlink(input->json) == 0 || errno == ENOENT) return EXIT_OK;
    return say_failed(f, input->json, errno);
}

static int draw(struct folders *f, struct picture *picture) {
    const struct input *input = picture->input;

    if (!input->drawn || picture->error[0] || output_broken()) return EXIT_OK;
    if (draw_picture(picture, input->drawn)) return EXIT_FAILED;
    if (f->keeps && input->stamp) (void)stamp_put_on(input->drawn, input->stamp); /* else again */
    return EXIT_OK;
}

/* failed.jsonl, where the run keeps one. */
static int note(struct folders *f, const struct picture *picture) {
    int error = 0;

    if (!f->keeps) return EXIT_OK;
    if (picture->error[0])
        error = failures_add(&f->failures, picture);
    else
        failures_mend(&f->failures, picture->input);
    return error ? say_failed(f, f->failures.path, error) : EXIT_OK;
}

int folders_write(struct folders *f, struct picture *picture, int print) {
    const struct input *input = picture->input;
    int silent = f->opt->format == FORMAT_SEED && picture->error[0];
    int wanted = (print || input->json) && !silent, status;
    json_t *result = wanted ? json_of(f, picture) : NULL;

    /* The picture's file comes behind what is drawn: it says that all is done. A line of
     * failed.jsonl says so, too. */
    status = draw(f, picture);
    if (wanted && !result) status = say_no_memory();
    if (silent && remove_json(f, input)) status = EXIT_FAILED;
    if (result && input->json && (status == EXIT_OK || !f->keeps || picture->error[0]) &&
        write_json(f, picture, result))
        status = EXIT_FAILED;
    if (note(f, picture)) status = EXIT_FAILED;
    if (result && print)
        output_json(result, f->opt->pretty);
    else
        json_decref(result);
    return status;
}

int folders_end(struct folders *f, int all) {
    int error;

    if (!f->keeps) return EXIT_OK;
    error = failures_tidy(&f->failures, all);
    if (!error && syncfs(f->lock)) error = errno; /* what is said to be done is */
    return error ? say_failed(f, f->failures.path, error) : EXIT_OK;
}
