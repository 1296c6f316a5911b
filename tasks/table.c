/* The table of tasks, and what is asked of it. */
#include "engine/err.h"
#include "engine/sized.h"
#include "tasks/task.h"

#include <string.h>

/* The tasks, a row each, in the order of enum mien_task: tasks/NAME.c defines task_NAME. */
#define ROWS(row) row(detect) row(embed) row(attributes) row(classify) row(landmarks)

#define DECLARE(name) extern const struct task task_##name;
#define ADDRESS(name) &task_##name,

ROWS(DECLARE)

const struct task *const TASKS[] = {ROWS(ADDRESS) NULL};

const struct task *task_named(const char *name) {
    for (const struct task *const *t = TASKS; *t; t++)
        if (strcmp((*t)->name, name) == 0 ||
            ((*t)->former_name && strcmp((*t)->former_name, name) == 0))
            return *t;
    return strcmp(name, task_raw.name) == 0 ? &task_raw : NULL;
}

enum mien_task task_id(const struct task *task) {
    int i = 0;
    if (task == &task_raw) return MIEN_TASK_RAW;
    while (TASKS[i] != task) i++;
    return (enum mien_task)(i + 1);
}

int mien_task_info_get(int task, mien_task_info *info) {
    int count = 0;
    while (TASKS[count]) count++;
    if (task < 1 || task > count)
        return err_set(MIEN_EINVAL, "there is no task %d; they are 1 to %d", task, count);
    const struct task *t = TASKS[task - 1];
    mien_task_info own = {.task = (enum mien_task)task,
                          .item = t->item,
                          .result = t->result,
                          .name = t->name,
                          .verb = t->verb,
                          .option = t->option,
                          .help = t->help,
                          .stage = t->stage,
                          .default_network = t->default_network};
    return sized_write(info, &own, sizeof own, "mien_task_info");
}
