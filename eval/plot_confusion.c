/*
 * Confusion matrices: a row for what is true, a column for what was answered, in percent of the
 * row. A column "no answer" is there where some were not answered, or answered by none of the
 * labels.
 */
#include "eval/plots.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct matrix {
    const struct report_confusion *confusion;
    int columns; /* with that of no answer, where it is needed */
    float left, top, cell;
};

static int count_at(const struct matrix *m, int row, int column) {
    return m->confusion->counts[row * (m->confusion->n + 1) + column];
}

static int row_sum(const struct matrix *m, int row) {
    int sum = 0;

    for (int k = 0; k <= m->confusion->n; k++) sum += count_at(m, row, k);
    return sum;
}

static const char *label_of(const struct matrix *m, int column) {
    return column < m->confusion->n ? m->confusion->labels[column] : "no answer";
}

/* A label in one line, or two where it has a blank and is too long. */
static void draw_head(struct canvas *c, const char *label, float x, float y, float em, float most) {
    char line[2][64];
    size_t split;

    snprintf(line[0], sizeof line[0], "%s", label);
    for (char *p = line[0]; *p; p++)
        if (*p == '_') *p = ' ';
    split = strcspn(line[0], " ");
    if (mien_text_width(line[0], em) <= most || !line[0][split]) {
        canvas_text(c, line[0], x, y, em, PLACE_MIDDLE, most, CANVAS_INK);
        return;
    }
    snprintf(line[1], sizeof line[1], "%s", line[0] + split + 1);
    line[0][split] = '\0';
    canvas_text(c, line[0], x, y - 1.2f * em, em, PLACE_MIDDLE, most, CANVAS_INK);
    canvas_text(c, line[1], x, y, em, PLACE_MIDDLE, most, CANVAS_INK);
}

static void draw_cell(struct canvas *c, const struct matrix *m, int row, int column, int sum) {
    float x = m->left + m->cell * (float)column, y = m->top + m->cell * (float)row;
    double share = sum ? (double)count_at(m, row, column) / sum : 0;
    int right = row == column;
    char text[16];

    canvas_rect(c, x + 1, y + 1, x + m->cell - 1, y + m->cell - 1,
                canvas_mix(0xf8fafc, right ? CANVAS_BLUE : CANVAS_RED, pow(share, 0.7)), 1);
    if (!count_at(m, row, column)) return;
    snprintf(text, sizeof text, share < 0.0995 ? "%.1f" : "%.0f", 100 * share);
    canvas_text(c, text, x + m->cell / 2, y + m->cell / 2 + 0.1f * m->cell, 0.3f * m->cell,
                PLACE_MIDDLE, 0.8f * m->cell, share > 0.6 ? CANVAS_WHITE : CANVAS_INK);
}

static void draw_matrix(struct canvas *c, const struct matrix *m, float em) {
    const struct report_confusion *confusion = m->confusion;
    float right = m->left + m->cell * (float)m->columns;
    char text[32];

    for (int k = 0; k < m->columns; k++)
        draw_head(c, label_of(m, k), m->left + m->cell * ((float)k + 0.5f), m->top - 12, em,
                  0.94f * m->cell);
    for (int i = 0; i < confusion->n; i++) {
        int sum = row_sum(m, i);
        float y = m->top + m->cell * ((float)i + 0.5f) + 0.35f * em;
        canvas_text(c, confusion->labels[i], m->left - 14, y, em, PLACE_RIGHT, m->left - 40,
                    CANVAS_INK);
        for (int k = 0; k < m->columns; k++) draw_cell(c, m, i, k, sum);
        snprintf(text, sizeof text, "%d", sum);
        canvas_text(c, text, right + 14, y, em, PLACE_LEFT, 80, CANVAS_GREY);
    }
}

void plot_confusion(struct canvas *c, const struct report_confusion *confusion) {
    struct matrix m = {confusion, confusion->n, 0, 180, 0};
    float em, widest = 0;
    char text[96];

    for (int i = 0; i < confusion->n; i++)
        if (count_at(&m, i, confusion->n)) m.columns = confusion->n + 1;
    m.cell = fmaxf(fminf(800 / (float)m.columns, 170), 34);
    em = fminf(fmaxf(0.2f * m.cell, 12), 22);
    for (int i = 0; i < confusion->n; i++)
        widest = fmaxf(widest, mien_text_width(confusion->labels[i], em));
    m.left = fminf(fmaxf(widest + 60, 160), 360);
    canvas_begin(c, (int)(m.left + m.cell * (float)m.columns) + 110,
                 (int)(m.top + m.cell * (float)confusion->n) + 50);
    snprintf(text, sizeof text, "Confusion: %s", confusion->subject);
    canvas_text(c, text, 40, 58, 34, PLACE_LEFT, 0, CANVAS_INK);
    canvas_text(c, "row: true, with how many; column: answered; % of the row", 40, 94, 21,
                PLACE_LEFT, c->image ? (float)c->image->width - 60 : 0, CANVAS_GREY);
    draw_matrix(c, &m, em);
}
