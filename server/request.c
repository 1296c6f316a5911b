#include "server/request.h"

#include "common/clock.h"
#include "server/server.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* ---- memory ---- */

/* Bodies are grown by halves, so that few bytes are copied twice; what is taken of the budget is
 * what was allocated. */
int request_grow(struct request *r, struct bytes *b, const void *data, size_t n) {
    if (n == 0) return 0;
    if (n > b->room - b->n) {
        size_t room = b->room + b->room / 2;
        uint8_t *larger;
        if (room < b->n + n) room = b->n + n;
        if (sync_budget_acquire(&r->server->bodies, room - b->room, 0)) return -1;
        r->body_budget += room - b->room;
        larger = realloc(b->at, room);
        if (!larger) return -1;
        b->at = larger;
        b->room = room;
    }
    memcpy(b->at + b->n, data, n);
    b->n += n;
    return 0;
}

void request_free(struct request *r) {
    if (r->form) MHD_destroy_post_processor(r->form);
    for (int i = 0; i < r->nparts; i++) free(r->parts[i].data.at);
    free(r->parts);
    free(r->body.at);
    if (r->body_budget) sync_budget_release(&r->server->bodies, r->body_budget);
    if (r->models) models_release(r->server->models, r->models);
    json_decref(r->json);
    free(r->reply.body);
    free(r);
}

/* ---- parameters ---- */

static const struct part *find_field(const struct request *r, const char *name) {
    for (int i = 0; i < r->nparts; i++)
        if (!r->parts[i].is_file && strcmp(r->parts[i].name, name) == 0) return &r->parts[i];
    return NULL;
}

/* A parameter's text; NULL where it is not given. A number or truth of JSON is written to room. */
static const char *find_text(struct request *r, const char *name, char room[64]) {
    const char *text = MHD_lookup_connection_value(r->http, MHD_GET_ARGUMENT_KIND, name);
    const struct part *field;
    const json_t *value;

    if (text) return text;
    field = find_field(r, name);
    if (field) { /* no value of ours is that long: such a one is refused as an empty one */
        size_t n = field->data.n < 64 ? field->data.n : 0;
        if (n) memcpy(room, field->data.at, n);
        room[n] = '\0';
        return strlen(room) == n ? room : "";
    }
    value = json_object_get(r->json, name);
    if (!value) return NULL;
    if (json_is_string(value)) return json_string_value(value);
    if (json_is_boolean(value)) return json_is_true(value) ? "1" : "0";
    if (json_is_integer(value))
        snprintf(room, 64, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(room, 64, "%.17g", json_real_value(value));
    else
        return "";
    return room;
}

int request_real(struct request *r, const char *name, double min, double max, double *v) {
    char room[64], *end;
    const char *text = find_text(r, name, room);
    double value;

    if (!text) return 0;
    value = strtod(text, &end);
    /* strtod() takes blanks, "nan" and hexadecimals, too. */
    if (strspn(text, "0123456789.eE+-") == strlen(text) && *text && !*end && isfinite(value) &&
        value >= min && value <= max) {
        *v = value;
        return 0;
    }
    reply_error(r, 400, "bad_request", "%s must be a number from %g to %g", name, min, max);
    return -1;
}

int request_int(struct request *r, const char *name, int min, int max, int *v) {
    char room[64], *end;
    const char *text = find_text(r, name, room);
    long value;

    if (!text) return 0;
    errno = 0;
    value = strtol(text, &end, 10);
    if ((isdigit((unsigned char)*text) || *text == '-') && !*end && !errno && value >= min &&
        value <= max) {
        *v = (int)value;
        return 0;
    }
    reply_error(r, 400, "bad_request", "%s must be a whole number from %d to %d", name, min, max);
    return -1;
}

int request_flag(struct request *r, const char *name, int *v) {
    static const char *const words[] = {"0", "1", "no", "yes", "off", "on", "false", "true"};
    char room[64];
    const char *text = find_text(r, name, room);

    if (!text) return 0;
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *v = i & 1;
            return 0;
        }
    }
    reply_error(r, 400, "bad_request", "%s must be 0 or 1", name);
    return -1;
}

int request_choice(struct request *r, const char *name, const char *const *choices, int *v) {
    char room[64], all[128] = "";
    const char *text = find_text(r, name, room);

    if (!text) return 0;
    for (int i = 0; choices[i]; i++) {
        size_t n = strlen(all);
        if (strcmp(text, choices[i]) == 0) {
            *v = i;
            return 0;
        }
        snprintf(all + n, sizeof all - n, "%s%s", i ? ", " : "", choices[i]);
    }
    reply_error(r, 400, "bad_request", "%s must be one of %s", name, all);
    return -1;
}

const char *request_header(struct request *r, const char *name) {
    return MHD_lookup_connection_value(r->http, MHD_HEADER_KIND, name);
}

/* ---- giving up ---- */

/* The network thread does not look at a connection while a worker has its request, so the socket is
 * asked: an end of file that waits to be read means that the client has closed. */
static int is_gone(struct request *r) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->http, MHD_CONNECTION_INFO_CONNECTION_FD);
    char byte;
    ssize_t n;

    if (!info) return 0;
    n = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static int is_ending(const struct request *r) {
    return atomic_load(&r->server->state) == SERVER_ENDING;
}

int request_is_over(void *request) {
    struct request *r = request;

    return clock_seconds() >= r->deadline || is_ending(r) || is_gone(r);
}

void request_give_up(struct request *r) {
    int is_late = clock_seconds() >= r->deadline, is_last = is_ending(r);

    metrics_rejected(r->server->metrics, is_late   ? REJECT_DEADLINE
                                         : is_last ? REJECT_DRAINING
                                                   : REJECT_GONE);
    if (is_late) {
        reply_error(r, 504, "deadline", "the answer was not ready within the deadline");
    } else if (is_last) {
        reply_error(r, 503, "not_ready", "the server is shutting down");
        r->reply.retry_after = 1;
    } else {
        reply_error(r, 499, "client_gone", "the client closed the connection");
    }
}

void request_spent(struct request *r, enum metrics_stage stage, double seconds) {
    r->seconds[stage] += seconds;
    metrics_stage(r->server->metrics, stage, seconds);
}
