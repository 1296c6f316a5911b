#include "services/look.h"

#include "common/json_values.h"
#include "server/params.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"
#include "services/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reply(struct look *look, int success, const char *name, const char *text) {
    int failed = 0;
    json_t *object = json_object();

    json_value_set(object, "success", json_boolean(success), &failed);
    json_value_set(object, "image_id", json_value_text(look->image_id), &failed);
    json_value_set(object, name, json_value_text(text), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    reply_json(look->request, 200, object);
}

void look_refuse(struct look *look, const char *why) {
    reply(look, 0, "error_message", why);
}

int look_begin(struct look *look, struct request *r) {
    char why[WHY_SIZE];

    *look = (struct look){.request = r};
    if (param_text(r, "image_id", look->room, &look->image_id)) return -1;
    if (!look->image_id) {
        reply_error(r, 400, "bad_request", "image_id is missing");
        return -1;
    }
    if (image_id_check(look->image_id, why, sizeof why)) {
        reply_error(r, 400, "bad_request", "image_id: %s", why);
        return -1;
    }
    if (r->body.n == 0) {
        look_refuse(look, "the picture is empty");
        return -1;
    }
    if (r->body.n > r->server->config->max_bytes) {
        snprintf(why, sizeof why, "a picture of %zu bytes is over the limit of %zu bytes",
                 r->body.n, r->server->config->max_bytes);
        look_refuse(look, why);
        return -1;
    }
    results_key(r->body.at, r->body.n, look->key);
    return 0;
}

struct analysis_options look_options(const struct request *r, unsigned results) {
    const struct networks *networks = &r->models->networks;
    const struct serve_config *c = r->server->config;
    struct analysis_options o = {
        .detect = c->detect, .top = 1, .method = (enum networks_method)c->method, .all_pixels = 1};
    char why[WHY_SIZE];

    for (int result = 0; result < 32; result++)
        if (results >> result & 1) o.steps |= analysis_steps(networks, (enum mien_result)result);
    networks_tell(networks, c->attributes, &o.told, why, sizeof why); /* was tried at the start */
    return o;
}

struct pictures *look_run(struct look *look, const struct analysis_options *options) {
    struct request *r = look->request;
    struct upload one = {.bytes = r->body.at, .size = r->body.n};
    const struct uploads in = {.at = &one, .n = 1};
    struct pictures *pictures = pictures_run(r, options, &in, 1);

    if (!pictures || !pictures->at[0].status) return pictures;
    if (pictures->at[0].status >= 400 && pictures->at[0].status < 500)
        look_refuse(look, pictures->at[0].why);
    else
        reply_error(r, pictures->at[0].status, pictures->at[0].code, "%s", pictures->at[0].why);
    pictures_free(pictures);
    return NULL;
}

void look_end(struct look *look, const char *field, json_t *value, int failed) {
    struct request *r = look->request;
    char why[REDIS_WHY];
    size_t n = 0;
    char *text = failed ? NULL : json_value_dump(value, JSON_COMPACT | JSON_REAL_PRECISION(16), &n);
    int rc;

    json_decref(value);
    if (!text) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return;
    }
    rc = store_put(r->server->service_state, look->key, field, text, n, why);
    free(text);
    if (rc)
        reply_error(r, 503, "redis_away", "%s", why);
    else
        reply(look, 1, "redis_key", look->key);
}

int look_start(struct server *s, char *why, size_t room) {
    const struct service_config *c = &s->config->service;

    s->service_state = store_new(c->redis, c->expiry);
    if (s->service_state) return 0;
    snprintf(why, room, "out of memory");
    return -1;
}

void look_free(struct server *s) {
    store_free(s->service_state);
    s->service_state = NULL;
}
