#include "analysis/gate.h"

#include "analysis/judge.h"
#include "common/json_values.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How often a stranger may be taken for one of those who are enrolled and be refused as such: far
 * less often than one whom it is asked for (`--fpir`), since here nobody asked. */
#define ANOTHER_FPIR 0.001
/* By what blurred pictures of LFW were still recognised by, with less than one of a hundred of its
 * own pictures refused (docs/gallery.md): stricter with blur than half of its worth, which poisons
 * a person, less strict with features, which tell more of clean faces than of others. */
#define LEAST_SHARPNESS 0.30f
#define LEAST_UNIFIED   0.4f

static const struct {
    const char *name, *sentence;
} REASONS[GATE_REASONS] = {
    [GATE_NO_FACE] = {"no_face", "no face was found"},
    [GATE_SEVERAL_FACES] = {"several_faces", "several faces were found"},
    [GATE_TOO_SMALL] = {"too_small", "the face is too small"},
    [GATE_BLURRED] = {"blurred", "the face is blurred"},
    [GATE_NOISY] = {"noisy", "the face is full of noise"},
    [GATE_DARK] = {"dark", "the face is dark"},
    [GATE_BRIGHT] = {"bright", "the face is overexposed"},
    [GATE_FLAT] = {"flat", "the face has next to no contrast"},
    [GATE_EXTREME_POSE] = {"extreme_pose", "the face is turned away"},
    [GATE_CUT_OFF] = {"cut_off", "the face is cut off by the border of the picture"},
    [GATE_WEAK_FEATURES] = {"weak_features", "little of a face is to be recognised in it"},
    [GATE_NOT_LIKE_OTHERS] = {"not_like_others", NULL},
    [GATE_LIKE_ANOTHER] = {"like_another", NULL},
};

const char *gate_reason_name(int reason) {
    return reason >= 0 && reason < GATE_REASONS ? REASONS[reason].name : NULL;
}

static int has(const struct gate *g, enum gate_reason reason) {
    return (int)(g->reasons >> reason & 1);
}

static void add(struct gate *g, enum gate_reason reason) {
    g->reasons |= 1U << reason;
}

static int largest(const mien_face *faces, int n) {
    int best = -1;

    for (int i = 0; i < n; i++)
        if (best < 0 || faces_area(&faces[i]) > faces_area(&faces[best])) best = i;
    return best;
}

/* Is another face so large that the picture may be meant for it? Where all are below half of the
 * largest, none was in 224 pictures of LFW. */
static int has_rival(const mien_face *faces, int n, int best) {
    for (int i = 0; i < n; i++)
        if (i != best && faces_area(&faces[i]) >= 0.5F * faces_area(&faces[best])) return 1;
    return 0;
}

/* What is measured without a network, where it is worth less than half, and what the embedder adds
 * (docs/quality.md). */
static void add_quality(struct gate *g, const mien_quality *q) {
    static const struct {
        enum mien_quality_reason from;
        enum gate_reason to;
    } same[] = {
        {MIEN_QUALITY_SMALL, GATE_TOO_SMALL}, {MIEN_QUALITY_NOISY, GATE_NOISY},
        {MIEN_QUALITY_DARK, GATE_DARK},       {MIEN_QUALITY_BRIGHT, GATE_BRIGHT},
        {MIEN_QUALITY_FLAT, GATE_FLAT},       {MIEN_QUALITY_TURNED, GATE_EXTREME_POSE},
        {MIEN_QUALITY_CUT_OFF, GATE_CUT_OFF},
    };

    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (q->reasons >> same[i].from & 1) add(g, same[i].to);
    if (q->sharpness < LEAST_SHARPNESS) add(g, GATE_BLURRED);
    if (q->unified_score >= 0 && q->unified_score < LEAST_UNIFIED) add(g, GATE_WEAK_FEATURES);
}

void gate_look(struct gate *g, const struct analysis *a) {
    const struct item *embedding = analysis_item(a, MIEN_RESULT_EMBEDDING);

    *g = (struct gate){.nfaces = a->nfaces, .face = largest(a->faces, a->nfaces), .quality = -1};
    if (g->face < 0) {
        add(g, GATE_NO_FACE);
        return;
    }
    if (has_rival(a->faces, a->nfaces, g->face)) add(g, GATE_SEVERAL_FACES);
    if (judge_too_small(&a->faces[g->face])) add(g, GATE_TOO_SMALL);
    if (a->measures && a->measures[g->face].known) {
        mien_quality q = a->measures[g->face].quality;
        g->quality = q.score;
        if (embedding && embedding->norms)
            mien_quality_add_norm(embedding->network->net, embedding->norms[g->face], &q);
        add_quality(g, &q);
    }
}

struct gate_limits gate_limits(const mien_net *embedder, double same_person, int64_t samples) {
    struct gate_limits limits = {.another = 2, .own = same_person - JUDGE_MARGIN};
    struct judge_limits crowd;

    if (judge_crowd(embedder, ANOTHER_FPIR, samples, &crowd) == MIEN_OK)
        limits.another = crowd.same;
    return limits;
}

void gate_compare(struct gate *g, const struct gate_limits *limits, double own, double another,
                  const char *name) {
    g->own = (float)own;
    g->another = (float)another;
    snprintf(g->name, sizeof g->name, "%s", name);
    if (own > GATE_NONE && own < limits->own) add(g, GATE_NOT_LIKE_OTHERS);
    if (another >= limits->another && another > own) add(g, GATE_LIKE_ANOTHER);
}

/* Appends to what is in out. */
static void say(char *out, const char *format, ...) {
    size_t used = strlen(out);
    va_list args;

    if (used) used += (size_t)snprintf(out + used, GATE_SENTENCE - used, "; ");
    if (used >= GATE_SENTENCE) return;
    va_start(args, format);
    vsnprintf(out + used, GATE_SENTENCE - used, format, args);
    va_end(args);
}

char *gate_sentence(const struct gate *g, int forced, char *out) {
    *out = '\0';
    for (int i = 0; i < GATE_REASONS; i++) {
        if (!has(g, i)) continue;
        if (i == GATE_SEVERAL_FACES && forced)
            say(out, "the largest of %d faces", g->nfaces);
        else if (i == GATE_NOT_LIKE_OTHERS)
            say(out, "the face is not like the person's other samples (similarity %.2f)",
                (double)g->own);
        else if (i == GATE_LIKE_ANOTHER)
            say(out, "the face is like %s (similarity %.2f)", g->name, (double)g->another);
        else
            say(out, "%s", REASONS[i].sentence);
    }
    return out;
}

json_t *gate_reasons_json(unsigned reasons, int *failed) {
    json_t *list = json_array();

    for (int i = 0; i < GATE_REASONS; i++)
        if (reasons >> i & 1) json_value_append(list, json_string(gate_reason_name(i)), failed);
    return list;
}
