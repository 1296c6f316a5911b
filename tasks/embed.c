/* The task embed: a face to numbers that tell people apart. */
#include "engine/err.h"
#include "engine/json_text.h"
#include "engine/sized.h"
#include "tasks/faces.h"
#include "tasks/measured.h"
#include "tasks/net.h"
#include "tasks/pair.h"
#include "tasks/run.h"
#include "vision/quality.h"

#include <math.h>
#include <string.h>

/* Cosine similarity from which two faces are one person, for networks whose blobs do not say. */
#define SAME_PERSON 0.4f

static const struct face_crop crop = {.kind = CROP_ALIGNED};

static int open_embedder(struct mien_net *net) {
    const char *text = blob_meta(net->blob, "same_person");
    int rc = net_check_output(net, "embedding");
    if (rc) return rc;
    net->info.embedding_size = net_output_channels(net, 0);
    net->info.same_person = SAME_PERSON;
    if (!text) return MIEN_OK;
    /* As JSON, since strtod() would want the comma of the program's locale. */
    json_error_t why;
    json_t *number = json_bytes(text, strlen(text), JSON_DECODE_ANY, &why);
    double v = json_is_number(number) ? json_number_value(number) : NAN;
    json_decref(number);
    if (!(v > -1 && v < 1))
        return err_set(MIEN_EWEIGHTS,
                       "%s: metadata same_person is not a similarity between -1 and 1",
                       blob_label(net->blob));
    net->info.same_person = (float)v;
    return MIEN_OK;
}

static int fill_face(const struct task_call *c, int i, int workers, struct resized *image) {
    return face_crop_fill(&crop, c, i, workers, image);
}

static int take_embedding(const struct task_call *c, int i, struct workspace *w,
                          const float *const *outputs) {
    int size = c->net->info.embedding_size;
    struct embedding_place place = c->place ? *c->place : pair_place(c->net, 0);
    float *dst = (float *)c->out + place.row * (size_t)i + place.first;
    double sum = 0;
    (void)w;
    for (int k = 0; k < size; k++) sum += (double)outputs[0][k] * outputs[0][k];
    double norm = sqrt(sum), factor = sum > 0 ? (double)place.scale / norm : 0;
    for (int k = 0; k < size; k++) dst[k] = (float)(outputs[0][k] * factor);
    if (c->norms) c->norms[i] = (float)norm;
    return MIEN_OK;
}

const struct task task_embed = {
    .name = "embed",
    .verb = "embed faces",
    .item = MIEN_ITEM_FACE,
    .result = MIEN_RESULT_EMBEDDING,
    .option = "embedder",
    .help = "turns a face into numbers that tell people apart; A+B: two as one",
    .stage = "embed",
    .default_network = "mobilefacenet-192",
    .open = open_embedder,
    .fill = fill_face,
    .take = take_embedding,
};

static int check(mien_net *net) {
    int rc = net_check_result(net, MIEN_RESULT_EMBEDDING, task_embed.verb);
    for (int i = 0; i < pair_size(net) && !rc; i++) rc = face_crop_check_side(pair_member(net, i));
    return rc;
}

static int embed_crops(mien_net *net, const uint8_t *crops, int n, float *out, float *norms) {
    int rc = check(net);
    if (rc) return rc;
    if (n < 0 || (n > 0 && (!crops || !out))) return err_set(MIEN_EINVAL, "%d crops", n);
    for (int i = 0; i < pair_size(net) && !rc; i++) {
        const struct embedding_place place = pair_place(net, i);
        rc = task_run(&(struct task_call){.net = pair_member(net, i),
                                          .n = n,
                                          .crops = crops,
                                          .out = out,
                                          .norms = i == 0 ? norms : NULL,
                                          .place = &place});
    }
    return rc;
}

int mien_embed(mien_net *net, const uint8_t *crops, int n, float *out) {
    return net ? embed_crops(net, crops, n, out, NULL) : err_null("mien_embed");
}

int mien_embed_norms(mien_net *net, const uint8_t *crops, int n, float *out, float *norms) {
    if (!net || (n > 0 && !norms)) return err_null("mien_embed_norms");
    return embed_crops(net, crops, n, out, norms);
}

int mien_embed_faces(mien_net *net, const mien_image *const *images, const mien_face *faces, int n,
                     float *out) {
    if (!net) return err_null("mien_embed_faces");
    int rc = check(net);
    if (!rc) rc = face_crop_check_items(images, faces, n, out);
    if (rc) return rc;
    for (int i = 0; i < pair_size(net) && !rc; i++) {
        const struct embedding_place place = pair_place(net, i);
        rc = task_run(&(struct task_call){.net = pair_member(net, i),
                                          .n = n,
                                          .images = images,
                                          .faces = faces,
                                          .aligns = 1,
                                          .out = out,
                                          .place = &place});
    }
    return rc;
}

int mien_quality_add_norm(const mien_net *net, float norm, mien_quality *quality) {
    mien_quality q = {.struct_size = sizeof q};
    if (!net || !quality) return err_null("mien_quality_add_norm");
    int rc = net_check_result(net, MIEN_RESULT_EMBEDDING, task_embed.verb);
    if (!rc) rc = sized_read(&q, sizeof q, quality, "mien_quality");
    if (rc) return rc;
    const struct measured *m = measured_of(net->pair[0] ? net->pair[0] : net);
    quality_add_norm(&q, norm, m ? m->bad : 0, m ? m->good : 0);
    return sized_write(quality, &q, sizeof q, "mien_quality");
}

/* *m is of a network that was measured on pairs of faces. */
static int measured_pairs(const mien_net *net, const struct measured **m) {
    int rc = net_check_result(net, MIEN_RESULT_EMBEDDING, task_embed.verb);
    if (rc) return rc;
    *m = measured_of(net);
    if (*m) return MIEN_OK;
    return err_set(MIEN_EUNSUPPORTED, "how alike strangers are was not measured for network '%s'",
                   net->info.name);
}

int mien_impostor_similarity(const mien_net *net, double rate, float *similarity) {
    const struct measured *m;
    if (!net || !similarity) return err_null("mien_impostor_similarity");
    if (!(rate > 0 && rate <= 0.5))
        return err_set(MIEN_EINVAL, "a rate of %g; above 0 and up to 0.5 is possible", rate);
    int rc = measured_pairs(net, &m);
    if (!rc) *similarity = (float)impostors_similarity(m->impostors, rate);
    return rc;
}

int mien_log_likelihood_ratio(const mien_net *net, float similarity, int samples,
                              double *log_ratio) {
    const struct measured *m;
    if (!net || !log_ratio) return err_null("mien_log_likelihood_ratio");
    if (samples < 1 || !(similarity >= -2 && similarity <= 2)) /* 1 and what rounding adds */
        return err_set(MIEN_EINVAL, "a similarity of %g to %d samples", (double)similarity,
                       samples);
    int rc = measured_pairs(net, &m);
    if (!rc) *log_ratio = genuine_log_ratio(&m->genuine, m->impostors, samples, (double)similarity);
    return rc;
}

float mien_similarity(const float *a, const float *b, int d) {
    double ab = 0, aa = 0, bb = 0;
    if (!a || !b) return 0;
    for (int i = 0; i < d; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? (float)(ab / sqrt(aa * bb)) : 0;
}
