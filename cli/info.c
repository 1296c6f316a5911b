/* The command info: what a blob says about its network, and how that runs. */
#include "commands.h"
#include "common/json_text.h"
#include "common/json_values.h"
#include "common/text_stream.h"
#include "help.h"
#include "info_graph.h"
#include "networks.h"
#include "output.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_COLUMN = 15 };

/* Metadata whose values are JSON texts (docs/blob.md), as far as they are short enough to show. */
static const char *const JSON_KEYS[] = {"input", "variant", "preprocess", "attributes", "bn_eps"};

struct subject {
    const struct options *opt;
    mien_ctx *ctx;
    const char *name; /* as on the command line */
    char *path;
    mien_blob *blob;
    mien_net_info info;
    char *plan; /* text, or NULL */
};

static int say_library(void) {
    say("%s", mien_error());
    return EXIT_FAILED;
}

static void print_line(const char *key, const char *value) {
    if (!value || !*value) return;
    printf("  %-*s", VALUE_COLUMN - 2, key);
    help_wrap(stdout, value, VALUE_COLUMN, VALUE_COLUMN);
}

/* Spaced out again, so that it can be wrapped. */
static int print_metadata(const struct subject *s, const char *key) {
    const char *text = mien_blob_meta(s->blob, key);
    json_t *value = NULL;
    char *spaced = NULL;

    if (text && json_text_read(text, strlen(text), JSON_DECODE_ANY, &value, NULL))
        return say_no_memory();
    if (value) spaced = json_value_dump(value, JSON_VALUES_DUMP, NULL);
    if (value && !spaced) {
        json_decref(value);
        return say_no_memory();
    }
    print_line(key, spaced ? spaced : text);
    free(spaced);
    json_decref(value);
    return EXIT_OK;
}

static void print_shape(const mien_blob_tensor *t, FILE *out) {
    for (int d = 0; d < t->dims; d++) fprintf(out, "%s%lld", d ? "x" : "", (long long)t->shape[d]);
}

static int print_tensors(const struct subject *s) {
    mien_blob_tensor t = {.struct_size = sizeof t};
    int widest = 0, n = mien_blob_tensors(s->blob);

    for (int i = 0; i < n; i++) {
        if (mien_blob_tensor_at(s->blob, i, &t)) return say_library();
        if ((int)strlen(t.name) > widest) widest = (int)strlen(t.name);
    }
    puts("  tensors");
    for (int i = 0; i < n; i++) {
        if (mien_blob_tensor_at(s->blob, i, &t)) return say_library();
        printf("    %-*s  %s  ", widest, t.name, t.dtype);
        print_shape(&t, stdout);
        putchar('\n');
    }
    return EXIT_OK;
}

/* What a network of arch graph is made of, and with its tensors, every node. */
static int print_graph(const struct subject *s) {
    json_t *graph;
    char text[512];
    int status = EXIT_OK;

    if (info_graph_read(s->blob, &graph)) return say_no_memory();
    if (!graph) return EXIT_OK;
    info_graph_summary(graph, text, sizeof text);
    print_line("graph", text);
    if (s->opt->tensors) {
        puts("  nodes");
        if (info_graph_print(graph, stdout)) status = say_no_memory();
    }
    json_decref(graph);
    return status;
}

/* Do others read what is inside of it? Networks that look at faces may be read. */
static int has_values(const struct subject *s) {
    mien_task_info task = {.struct_size = sizeof task};

    return mien_task_info_get((int)s->info.task, &task) == MIEN_OK && task.item == MIEN_ITEM_FACE &&
           !*s->info.features_of;
}

/* "conv1 56x56x64, conv_23 28x28x64, ...": what a network that reads features may name. */
static int print_values(const struct subject *s) {
    mien_value v = {.struct_size = sizeof v};
    struct text_stream stream;
    FILE *f = text_stream_open(&stream);
    char *text;

    if (!f) return say_no_memory();
    for (int i = 0; mien_blob_value_at(s->blob, i, &v) == MIEN_OK; i++)
        fprintf(f, "%s%s %dx%dx%d", i ? ", " : "", v.name, v.height, v.width, v.channels);
    text = text_stream_close(&stream, f, NULL);
    if (!text) return say_no_memory();
    print_line("values", text);
    free(text);
    return EXIT_OK;
}

static int print_text(const struct subject *s) {
    const mien_net_info *info = &s->info;
    char text[128];
    int status = EXIT_OK;

    printf("%s\n", info->name);
    print_line("file", s->path);
    print_line("task", task_name(info->task));
    print_line("arch", info->arch);
    snprintf(text, sizeof text, "%dx%d%s", info->width, info->height,
             info->dynamic_size ? ", or any other size from 32x32" : "");
    print_line("size", text);
    snprintf(text, sizeof text, "%d values", info->embedding_size);
    if (info->embedding_size) print_line("embedding", text);
    snprintf(text, sizeof text, "from a similarity of %g on", (double)info->same_person);
    if (info->embedding_size) print_line("same person", text);
    snprintf(text, sizeof text, "%d", info->classes);
    if (info->classes) print_line("classes", text);
    snprintf(text, sizeof text, "%.3f million in %d tensors, %.1f MB",
             1e-6 * (double)info->parameters, mien_blob_tensors(s->blob),
             1e-6 * (double)info->file_bytes);
    print_line("parameters", text);
    for (size_t i = 0; i < sizeof JSON_KEYS / sizeof *JSON_KEYS && status == EXIT_OK; i++)
        status = print_metadata(s, JSON_KEYS[i]);
    print_line("int8", info->calibrated ? "calibrated" : "not calibrated");
    print_line("license", *info->license ? info->license : "not stated");
    print_line("source", info->source);
    print_line("accuracy", info->accuracy);
    print_line("features of", info->features_of);
    if (status == EXIT_OK && has_values(s)) status = print_values(s);
    if (status == EXIT_OK) status = print_graph(s);
    if (status == EXIT_OK && s->opt->tensors) status = print_tensors(s);
    if (s->plan) printf("\n%s", s->plan);
    fflush(stdout);
    return status;
}

static json_t *tensors_json(const struct subject *s) {
    json_t *list = json_array();
    mien_blob_tensor t = {.struct_size = sizeof t};

    for (int i = 0; list && i < mien_blob_tensors(s->blob); i++) {
        json_t *shape = json_array(), *entry = NULL;
        if (mien_blob_tensor_at(s->blob, i, &t) == MIEN_OK) {
            int failed = 0;
            for (int d = 0; d < t.dims; d++)
                failed |= json_array_append_new(shape, json_integer(t.shape[d]));
            if (!failed)
                entry = json_pack("{s:o, s:o, s:O}", "name", json_value_text(t.name), "dtype",
                                  json_value_text(t.dtype), "shape", shape);
        }
        json_decref(shape);
        if (json_array_append_new(list, entry)) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *values_json(const struct subject *s) {
    json_t *list = json_array();
    mien_value v = {.struct_size = sizeof v};

    for (int i = 0; mien_blob_value_at(s->blob, i, &v) == MIEN_OK; i++)
        if (json_array_append_new(list, json_pack("{s:o, s:i, s:i, s:i}", "name",
                                                  json_value_text(v.name), "width", v.width,
                                                  "height", v.height, "channels", v.channels))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *info_json(const struct subject *s) {
    const mien_net_info *info = &s->info;
    /* `licence` is what `license` was called before: programs may still read it. */
    json_t *object = json_pack(
        "{s:o, s:o, s:s, s:o, s:i, s:i, s:b, s:b, s:i, s:i, s:I, s:I, s:o, s:o, s:o, s:o}", "name",
        json_value_text(info->name), "file", json_value_text(s->path), "task",
        task_name(info->task), "arch", json_value_text(info->arch), "width", info->width, "height",
        info->height, "dynamic_size", info->dynamic_size, "calibrated", info->calibrated,
        "embedding_size", info->embedding_size, "classes", info->classes, "parameters",
        (json_int_t)info->parameters, "file_bytes", (json_int_t)info->file_bytes, "license",
        json_value_text(info->license), "licence", json_value_text(info->license), "source",
        json_value_text(info->source), "accuracy", json_value_text(info->accuracy));
    int failed = !object;

    if (!failed && info->embedding_size)
        failed = json_object_set_new(object, "same_person",
                                     json_value_number((double)info->same_person, 6));
    for (size_t i = 0; !failed && i < sizeof JSON_KEYS / sizeof *JSON_KEYS; i++) {
        const char *text = mien_blob_meta(s->blob, JSON_KEYS[i]);
        json_t *value = NULL;
        if (text) failed = json_text_read(text, strlen(text), JSON_DECODE_ANY, &value, NULL);
        if (value) failed = json_object_set_new(object, JSON_KEYS[i], value);
    }
    if (!failed && *info->features_of)
        failed = json_object_set_new(object, "features_of", json_value_text(info->features_of));
    if (!failed && has_values(s)) failed = json_object_set_new(object, "values", values_json(s));
    json_t *graph = NULL;
    if (!failed) failed = info_graph_read(s->blob, &graph);
    if (!failed && graph) failed = json_object_set(object, "graph", graph);
    json_decref(graph);
    if (!failed && s->opt->tensors)
        failed = json_object_set_new(object, "tensors", tensors_json(s));
    if (!failed && s->plan) failed = json_object_set_new(object, "plan", json_value_text(s->plan));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static int make_plan(struct subject *s) {
    const struct options *opt = s->opt;
    mien_net *net;
    int status = network_load(s->ctx, s->name, &net);

    if (status) return status;
    if (mien_net_plan_text(net, opt->batch, opt->width ? opt->width : s->info.width,
                           opt->width ? opt->height : s->info.height, &s->plan))
        status = say_library();
    mien_net_free(net);
    return status;
}

static int info_one(struct subject *s) {
    int status = EXIT_OK;

    if (mien_net_path(s->ctx, s->name, &s->path)) s->path = NULL;
    if (!s->path) return say_no_memory();
    if (mien_blob_open(s->path, &s->blob)) {
        status = say_network_error(s->ctx, s->name);
    } else if (mien_blob_info(s->blob, &s->info)) {
        status = say_library();
    } else if (s->opt->plan) {
        status = make_plan(s);
    }
    if (status == EXIT_OK && s->opt->json)
        status = output_json(info_json(s), 0) ? EXIT_FAILED : EXIT_OK;
    else if (status == EXIT_OK)
        status = print_text(s);
    mien_blob_close(s->blob);
    free(s->plan);
    free(s->path);
    return status;
}

/* Two that work as one are told of one after the other. */
static int info_parts(const struct options *opt, mien_ctx *ctx, const char *name, int first) {
    int status = EXIT_OK;

    for (int k = 0; status == EXIT_OK && !output_broken(); k++) {
        struct subject s = {.opt = opt, .ctx = ctx, .info.struct_size = sizeof s.info};
        char *part = NULL;
        int rc = mien_net_part(ctx, name, k, &part);
        if (rc == MIEN_EINVAL && k > 0) break;
        if (rc) return say_library();
        s.name = part;
        if (k + first > 0 && !opt->json) putchar('\n');
        status = info_one(&s);
        free(part);
    }
    return status;
}

int cmd_info(const struct options *opt) {
    mien_ctx *ctx;
    int status = context_open(opt, &ctx);

    for (int i = 0; i < opt->nargs && status == EXIT_OK && !output_broken(); i++)
        status = info_parts(opt, ctx, opt->args[i], i);
    mien_close(ctx);
    return status;
}
