/* The command models: what lies in the weights folder, and which default networks do not. */
#include "commands.h"
#include "common/json_values.h"
#include "help.h"
#include "measured.h"
#include "networks.h"
#include "output.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model {
    char *name; /* of the file, without its extension */
    mien_blob *blob;
    mien_net_info info;
    char *error; /* why it is no network, or cannot be read; NULL where it is one */
    int rc;
};

struct models {
    struct model *items;
    int count;
};

static int open_model(const mien_ctx *ctx, const char *name, struct model *m) {
    char *path;

    *m = (struct model){.info.struct_size = sizeof m->info};
    m->name = strdup(name);
    if (!m->name || mien_net_path(ctx, name, &path)) return -1;
    m->rc = mien_blob_open(path, &m->blob);
    if (m->rc == MIEN_OK) m->rc = mien_blob_info(m->blob, &m->info);
    if (m->rc) {
        m->error = strdup(mien_error());
        if (!m->error) {
            free(path);
            return -1;
        }
    }
    free(path);
    return 0;
}

static int open_models(const mien_ctx *ctx, struct models *out) {
    char **names;
    int n = 0, status = EXIT_OK;

    memset(out, 0, sizeof *out);
    if (mien_net_list(ctx, &names)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    while (names[n]) n++;
    out->items = calloc((size_t)n + 1, sizeof *out->items);
    if (!out->items) status = say_no_memory();
    for (int i = 0; i < n && status == EXIT_OK; i++)
        if (open_model(ctx, names[i], &out->items[out->count++])) status = say_no_memory();
    free(names);
    return status;
}

static void close_models(struct models *models) {
    for (int i = 0; i < models->count; i++) {
        mien_blob_close(models->items[i].blob);
        free(models->items[i].name);
        free(models->items[i].error);
    }
    free(models->items);
}

static int is_installed(const struct models *models, const char *name) {
    for (int i = 0; i < models->count; i++)
        if (!models->items[i].error && strcmp(models->items[i].name, name) == 0) return 1;
    return 0;
}

/* The name of the i-th default network, NULL past the last. */
static const char *default_network(int i) {
    mien_task_info task = {.struct_size = sizeof task};

    for (int t = 1; mien_task_info_get(t, &task) == MIEN_OK; t++)
        if (task.default_network && i-- == 0) return task.default_network;
    return NULL;
}

static int is_default(const char *name) {
    const char *other;

    for (int i = 0; (other = default_network(i)); i++)
        if (strcmp(other, name) == 0) return 1;
    return 0;
}

static void print_model(const struct model *m, int width) {
    printf("%c %-*s", is_default(m->name) ? '*' : ' ', width, m->name);
    if (m->error) {
        int is_broken = m->rc != MIEN_EIO && m->rc != MIEN_ENOMEM;
        fputs(is_broken ? "  broken: " : "  not read: ", stdout);
        help_wrap(stdout, m->error, width + (is_broken ? 12 : 14), 4);
        return;
    }
    printf("  %-10s  %6.1f  ", task_name(m->info.task), 1e-6 * (double)m->info.file_bytes);
    help_wrap(stdout, *m->info.license ? m->info.license : "not stated", width + 24, width + 24);
    printf("    %s%s", m->info.arch, *m->info.accuracy ? ": " : "");
    help_wrap(stdout, m->info.accuracy, 4 + (int)strlen(m->info.arch) + (*m->info.accuracy ? 2 : 0),
              4);
}

static json_t *model_json(const struct model *m) {
    json_t *object =
        json_pack("{s:o, s:b}", "name", json_value_text(m->name), "default", is_default(m->name));
    json_t *more;

    /* `licence` is what `license` was called before: programs may still read it. */
    if (m->error)
        more = json_pack("{s:o}", "error", json_value_text(m->error));
    else
        more = json_pack(
            "{s:s, s:o, s:I, s:I, s:o, s:o, s:o, s:o}", "task", task_name(m->info.task), "arch",
            json_value_text(m->info.arch), "file_bytes", (json_int_t)m->info.file_bytes,
            "parameters", (json_int_t)m->info.parameters, "license",
            json_value_text(m->info.license), "licence", json_value_text(m->info.license), "source",
            json_value_text(m->info.source), "accuracy", json_value_text(m->info.accuracy));
    if (!object || !more || json_object_update(object, more)) {
        json_decref(object);
        object = NULL;
    }
    json_decref(more);
    return object;
}

/* One that is named, with all that was measured of it. */
static int print_named(const struct model *m, int as_json) {
    json_t *object = as_json ? model_json(m) : NULL;

    if (as_json) {
        if (object && json_object_set_new(object, "measured", measured_json(m->blob))) {
            json_decref(object);
            object = NULL;
        }
        return output_json(object, 0) ? EXIT_FAILED : EXIT_OK;
    }
    print_model(m, (int)strlen(m->name));
    return measured_print(m->blob) ? say_no_memory() : EXIT_OK;
}

static int print_all_named(const mien_ctx *ctx, const struct options *opt) {
    int status = EXIT_OK;

    for (int i = 0; i < opt->nargs && status == EXIT_OK && !output_broken(); i++) {
        struct model m;
        if (open_model(ctx, opt->args[i], &m))
            status = say_no_memory();
        else if (m.error)
            status = say_network_error(ctx, opt->args[i]);
        else
            status = print_named(&m, opt->json);
        mien_blob_close(m.blob);
        free(m.name);
        free(m.error);
    }
    return status;
}

static void print_text(const char *folder, const struct models *models) {
    const char *name;
    int width = 4, missing = 0;

    printf("Weights folder: %s\n", folder);
    for (int i = 0; i < models->count; i++)
        if ((int)strlen(models->items[i].name) > width) width = (int)strlen(models->items[i].name);
    if (models->count) printf("\n  %-*s  %-10s  %6s  %s\n", width, "NAME", "TASK", "MB", "LICENSE");
    for (int i = 0; i < models->count; i++) print_model(&models->items[i], width);
    if (models->count) puts("\n* a default network");
    for (int i = 0; (name = default_network(i)); i++) {
        if (is_installed(models, name)) continue;
        if (!missing++) puts("\nDefault networks that are not installed:");
        printf("  %s\n", name);
    }
    if (missing)
        puts("'mien-weights fetch NAME' installs one, 'make demo' in the source tree all of them.");
}

static int print_json(const char *folder, const struct models *models) {
    json_t *list = json_array(), *missing = json_array(), *object = NULL;
    const char *name;
    int failed = 0;

    for (int i = 0; i < models->count; i++)
        failed |= json_array_append_new(list, model_json(&models->items[i]));
    for (int i = 0; (name = default_network(i)); i++)
        if (!is_installed(models, name))
            failed |= json_array_append_new(missing, json_value_text(name));
    if (!failed)
        object = json_pack("{s:o, s:O, s:O}", "weights", json_value_text(folder), "models", list,
                           "missing", missing);
    json_decref(list);
    json_decref(missing);
    return output_json(object, 0) ? EXIT_FAILED : EXIT_OK;
}

int cmd_models(const struct options *opt) {
    struct options quiet = *opt;
    struct models models = {0};
    mien_ctx *ctx;
    int status;

    quiet.threads = 1; /* the context is asked for its folder only */
    status = context_open(&quiet, &ctx);
    if (status) return status;
    status = opt->nargs > 0 ? print_all_named(ctx, opt) : open_models(ctx, &models);
    if (opt->nargs > 0) {
        mien_close(ctx);
        return status;
    }
    if (status == EXIT_OK && opt->json)
        status = print_json(mien_weights_dir(ctx), &models);
    else if (status == EXIT_OK)
        print_text(mien_weights_dir(ctx), &models);
    for (int i = 0; i < models.count; i++)
        if (models.items[i].error) status = EXIT_FAILED;
    close_models(&models);
    mien_close(ctx);
    return status;
}
