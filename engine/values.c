#include "engine/values.h"

#include "engine/fold.h"

#include <stdlib.h>
#include <string.h>

/* What is asked of a network again and again. */
struct reading {
    const struct net *net;
    int *uses, *reader; /* [net->count] how often a value is read, and one node that does */
};

static void free_reading(struct reading *r) {
    free(r->uses);
    free(r->reader);
}

static int make_reading(const struct net *net, struct reading *r) {
    size_t n = (size_t)net->count + 1;
    *r = (struct reading){net, calloc(n, sizeof *r->uses), calloc(n, sizeof *r->reader)};
    if (!r->uses || !r->reader) {
        free_reading(r);
        return -1;
    }
    fold_count_uses(net, r->uses);
    for (int i = 0; i < net->count; i++)
        for (int j = 0; j < net_reads(&net->nodes[i]); j++) r->reader[net->nodes[i].in[j]] = i;
    for (int i = 0; i < net->noutputs; i++) r->uses[net->outputs[i].value] = 0; /* it ends there */
    return 0;
}

/* Layers that are computed as one with others have no value of their own. */
static int is_layer(const struct net_node *n) {
    return n->op == NET_CONV && n->first_sibling < 0 && n->next_sibling < 0;
}

/* What a layer gives after all that follows it alone. */
static int value_of(const struct reading *r, int node) {
    while (r->uses[node] == 1) {
        enum net_op op = r->net->nodes[r->reader[node]].op;
        if (op != NET_ACT && op != NET_AFFINE && op != NET_ADD && op != NET_MUL) break;
        node = r->reader[node];
    }
    return node;
}

static int is_called(const struct net_node *n, const char *name, size_t length) {
    return is_layer(n) && strncmp(n->name, name, length) == 0 &&
           (n->name[length] == '\0' || n->name[length] == '.');
}

/* The last layer of that name; -1: there is none. */
static int last_layer(const struct net *net, const char *name, size_t length) {
    int found = -1;
    for (int i = 0; i < net->count; i++)
        if (is_called(&net->nodes[i], name, length)) found = i;
    return found;
}

int values_find(const struct net *net, const char *name) {
    struct reading r;
    int layer = *name ? last_layer(net, name, strlen(name)) : -1;
    if (layer < 0 || make_reading(net, &r)) return -1;
    int value = value_of(&r, layer);
    free_reading(&r);
    return value;
}

/* The shortest name of a layer that means the layer's value. */
static size_t shortest(const struct reading *r, int layer, int value) {
    const char *name = r->net->nodes[layer].name;
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        size_t length = (size_t)(dot - name);
        if (length > 0 && value_of(r, last_layer(r->net, name, length)) == value) return length;
    }
    return strlen(name);
}

static int is_listed(const struct value_name *list, int n, int value) {
    for (int i = 0; i < n; i++)
        if (list[i].node == value) return 1;
    return 0;
}

struct value_name *values_list(const struct net *net, int *count) {
    struct reading r;
    struct value_name *list = calloc((size_t)net->count + 1, sizeof *list);
    *count = 0;
    if (!list || make_reading(net, &r)) {
        free(list);
        return NULL;
    }
    for (int i = 0; i < net->count; i++) {
        int value = value_of(&r, i);
        if (!is_layer(&net->nodes[i]) || is_listed(list, *count, value)) continue;
        list[(*count)++] =
            (struct value_name){.node = value, .length = shortest(&r, i, value), .layer = i};
    }
    free_reading(&r);
    return list;
}
