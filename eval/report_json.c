#include "eval/report_json.h"

#include "common/json_values.h"

#include <math.h>
#include <string.h>

/* Shares of any n are told apart by 9 places. */
enum { PLACES = 9 };

static json_t *number(double v) {
    return json_value_number(v, PLACES);
}

static json_t *figure_json(const struct figure *f, enum report_unit unit, int *failed) {
    static const char *const units[] = {"share", "years", "degrees", "number"};
    json_t *object = json_object();

    json_value_set(object, "value", number(f->value), failed);
    json_value_set(object, "low", number(f->low), failed);
    json_value_set(object, "high", number(f->high), failed);
    json_value_set(object, "n", json_integer(f->n), failed);
    json_value_set(object, "unit", json_string(units[unit]), failed);
    return object;
}

/* {"n": ..., "gender": {"accuracy": {...}}, ...} */
static json_t *row_json(const struct report *r, const struct report_row *row, int *failed) {
    json_t *object = json_object(), *by = json_object();

    for (int i = 0; i < row->nby; i++)
        json_value_set(by, row->by[i], json_value_text(row->value[i]), failed);
    if (row->nby)
        json_value_set(object, "by", by, failed);
    else
        json_decref(by);
    json_value_set(object, "n", json_integer(row->n), failed);
    for (int c = 0; c < r->ncolumns; c++) {
        const struct report_column *column = &r->columns[c];
        json_t *subject = json_object_get(object, column->subject);
        if (!subject) {
            json_value_set(object, column->subject, json_object(), failed);
            subject = json_object_get(object, column->subject);
        }
        json_value_set(subject, column->name, figure_json(&row->figures[c], column->unit, failed),
                       failed);
    }
    return object;
}

static json_t *calibration_json(const struct calibration *c, int *failed) {
    json_t *object = json_object(), *bins = json_array();

    json_value_set(object, "n", json_integer(calibration_count(c)), failed);
    json_value_set(object, "ece", number(calibration_error(c)), failed);
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        json_t *bin = json_object();
        struct figure right = metrics_share(c->bin[i].right, c->bin[i].n);
        json_value_set(bin, "from", number((double)i / CALIBRATION_BINS), failed);
        json_value_set(bin, "n", json_integer(c->bin[i].n), failed);
        json_value_set(bin, "confidence",
                       number(c->bin[i].n ? c->bin[i].confidence / c->bin[i].n : NAN), failed);
        json_value_set(bin, "accuracy", number(right.value), failed);
        json_value_append(bins, bin, failed);
    }
    json_value_set(object, "bins", bins, failed);
    return object;
}

static json_t *confusion_json(const struct report_confusion *c, int *failed) {
    json_t *object = json_object(), *labels = json_array(), *counts = json_array();

    for (int i = 0; i < c->n; i++) {
        json_t *row = json_array();
        for (int k = 0; k <= c->n; k++)
            json_value_append(row, json_integer(c->counts[i * (c->n + 1) + k]), failed);
        json_value_append(labels, json_value_text(c->labels[i]), failed);
        json_value_append(counts, row, failed);
    }
    json_value_set(object, "labels", labels, failed);
    json_value_set(object, "counts", counts, failed);
    return object;
}

static json_t *curve_json(const struct report_curve *c, int *failed) {
    json_t *object = json_object();
    const char *const names[] = {c->x, c->y};

    if (!isnan(c->area)) json_value_set(object, "area", number(c->area), failed);
    for (int k = 0; k < 2; k++) {
        json_t *list = json_array();
        for (int i = 0; i < c->n; i++)
            json_value_append(list, json_value_number(c->points[i][k], 6), failed);
        json_value_set(object, names[k], list, failed);
    }
    return object;
}

static json_t *mistake_json(const struct report_mistake *m, int *failed) {
    json_t *object = json_object();

    json_value_set(object, "file", json_value_text(m->file), failed);
    json_value_set(object, "subject", json_value_text(m->subject), failed);
    json_value_set(object, "truth", json_value_text(m->truth), failed);
    json_value_set(object, "answer", json_value_text(m->answer), failed);
    if (!isnan(m->confidence))
        json_value_set(object, "confidence", json_value_number(m->confidence, 6), failed);
    return object;
}

/* Objects by subject, where there are any. */
static void set_some(json_t *object, const char *key, json_t *some, int *failed) {
    if (json_object_size(some) > 0)
        json_value_set(object, key, some, failed);
    else
        json_decref(some);
}

void report_add_json(json_t *object, const struct report *r, int *failed) {
    json_t *groups = json_array(), *calibrations = json_object(), *confusions = json_object();
    json_t *curves = json_object(), *mistakes = json_array();

    if (r->unanswered) json_value_set(object, "unanswered", json_integer(r->nunanswered), failed);
    for (int i = 0; i < r->nrows; i++) {
        json_t *row = row_json(r, &r->rows[i], failed);
        if (r->rows[i].nby == 0)
            json_value_set(object, "all", row, failed);
        else
            json_value_append(groups, row, failed);
    }
    for (int i = 0; i < r->ncalibrations; i++)
        json_value_set(calibrations, r->calibrations[i].subject,
                       calibration_json(&r->calibrations[i].bins, failed), failed);
    for (int i = 0; i < r->nconfusions; i++)
        json_value_set(confusions, r->confusions[i].subject,
                       confusion_json(&r->confusions[i], failed), failed);
    for (int i = 0; i < r->ncurves; i++)
        json_value_set(curves, r->curves[i].name, curve_json(&r->curves[i], failed), failed);
    for (int i = 0; i < r->nmistakes; i++)
        json_value_append(mistakes, mistake_json(&r->mistakes[i], failed), failed);
    json_value_set(object, "groups", groups, failed);
    set_some(object, "calibration", calibrations, failed);
    set_some(object, "confusion", confusions, failed);
    set_some(object, "curves", curves, failed);
    json_value_set(object, "mistakes", mistakes, failed);
}
