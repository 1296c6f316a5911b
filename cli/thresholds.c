/* The command thresholds: from which similarity on a face is taken for one of so many. */
#include "analysis/judge.h"
#include "commands.h"
#include "common/json_values.h"
#include "networks.h"
#include "output.h"
#include "say.h"

#include <stdio.h>

/* Faces in a gallery, and shares of strangers who are taken for one of them. */
static const int64_t FACES[] = {1, 10, 100, 1000, 10000, 100000, 1000000};
static const double RATES[] = {0.1, 0.01, 0.001};

enum { NFACES = sizeof FACES / sizeof *FACES, NRATES = sizeof RATES / sizeof *RATES };

struct table {
    const char *name;
    struct judge_limits at[NFACES][NRATES];
};

static void print_table(const struct table *t) {
    printf("%s: a stranger is taken for one of N faces in this share of cases\n", t->name);
    printf("%12s", "N");
    for (int k = 0; k < NRATES; k++) printf(" %7.4g %%", 100 * RATES[k]);
    putchar('\n');
    for (int i = 0; i < NFACES; i++) {
        printf("%12lld", (long long)FACES[i]);
        for (int k = 0; k < NRATES; k++) printf(" %9.3f", t->at[i][k].same);
        putchar('\n');
    }
}

static json_t *table_json(const struct table *t, int *failed) {
    json_t *object = json_object(), *rows = json_array();

    for (int i = 0; i < NFACES; i++)
        for (int k = 0; k < NRATES; k++) {
            json_t *row = json_object();
            json_value_set(row, "faces", json_integer((json_int_t)FACES[i]), failed);
            json_value_set(row, "fpir", json_value_number(RATES[k], 6), failed);
            json_value_set(row, "similarity", json_value_number(t->at[i][k].same, 6), failed);
            json_value_append(rows, row, failed);
        }
    json_value_set(object, "network", json_value_text(t->name), failed);
    json_value_set(object, "thresholds", rows, failed);
    return object;
}

static int tell(const struct options *opt, const struct table *t) {
    int failed = 0;
    json_t *object;

    if (!opt->json) {
        print_table(t);
        return EXIT_OK;
    }
    object = table_json(t, &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    return output_json(object, 0) && !output_broken() ? EXIT_FAILED : EXIT_OK;
}

static int measure(const struct options *opt, mien_ctx *ctx, const char *name) {
    struct table t = {.name = name};
    mien_net *net;
    int status = network_load(ctx, name, &net);

    for (int i = 0; i < NFACES && status == EXIT_OK; i++)
        for (int k = 0; k < NRATES && status == EXIT_OK; k++)
            if (judge_crowd(net, RATES[k], FACES[i], &t.at[i][k])) {
                say("%s", mien_error());
                status = EXIT_FAILED;
            }
    if (status == EXIT_OK) status = tell(opt, &t);
    mien_net_free(net);
    return status;
}

int cmd_thresholds(const struct options *opt) {
    mien_ctx *ctx;
    int status = context_open(opt, &ctx);

    for (int i = 0; i < opt->nargs && status == EXIT_OK && !output_broken(); i++)
        status = measure(opt, ctx, opt->args[i]);
    mien_close(ctx);
    return status;
}
