/*
 * `mien eval detect`: the faces a detector finds, against annotated boxes.
 */
#include "eval/annotations.h"
#include "eval/detection.h"
#include "eval/task.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Sets of faces drawn for an interval; and the score from which on people are told of a face. */
enum { DRAWS = 200, SENTENCE = 64 };
#define USUAL_SCORE 0.5

/* What became of a picture in each level, and behind them in all of them together. */
struct found {
    int judged;
    struct detection_picture in[LEVELS_MAX + 1];
    char truth[SENTENCE], answer[SENTENCE];
};

struct state {
    const char *name;
    struct annotations annotations;
    char **files;        /* [annotations.n] */
    struct found *found; /* [annotations.n] */
    int mistakes;
    uint64_t seed;
    double low, high; /* of all scores */
};

static void close_state(void *state) {
    struct state *s = state;

    for (int i = 0; i < s->annotations.n; i++) {
        if (s->files) free(s->files[i]);
        for (int l = 0; s->found && l <= LEVELS_MAX; l++) free(s->found[i].in[l].events);
    }
    free(s->files);
    free(s->found);
    annotations_free(&s->annotations);
    free(s);
}

static int is_there(const char *folder, const char *file) {
    char *path = eval_path(folder, file);
    int there = path && access(path, F_OK) == 0;

    free(path);
    return there;
}

/* The folder the files are named from: of those that data sets have, the first that has one. */
static char *folder_of(const struct eval_options *o, const char *path, const char *file) {
    static const char *const below[] = {"images", "../WIDER_val/images", "../WIDER_train/images"};
    char *own = o->pictures ? strdup(o->pictures) : eval_folder_of(path), *folder = own;

    for (size_t k = 0; own && !o->pictures && k < sizeof below / sizeof *below; k++) {
        if (is_there(own, file)) break;
        folder = eval_path(own, below[k]);
        if (folder && is_there(folder, file)) {
            free(own);
            return folder;
        }
        free(folder);
        folder = own;
    }
    return folder;
}

static int name_files(struct state *s, const struct eval_options *o, const char *path,
                      char why[EVAL_WHY]) {
    size_t n = (size_t)s->annotations.n;
    char *folder = folder_of(o, path, s->annotations.at[0].file);

    s->files = calloc(n, sizeof *s->files);
    s->found = calloc(n, sizeof *s->found);
    for (size_t i = 0; folder && s->files && s->found && i < n; i++) {
        s->files[i] = eval_path(folder, s->annotations.at[i].file);
        if (!s->files[i]) break;
    }
    free(folder);
    return s->files && s->found && s->files[n - 1] ? MIEN_OK : eval_no_memory(why);
}

static int open_state(const struct eval_options *o, const char *path,
                      const struct eval_folder *folder, void **state, char why[EVAL_WHY]) {
    struct state *s;
    char *text;
    size_t size;
    int rc;

    *state = NULL;
    if (folder)
        return eval_fail(why, MIEN_EINVAL,
                         "%s is a folder: give its annotations, WIDER's text or JSON", path);
    s = calloc(1, sizeof *s);
    if (!s) return eval_no_memory(why);
    s->name = path;
    s->mistakes = o->mistakes;
    s->seed = o->seed;
    s->low = INFINITY;
    s->high = -INFINITY;
    rc = eval_read_file(path, &text, &size, why);
    if (rc == MIEN_OK) {
        rc = annotations_parse(text, size, path, &s->annotations, why);
        free(text);
    }
    if (rc == MIEN_OK) rc = name_files(s, o, path, why);
    if (rc == MIEN_OK) *state = s;
    if (rc) close_state(s);
    return rc;
}

static const char *file(const void *state, int i) {
    const struct state *s = state;

    return i < s->annotations.n ? s->files[i] : NULL;
}

static void keep(void *state, const unsigned char *chosen) {
    struct state *s = state;
    struct annotations *a = &s->annotations;
    int n = 0;

    for (int i = 0; i < a->n; i++) {
        if (!chosen[i]) continue;
        struct annotation kept = a->at[i];
        char *path = s->files[i];
        a->at[i] = a->at[n];
        s->files[i] = s->files[n];
        a->at[n] = kept;
        s->files[n++] = path;
    }
    for (int i = n; i < a->n; i++) {
        free(a->at[i].file);
        free(a->at[i].boxes);
        free(a->at[i].levels);
        free(s->files[i]);
    }
    a->n = n;
}

static int begin(void *state, const struct networks *networks, char why[EVAL_WHY]) {
    (void)state;
    (void)networks;
    (void)why;
    return MIEN_OK;
}

static int judge_level(const struct annotation *truth, unsigned bits, const double (*boxes)[4],
                       const double *scores, int n, struct detection_picture *out) {
    unsigned char *count = calloc((size_t)truth->n + 1, 1);

    out->events = calloc((size_t)n + 1, sizeof *out->events);
    if (!count || !out->events) {
        free(count);
        return MIEN_ENOMEM;
    }
    out->n = n;
    for (int k = 0; k < truth->n; k++) out->faces += count[k] = (truth->levels[k] & bits) != 0;
    detection_judge(boxes, scores, n, (const double(*)[4])truth->boxes, count, truth->n,
                    out->events);
    free(count);
    return MIEN_OK;
}

static int judge(void *state, int i, const struct analysis *a) {
    struct state *s = state;
    struct found *f = &s->found[i];
    size_t n = (size_t)a->nfaces;
    double(*boxes)[4] = calloc(n + 1, sizeof *boxes), *scores = calloc(n + 1, sizeof *scores);
    int levels = s->annotations.nlevels, rc = boxes && scores ? MIEN_OK : MIEN_ENOMEM;

    for (size_t k = 0; rc == MIEN_OK && k < n; k++) {
        for (int j = 0; j < 4; j++) boxes[k][j] = (double)a->faces[k].box[j];
        scores[k] = (double)a->faces[k].score;
        s->low = fmin(s->low, scores[k]);
        s->high = fmax(s->high, scores[k]);
    }
    for (int l = 0; rc == MIEN_OK && l <= levels; l++)
        rc = judge_level(&s->annotations.at[i], l < levels ? 1U << l : ~0U,
                         (const double(*)[4])boxes, scores, a->nfaces, &f->in[l]);
    f->judged = rc == MIEN_OK;
    free(boxes);
    free(scores);
    return rc;
}

/* The pictures that were judged, in one level. [annotations.n]; NULL: no memory. */
static struct detection_picture *level_of(const struct state *s, int level, int *n) {
    struct detection_picture *list = calloc((size_t)s->annotations.n + 1, sizeof *list);

    *n = 0;
    for (int i = 0; list && i < s->annotations.n; i++)
        if (s->found[i].judged) list[(*n)++] = s->found[i].in[level];
    return list;
}

static int add_level(const struct state *s, int level, struct report *r) {
    int n, found = 0, alarms = 0, rc;
    struct detection_picture *list = level_of(s, level, &n);
    struct report_row *row = list ? report_add_row(r) : NULL;
    struct report_curve *curve = NULL;

    if (row) curve = report_add_curve(r, s->annotations.levels[level], DETECTION_STEPS);
    if (!row || !curve) {
        free(list);
        return MIEN_ENOMEM;
    }
    row->nby = 1;
    row->by[0] = "level";
    row->value[0] = s->annotations.levels[level];
    row->n = detection_faces(list, n);
    rc = detection_figure(list, n, s->low, s->high, DRAWS, s->seed, &row->figures[0]);
    for (int i = 0; i < n; i++) {
        int one, false_ones;
        detection_at(&list[i], USUAL_SCORE, &one, &false_ones);
        found += one;
        alarms += false_ones;
    }
    row->figures[1] = metrics_share(found, row->n);
    row->figures[2] = metrics_share(found, found + alarms);
    curve->x = "recall";
    curve->y = "precision";
    curve->area = detection_ap(list, n, s->low, s->high, curve->points);
    free(list);
    return rc;
}

/* Faces missed and false alarms of each picture, in words. */
static int add_mistakes(const struct state *s, struct report *r) {
    int all = s->annotations.nlevels;

    for (int i = 0; i < s->annotations.n; i++) {
        struct found *f = &s->found[i];
        int found, alarms, missed;
        if (!f->judged) continue;
        detection_at(&f->in[all], USUAL_SCORE, &found, &alarms);
        missed = f->in[all].faces - found;
        if (missed + alarms == 0) continue;
        snprintf(f->truth, SENTENCE, "%d", f->in[all].faces);
        snprintf(f->answer, SENTENCE, "%d found, %d false", found, alarms);
        const struct report_mistake mistake = {s->files[i], "faces", f->truth,
                                               f->answer,   NAN,     missed + alarms};
        if (report_add_mistake(r, &mistake, s->mistakes)) return MIEN_ENOMEM;
    }
    return MIEN_OK;
}

static int report(void *state, struct report *r) {
    const struct state *s = state;
    int rc = MIEN_OK;

    if (!report_add_column(r, "faces", "ap", UNIT_SHARE) ||
        !report_add_column(r, "faces", "recall", UNIT_SHARE) ||
        !report_add_column(r, "faces", "precision", UNIT_SHARE))
        return MIEN_ENOMEM;
    for (int l = 0; rc == MIEN_OK && l < s->annotations.nlevels; l++) rc = add_level(s, l, r);
    return rc ? rc : add_mistakes(s, r);
}

static void answers(const void *state, FILE *out) {
    const struct state *s = state;

    fputs("file,faces,found,false\n", out);
    for (int i = 0; i < s->annotations.n; i++) {
        const struct found *f = &s->found[i];
        int found, alarms, all = s->annotations.nlevels;
        if (!f->judged) continue;
        detection_at(&f->in[all], USUAL_SCORE, &found, &alarms);
        csv_write(s->files[i], out);
        fprintf(out, ",%d,%d,%d\n", f->in[all].faces, found, alarms);
    }
}

const struct eval_task eval_detect = {.name = "detect",
                                      .result = MIEN_RESULT_FACES,
                                      .open = open_state,
                                      .close = close_state,
                                      .file = file,
                                      .keep = keep,
                                      .begin = begin,
                                      .judge = judge,
                                      .report = report,
                                      .answers = answers};
