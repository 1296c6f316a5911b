#include "analysis/measures.h"

#include "common/json_values.h"

#include <stddef.h>
#include <string.h>

int measures_take(struct measures *list, const mien_image *image, const mien_face *faces, int n) {
    for (int i = 0; i < n; i++) {
        struct measures *m = &list[i];
        m->quality.struct_size = sizeof m->quality;
        int rc = mien_face_pose(&faces[i], m->pose);
        if (rc == MIEN_OK) rc = mien_face_quality(image, &faces[i], &m->quality);
        m->known = rc == MIEN_OK;
        if (rc == MIEN_ENOMEM) return rc;
    }
    return MIEN_OK;
}

static json_t *pose_json(const float *angles, int *failed) {
    static const char *const names[] = {"pitch", "yaw", "roll"};
    json_t *object = json_object();

    for (int i = 0; i < 3; i++)
        json_value_set(object, names[i], json_value_number((double)angles[i], 2), failed);
    return object;
}

static json_t *reasons_json(unsigned reasons, int *failed) {
    json_t *list = json_array();
    const char *name;

    for (int i = 0; (name = mien_quality_reason_name(i)); i++)
        if (reasons >> i & 1) json_value_append(list, json_string(name), failed);
    return list;
}

static json_t *quality_json(const mien_quality *q, int *failed) {
    static const struct {
        const char *name;
        size_t member;
        int places;
    } numbers[] = {
        {"eye_distance", offsetof(mien_quality, eye_distance), 2},
        {"sharpness", offsetof(mien_quality, sharpness), 4},
        {"noise", offsetof(mien_quality, noise), 2},
        {"dark", offsetof(mien_quality, dark), 4},
        {"bright", offsetof(mien_quality, bright), 4},
        {"contrast", offsetof(mien_quality, contrast), 4},
        {"turned", offsetof(mien_quality, turned), 2},
        {"inside", offsetof(mien_quality, inside), 4},
    };
    json_t *object = json_object();

    json_value_set(object, "score", json_value_number((double)q->score, 4), failed);
    json_value_set(object, "reasons", reasons_json(q->reasons, failed), failed);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        float v;
        memcpy(&v, (const char *)q + numbers[i].member, sizeof v);
        json_value_set(object, numbers[i].name, json_value_number((double)v, numbers[i].places),
                       failed);
    }
    if (q->feature_norm > 0)
        json_value_set(object, "feature_norm", json_value_number((double)q->feature_norm, 3),
                       failed);
    if (q->unified_score >= 0)
        json_value_set(object, "unified_score", json_value_number((double)q->unified_score, 4),
                       failed);
    return object;
}

void measures_add_json(json_t *object, const struct measures *m, int *failed) {
    if (!m->known) return;
    json_value_set(object, "pose", pose_json(m->pose, failed), failed);
    json_value_set(object, "quality", quality_json(&m->quality, failed), failed);
}
