/* age-gender: tells age and gender of the faces that face-landmark has found in a picture, and
 * keeps that in Redis. Where nothing is there of the picture it looks for the faces itself: with
 * the same network, so that what it tells is the same. */
#include "server/apis/api.h"
#include "server/reply.h"
#include "server/server.h"
#include "services/look.h"
#include "services/store.h"

#include <stdlib.h>

enum { RESULTS = 1U << MIEN_RESULT_FACES | 1U << MIEN_RESULT_ATTRIBUTES };

/* The faces in Redis: 1; 0 where there are none; -1 after replying. */
static int read_given(struct look *look, struct analysis_given *given) {
    struct request *r = look->request;
    char why[REDIS_WHY], *text;
    size_t n;
    int is_there;

    if (store_get(r->server->service_state, look->key, RESULTS_LANDMARKS, &text, &n, why)) {
        reply_error(r, 503, "redis_away", "%s", why);
        return -1;
    }
    is_there = text && results_read_landmarks(text, n, given) == 0;
    free(text);
    return is_there;
}

static void handle(struct request *r) {
    struct analysis_options options = look_options(r, RESULTS);
    struct analysis_given given = {0};
    struct pictures *pictures;
    struct look look;
    json_t *told;
    int failed = 0, is_given;

    if (pictures_check(r, RESULTS) || look_begin(&look, r)) return;
    is_given = read_given(&look, &given);
    if (is_given < 0) return;
    if (is_given) options.given = &given;
    pictures = look_run(&look, &options);
    free((mien_face *)(uintptr_t)given.faces); /* the analysis has its own */
    if (!pictures) return;
    told = results_age_gender(pictures->at[0].analysis, &failed);
    pictures_free(pictures);
    look_end(&look, RESULTS_AGE_GENDER, told, failed);
}

static const struct route ROUTES[] = {
    {"POST", "/services/age-gender", ROUTE_WORK, handle},
    {.path = NULL},
};

static const struct api API = {.routes = ROUTES};
static const char *const GRPC[] = {"age_gender", NULL};

const struct service service_age_gender = {
    .name = "age-gender",
    .summary = "tells age and gender of its faces (age_gender.proto)",
    .port = 50052,
    .grpc = GRPC,
    .api = &API,
    .results = RESULTS,
    .wants = SERVICE_REDIS,
    .start = look_start,
    .free = look_free,
};
