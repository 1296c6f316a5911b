/*
 * KServe's Open Inference Protocol, version 2: raw tensors through the networks.
 *
 * A network has one input, "input", of [n, height, width, 3] RGB values 0..255 (or features of
 * another network, of as many channels as those have) as FP32 or UINT8, and the outputs of
 * mien_net_output_name(). Specification: github.com/kserve/open-inference-protocol,
 * specification/protocol/inference_rest.md.
 */
#include "common/clock.h"
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/apis/kserve_codec.h"
#include "server/batch.h"
#include "server/models.h"
#include "server/refusals.h"
#include "server/reply.h"
#include "server/server.h"

#include <stdlib.h>
#include <string.h>

/* JSON_MEMORY: 1.4 million numbers, more than 640x640x3 in a flat list; binary tensors need none.
 */
enum { MAX_IMAGES = 256, MAX_PIXELS = 1 << 24, JSON_MEMORY = 64 << 20 };

/* Bytes of text that a byte of a float may become in an answer, with what is spare while it grows.
 */
enum { JSON_TEXT = 10 };

/* Bytes of JSON before binary tensors, of requests and answers. */
#define JSON_LENGTH "Inference-Header-Content-Length"

static void write_error(struct request *r, int status, const char *code, const char *message) {
    (void)code;
    reply_json_as(r, status, "application/json",
                  json_pack("{s:o}", "error", json_value_text(message)));
}

static void handle_server(struct request *r) {
    reply_json(r, 200,
               json_pack("{s:s, s:s, s:[s]}", "name", "mien", "version", mien_version(),
                         "extensions", "binary_tensor_data"));
}

static void handle_live(struct request *r) {
    reply_json(r, 200, json_pack("{s:b}", "live", 1));
}

static void handle_ready(struct request *r) {
    int is_ready = server_is_ready(r->server);

    reply_json(r, is_ready ? 200 : 503, json_pack("{s:b}", "ready", is_ready));
}

/* What works as one but is two networks (mien_net_load) has no outputs of its own. */
static int has_outputs(const struct network *model) {
    return model->net && mien_net_outputs(model->net) > 0;
}

/* Networks have one version, of no number the protocol asks for: "1". */
static const struct network *find_model(struct request *r, const struct models *m) {
    const struct network *model = models_find(m, r->param[0]);

    if (!model || !has_outputs(model) || (r->param[1][0] && strcmp(r->param[1], "1") != 0)) {
        reply_error(r, 404, "not_found", "this server has no such model");
        return NULL;
    }
    return model;
}

static void handle_model_ready(struct request *r) {
    struct models *m = models_acquire(r->server->models);
    const struct network *model = find_model(r, m);

    if (model) reply_json(r, 200, json_pack("{s:s, s:b}", "name", model->info.name, "ready", 1));
    models_release(r->server->models, m);
}

/* Outputs that are maps keep four dimensions whatever the size they are run at. */
static int is_map(const struct network *model, int output) {
    mien_tensor t;

    return mien_net_output_shape(model->net, output, 1, model->info.width, model->info.height,
                                 &t) == MIEN_OK &&
           t.h * t.w > 1;
}

static json_t *input_json(const struct network *model) {
    int w = model->info.dynamic_size ? -1 : model->info.width;
    int h = model->info.dynamic_size ? -1 : model->info.height;

    return json_pack("[{s:s, s:s, s:[i, i, i, i]}]", "name", "input", "datatype", "FP32", "shape",
                     -1, h, w, model->info.channels);
}

static json_t *output_json(const struct network *model, int i) {
    mien_tensor t = {.c = 0};
    json_t *shape;

    mien_net_output_shape(model->net, i, 1, model->info.width, model->info.height, &t);
    if (is_map(model, i))
        shape = json_pack("[i, i, i, i]", -1, model->info.dynamic_size ? -1 : t.h,
                          model->info.dynamic_size ? -1 : t.w, t.c);
    else
        shape = json_pack("[i, i]", -1, t.c);
    return json_pack("{s:s, s:s, s:o}", "name", mien_net_output_name(model->net, i), "datatype",
                     "FP32", "shape", shape);
}

static json_t *model_json(const struct network *model) {
    int failed = 0;
    json_t *o = json_pack("{s:s, s:[s], s:s}", "name", model->info.name, "versions", "1",
                          "platform", "mien");
    json_t *outputs = json_array();

    for (int i = 0; i < mien_net_outputs(model->net); i++)
        json_value_append(outputs, output_json(model, i), &failed);
    json_value_set(o, "inputs", input_json(model), &failed);
    json_value_set(o, "outputs", outputs, &failed);
    if (!failed) return o;
    json_decref(o);
    return NULL;
}

static void handle_model(struct request *r) {
    struct models *m = models_acquire(r->server->models);
    const struct network *model = find_model(r, m);

    if (model) reply_json(r, 200, model_json(model));
    models_release(r->server->models, m);
}

/* Not of the protocol, but KServe's own server has it, and people look there first. */
static void handle_models(struct request *r) {
    struct models *m = models_acquire(r->server->models);
    json_t *answer = json_object(), *list = json_array();
    int failed = 0;

    for (int i = 0; i < m->networks.n; i++)
        if (has_outputs(&m->networks.at[i]))
            json_value_append(list, json_value_text(m->networks.at[i].info.name), &failed);
    json_value_set(answer, "models", list, &failed);
    models_release(r->server->models, m);
    if (failed) {
        json_decref(answer);
        answer = NULL;
    }
    reply_json(r, 200, answer);
}

/* A request, and all that its run looks at: that is its own, because the request may be answered
 * before the run has ended. */
struct infer {
    struct request *request;
    struct server *server;
    struct models *models; /* a share of its own */
    struct client *client; /* a hold of its own */
    struct bytes body;     /* the request's */
    size_t body_budget;
    size_t budget; /* acquired of the server's memory for pictures: the tensors' */
    struct batch_group group;
    struct item item;
    const struct network *model;
    struct kserve_request wire;
    mien_tensor input;
    float *widened; /* of a UINT8 input */
    int nwanted;
    const struct kserve_wanted *wanted[KSERVE_OUTPUTS];
    struct kserve_wanted fallback[KSERVE_OUTPUTS];
    mien_tensor outputs[KSERVE_OUTPUTS];
    int dims[KSERVE_OUTPUTS]; /* of the outputs in the answer: 4 of a map, else 2 */
    int64_t shape[KSERVE_OUTPUTS][4];
};

/* What reading the request may take beside its body: a value of JSON 48 bytes and more than one of
 * text, its number, and a copy of what is binary. */
static size_t reading_bytes(const struct bytes *body, long long json_length) {
    enum { VALUE_BYTES = 48, LEAST_TEXT = 2 };
    size_t json = json_length < 0 || (size_t)json_length > body->n ? body->n : (size_t)json_length;
    size_t values = json / LEAST_TEXT * VALUE_BYTES;

    return (values < JSON_MEMORY ? values : JSON_MEMORY) + json / LEAST_TEXT * sizeof(float) +
           (body->n - json);
}

/* Bytes of the input that is read. */
static size_t input_bytes(const struct infer *f) {
    size_t bytes = 0;

    for (int i = 0; i < f->wire.inputs_count; i++)
        if (f->wire.inputs[i].owned)
            bytes += f->wire.inputs[i].count * (f->wire.inputs[i].floats ? sizeof(float) : 1);
    return bytes;
}

/* From now on f takes `bytes`. What is more than it has is not waited for, because others that wait
 * may wait for what it has. */
static int set_budget(struct infer *f, size_t bytes) {
    struct sync_budget *budget = &f->server->pictures;

    if (bytes > f->budget && sync_budget_grow(budget, f->budget, bytes - f->budget)) {
        refuse_memory(f->request);
        return -1;
    }
    if (bytes < f->budget) sync_budget_release(budget, f->budget - bytes);
    f->budget = bytes;
    return 0;
}

static int bad_request(struct infer *f, const char *why) {
    reply_error(f->request, 400, "bad_request", "%s", why);
    return -1;
}

static int check_side(const struct infer *f, int64_t got, int wanted) {
    if (!f->model->info.dynamic_size) return got == wanted;
    return got >= 32 && got <= f->request->server->config->max_side;
}

static int read_input(struct infer *f) {
    const struct kserve_input *in = &f->wire.inputs[0];
    const mien_net_info *info = &f->model->info;

    if (f->wire.inputs_count != 1 || strcmp(in->name, "input") != 0)
        return bad_request(f, "the model takes one input, called \"input\"");
    if (in->dims != 4 || in->shape[3] != info->channels ||
        !check_side(f, in->shape[1], info->height) || !check_side(f, in->shape[2], info->width))
        return bad_request(
            f, "the input must be of a shape [n, height, width, channels] the model takes; "
               "its metadata says which");
    if (in->shape[0] > MAX_IMAGES || in->count > (size_t)MAX_PIXELS * 3) {
        reply_error(f->request, 413, "too_large", "an input has at most %d images and %d pixels",
                    MAX_IMAGES, MAX_PIXELS);
        return -1;
    }
    f->input = (mien_tensor){.n = (int)in->shape[0],
                             .h = (int)in->shape[1],
                             .w = (int)in->shape[2],
                             .c = info->channels,
                             .data = (float *)(uintptr_t)in->floats};
    if (in->floats) return 0;
    if (set_budget(f, f->budget + in->count * sizeof(float))) return -1;
    f->input.data = f->widened = malloc(in->count * sizeof(float));
    for (size_t i = 0; f->widened && i < in->count; i++) f->widened[i] = in->bytes[i];
    if (f->widened) return 0;
    reply_error(f->request, 500, "internal", "the server is out of memory");
    return -1;
}

static void set_shape(struct infer *f, int i, int output) {
    const mien_tensor *t = &f->outputs[i];
    int64_t *shape = f->shape[i];

    f->dims[i] = is_map(f->model, output) ? 4 : 2;
    shape[0] = t->n;
    shape[1] = f->dims[i] == 4 ? t->h : t->c;
    shape[2] = t->w;
    shape[3] = t->c;
}

/* Why the library did not do it. */
static int reply_library(struct infer *f, int rc, const char *why) {
    const char *code;
    int status = error_status(rc, &code);

    reply_error(f->request, status, code, "%s", why);
    return -1;
}

/* The tensors of the outputs that are wanted. */
static int make_outputs(struct infer *f) {
    for (int i = 0; i < mien_net_outputs(f->model->net) && i < KSERVE_OUTPUTS; i++) {
        const char *name = mien_net_output_name(f->model->net, i);
        const struct kserve_wanted *want = kserve_wants(&f->wire, name, &f->fallback[f->nwanted]);
        mien_tensor *t = &f->outputs[f->nwanted];
        size_t bytes;
        if (!want) continue;
        int rc = mien_net_output_shape(f->model->net, i, f->input.n, f->input.w, f->input.h, t);
        if (rc) return reply_library(f, rc, mien_error());
        bytes = (size_t)t->n * (size_t)t->h * (size_t)t->w * (size_t)t->c * sizeof(float);
        if (set_budget(f, f->budget + bytes + (want->binary ? bytes : bytes * JSON_TEXT)))
            return -1;
        t->name = name;
        t->data = malloc(bytes);
        f->wanted[f->nwanted] = want;
        set_shape(f, f->nwanted, i);
        f->nwanted++;
        if (t->data) continue;
        reply_error(f->request, 500, "internal", "the server is out of memory");
        return -1;
    }
    if (f->wire.outputs_count > 0 && f->nwanted < f->wire.outputs_count)
        return bad_request(f, "the model has no output of that name; its metadata says which");
    return 0;
}

static mien_tensor piece_of(const mien_tensor *t, int from, int n) {
    mien_tensor piece = *t;

    piece.n = n;
    piece.data += (size_t)from * (size_t)t->h * (size_t)t->w * (size_t)t->c;
    return piece;
}

static int run_infer(void *context, int from, int n) {
    struct infer *f = context;
    mien_tensor input = piece_of(&f->input, from, n), outputs[KSERVE_OUTPUTS];

    for (int i = 0; i < f->nwanted; i++) outputs[i] = piece_of(&f->outputs[i], from, n);
    return mien_run(f->model->net, &input, outputs, f->nwanted);
}

/* By the batcher, so that networks run one after the other. */
static int run(struct infer *f) {
    struct request *r = f->request;
    struct item *item = &f->item;

    *item = (struct item){.n = f->input.n, .call = run_infer, .context = f};
    f->group.arrived = r->arrived;
    f->group.until = r->deadline;
    f->group.stop = request_is_over;
    f->group.context = r;
    batch_submit(&f->group, item);
    if (batch_wait(&f->group)) {
        reply_given_up(r);
        return -1;
    }
    request_spent(r, STAGE_BATCH, item->waited);
    request_spent(r, STAGE_INFER, item->seconds);
    if (item->rc == MIEN_OK) return 0;
    return reply_library(f, item->rc, item->why);
}

static void answer(struct infer *f) {
    struct kserve_output outputs[KSERVE_OUTPUTS];
    struct kserve_answer wire;
    char why[WHY_SIZE];
    double start = clock_seconds();

    for (int i = 0; i < f->nwanted; i++)
        outputs[i] = (struct kserve_output){.name = f->outputs[i].name,
                                            .dims = f->dims[i],
                                            .shape = f->shape[i],
                                            .data = f->outputs[i].data,
                                            .binary = f->wanted[i]->binary};
    if (kserve_write(f->model->info.name, f->wire.id, outputs, f->nwanted, &wire, why)) {
        reply_error(f->request, 500, "internal", "%s", why);
        return;
    }
    reply_bytes(f->request, 200,
                wire.header_length < 0 ? "application/json" : "application/octet-stream",
                wire.bytes, wire.size);
    /* The answer's share goes with the request, which a slow client may keep. */
    f->request->reply_budget = wire.size < f->budget ? wire.size : f->budget;
    f->budget -= f->request->reply_budget;
    if (wire.header_length >= 0) reply_header(f->request, JSON_LENGTH, "%lld", wire.header_length);
    request_spent(f->request, STAGE_ENCODE, clock_seconds() - start);
}

static struct infer *new_infer(struct request *r) {
    struct infer *f = calloc(1, sizeof *f);

    if (!f) return NULL;
    f->request = r;
    f->server = r->server;
    f->models = models_share(r->server->models, r->models);
    f->body = r->body;
    f->body_budget = r->body_budget;
    r->body = (struct bytes){.at = NULL};
    r->body_budget = 0;
    f->client = clients_share(r->server->clients, r->client);
    batch_group_init(&f->group, r->server->batcher, f->client);
    return f;
}

/* In the batcher's thread where a run was left: the request is no more. */
static void release(void *owner) {
    struct infer *f = owner;

    for (int i = 0; i < f->nwanted; i++) free(f->outputs[i].data);
    free(f->widened);
    kserve_request_free(&f->wire);
    free(f->body.at);
    if (f->body_budget) sync_budget_release(&f->server->bodies, f->body_budget);
    if (f->budget) sync_budget_release(&f->server->pictures, f->budget);
    models_release(f->server->models, f->models);
    clients_release(f->server->clients, f->client);
    free(f);
}

static void infer(struct infer *f, long long json_length) {
    size_t reading = reading_bytes(&f->body, json_length);
    char why[WHY_SIZE];
    int status;

    if (request_acquire(f->request, &f->server->pictures, reading)) {
        reply_given_up(f->request);
        return;
    }
    f->budget = reading;
    status = kserve_read(f->body.at, f->body.n, json_length, JSON_MEMORY, &f->wire, why);
    if (status)
        reply_error(f->request, status,
                    status == 413   ? "too_large"
                    : status == 500 ? "internal"
                                    : "bad_request",
                    "%s", why);
    else if (set_budget(f, input_bytes(f)) == 0 && read_input(f) == 0 && make_outputs(f) == 0 &&
             run(f) == 0)
        answer(f);
}

static void handle_infer(struct request *r) {
    const char *header = request_header(r, JSON_LENGTH);
    char *end = NULL;
    long long json_length = header ? strtoll(header, &end, 10) : -1;
    const struct network *model = find_model(r, r->models);
    struct infer *f;

    if (!model) return;
    if (header && (*end || end == header || json_length < 0)) {
        reply_error(r, 400, "bad_request", JSON_LENGTH " must be a number of bytes");
        return;
    }
    f = new_infer(r);
    if (!f) {
        reply_error(r, 500, "internal", "the server is out of memory");
        return;
    }
    f->model = model;
    infer(f, json_length);
    batch_group_end(&f->group, release, f);
}

static const struct route ROUTES[] = {
    {"GET", "/v2", ROUTE_EARLY, handle_server},
    {"GET", "/v2/health/live", ROUTE_OPEN | ROUTE_EARLY, handle_live},
    {"GET", "/v2/health/ready", ROUTE_OPEN | ROUTE_EARLY, handle_ready},
    {"GET", "/v2/models", 0, handle_models},
    {"GET", "/v2/models/{}", 0, handle_model},
    {"GET", "/v2/models/{}/ready", 0, handle_model_ready},
    {"POST", "/v2/models/{}/infer", ROUTE_WORK | ROUTE_MANY, handle_infer},
    {"GET", "/v2/models/{}/versions/{}", 0, handle_model},
    {"GET", "/v2/models/{}/versions/{}/ready", 0, handle_model_ready},
    {"POST", "/v2/models/{}/versions/{}/infer", ROUTE_WORK | ROUTE_MANY, handle_infer},
    {.path = NULL},
};

const struct api api_kserve = {
    .prefix = "/v2", .routes = ROUTES, .headers = JSON_LENGTH, .write_error = write_error};
