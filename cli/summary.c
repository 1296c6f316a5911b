#include "summary.h"

#include "common/text_stream.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void summary_begin(struct summary *s, const struct pipeline *p) {
    *s = (struct summary){.finds_faces = networks_giving(&p->networks, MIEN_RESULT_FACES) != NULL};
}

void summary_add(struct summary *s, const struct picture *picture, int failed) {
    s->pictures++;
    if (picture->analysis && !picture->error[0]) s->faces += picture->analysis->nfaces;
    if (!failed) return;
    if (s->failed < SUMMARY_NAMES) s->names[s->failed] = strdup(picture->input->tail);
    s->failed++;
}

void summary_say(struct summary *s, const char *more) {
    struct text_stream stream;
    FILE *out = text_stream_open(&stream);
    char *text;

    if (!out) return;
    fprintf(out, "%d pictures", s->pictures);
    if (s->finds_faces) fprintf(out, ", %d face%s", s->faces, s->faces == 1 ? "" : "s");
    if (more) fputs(more, out);
    if (s->failed) fprintf(out, ", %d failed", s->failed);
    for (int i = 0; i < s->failed && i < SUMMARY_NAMES; i++)
        fprintf(out, "%s%s", i ? ", " : ": ", s->names[i] ? s->names[i] : "?");
    if (s->failed > SUMMARY_NAMES) fprintf(out, " and %d more", s->failed - SUMMARY_NAMES);
    text = text_stream_close(&stream, out, NULL);
    if (text) say("%s", text);
    free(text);
    summary_free(s);
}

void summary_free(struct summary *s) {
    for (int i = 0; i < SUMMARY_NAMES; i++) free(s->names[i]);
    *s = (struct summary){.finds_faces = s->finds_faces};
}
