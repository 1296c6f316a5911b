#include "line.h"

#include "analysis/describe.h"
#include "analysis/judge.h"
#include "terminal.h"

#include <stdarg.h>
#include <string.h>

enum { LINE_MAX_BYTES = 4096, FEWEST_NAME = 16, FEWEST_CLASS = 12, MOST_CLASS = 30 };

/* A line that is being written: nothing goes beyond its width. */
struct line {
    char text[LINE_MAX_BYTES];
    size_t bytes;
    int columns, width;
};

/* 1 where it fitted; else nothing was added. reserve: columns to be left free behind it. */
static int add(struct line *l, int reserve, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int add(struct line *l, int reserve, const char *fmt, ...) {
    size_t room = sizeof l->text - l->bytes;
    va_list ap;
    int n, columns;

    va_start(ap, fmt);
    n = vsnprintf(l->text + l->bytes, room, fmt, ap);
    va_end(ap);
    columns = n < 0 || (size_t)n >= room ? 0 : text_columns(l->text + l->bytes, (size_t)n);
    if (n < 0 || (size_t)n >= room || l->columns + columns + reserve > l->width) {
        l->text[l->bytes] = '\0';
        return 0;
    }
    l->bytes += (size_t)n;
    l->columns += columns;
    return 1;
}

static void pad(struct line *l, int column) {
    if (column > l->columns) add(l, 0, "%*s", column - l->columns, "");
}

/* Bytes of the first columns of a text. */
static int bytes_of(const char *text, int columns) {
    int n = 0;

    for (; text[n] && columns > 0; columns--) do
            n++;
        while (((unsigned char)text[n] & 0xc0) == 0x80);
    return n;
}

/* Of a long name the end is shown, which tells files apart. Bytes a terminal would obey become
 * question marks. */
static void add_name(struct line *l, const char *name, int most) {
    int columns = text_columns(name, strlen(name));
    size_t start = l->bytes;

    if (columns > most)
        add(l, 0, "...%s", name + bytes_of(name, columns - most + 3));
    else
        add(l, 0, "%s", name);
    for (char *p = l->text + start; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f) *p = '?';
}

/* most: columns of its label. */
static void add_class(struct line *l, const mien_class *c, int most, const char *separator) {
    char index[24];
    const char *label = c->label ? c->label : index;
    int percent = (int)(100 * (double)c->score + 0.5);

    snprintf(index, sizeof index, "class %d", c->index);
    if (text_columns(label, strlen(label)) > most)
        add(l, 0, "%s%.*s... %d %%", separator, bytes_of(label, most - 3), label, percent);
    else
        add(l, 0, "%s%s %d %%", separator, label, percent);
}

/* As many classes as there is room for. */
static void add_classes(struct line *l, const struct item *classes) {
    for (int i = 0; i < classes->top; i++) {
        int before = l->columns;
        add_class(l, &classes->classes[i], MOST_CLASS, i ? ", " : "");
        if (l->columns == before) return;
    }
}

static int count_small(const struct analysis *a) {
    char text[64];
    int n = 0;

    for (int i = 0; i < a->nfaces; i++)
        n += judge_too_small(&a->faces[i]) && *describe_face(a, i, text, sizeof text);
    return n;
}

/* What is known of each face, in the order of the JSON; faces too small to judge are counted, and
 * so are those there is no room for. */
static void add_faces(struct line *l, const struct analysis *a) {
    enum { MORE = 10, SMALL = 25 }; /* columns of the counts behind them */
    int small = count_small(a), judged = a->nfaces - small, shown = 0, more = 0;
    char text[128];

    for (int i = 0; i < a->nfaces; i++) {
        int last = shown + 1 == judged;
        if (!*describe_face(a, i, text, sizeof text))
            snprintf(text, sizeof text, "score %.2f", describe_share(a->faces[i].score));
        else if (judge_too_small(&a->faces[i]))
            continue;
        if (more ||
            !add(l, (last ? 0 : MORE) + (small ? SMALL : 0), "%s%s", shown ? "; " : "", text))
            more++;
        else
            shown++;
    }
    if (more) add(l, 0, shown ? "; %d more" : "%d", more);
    if (small) add(l, 0, "%s%d too small to judge", shown || more ? "; " : "", small);
}

void lines_begin(struct lines *lines, int columns) {
    int label = columns / 4 - 6;

    if (label < FEWEST_CLASS) label = FEWEST_CLASS;
    if (label > MOST_CLASS) label = MOST_CLASS;
    *lines = (struct lines){.columns = columns, .label = label};
}

void lines_see(void *context, const char *folder, const char *name) {
    struct lines *lines = context;
    size_t n = strlen(folder);
    int slash = n > 0 && folder[n - 1] != '/', most = lines->columns / 3;
    int columns = text_columns(folder, n) + slash + text_columns(name, strlen(name));

    if (most < FEWEST_NAME) most = FEWEST_NAME;
    if (columns > most) columns = most;
    if (columns > lines->name) lines->name = columns;
}

void lines_print(const struct lines *lines, const struct picture *picture, FILE *out) {
    enum { GAP = 2, FACES = 9, PERCENT = 6 };
    const struct analysis *a = picture->analysis;
    const struct item *classes = analysis_item(a, MIEN_RESULT_CLASSES);
    struct line l = {.width = lines->columns};
    int column = lines->name + GAP;

    add_name(&l, picture->input->path, lines->name);
    pad(&l, column);
    if (analysis_item(a, MIEN_RESULT_FACES)) {
        if (a->nfaces > 0)
            add(&l, 0, "%3d face%s", a->nfaces, a->nfaces == 1 ? "" : "s");
        else
            add(&l, 0, " no faces");
        column += FACES + GAP;
        pad(&l, column);
        if (classes) {
            add_class(&l, &classes->classes[0], lines->label, "");
            column += lines->label + PERCENT + GAP;
            pad(&l, column);
        }
        add_faces(&l, a);
    } else if (classes) {
        add_classes(&l, classes);
    } else {
        add_faces(&l, a); /* an aligned crop */
    }
    while (l.bytes > 0 && l.text[l.bytes - 1] == ' ') l.bytes--;
    fprintf(out, "%.*s\n", (int)l.bytes, l.text);
}
