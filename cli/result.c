#include "result.h"

#include "analysis/result_json.h"
#include "analysis/timing_json.h"
#include "common/json_values.h"

static json_t *picture_timing(const struct picture *picture, int *failed) {
    unsigned shown = timing_tasks() | 1U << STAGE_START | 1U << STAGE_DECODE;
    double total = 0;

    for (int i = 0; i < STAGES_MAX; i++)
        if (i != STAGE_START) total += picture->seconds[i];
    return timing_json(picture->seconds, shown, total, failed);
}

/* A word programs may go by: the name of the code in mien.h. */
static const char *code_name(int rc) {
    switch (rc) {
    case MIEN_EINVAL: return "einval";
    case MIEN_ENOMEM: return "enomem";
    case MIEN_EIO: return "eio";
    case MIEN_EFORMAT: return "eformat";
    case MIEN_EWEIGHTS: return "eweights";
    case MIEN_EUNSUPPORTED: return "eunsupported";
    case MIEN_EDEVICE: return "edevice";
    case MIEN_ETOOBIG: return "etoobig";
    default: return "unknown";
    }
}

json_t *result_json(const struct picture *picture) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "file", json_value_text(picture->input->path), &failed);
    if (picture->error[0]) {
        json_value_set(object, "format_version", json_integer(RESULT_FORMAT_VERSION), &failed);
        json_value_set(object, "error", json_value_text(picture->error), &failed);
        json_value_set(object, "code", json_string(code_name(picture->rc)), &failed);
    } else {
        result_add_size(object, picture->analysis, &failed);
        result_add_faces(object, picture->analysis, &failed);
        result_add_picture(object, picture->analysis, &failed);
        json_value_set(object, "timing_ms", picture_timing(picture, &failed), &failed);
    }
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
