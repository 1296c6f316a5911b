/* Faces to embeddings, ages and genders. */
#include "engine/err.h"
#include "vision/align.h"
#include "vision/image.h"
#include "tasks/tasks.h"

#include <math.h>

/* ---------------------------------------------------------------- embedding */

struct embed_job {
    const mien_net *net;
    const uint8_t *crops; /* NULL: these faces */
    const mien_image *const *images;
    const mien_face *faces;
    float *out;
    int size;
};

/* The aligned crop of item i, whose face it is. A device that runs on pictures warps them itself.
 */
static int fill_aligned(const mien_net *net, const mien_image *img, const mien_face *face, int i,
                        struct resized *picture) {
    int rc = align_prepare(picture, img, face, net->ctx->ops->upload != NULL);
    return rc ? err_prefix(rc, "face %d", i) : MIEN_OK;
}

static int fill_crop(void *context, int i, int workers, struct resized *picture) {
    (void)workers;
    const struct embed_job *e = context;
    if (!e->crops) return fill_aligned(e->net, e->images[i], &e->faces[i], i, picture);
    size_t n = (size_t)ALIGN_SIDE * ALIGN_SIDE * 3;
    resize_none(picture, e->crops + n * (size_t)i, (ptrdiff_t)ALIGN_SIDE * 3, ALIGN_SIDE,
                ALIGN_SIDE);
    return MIEN_OK;
}

static int take_embedding(void *context, int i, struct tasks_slot *slot,
                          const float *const *outputs) {
    (void)slot;
    const struct embed_job *e = context;
    float *dst = e->out + (size_t)e->size * (size_t)i;
    double sum = 0;
    for (int k = 0; k < e->size; k++) sum += (double)outputs[0][k] * outputs[0][k];
    double factor = sum > 0 ? 1.0 / sqrt(sum) : 0;
    for (int k = 0; k < e->size; k++) dst[k] = (float)(outputs[0][k] * factor);
    return MIEN_OK;
}

static int takes_crops(const mien_net *net) {
    if (net->info.width == ALIGN_SIDE && net->info.height == ALIGN_SIDE) return MIEN_OK;
    return err_set(MIEN_EUNSUPPORTED, "network '%s' does not take 112x112 crops", net->info.name);
}

static int embed(mien_net *net, struct embed_job *e, int n) {
    int rc = takes_crops(net);
    if (rc) return rc;
    e->net = net;
    e->size = net->info.embedding_size;
    struct tasks_job j = {.net = net,
                          .n = n,
                          .width = ALIGN_SIDE,
                          .height = ALIGN_SIDE,
                          .fill = fill_crop,
                          .aligns = !e->crops,
                          .take = take_embedding,
                          .context = e};
    return tasks_run_all(&j);
}

int mien_embed(mien_net *net, const uint8_t *crops, int n, float *out) {
    int rc = tasks_check(net, MIEN_TASK_EMBED);
    if (rc) return rc;
    if (n < 0 || (n > 0 && (!crops || !out))) return err_set(MIEN_EINVAL, "%d crops", n);
    return embed(net, &(struct embed_job){.crops = crops, .out = out}, n);
}

static int check_images(const mien_image *const *images, int n) {
    int rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i++) rc = image_check(images[i]);
    return rc;
}

int mien_embed_faces(mien_net *net, const mien_image *const *images, const mien_face *faces, int n,
                     float *out) {
    int rc = tasks_check(net, MIEN_TASK_EMBED);
    if (rc) return rc;
    if (n < 0 || (n > 0 && (!images || !faces || !out))) return err_set(MIEN_EINVAL, "%d faces", n);
    rc = check_images(images, n);
    if (rc) return rc;
    return embed(net, &(struct embed_job){.images = images, .faces = faces, .out = out}, n);
}

float mien_similarity(const float *a, const float *b, int d) {
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < d; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return aa > 0 && bb > 0 ? (float)(ab / sqrt(aa * bb)) : 0;
}

/* ----------------------------------------------------------- age and gender */

struct age_job {
    const mien_net *net;
    const mien_image *const *images;
    const mien_face *faces;
    mien_age_gender *out;
};

static int fill_face(void *context, int i, int workers, struct resized *picture) {
    const struct age_job *a = context;
    const mien_net_info *info = &a->net->info;
    if (!a->net->crop_aligned)
        return crop_square(picture, a->images[i], a->faces[i].box, a->net->crop_margin, info->width,
                           info->height, workers);
    return fill_aligned(a->net, a->images[i], &a->faces[i], i, picture);
}

/* InsightFace gender-age: two gender logits (female, male), then a hundred pairs of which each says
 * whether the face is older than that many years (deepinsight/insightface
 * gender-age/face_model.py). */
static mien_age_gender from_fc1(const float *v) {
    mien_age_gender r = {.male = v[1] > v[0]};
    r.probability = 1.0f / (1.0f + expf(-fabsf(v[1] - v[0])));
    for (int i = 0; i < 100; i++) r.age += v[2 + 2 * i + 1] > v[2 + 2 * i] ? 1 : 0;
    return r;
}

static int take_age(void *context, int i, struct tasks_slot *slot, const float *const *outputs) {
    (void)slot;
    const struct age_job *a = context;
    int fc1 = tasks_output(a->net, "fc1");
    if (fc1 >= 0) {
        a->out[i] = from_fc1(outputs[fc1]);
        return MIEN_OK;
    }
    float male = outputs[tasks_output(a->net, "gender")][0];
    float age = outputs[tasks_output(a->net, "age")][0];
    a->out[i] = (mien_age_gender){.age = age > 0 ? age : 0,
                                  .male = male > 0.5f,
                                  .probability = male > 0.5f ? male : 1 - male};
    return MIEN_OK;
}

int mien_age_gender_run(mien_net *net, const mien_image *const *images, const mien_face *faces,
                        int nfaces, mien_age_gender *out) {
    int rc = tasks_check(net, MIEN_TASK_AGE_GENDER);
    if (rc) return rc;
    if (nfaces < 0 || (nfaces > 0 && (!images || !faces || !out)))
        return err_set(MIEN_EINVAL, "%d faces", nfaces);
    rc = check_images(images, nfaces);
    if (!rc && net->crop_aligned) rc = takes_crops(net);
    if (rc) return rc;
    struct age_job a = {.net = net, .images = images, .faces = faces, .out = out};
    struct tasks_job j = {.net = net,
                          .n = nfaces,
                          .width = net->info.width,
                          .height = net->info.height,
                          .fill = fill_face,
                          .take = take_age,
                          .context = &a};
    return tasks_run_all(&j);
}
