#include "analysis/stages.h"

static const enum stage before[] = {STAGE_START, STAGE_QUEUE, STAGE_FETCH, STAGE_DECODE,
                                    STAGE_BATCH};
static const enum stage behind[] = {STAGE_INFER, STAGE_ENCODE};
enum { BEFORE = sizeof before / sizeof *before, BEHIND = sizeof behind / sizeof *behind };

static enum mien_item item_of(int task) {
    mien_task_info info = {.struct_size = sizeof info};

    return mien_task_info_get(task + 1, &info) == MIEN_OK ? info.item : MIEN_ITEM_IMAGE;
}

int stages_count(void) {
    return BEFORE + networks_tasks() + 1 + BEHIND;
}

/* Faces are aligned before the first task that looks at them. */
int stages_at(int i) {
    int tasks = networks_tasks(), aligned = 0;

    if (i < BEFORE) return (int)before[i];
    i -= BEFORE;
    while (aligned < tasks && item_of(aligned) != MIEN_ITEM_FACE) aligned++;
    if (i == aligned) return STAGE_ALIGN;
    if (i > aligned) i--;
    return i < tasks ? STAGE_TASK + i : (int)behind[i - tasks];
}

const char *stage_name(int stage) {
    static const char *const names[] = {"start", "queue", "fetch", "decode",
                                        "batch", "align", "infer", "encode"};
    mien_task_info info = {.struct_size = sizeof info};

    if (stage < STAGE_TASK) return names[stage];
    return mien_task_info_get(stage - STAGE_TASK + 1, &info) == MIEN_OK ? info.stage : "unknown";
}
