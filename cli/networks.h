/*
 * networks.h - opens the context and the networks a command needs, and says in a sentence what to
 * do where one is not installed.
 */
#ifndef MIEN_CLI_NETWORKS_H
#define MIEN_CLI_NETWORKS_H

#include "analysis/networks.h"
#include "options.h"

/* A word for a task: "detect". */
const char *task_name(enum mien_task task);
/* What the options say about the machine, and about finding faces. */
void machine_options(const struct options *opt, mien_options *o);
void detect_options(const struct options *opt, mien_detect_options *o);
/* Opens a context with the machine options. Returns an exit status, *ctx is NULL unless EXIT_OK. */
int context_open(const struct options *opt, mien_ctx **ctx);
/* Loads a network by name or path, of any task. Returns an exit status after saying what went
 * wrong; *net is NULL unless EXIT_OK. */
int network_load(mien_ctx *ctx, const char *name, mien_net **net);
/* The same for a network that has to be of network->task, whose net and info this sets. */
int network_load_task(const struct options *opt, mien_ctx *ctx, const char *name,
                      struct network *network);
/* The same for all networks that the option of a task names, with commas; the first is networks->at
 * [task], the others come behind all tasks. */
int networks_load_task(const struct options *opt, struct networks *networks, int task);
/* Says that a blob could not be used; returns EXIT_FAILED. To be called right after the failure. */
int say_network_error(const mien_ctx *ctx, const char *name);

#endif
