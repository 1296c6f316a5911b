/*
 * mien_draw_face() and mien_draw_faces(): where tags and the caption go. Nothing is laid over a
 * face or over another text: each piece has a list of places, best first, and takes the first that
 * is free; what finds none becomes smaller, then shorter, then is left out.
 */
#include "engine/err.h"
#include "vision/draw.h"
#include "vision/image.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL_MAX = 160, CAPTION_MAX = 1024, GRID = 24 };

struct rect {
    float x0, y0, x1, y1;
};

/* What is taken: n boxes of faces first, then the texts that have found a place. */
struct layout {
    mien_image *img;
    struct rect *taken;
    int n;
};

static int is_inside(const struct layout *l, struct rect r) {
    return r.x0 >= 0 && r.y0 >= 0 && r.x1 <= (float)l->img->width && r.y1 <= (float)l->img->height;
}

/* `but` is passed over; -1: none is. */
static int is_free(const struct layout *l, struct rect r, int but) {
    if (!is_inside(l, r)) return 0;
    for (int i = 0; i < l->n; i++) {
        const struct rect *t = &l->taken[i];
        if (i != but && r.x0 < t->x1 && t->x0 < r.x1 && r.y0 < t->y1 && t->y0 < r.y1) return 0;
    }
    return 1;
}

static struct rect at(float x, float y, const float size[2]) {
    return (struct rect){x, y, x + size[0], y + size[1]};
}

static void take(struct layout *l, struct rect r) {
    l->taken[l->n++] = r;
}

/* Moved sideways into the picture. */
static float within(const struct layout *l, float x, float width) {
    float most = (float)l->img->width - width;
    return x < 0 || most < 0 ? 0 : x > most ? most : x;
}

/* The first free place around a face: above and below it, from either of its edges, then beside
 * it. *hemmed: 1 where the picture has none, whatever else is drawn. */
static int place_around(const struct layout *l, int i, const float size[2], struct rect *place,
                        int *hemmed) {
    const struct rect *f = &l->taken[i];
    float w = size[0], h = size[1], gap = 0.1f * h;
    float left = within(l, f->x0, w), right = within(l, f->x1 - w, w);
    float above = f->y0 - h - gap, below = f->y1 + gap;
    float before = f->x0 - w - gap, behind = f->x1 + gap;
    const float places[][2] = {{left, above},       {left, below},      {right, above},
                               {right, below},      {behind, f->y0},    {before, f->y0},
                               {behind, f->y1 - h}, {before, f->y1 - h}};
    *hemmed = 1;
    for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
        *place = at(places[k][0], places[k][1], size);
        if (is_free(l, *place, -1)) return 1;
        if (is_inside(l, *place)) *hemmed = 0;
    }
    return 0;
}

/* At an edge of the face's own box, clear of eyes, nose and mouth: for one that fills the picture.
 */
static int place_within(const struct layout *l, int i, const mien_face *face, const float size[2],
                        struct rect *place) {
    const struct rect *f = &l->taken[i];
    double scale[2];
    float top = INFINITY, bottom = -INFINITY, gap = 0.1f * size[1];
    image_scale(l->img, scale);
    for (int k = 0; k < 5; k++) {
        top = fminf(top, face->landmarks[k][1] / (float)scale[1]);
        bottom = fmaxf(bottom, face->landmarks[k][1] / (float)scale[1]);
    }
    float x = within(l, f->x0 + gap, size[0]);
    *place = at(x, fminf(f->y1, (float)l->img->height) - size[1] - gap, size);
    if (place->y0 > bottom + gap && is_free(l, *place, i)) return 1;
    *place = at(x, fmaxf(f->y0, 0) + gap, size);
    return place->y1 < top - gap && is_free(l, *place, i);
}

/* What a tag says and how large, from the best to the least. */
static int draw_label(struct layout *l, int i, const mien_face *face, const struct draw_look *look,
                      const char *number, const char *label) {
    char whole[LABEL_MAX];
    snprintf(whole, sizeof whole, "%s%s%s", number, *number && *label ? " " : "", label);
    const char *texts[] = {whole, whole, number, number};
    for (int k = 0; k < 4 && *texts[k]; k++) {
        float em = k % 2 ? DRAW_MIN_EM : look->em, size[2];
        struct rect place;
        int hemmed;
        draw_tag_size(texts[k], em, size);
        if (!place_around(l, i, size, &place, &hemmed) &&
            !(hemmed && place_within(l, i, face, size, &place)))
            continue;
        take(l, place);
        return draw_tag(l->img, texts[k], place.x0, place.y0, em, look->rgb);
    }
    return MIEN_OK;
}

/* Corners first, the top left before all, then the rest of the picture row by row. */
static int place_caption(const struct layout *l, const struct draw_panel *p, struct rect *place) {
    float x1 = (float)l->img->width - p->margin - p->size[0];
    float y1 = (float)l->img->height - p->margin - p->size[1];
    const float corners[][2] = {{p->margin, p->margin}, {x1, p->margin}, {p->margin, y1}, {x1, y1}};
    for (int k = 0; k < 4; k++) {
        *place = at(corners[k][0], corners[k][1], p->size);
        if (is_free(l, *place, -1)) return 1;
    }
    for (int k = 0; k < GRID * GRID; k++) {
        int row = k / GRID, column = k % GRID;
        float fx = (float)column / (GRID - 1), fy = (float)row / (GRID - 1);
        *place = at(p->margin + fx * (x1 - p->margin), p->margin + fy * (y1 - p->margin), p->size);
        if (is_free(l, *place, -1)) return 1;
    }
    return 0;
}

/* Smaller letters before fewer lines; the first line is the one that counts. */
static int draw_caption(struct layout *l, const char *caption) {
    char text[CAPTION_MAX];
    struct draw_panel panel;
    struct rect place;
    snprintf(text, sizeof text, "%s", caption);
    while (*text) {
        draw_panel_of(l->img, text, &panel);
        for (;;) {
            if (place_caption(l, &panel, &place)) {
                take(l, place);
                return draw_panel(l->img, text, &panel, place.x0, place.y0);
            }
            if (panel.em <= DRAW_MIN_EM) break;
            float shrink = fmaxf(0.8f, DRAW_MIN_EM / panel.em);
            panel.em *= shrink;
            panel.margin *= shrink;
            for (int i = 0; i < 2; i++) panel.size[i] *= shrink;
        }
        char *last = strrchr(text, '\n');
        *(last ? last : text) = '\0';
    }
    return MIEN_OK;
}

static int compare_widths(const void *a, const void *b) {
    const struct draw_look *x = *(const struct draw_look *const *)a,
                           *y = *(const struct draw_look *const *)b;
    if (x->width != y->width) return x->width > y->width ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Large faces first: what is said of them is what is looked for. order: [n], room for it. */
static int draw_labels(struct layout *l, const mien_face *faces, int n,
                       const struct draw_look *looks, const struct draw_look **order,
                       const char *const *labels) {
    int rc = MIEN_OK;
    for (int i = 0; i < n; i++) order[i] = &looks[i];
    qsort(order, (size_t)n, sizeof *order, compare_widths);
    for (int k = 0; k < n && rc == MIEN_OK; k++) {
        int i = (int)(order[k] - looks);
        char number[16];
        snprintf(number, sizeof number, "#%d", i);
        rc = draw_label(l, i, &faces[i], &looks[i], number, labels && labels[i] ? labels[i] : "");
    }
    return rc;
}

/* Takes the boxes and draws what is within them. */
static int draw_outlines(struct layout *l, const mien_face *faces, int n,
                         const struct draw_look *looks) {
    int rc = MIEN_OK;
    for (int i = 0; i < n; i++) {
        const float half = looks[i].line / 2, *b = looks[i].box;
        take(l, (struct rect){b[0] - half, b[1] - half, b[2] + half, b[3] + half});
    }
    /* The best face last: it lies on top. */
    for (int i = n - 1; i >= 0 && rc == MIEN_OK; i--)
        rc = draw_outline(l->img, &faces[i], &looks[i]);
    return rc;
}

int mien_draw_faces(mien_image *img, const mien_face *faces, int n, const char *const *labels,
                    const char *caption) {
    int rc =
        n < 0 ? err_set(MIEN_EINVAL, "mien_draw_faces: %d faces", n) : draw_begin(img, faces, n);
    if (rc != MIEN_OK) return rc;
    struct draw_look *looks = calloc((size_t)n + 1, sizeof *looks);
    const struct draw_look **order = calloc((size_t)n + 1, sizeof *order);
    /* boxes, labels and the caption */
    struct layout l = {.img = img, .taken = calloc(2 * (size_t)n + 1, sizeof *l.taken)};
    if (looks && order && l.taken) {
        for (int i = 0; i < n; i++) draw_look_of(img, &faces[i], i, &looks[i]);
        rc = draw_outlines(&l, faces, n, looks);
        if (rc == MIEN_OK && caption) rc = draw_caption(&l, caption);
        if (rc == MIEN_OK) rc = draw_labels(&l, faces, n, looks, order, labels);
    } else {
        rc = err_set(MIEN_ENOMEM, "no memory to draw %d faces", n);
    }
    free(l.taken);
    free(order);
    free(looks);
    return rc;
}

int mien_draw_face(mien_image *img, const mien_face *face, const char *label, int index) {
    int rc = draw_begin(img, face, 1);
    if (rc != MIEN_OK) return rc;
    struct draw_look look;
    struct rect taken[2];
    struct layout l = {.img = img, .taken = taken};
    draw_look_of(img, face, index, &look);
    rc = draw_outlines(&l, face, 1, &look);
    return rc == MIEN_OK && label && *label ? draw_label(&l, 0, face, &look, "", label) : rc;
}
