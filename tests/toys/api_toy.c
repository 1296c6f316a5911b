/* A dialect of the tests' own: the number of faces as a word of text, and errors in a form of its
 * own. With its row in the table it is all that a new dialect takes; test_toys.py asks it. */
#include "server/apis/api.h"
#include "server/picture.h"
#include "server/reply.h"
#include "server/server.h"
#include "server/uploads.h"

#include <stdio.h>

static void reply_text(struct request *r, int status, const char *text) {
    char *body = NULL;
    int n = asprintf(&body, "toy: %s\n", text);

    reply_bytes(r, status, "text/plain", n < 0 ? NULL : body, n < 0 ? 0 : (size_t)n);
}

static void write_error(struct request *r, int status, const char *code, const char *message) {
    (void)code;
    reply_text(r, status, message);
}

static void handle_count(struct request *r) {
    static const struct uploads_want want = {.min = 1, .max = 1};
    struct analysis_options options = {.steps =
                                           analysis_steps(&r->models->networks, MIEN_RESULT_FACES),
                                       .detect = r->server->config->detect};
    struct uploads in;
    struct pictures *p;
    char number[16];

    if (uploads_read(r, &want, &in)) return;
    p = pictures_run(r, &options, &in, 0);
    if (p) {
        snprintf(number, sizeof number, "%d", p->at[0].analysis->nfaces);
        reply_text(r, 200, number);
    }
    pictures_free(p);
    uploads_free(&in);
}

static const struct route ROUTES[] = {
    {"PATCH", "/toy/count", ROUTE_WORK, handle_count},
    {.path = NULL},
};

const struct api api_toy = {.prefix = "/toy", .routes = ROUTES, .write_error = write_error};
