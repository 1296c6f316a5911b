#include "eval/report_text.h"

#include <math.h>
#include <string.h>

enum { GROUP_COLUMNS = 30, CELL_COLUMNS = 20, CELL_ROOM = 64 };

/* A text of somebody's file, at most `most` columns: bytes a terminal would obey become question
 * marks. Returns the columns it took. */
static int print_clean(const char *text, int most, FILE *out) {
    int columns = 0;

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        int begins = (*p & 0xc0) != 0x80;
        if (begins && columns == most) break;
        columns += begins;
        fputc(*p < ' ' || *p == 0x7f ? '?' : *p, out);
    }
    return columns;
}

/* "within_one" as people write it. */
static void print_name(const char *name, int width, FILE *out) {
    for (int i = 0; i < width || *name; i++) {
        fputc(*name == '_' ? ' ' : *name ? *name : ' ', out);
        if (*name) name++;
    }
}

static const char *unit_text(enum report_unit unit) {
    switch (unit) {
    case UNIT_SHARE: return " %";
    case UNIT_YEARS: return ", years";
    case UNIT_DEGREES: return ", degrees";
    case UNIT_NUMBER: break;
    }
    return "";
}

static void print_heads(const struct report *r, FILE *out) {
    char head[CELL_ROOM];

    fprintf(out, "%*s", GROUP_COLUMNS + 8, "");
    for (int c = 0; c < r->ncolumns; c++)
        print_name(r->columns[c].subject, c + 1 < r->ncolumns ? CELL_COLUMNS : 0, out);
    fprintf(out, "\n%*s", GROUP_COLUMNS + 8, "n  ");
    for (int c = 0; c < r->ncolumns; c++) {
        snprintf(head, sizeof head, "%s%s", r->columns[c].name, unit_text(r->columns[c].unit));
        print_name(head, c + 1 < r->ncolumns ? CELL_COLUMNS : 0, out);
    }
    fputc('\n', out);
}

/* "84.3 (82.6-85.8)"; "0.40" where it has no interval. */
static void print_figure(const struct figure *f, enum report_unit unit, int width, FILE *out) {
    char value[16], low[16], high[16], cell[CELL_ROOM];

    report_value(unit, f->value, value, sizeof value);
    report_value(unit, f->low, low, sizeof low);
    report_value(unit, f->high, high, sizeof high);
    if (f->n && isnan(f->low))
        snprintf(cell, sizeof cell, "%s", value);
    else if (f->n)
        snprintf(cell, sizeof cell, "%s (%s-%s)", value, low, high);
    else
        snprintf(cell, sizeof cell, "-");
    fprintf(out, "%-*s", width, cell);
}

static void print_row(const struct report *r, const struct report_row *row, FILE *out) {
    int columns = row->nby ? 2 : 3;

    fputs(row->nby ? "  " : "all", out);
    for (int i = 0; i < row->nby; i++) {
        if (i) columns += fprintf(out, ", ");
        columns += print_clean(row->value[i], GROUP_COLUMNS - 3 - columns, out);
    }
    fprintf(out, "%*s%6d  ", GROUP_COLUMNS - columns, "", row->n);
    for (int c = 0; c < r->ncolumns; c++)
        print_figure(&row->figures[c], r->columns[c].unit, c + 1 < r->ncolumns ? CELL_COLUMNS : 0,
                     out);
    fputc('\n', out);
}

/* 1 where both rows are of groups by the same columns. */
static int same_columns(const struct report_row *a, const struct report_row *b) {
    if (a->nby != b->nby) return 0;
    for (int i = 0; i < a->nby; i++)
        if (strcmp(a->by[i], b->by[i]) != 0) return 0;
    return 1;
}

static void print_table(const struct report *r, FILE *out) {
    const struct report_row *pair = NULL;

    print_heads(r, out);
    for (int i = 0; i < r->nrows; i++) {
        const struct report_row *row = &r->rows[i];
        if (row->nby == 2 && !pair) pair = row;
        if (row->nby > 2 || (row->nby == 2 && !same_columns(row, pair))) continue;
        if (row->nby && (i == 0 || !same_columns(row, &r->rows[i - 1]))) {
            for (int k = 0; k < row->nby; k++) {
                fputs(k ? " and " : "by ", out);
                print_clean(row->by[k], GROUP_COLUMNS, out);
            }
            fputc('\n', out);
        }
        print_row(r, row, out);
    }
}

static void print_calibrations(const struct report *r, FILE *out) {
    if (!r->ncalibrations) return;
    fprintf(out, "\n%-*s %8s %10s %10s %12s\n", GROUP_COLUMNS, "calibration", "answers", "says %",
            "is right %", "ECE, points");
    for (int i = 0; i < r->ncalibrations; i++) {
        const struct calibration *c = &r->calibrations[i].bins;
        int n = calibration_count(c), right = 0;
        double says = 0;
        for (int k = 0; k < CALIBRATION_BINS; k++) {
            right += c->bin[k].right;
            says += c->bin[k].confidence;
        }
        fprintf(out, "  %-*s %8d %10.1f %10.1f %12.1f\n", GROUP_COLUMNS - 2,
                r->calibrations[i].subject, n, 100 * says / n, 100.0 * right / n,
                100 * calibration_error(c));
    }
}

static void print_mistakes(const struct report *r, FILE *out) {
    if (r->nmistakes) fputs("\nworst mistakes\n", out);
    for (int i = 0; i < r->nmistakes; i++) {
        const struct report_mistake *m = &r->mistakes[i];
        fputs("  ", out);
        print_clean(m->file, 1000, out);
        fprintf(out, ": %s ", m->subject);
        print_clean(m->truth, 60, out);
        fputs(", said ", out);
        print_clean(m->answer, 60, out);
        if (!isnan(m->confidence)) fprintf(out, " %.2f", m->confidence);
        fputc('\n', out);
    }
}

void report_print(const struct report *r, FILE *out) {
    print_table(r, out);
    print_calibrations(r, out);
    print_mistakes(r, out);
}
