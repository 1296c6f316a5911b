/* The commands analyze, detect, classify and embed: inputs through the pipeline to standard output
 * and to files. */
#include "batches.h"
#include "commands.h"
#include "feed.h"
#include "folders.h"
#include "line.h"
#include "output.h"
#include "pipeline.h"
#include "say.h"
#include "stop.h"
#include "summary.h"
#include "targets.h"
#include "terminal.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where results go. */
struct outlet {
    const struct options *opt;
    int as_lines; /* for people, instead of JSON */
    struct lines lines;
    struct folders folders;
    struct summary summary;
    struct watch *watch; /* NULL: nothing is waited for */
    int failed;          /* pictures, of all rounds */
};

/* Failures are told in any case: who redirects the output would not see them else. */
static void finish(struct outlet *o, struct picture *picture) {
    int failed = picture->error[0] != '\0', status;

    if (failed) {
        say("%s", picture->error);
    } else if (o->as_lines) {
        if (picture->image->warning[0])
            say("%s: %s", picture->input->path, picture->image->warning);
        lines_print(&o->lines, picture, stdout);
        output_flush();
    }
    status = folders_write(&o->folders, picture, !o->as_lines);
    failed |= status != EXIT_OK;
    summary_add(&o->summary, picture, failed);
    o->failed += failed;
}

/* Of batches_feed(). */
static int take(void *context, struct picture *picture, int i) {
    struct outlet *o = context;

    (void)i;
    if (!folders_left(&o->folders, picture)) finish(o, picture);
    if (o->watch) watch_drain(o->watch);
    return output_broken();
}

/* ", 900 up to date, ..." of what was passed over; begins anew. Returns out. */
static const char *past(struct folders *f, char *out, size_t room) {
    size_t n = 0;

    out[0] = '\0';
    if (f->current) n += (size_t)snprintf(out, room, ", %lld up to date", f->current);
    if (f->failed_before)
        n += (size_t)snprintf(out + n, room - n, ", %lld in failed.jsonl", f->failed_before);
    if (f->left) n += (size_t)snprintf(out + n, room - n, ", %lld gone", f->left);
    if (stop_asked()) snprintf(out + n, room - n, ", stopped before the end");
    f->current = f->failed_before = f->left = 0;
    return out;
}

/* All pictures of a feed. is_all: there are no others. */
static int run_feed(struct outlet *o, const struct pipeline *p, struct feed *feed, int is_all) {
    char more[256];
    int status, several = feed->total > 1 || o->folders.keeps;

    feed->want = folders_want;
    feed->context = &o->folders;
    status = batches_feed(p, feed, take, o, &o->summary.failed);
    if (status == EXIT_OK && !output_broken())
        status = folders_end(&o->folders, is_all && !stop_asked() && !o->folders.broken);
    if (several && is_all && !output_broken())
        summary_say(&o->summary, past(&o->folders, more, sizeof more));
    if (status) return status;
    return o->folders.broken ? EXIT_FAILED : EXIT_OK;
}

/* What came while nobody watched, and then what comes. */
static int run_watch(struct outlet *o, const struct pipeline *p, const char *const *skip) {
    const struct options *opt = o->opt;
    struct inputs ready;
    struct feed feed;
    int status = EXIT_OK, got = WATCH_ALL;

    while (status == EXIT_OK && got != WATCH_END && !output_broken()) {
        if (got == WATCH_ALL) {
            feed_open(&feed, opt->args, opt->nargs, skip);
            status = run_feed(o, p, &feed, 1);
            feed_close(&feed);
        } else if (got == WATCH_SOME) {
            feed_of(&feed, ready.items, ready.count);
            status = run_feed(o, p, &feed, 0);
            feed_close(&feed);
            inputs_free(&ready);
        }
        if (status == EXIT_OK) status = watch_next(o->watch, &ready, &got);
    }
    if (o->summary.pictures > 0) summary_say(&o->summary, NULL);
    return status;
}

static int run(struct outlet *o, const struct pipeline *p, struct feed *feed,
               const struct targets *targets) {
    int status = folders_open(&o->folders, p, targets);

    if (status == EXIT_OK && o->folders.keeps) stop_catch();
    if (status == EXIT_OK && o->opt->watch) status = watch_open(&o->watch, o->opt, &o->folders);
    if (status == EXIT_OK)
        status = o->watch ? run_watch(o, p, feed->skip) : run_feed(o, p, feed, 1);
    if (status == EXIT_OK && !o->watch && (o->failed || stop_asked())) status = EXIT_FAILED;
    watch_close(o->watch);
    summary_free(&o->summary);
    folders_close(&o->folders);
    return status;
}

/* Folders into a folder. */
static int check_watch(const struct options *opt) {
    struct stat st;

    for (int i = 0; i < opt->nargs; i++)
        if (strcmp(opt->args[i], "-") == 0 || stat(opt->args[i], &st) || !S_ISDIR(st.st_mode))
            return say_usage(opt->command_name, "--watch: %s is no folder", opt->args[i]);
    return EXIT_OK;
}

static int check_arguments(const struct options *opt) {
    int uses = 0;

    for (int i = 0; i < opt->nargs; i++) uses += strcmp(opt->args[i], "-") == 0;
    if (uses > 1) return say_usage(opt->command_name, "standard input (-) can be read only once");
    if (uses && isatty(STDIN_FILENO))
        return say_usage(opt->command_name, "standard input (-) is a terminal, not a picture");
    if ((opt->watch || opt->retry || opt->force) && !opt->output)
        return say_usage(opt->command_name, "--%s needs a folder to write to: --output",
                         opt->watch   ? "watch"
                         : opt->retry ? "retry"
                                      : "force");
    return opt->watch ? check_watch(opt) : EXIT_OK;
}

static void say_skipped(long long skipped) {
    if (skipped)
        say("passed over %lld %s in folders, hidden or without a picture's extension", skipped,
            skipped == 1 ? "file" : "files");
}

int cmd_pictures(const struct options *opt) {
    const char *const skip[INPUTS_SKIP_MAX] = {opt->draw, opt->output};
    struct outlet outlet = {.opt = opt, .folders = {.lock = -1}};
    struct pipeline pipeline = {0};
    struct targets targets = {0};
    struct feed feed;
    long long skipped;
    int status = check_arguments(opt);

    if (status) return status;
    outlet.as_lines = !opt->json && !opt->pretty && isatty(STDOUT_FILENO);
    lines_begin(&outlet.lines, terminal_columns(STDOUT_FILENO));
    feed_open(&feed, opt->args, opt->nargs, skip);
    feed_count(&feed, &skipped, lines_see, &outlet.lines);
    say_skipped(skipped);
    status = targets_open(&targets, opt);
    if (status == EXIT_OK) status = pipeline_open(&pipeline, opt, pipeline_steps(opt));
    if (status == EXIT_OK) {
        summary_begin(&outlet.summary, &pipeline);
        status = run(&outlet, &pipeline, &feed, &targets);
    }
    feed_close(&feed);
    pipeline_close(&pipeline);
    targets_close(&targets);
    return status;
}
