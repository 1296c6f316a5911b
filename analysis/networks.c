#include "analysis/networks.h"

#include <string.h>

const char *precision_name(int precision) {
    static const char *const names[] = {
        [MIEN_FP32] = "fp32", [MIEN_BF16] = "bf16", [MIEN_INT8] = "int8", [MIEN_FP16] = "fp16"};

    return names[precision];
}

int networks_tasks(void) {
    mien_task_info info = {.struct_size = sizeof info};
    int n = 0;

    while (n < NETWORKS_MAX && mien_task_info_get(n + 1, &info) == MIEN_OK) n++;
    return n;
}

void networks_init(struct networks *all, mien_ctx *ctx) {
    memset(all, 0, sizeof *all);
    all->ctx = ctx;
    all->n = networks_tasks();
    for (int i = 0; i < all->n; i++) {
        all->at[i].task.struct_size = sizeof all->at[i].task;
        all->at[i].info.struct_size = sizeof all->at[i].info;
        mien_task_info_get(i + 1, &all->at[i].task);
    }
}

void networks_free(struct networks *all) {
    for (int i = 0; i < all->n; i++) mien_net_free(all->at[i].net);
    all->n = 0;
}

const struct network *networks_giving(const struct networks *all, enum mien_result result) {
    for (int i = 0; i < all->n; i++)
        if (all->at[i].net && all->at[i].task.result == result) return &all->at[i];
    return NULL;
}

int networks_task_giving(enum mien_result result) {
    mien_task_info info = {.struct_size = sizeof info};

    for (int i = 0; mien_task_info_get(i + 1, &info) == MIEN_OK; i++)
        if (info.result == result) return i;
    return -1;
}
