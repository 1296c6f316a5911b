#include "eval/task.h"

#include <string.h>
#include <unistd.h>

static const struct eval_task *const TASKS[] = {&eval_attributes, &eval_detect, &eval_classify,
                                                &eval_identify, &eval_verify};

const struct eval_task *eval_task_named(const char *name) {
    for (size_t i = 0; i < sizeof TASKS / sizeof *TASKS; i++)
        if (strcmp(TASKS[i]->name, name) == 0) return TASKS[i];
    return NULL;
}

int eval_choose(const struct eval_task *task, const void *state, int n, int limit, uint64_t seed,
                int *missing, unsigned char *keep) {
    int there = 0, left;

    if (missing) *missing = 0;
    for (int i = 0; i < n; i++) {
        keep[i] = (unsigned char)(!missing || access(task->file(state, i), F_OK) == 0);
        there += keep[i];
        if (missing) *missing += !keep[i];
    }
    if (limit <= 0 || limit >= there) return there;
    left = limit;
    for (int i = 0; i < n; i++) { /* selection sampling: each with the chance that is left */
        if (!keep[i]) continue;
        keep[i] = (unsigned char)(random_below(&seed, there--) < left);
        left -= keep[i];
    }
    return limit;
}
