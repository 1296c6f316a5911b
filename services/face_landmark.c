/* face-landmark: finds the faces of a picture, and keeps where they are in Redis. */
#include "server/apis/api.h"
#include "services/look.h"

static void handle(struct request *r) {
    struct analysis_options options = look_options(r, 1U << MIEN_RESULT_FACES);
    struct pictures *pictures;
    struct look look;
    json_t *found;
    int failed = 0;

    if (pictures_check(r, 1U << MIEN_RESULT_FACES) || look_begin(&look, r)) return;
    pictures = look_run(&look, &options);
    if (!pictures) return;
    found = results_landmarks(pictures->at[0].analysis, &failed);
    pictures_free(pictures);
    look_end(&look, RESULTS_LANDMARKS, found, failed);
}

static const struct route ROUTES[] = {
    {"POST", "/services/face-landmark", ROUTE_WORK, handle},
    {.path = NULL},
};

static const struct api API = {.routes = ROUTES};
static const char *const GRPC[] = {"landmark_detection", NULL};

const struct service service_face_landmark = {
    .name = "face-landmark",
    .summary = "finds the faces of a picture (landmark_detection.proto)",
    .port = 50051,
    .grpc = GRPC,
    .api = &API,
    .results = 1U << MIEN_RESULT_FACES,
    .wants = SERVICE_REDIS,
    .start = look_start,
    .free = look_free,
};
