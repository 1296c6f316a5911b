/* The commands eval attributes, eval detect, eval classify, eval identify and eval verify: labelled
 * pictures through the pipeline, and a report of how often it was right. What is asked is a row of
 * eval/table.c. */
#include "batches.h"
#include "commands.h"
#include "eval/task.h"
#include "eval_output.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A run of one. */
struct run {
    struct evaluation e;
    struct inputs walked; /* of a folder that was given */
    struct inputs inputs; /* the pictures that are left */
    int rc;               /* of the first that could not be judged */
};

/* The pictures of a folder, in order. *list: [count] tails behind paths, malloc. */
static int list_folder(const struct inputs *walked, const char *path, struct eval_folder *folder,
                       const char ***list) {
    size_t n = (size_t)walked->count;

    *list = calloc(2 * n + 1, sizeof **list);
    if (!*list) return say_no_memory();
    for (size_t i = 0; i < n; i++) {
        if (walked->items[i].error) {
            say("%s", walked->items[i].error);
            return EXIT_FAILED;
        }
        (*list)[i] = walked->items[i].path;
        (*list)[n + i] = walked->items[i].tail;
    }
    *folder = (struct eval_folder){path, *list, *list + n, walked->count};
    return EXIT_OK;
}

static int open_labels(struct run *run, const struct options *opt) {
    const struct eval_options eval = {.pictures = opt->pictures,
                                      .where = opt->where,
                                      .by = opt->by,
                                      .mistakes = opt->mistakes,
                                      .enrolled = opt->enrolled,
                                      .seed = (uint64_t)opt->seed};
    struct eval_folder folder;
    const char **list = NULL, *path = opt->args[0];
    char why[EVAL_WHY];
    struct stat st;
    int is_folder = stat(path, &st) == 0 && S_ISDIR(st.st_mode), status = EXIT_OK;

    if (is_folder && inputs_expand(opt->args, 1, NULL, &run->walked)) return say_no_memory();
    if (is_folder) status = list_folder(&run->walked, path, &folder, &list);
    if (status == EXIT_OK &&
        run->e.task->open(&eval, path, is_folder ? &folder : NULL, &run->e.state, why)) {
        say("%s", why);
        status = EXIT_FAILED;
    }
    free(list);
    return status;
}

/* Leaves the pictures that are wanted, and makes inputs of them. */
static int choose(struct run *run, const struct options *opt) {
    const struct eval_task *task = run->e.task;
    unsigned char *keep;
    int n = 0, left;

    while (task->file(run->e.state, n)) n++;
    keep = malloc((size_t)n + 1);
    if (!keep) return say_no_memory();
    left = eval_choose(task, run->e.state, n, opt->limit, (uint64_t)opt->seed,
                       opt->skip_missing ? &run->e.missing : NULL, keep);
    task->keep(run->e.state, keep);
    free(keep);
    if (left == 0) {
        say("%s: none of its %d pictures is there: --pictures says in which folder they are",
            opt->args[0], n);
        return EXIT_FAILED;
    }
    for (int i = 0; i < left; i++)
        if (inputs_append(&run->inputs, task->file(run->e.state, i))) return say_no_memory();
    return EXIT_OK;
}

/* Options of the pipeline. */
static void as_pictures(const struct options *opt, const struct eval_task *task,
                        struct options *out) {
    *out = *opt;
    out->aligned = opt->crop == CROP_ALIGNED;
    out->top = task->classes;
    out->attributes = "all";
}

static int take(void *context, struct picture *picture, int i) {
    struct run *run = context;

    if (!picture->error[0]) {
        run->rc = run->e.task->judge(run->e.state, i, picture->analysis);
        run->e.judged++;
        return run->rc != MIEN_OK;
    }
    say("%s", picture->error);
    if (evaluation_failed(&run->e, picture->input->path, picture->error)) run->rc = MIEN_ENOMEM;
    return run->rc != MIEN_OK;
}

static int run_all(struct run *run, const struct options *opt) {
    const struct eval_task *task = run->e.task;
    struct options pictures;
    struct pipeline p;
    struct networks tasks;
    char why[EVAL_WHY];
    int status;

    as_pictures(opt, task, &pictures);
    networks_init(&tasks, NULL);
    status = pipeline_open(&p, &pictures, analysis_steps(&tasks, task->result));
    if (status == EXIT_OK && task->begin(run->e.state, &p.networks, why)) {
        say("%s", why);
        status = EXIT_FAILED;
    }
    if (status == EXIT_OK) status = batches_run(&p, &run->inputs, take, run, &run->e.failed);
    if (status == EXIT_OK && run->rc) status = say_no_memory();
    if (status == EXIT_OK) status = evaluation_write(&run->e, opt, &p.networks);
    pipeline_close(&p);
    return status;
}

int cmd_eval(const struct options *opt) {
    const char *name = strchr(opt->command_name, ' ');
    struct run run = {.e.task = name ? eval_task_named(name + 1) : NULL};
    int status;

    if (!run.e.task)
        return say_usage(opt->command_name,
                         "say what to evaluate: attributes, detect, classify, identify or verify");
    run.e.path = opt->args[0];
    status = open_labels(&run, opt);
    if (status == EXIT_OK) status = choose(&run, opt);
    if (status == EXIT_OK) status = run_all(&run, opt);
    if (status == EXIT_OK && run.e.failed) status = EXIT_FAILED;
    evaluation_free(&run.e);
    inputs_free(&run.inputs);
    inputs_free(&run.walked);
    return status;
}
