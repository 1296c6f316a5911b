/*
 * networks.h - the networks a program works with, one a task, and what each needs and produces.
 *
 * This is the pipeline as data: a network looks at an image or at a face, and gives faces,
 * embeddings, attributes or classes. Programs ask by what comes out, or go through the list; which
 * tasks there are is mien_task_info_get()'s to say.
 */
#ifndef MIEN_ANALYSIS_NETWORKS_H
#define MIEN_ANALYSIS_NETWORKS_H

#include "mien.h"

#include <stddef.h>
#include <stdint.h>

enum { NETWORKS_MAX = 16 };

/* How age, gender and race are told: by one network for all, or by one for each. */
enum networks_method { METHOD_JOINT, METHOD_SEPARATE, METHODS };
/* "joint", "separate"; ended by NULL. */
extern const char *const METHOD_NAMES[];

struct network {
    mien_net *net; /* NULL: this task is left out */
    mien_net_info info;
    mien_task_info task; /* what it needs (item) and produces (result) */
    unsigned methods;    /* of which it is one, bits 1 << enum networks_method */
};

/* at[t - 1] is that of task t, or the first of several; the others come behind those of all tasks.
 */
struct networks {
    mien_ctx *ctx;
    int n;
    struct network at[NETWORKS_MAX];
};

/* Which attributes are told: a bit each, by position in networks.at. */
struct networks_told {
    uint64_t of[NETWORKS_MAX];
};

/* A word for an enum mien_precision: "bf16". */
const char *precision_name(int precision);
/* How many tasks there are. */
int networks_tasks(void);
/* Makes *all the list of tasks without a network. */
void networks_init(struct networks *all, mien_ctx *ctx);
/* Room for another network of a task, its position in networks.at: the task's own, while that has
 * none, else a new one; NULL where there are too many. */
struct network *networks_room(struct networks *all, int task);
/* The names of the networks that a task's option stands for, with commas: what it says, or where
 * that is the default those of the method. */
const char *networks_named(const mien_task_info *task, const char *option,
                           enum networks_method method);
/* The names of those loaded beside them because of what is to be told (`told`: names with commas,
 * or NULL); "" where there are none. */
const char *networks_asked(const mien_task_info *task, const char *option, const char *told);
/* The next of names with commas, from *list on, which moves behind it: its copy in out, [room], ""
 * between two commas. 0 where there is none, -1 where there is no room. */
int networks_next(const char **list, char *out, size_t room);
/* Which attributes `list` means, names with commas: "default" (NULL is that) are those told
 * unasked, "all" all. -1, and a sentence in why, where a name is that of none. */
int networks_tell(const struct networks *all, const char *list, struct networks_told *told,
                  char *why, size_t room);
/* Frees the networks, not the context. */
void networks_free(struct networks *all);
/* The first network that gives this; NULL where none does. */
const struct network *networks_giving(const struct networks *all, enum mien_result result);
/* The next one behind that; NULL where there is none. */
const struct network *networks_giving_too(const struct networks *all, enum mien_result result);
/* The first task that gives this: a position in networks.at, -1 where there is none. */
int networks_task_giving(enum mien_result result);

#endif
