#include "networks.h"

#include "analysis/faces.h"
#include "near.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *task_name(enum mien_task task) {
    mien_task_info info = {.struct_size = sizeof info};

    if (task == MIEN_TASK_RAW) return "raw";
    return mien_task_info_get(task, &info) == MIEN_OK ? info.name : "unknown";
}

void machine_options(const struct options *opt, mien_options *o) {
    mien_options_default(o, sizeof *o);
    o->device = (enum mien_device)opt->device;
    o->device_index = opt->device_index;
    o->precision = (enum mien_precision)opt->precision;
    o->threads = opt->threads;
    o->weights_dir = opt->weights;
    o->backend = opt->backend ? mien_backend_at(opt->backend - 1) : NULL;
    o->no_pack_cache = opt->no_cache;
}

void detect_options(const struct options *opt, mien_detect_options *o) {
    mien_detect_options_default(o, sizeof *o);
    o->threshold = faces_above_zero(opt->threshold);
    o->nms = faces_above_zero(opt->nms);
    o->size = opt->side;
    o->search = (enum mien_search)opt->search;
    o->max_faces = opt->max_faces;
}

int context_open(const struct options *opt, mien_ctx **ctx) {
    mien_options o;

    machine_options(opt, &o);
    if (mien_open(&o, ctx) == MIEN_OK) return EXIT_OK;
    say("%s", mien_error());
    return EXIT_FAILED;
}

/* What was meant by the name of no network: one of those installed, or a default one. The text is
 * kept in out: [room]. 0 where nothing is near. */
static int near_network(const mien_ctx *ctx, const char *name, char *out, size_t room) {
    mien_task_info task = {.struct_size = sizeof task};
    struct near near;
    char **names = NULL;

    near_begin(&near, name, strlen(name));
    if (mien_net_list(ctx, &names) == MIEN_OK)
        for (int i = 0; names[i]; i++) near_offer(&near, names[i]);
    for (int t = 1; mien_task_info_get(t, &task) == MIEN_OK; t++)
        if (task.default_network) near_offer(&near, task.default_network);
    if (near.best) snprintf(out, room, "%s", near.best);
    free(names);
    return near.best && near.distance > 0;
}

/* The name of the network whose features that of this file reads, where it is not installed. */
static int missing_backbone(const mien_ctx *ctx, const char *path, char *out, size_t room) {
    mien_net_info info = {.struct_size = sizeof info};
    mien_blob *blob = NULL;
    char *other = NULL;
    int is_missing = 0;

    if (mien_blob_open(path, &blob) == MIEN_OK && mien_blob_info(blob, &info) == MIEN_OK &&
        *info.features_of) {
        snprintf(out, room, "%.*s", (int)strcspn(info.features_of, "@"), info.features_of);
        is_missing = mien_net_path(ctx, out, &other) == MIEN_OK && access(other, F_OK) != 0;
    }
    free(other);
    mien_blob_close(blob);
    return is_missing;
}

/* Of a network that is one, which could not be loaded because of `why`. */
static void say_error_of(const mien_ctx *ctx, const char *name, const char *why) {
    char *path = NULL, meant[128];
    int is_name =
        !strchr(name, '/') && mien_net_path(ctx, name, &path) == MIEN_OK && strcmp(path, name) != 0;

    if (is_name && access(path, F_OK) == 0 && missing_backbone(ctx, path, meant, sizeof meant))
        say("network %s reads features of %s, which is not installed in %s: run 'mien-weights "
            "fetch "
            "%s'",
            name, meant, mien_weights_dir(ctx), meant);
    else if (!is_name || access(path, F_OK) == 0)
        say("%s", why);
    else if (near_network(ctx, name, meant, sizeof meant))
        say("network %s is not installed in %s: perhaps %s is meant, else run 'mien-weights fetch "
            "%s'",
            name, mien_weights_dir(ctx), meant, name);
    else
        say("network %s is not installed in %s: run 'mien-weights fetch %s', or 'make demo' in the "
            "source tree for all the default ones",
            name, mien_weights_dir(ctx), name);
    free(path);
}

/* 1 where the file of that network is there. */
static int is_there(const mien_ctx *ctx, const char *name) {
    char *path = NULL;
    int there = mien_net_path(ctx, name, &path) == MIEN_OK && access(path, F_OK) == 0;

    free(path);
    return there;
}

/* Of two as one the first that is not there is at fault; of two that are, why says it. */
int say_network_error(const mien_ctx *ctx, const char *name) {
    char why[1024], *part[2] = {NULL, NULL};
    int n = 0, at = 0;

    snprintf(why, sizeof why, "%s", mien_error());
    while (n < 2 && mien_net_part(ctx, name, n, &part[n]) == MIEN_OK) n++;
    while (at < n && is_there(ctx, part[at])) at++;
    if (n == 1)
        say_error_of(ctx, name, why);
    else if (at < n)
        say_error_of(ctx, part[at], why);
    else
        say("%s", why);
    for (int i = 0; i < 2; i++) free(part[i]);
    return EXIT_FAILED;
}

int network_load(mien_ctx *ctx, const char *name, mien_net **net) {
    *net = NULL;
    if (mien_net_load(ctx, name, net) == MIEN_OK) return EXIT_OK;
    return say_network_error(ctx, name);
}

int network_load_task(const struct options *opt, mien_ctx *ctx, const char *name,
                      struct network *network) {
    int status = network_load(ctx, name, &network->net);

    if (status) return status;
    if (mien_net_info_get(network->net, &network->info)) {
        say("%s", mien_error());
        status = EXIT_FAILED;
    } else if (network->info.task != network->task.task) {
        status = say_usage(opt->command_name, "--%s: %s is a network for %s, not for %s",
                           network->task.option, name, task_name(network->info.task),
                           network->task.name);
    }
    if (status) {
        mien_net_free(network->net);
        network->net = NULL;
    }
    return status;
}

static int load_list(const struct options *opt, struct networks *networks, int task,
                     const char *list) {
    char name[4096];
    int more, status = EXIT_OK;

    while (status == EXIT_OK && (more = networks_next(&list, name, sizeof name)) != 0) {
        struct network *room = more > 0 ? networks_room(networks, task) : NULL;
        if (!room)
            return say_usage(opt->command_name, "--%s: %s", networks->at[task].task.option,
                             more > 0 ? "too many networks" : "a name in it is too long");
        status = network_load_task(opt, networks->ctx, name, room);
    }
    return status;
}

int networks_load_task(const struct options *opt, struct networks *networks, int task) {
    const mien_task_info *info = &networks->at[task].task;
    const char *option = opt->network[task];
    int status = load_list(opt, networks, task,
                           networks_named(info, option, (enum networks_method)opt->method));

    return status ? status
                  : load_list(opt, networks, task, networks_asked(info, option, opt->attributes));
}
