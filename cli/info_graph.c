#include "info_graph.h"

#include "common/json_text.h"
#include "common/json_values.h"

#include <stdlib.h>
#include <string.h>

int info_graph_read(const mien_blob *blob, json_t **graph) {
    const char *text = mien_blob_meta(blob, "graph"), *arch = mien_blob_meta(blob, "arch");

    *graph = NULL;
    return text && arch && strcmp(arch, "graph") == 0
               ? json_text_read(text, strlen(text), 0, graph, NULL)
               : 0;
}

static const char *op_of(const json_t *graph, size_t node) {
    const json_t *nodes = json_object_get(graph, "nodes");
    const char *op = json_string_value(json_array_get(json_array_get(nodes, node), 0));

    return op ? op : "";
}

void info_graph_summary(const json_t *graph, char *text, size_t size) {
    size_t count = json_array_size(json_object_get(graph, "nodes")), at = 0;

    text[0] = '\0';
    for (size_t i = 1; i < count; i++) {
        size_t before = 1, all = 1;
        while (before < i && strcmp(op_of(graph, before), op_of(graph, i)) != 0) before++;
        if (before < i) continue;
        for (size_t k = i + 1; k < count; k++) all += strcmp(op_of(graph, k), op_of(graph, i)) == 0;
        int n = snprintf(text + at, size - at, "%s%zu %s", at ? ", " : "", all, op_of(graph, i));
        if (n < 0 || (size_t)n >= size - at) return;
        at += (size_t)n;
    }
}

static int print_attributes(json_t *attributes, FILE *out) {
    const char *key, *name = json_string_value(json_object_get(attributes, "name"));
    json_t *value;

    if (name) fprintf(out, " %s", name);
    json_object_foreach(attributes, key, value) {
        char *text;
        if (strcmp(key, "name") == 0) continue;
        text = json_value_dump(value, JSON_VALUES_DUMP | JSON_COMPACT, NULL);
        if (!text) return -1;
        fprintf(out, " %s=%s", key, text);
        free(text);
    }
    return 0;
}

int info_graph_print(const json_t *graph, FILE *out) {
    json_t *nodes = json_object_get(graph, "nodes"), *outputs = json_object_get(graph, "outputs");

    for (size_t i = 0; i < json_array_size(nodes); i++) {
        json_t *node = json_array_get(nodes, i), *inputs = json_array_get(node, 1);
        fprintf(out, "    %4zu  %s", i, op_of(graph, i));
        if (print_attributes(json_array_get(node, 2), out)) return -1;
        for (size_t k = 0; k < json_array_size(inputs); k++)
            fprintf(out, "%s%lld", k ? ", " : "  of ",
                    (long long)json_integer_value(json_array_get(inputs, k)));
        for (size_t k = 0; k < json_array_size(outputs); k++)
            if (json_integer_value(json_array_get(json_array_get(outputs, k), 1)) == (json_int_t)i)
                fprintf(out, "  -> %s",
                        json_string_value(json_array_get(json_array_get(outputs, k), 0)));
        fputc('\n', out);
    }
    return 0;
}
