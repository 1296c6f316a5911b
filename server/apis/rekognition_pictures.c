/* What Rekognition tells of pictures without keeping anything: faces, two compared, labels. */
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "server/apis/rekognition.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdlib.h>
#include <string.h>

enum {
    FACES = 1 << MIEN_RESULT_FACES,
    EMBEDDINGS = 1 << MIEN_RESULT_EMBEDDING,
    CLASSES = 1 << MIEN_RESULT_CLASSES
};

static const char *const IMAGE[] = {"Image"};
static const char *const PAIR[] = {"SourceImage", "TargetImage"};

static void handle_detect_faces(struct request *r) {
    struct analysis_options options = {.quality = 1};
    struct pictures *p = NULL;
    struct uploads in = {.n = 0};
    json_t *object, *list;
    int all = 0, failed = 0;

    if (rekognition_images(r, IMAGE, 1, &in) == 0 &&
        rekognition_attributes(r, "Attributes", &options, &all) == 0)
        p = rekognition_look(r, &in, &options, FACES);
    if (p) {
        object = json_object();
        list = json_array();
        for (int i = 0; i < p->at[0].analysis->nfaces; i++)
            json_value_append(list, rekognition_detail(&p->at[0], i, all, &failed), &failed);
        json_value_set(object, "FaceDetails", list, &failed);
        rekognition_reply(r, object, failed);
    }
    pictures_free(p);
    uploads_free(&in);
}

static json_t *matches_json(struct request *r, const struct pictures *p, int source, double least,
                            const char *filter, json_t *unmatched, int *failed) {
    const struct analysis *from = p->at[0].analysis, *to = p->at[1].analysis;
    int dims = to->nfaces ? item_width(analysis_item(to, MIEN_RESULT_EMBEDDING)->network) : 0;
    json_t *list = json_array();

    for (int i = 0; i < to->nfaces; i++) {
        json_t *reasons = rekognition_reasons(to, i, filter, failed), *one;
        double score =
            rekognition_score(r, (double)mien_similarity(analysis_embedding(from, source),
                                                         analysis_embedding(to, i), dims));
        int is_left_out = reasons != NULL;
        json_decref(reasons);
        if (is_left_out) continue;
        if (score < least) {
            json_value_append(unmatched, rekognition_detail(&p->at[1], i, 0, failed), failed);
            continue;
        }
        one = json_object();
        json_value_set(one, "Similarity", json_value_number(score, 4), failed);
        json_value_set(one, "Face", rekognition_detail(&p->at[1], i, 0, failed), failed);
        json_value_append(list, one, failed);
    }
    return list;
}

/* The largest face of the source, with all of the target; the most alike first. */
static void compare(struct request *r, const struct pictures *p, double least, const char *filter) {
    const struct analysis *from = p->at[0].analysis;
    int *order = rekognition_order(r, from), failed = 0;
    json_t *object, *face, *unmatched, *matches;

    if (!order) return;
    if (from->nfaces == 0) {
        rekognition_error(r, 400, "InvalidParameterException",
                          "no face was found in the source image");
        free(order);
        return;
    }
    object = json_object();
    face = json_object();
    unmatched = json_array();
    json_value_set(face, "BoundingBox", rekognition_box(from, &from->faces[order[0]], &failed),
                   &failed);
    json_value_set(face, "Confidence",
                   json_value_number(100 * (double)from->faces[order[0]].score, 4), &failed);
    matches = matches_json(r, p, order[0], least, filter, unmatched, &failed);
    for (size_t i = 1; i < json_array_size(matches); i++) /* by falling similarity */
        for (size_t k = i; k > 0; k--) {
            json_t *a = json_array_get(matches, k - 1), *b = json_array_get(matches, k);
            if (json_number_value(json_object_get(a, "Similarity")) >=
                json_number_value(json_object_get(b, "Similarity")))
                break;
            json_incref(a);
            json_array_set(matches, k - 1, b);
            json_array_set_new(matches, k, a);
        }
    json_value_set(object, "SourceImageFace", face, &failed);
    json_value_set(object, "FaceMatches", matches, &failed);
    json_value_set(object, "UnmatchedFaces", unmatched, &failed);
    rekognition_reply(r, object, failed);
    free(order);
}

static void handle_compare_faces(struct request *r) {
    struct analysis_options options = {.quality = 1};
    struct pictures *p = NULL;
    struct uploads in = {.n = 0};
    double least = REKOGNITION_SCALE.usual;
    const char *filter;

    if (rekognition_images(r, PAIR, 2, &in) == 0 &&
        rekognition_number(r, "SimilarityThreshold", 0, 100, &least) == 0 &&
        rekognition_filter(r, "NONE", &filter) == 0)
        p = rekognition_look(r, &in, &options, FACES | EMBEDDINGS);
    if (p) compare(r, p, least, filter);
    pictures_free(p);
    uploads_free(&in);
}

/* "tabby, tabby cat": the first is the name, the others are aliases. */
static json_t *label_json(const mien_class *c, int *failed) {
    json_t *object = json_object(), *aliases = json_array();
    const char *rest = strchr(c->label, ',');
    size_t n = rest ? (size_t)(rest - c->label) : strlen(c->label);

    json_value_set(object, "Name", json_stringn(c->label, n), failed);
    json_value_set(object, "Confidence", json_value_number(100 * (double)c->score, 4), failed);
    json_value_set(object, "Instances", json_array(), failed);
    json_value_set(object, "Parents", json_array(), failed);
    while (rest) {
        json_t *one = json_object();
        const char *word = rest + 1 + strspn(rest + 1, " ");
        rest = strchr(word, ',');
        json_value_set(one, "Name", json_stringn(word, rest ? (size_t)(rest - word) : strlen(word)),
                       failed);
        json_value_append(aliases, one, failed);
    }
    json_value_set(object, "Aliases", aliases, failed);
    json_value_set(object, "Categories", json_array(), failed);
    return object;
}

static void handle_detect_labels(struct request *r) {
    const struct network *classifier = networks_giving(&r->models->networks, MIEN_RESULT_CLASSES);
    struct analysis_options options = {.top = 1};
    double least = 55; /* AWS's default */
    int most = 1000, failed = 0;
    struct pictures *p = NULL;
    struct uploads in = {.n = 0};
    json_t *object, *list;

    if (rekognition_images(r, IMAGE, 1, &in) == 0 &&
        rekognition_int(r, "MaxLabels", 0, 1 << 30, &most) == 0 &&
        rekognition_number(r, "MinConfidence", 0, 100, &least) == 0) {
        if (classifier)
            options.top = most < 1                          ? 1
                          : most < classifier->info.classes ? most
                                                            : classifier->info.classes;
        p = rekognition_look(r, &in, &options, CLASSES);
    }
    if (p) {
        const struct item *item = analysis_item(p->at[0].analysis, MIEN_RESULT_CLASSES);
        object = json_object();
        list = json_array();
        for (int i = 0; i < item->top && i < most; i++)
            if (item->classes[i].label && 100 * (double)item->classes[i].score >= least)
                json_value_append(list, label_json(&item->classes[i], &failed), &failed);
        json_value_set(object, "Labels", list, &failed);
        json_value_set(object, "LabelModelVersion", json_value_text(classifier->info.name),
                       &failed);
        rekognition_reply(r, object, failed);
    }
    pictures_free(p);
    uploads_free(&in);
}

const struct rekognition_op REKOGNITION_PICTURES[] = {
    {"DetectFaces", handle_detect_faces},
    {"CompareFaces", handle_compare_faces},
    {"DetectLabels", handle_detect_labels},
    {.name = NULL},
};
