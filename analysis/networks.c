#include "analysis/networks.h"

#include <stdio.h>
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

const char *const METHOD_NAMES[] = {"joint", "separate", NULL};

struct network *networks_room(struct networks *all, int task) {
    struct network *own = &all->at[task], *more = &all->at[all->n];

    if (!own->net) return own;
    if (all->n == NETWORKS_MAX) return NULL;
    *more = (struct network){.task = own->task, .info.struct_size = sizeof more->info};
    all->n++;
    return more;
}

const char *networks_named(const mien_task_info *task, const char *option,
                           enum networks_method method) {
    int is_default = task->default_network && strcmp(option, task->default_network) == 0;

    return is_default && task->task == MIEN_TASK_ATTRIBUTES && method == METHOD_SEPARATE
               ? "face-age,face-gender,face-race"
               : option;
}

/* 1 where `name` is among names with commas. */
static int names(const char *list, const char *name) {
    size_t n = strlen(name);

    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0')) return 1;
    return 0;
}

const char *networks_asked(const mien_task_info *task, const char *option, const char *told) {
    int is_default = task->default_network && strcmp(option, task->default_network) == 0;

    return is_default && task->task == MIEN_TASK_ATTRIBUTES && names(told, "mask") ? "face-mask"
                                                                                   : "";
}

int networks_next(const char **list, char *out, size_t room) {
    const char *begin = *list + (**list == ',');
    size_t n = strcspn(begin, ",");

    if (**list == '\0') return 0;
    if (n >= room) return -1;
    memcpy(out, begin, n);
    out[n] = '\0';
    *list = begin + n;
    return 1;
}

/* Adds the attributes of that name; 0 where there is none. */
static int tell(const struct networks *all, const char *name, struct networks_told *told) {
    int by_default = strcmp(name, "default") == 0, every = strcmp(name, "all") == 0;
    int found = by_default || every;

    for (int i = 0; i < all->n; i++)
        for (int t = 0; all->at[i].net && t < all->at[i].info.attributes; t++) {
            mien_attribute one = {.struct_size = sizeof one};
            if (mien_attribute_at(all->at[i].net, t, &one)) continue;
            if (!every && !(by_default && one.by_default) && strcmp(one.name, name) != 0) continue;
            told->of[i] |= (uint64_t)1 << t;
            found = 1;
        }
    return found;
}

/* "age, gender, race": what there is. */
static void list_names(const struct networks *all, char *out, size_t room) {
    size_t n = 0;

    out[0] = '\0';
    for (int i = 0; i < all->n; i++)
        for (int t = 0; all->at[i].net && t < all->at[i].info.attributes && n < room; t++) {
            mien_attribute one = {.struct_size = sizeof one};
            if (mien_attribute_at(all->at[i].net, t, &one) || strstr(out, one.name)) continue;
            n += (size_t)snprintf(out + n, room - n, "%s%s", n ? ", " : "", one.name);
        }
}

int networks_tell(const struct networks *all, const char *list, struct networks_told *told,
                  char *why, size_t room) {
    char name[64], names[256];
    int more = 1;

    memset(told, 0, sizeof *told);
    if (!list) list = "default";
    while ((more = networks_next(&list, name, sizeof name)) > 0) {
        if (tell(all, name, told)) continue;
        list_names(all, names, sizeof names);
        snprintf(why, room, "no network tells '%s'; there %s %s", name, *names ? "are" : "is",
                 *names ? names : "nothing to tell");
        return -1;
    }
    if (more == 0) return 0;
    snprintf(why, room, "a name in it is too long");
    return -1;
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

const struct network *networks_giving_too(const struct networks *all, enum mien_result result) {
    const struct network *first = networks_giving(all, result);

    for (int i = 0; i < all->n; i++)
        if (&all->at[i] != first && all->at[i].net && all->at[i].task.result == result)
            return &all->at[i];
    return NULL;
}

int networks_task_giving(enum mien_result result) {
    mien_task_info info = {.struct_size = sizeof info};

    for (int i = 0; mien_task_info_get(i + 1, &info) == MIEN_OK; i++)
        if (info.result == result) return i;
    return -1;
}
