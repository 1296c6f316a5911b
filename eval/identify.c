/*
 * `mien eval identify`: how often people of a gallery are found by their faces, and strangers taken
 * for them, on a folder a person or a CSV.
 */
#include "eval/open_set.h"
#include "eval/task.h"

#include <stdlib.h>
#include <string.h>

/* Shares of strangers who pass, and what the figure is called. */
static const struct rate {
    const char *name;
    double fpir;
} RATES[] = {{"fnir_at_fpir_10", 0.1}, {"fnir_at_fpir_1", 0.01}, {"fnir_at_fpir_0.1", 0.001}};
enum { NRATES = sizeof RATES / sizeof *RATES };
static const double TOLD = 0.01; /* precision, recall and mistakes are told at this one */

struct state {
    struct samples samples;
    int column, enrolled, mistakes, without_face;
    uint64_t seed;
    struct open_set set;
    int *person;        /* [samples] */
    const char **names; /* [people] */
    float *embeddings;  /* [samples][dims] */
};

static void close_state(void *state) {
    struct state *s = state;

    open_set_free(&s->set);
    samples_free(&s->samples);
    free(s->person);
    free(s->names);
    free(s->embeddings);
    free(s);
}

static int open_state(const struct eval_options *o, const char *path,
                      const struct eval_folder *folder, void **state, char why[EVAL_WHY]) {
    struct state *s = *state = calloc(1, sizeof *s);
    int rc;

    if (!s) return eval_no_memory(why);
    s->mistakes = o->mistakes;
    s->enrolled = o->enrolled;
    s->seed = o->seed;
    rc = samples_labelled(&s->samples, path, folder, o->pictures, o->where, &s->column, why);
    if (rc == MIEN_OK) return MIEN_OK;
    close_state(s);
    *state = NULL;
    return rc;
}

static const char *file(const void *state, int i) {
    const struct state *s = state;

    return i < s->samples.n ? s->samples.at[i].file : NULL;
}

static void keep(void *state, const unsigned char *chosen) {
    struct state *s = state;

    samples_keep(&s->samples, chosen);
}

struct named {
    const char *name;
    int sample;
};

static int by_name(const void *a, const void *b) {
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : x->sample - y->sample;
}

static int number_people(struct state *s, int *person) {
    struct named *all = calloc((size_t)s->samples.n + 1, sizeof *all);
    int n = s->samples.n;

    if (!all) return MIEN_ENOMEM;
    for (int i = 0; i < n; i++) all[i] = (struct named){s->samples.at[i].fields[s->column], i};
    if (n > 1) qsort(all, (size_t)n, sizeof *all, by_name);
    for (int i = 0; i < n; i++) {
        if (i == 0 || strcmp(all[i].name, all[i - 1].name) != 0)
            s->names[s->set.people++] = all[i].name;
        person[all[i].sample] = s->set.people - 1;
    }
    free(all);
    return MIEN_OK;
}

static int begin(void *state, const struct networks *networks, char why[EVAL_WHY]) {
    struct state *s = state;
    const struct network *embedder = networks_giving(networks, MIEN_RESULT_EMBEDDING);
    size_t n = (size_t)s->samples.n + 1, width = (size_t)item_width(embedder);

    s->person = calloc(n, sizeof *s->person);
    s->names = calloc(n, sizeof *s->names);
    s->embeddings = calloc(n * width, sizeof *s->embeddings);
    s->set.n = s->samples.n;
    s->set.dims = (int)width;
    if (!s->person || !s->names || !s->embeddings || number_people(s, s->person))
        return eval_no_memory(why);
    s->set.person = s->person;
    s->set.embeddings = s->embeddings;
    if (s->set.people >= 2) return MIEN_OK;
    return eval_fail(why, MIEN_EINVAL, "%s: of one person nobody can be told apart",
                     s->samples.name);
}

static int judge(void *state, int i, const struct analysis *a) {
    struct state *s = state;
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);
    size_t width = (size_t)s->set.dims;

    if (a->nfaces > 0)
        memcpy(s->embeddings + (size_t)i * width, item->values, width * sizeof *s->embeddings);
    else
        s->without_face++;
    return MIEN_OK;
}

/* Pictures without an embedding, of no length, are of nobody. */
static void forget_faceless(struct state *s) {
    for (int i = 0; i < s->set.n; i++) {
        const float *v = s->embeddings + (size_t)i * (size_t)s->set.dims;
        int is_face = 0;
        for (int j = 0; j < s->set.dims && !is_face; j++) is_face = v[j] != 0;
        if (!is_face) s->person[i] = -1;
    }
}

static int add_columns(struct report *r) {
    static const char *const names[] = {"top_1", "top_5", "precision", "recall"};

    for (int i = 0; i < 4; i++)
        if (!report_add_column(r, "identity", names[i], UNIT_SHARE)) return MIEN_ENOMEM;
    for (int i = 0; i < NRATES; i++)
        if (!report_add_column(r, "identity", RATES[i].name, UNIT_SHARE)) return MIEN_ENOMEM;
    return MIEN_OK;
}

static struct figure found_share(const struct open_set *o, double threshold) {
    struct figure missed = open_set_fnir(o, threshold);

    return (struct figure){missed.n, 1 - missed.value, 1 - missed.high, 1 - missed.low};
}

/* A rate that not one of so few strangers is is not known. */
static int add_row(const struct open_set *o, struct report *r) {
    struct report_row *row = report_add_row(r);
    double threshold = open_set_threshold(o, TOLD);

    if (!row) return MIEN_ENOMEM;
    row->n = o->nknown + o->nstrangers;
    row->figures[0] = open_set_top(o, 1);
    row->figures[1] = open_set_top(o, 5);
    for (int i = 0; i < NRATES + 2; i++) row->figures[2 + i] = metrics_share(0, 0);
    if (o->nstrangers * TOLD >= 1) {
        row->figures[2] = open_set_precision(o, threshold);
        row->figures[3] = found_share(o, threshold);
    }
    for (int i = 0; i < NRATES; i++)
        if (o->nstrangers * RATES[i].fpir >= 1)
            row->figures[4 + i] = open_set_fnir(o, open_set_threshold(o, RATES[i].fpir));
    return MIEN_OK;
}

static double missed_at(const void *context, double fpir) {
    const struct open_set *o = context;

    return open_set_fnir(o, open_set_threshold(o, fpir)).value;
}

/* Who is named wrongly, the most alike first. */
static int add_mistakes(const struct state *s, struct report *r) {
    const struct open_set *o = &s->set;
    double threshold = open_set_threshold(o, TOLD);

    for (int i = 0; i < o->n; i++) {
        const struct open_set_face *f = &o->at[i];
        int is_stranger = f->role == OPEN_SET_STRANGER;
        if ((!is_stranger && f->role != OPEN_SET_KNOWN) || f->similarity <= threshold ||
            f->best < 0 || f->best == o->person[i])
            continue;
        const struct report_mistake mistake = {s->samples.at[i].file,
                                               "identity",
                                               is_stranger ? "a stranger" : s->names[o->person[i]],
                                               s->names[f->best],
                                               f->similarity,
                                               f->similarity};
        if (report_add_mistake(r, &mistake, s->mistakes)) return MIEN_ENOMEM;
    }
    return MIEN_OK;
}

static int report(void *state, struct report *r) {
    struct state *s = state;
    int rc;

    forget_faceless(s);
    rc = open_set_run(&s->set, s->enrolled, s->seed);
    r->unanswered = "without a face";
    r->nunanswered = s->without_face;
    if (rc == MIEN_OK) rc = add_columns(r);
    if (rc == MIEN_OK) rc = add_row(&s->set, r);
    if (rc == MIEN_OK &&
        report_add_tradeoff(r, "fpir", "fnir",
                            "Known people missed, and strangers taken for somebody",
                            s->set.nstrangers, missed_at, &s->set))
        rc = MIEN_ENOMEM;
    return rc ? rc : add_mistakes(s, r);
}

static void answers(const void *state, FILE *out) {
    static const char *const roles[] = {"", "enrolled", "known", "stranger"};
    const struct state *s = state;

    fputs("file,role,truth,answer,similarity,rank\n", out);
    for (int i = 0; i < s->set.n; i++) {
        const struct open_set_face *f = &s->set.at[i];
        if (f->role == OPEN_SET_LEFT_OUT) continue;
        csv_write(s->samples.at[i].file, out);
        fprintf(out, ",%s,", roles[f->role]);
        csv_write(s->names[s->person[i]], out);
        fputc(',', out);
        if (f->role != OPEN_SET_ENROLLED && f->best >= 0) csv_write(s->names[f->best], out);
        if (f->role != OPEN_SET_ENROLLED) fprintf(out, ",%.6f,", f->similarity);
        if (f->role == OPEN_SET_ENROLLED) fputs(",,", out);
        if (f->role == OPEN_SET_KNOWN) fprintf(out, "%d", f->rank + 1);
        fputc('\n', out);
    }
}

const struct eval_task eval_identify = {.name = "identify",
                                        .result = MIEN_RESULT_EMBEDDING,
                                        .open = open_state,
                                        .close = close_state,
                                        .file = file,
                                        .keep = keep,
                                        .begin = begin,
                                        .judge = judge,
                                        .report = report,
                                        .answers = answers};
