#include "server/params.h"

#include "common/ascii.h"
#include "common/json_values.h"
#include "server/apis/api.h"
#include "server/reply.h"
#include "server/why.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct part *find_field(const struct request *r, const char *name) {
    for (int i = 0; i < r->nparts; i++)
        if (!r->parts[i].is_picture && strcmp(r->parts[i].name, name) == 0) return &r->parts[i];
    return NULL;
}

enum { VALUE_TEXT = 64 }; /* room for a number or a word */

/* Where text has "?NAME=", of any name: some clients begin every parameter so. */
static const char *next_link(const char *text) {
    for (const char *at = text; (at = strchr(at, '?')) != NULL; at++) {
        size_t n = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
        if (n && at[1 + n] == '=') return at;
    }
    return NULL;
}

/* A parameter in a query whose values may have others behind them. */
struct link {
    const char *name, *at; /* at: its text, which ends at the next */
};

static int see_value(void *context, const char *name, const char *value) {
    struct link *link = context;
    size_t n = strlen(link->name);

    if (strcmp(name, link->name) == 0) link->at = value;
    while (!link->at && value && (value = next_link(value)) != NULL)
        if (strncmp(++value, link->name, n) == 0 && value[n] == '=') link->at = value + n + 1;
    return link->at != NULL;
}

/* A parameter of the query. */
static const char *query_text(struct request *r, const char *name, char *room, size_t size) {
    struct link link = {.name = name};
    const char *end;

    if (!(r->route && r->route->flags & ROUTE_LINKED)) return r->transport->argument(r, name);
    r->transport->arguments(r, see_value, &link);
    end = link.at ? next_link(link.at) : NULL;
    if (!end) return link.at;
    if ((size_t)(end - link.at) >= size) return "";
    memcpy(room, link.at, (size_t)(end - link.at));
    room[end - link.at] = '\0';
    return room;
}

/* A parameter's text; NULL where it is not given. A number or truth of JSON is written to room, of
 * VALUE_TEXT at least. */
static const char *find_text(struct request *r, const char *name, char *room, size_t size) {
    const char *text = query_text(r, name, room, size);
    const struct part *field;
    const json_t *value;

    if (r->nasked < REQUEST_ASKED) r->asked[r->nasked++] = name;
    if (text) return text;
    field = find_field(r, name);
    if (field) { /* no value of ours is that long: such a one is refused as an empty one */
        size_t n = field->data.n < size ? field->data.n : 0;
        if (n) memcpy(room, field->data.at, n);
        room[n] = '\0';
        return strlen(room) == n ? room : "";
    }
    value = json_object_get(r->json, name);
    if (!value || json_is_null(value)) return NULL;
    if (json_is_string(value)) return json_string_value(value);
    if (json_is_boolean(value)) return json_is_true(value) ? "1" : "0";
    if (json_is_integer(value))
        snprintf(room, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(room, size, "%.17g", json_real_value(value));
    else
        return "";
    return room;
}

int param_real(struct request *r, const char *name, double min, double max, double *v) {
    char room[VALUE_TEXT], *end;
    const char *text = find_text(r, name, room, sizeof room);
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

int param_int(struct request *r, const char *name, int min, int max, int *v) {
    char room[VALUE_TEXT], *end;
    const char *text = find_text(r, name, room, sizeof room);
    long value;

    if (!text) return 0;
    errno = 0;
    value = strtol(text, &end, 10);
    if ((ascii_is_digit(*text) || *text == '-') && !*end && !errno && value >= min &&
        value <= max) {
        *v = (int)value;
        return 0;
    }
    reply_error(r, 400, "bad_request", "%s must be a whole number from %d to %d", name, min, max);
    return -1;
}

int param_flag(struct request *r, const char *name, int *v) {
    static const char *const words[] = {"0", "1", "no", "yes", "off", "on", "false", "true"};
    char room[VALUE_TEXT];
    const char *text = find_text(r, name, room, sizeof room);

    if (!text) return 0;
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++) {
        if (ascii_same(text, words[i])) {
            *v = i & 1;
            return 0;
        }
    }
    reply_error(r, 400, "bad_request", "%s must be 0 or 1", name);
    return -1;
}

int param_choice(struct request *r, const char *name, const char *const *choices, int *v) {
    char room[VALUE_TEXT], all[128] = "";
    const char *text = find_text(r, name, room, sizeof room);

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

int param_text(struct request *r, const char *name, char room[PARAM_TEXT], const char **v) {
    const char *text = find_text(r, name, room, PARAM_TEXT);

    if (!text) return 0;
    if (*text) {
        *v = text;
        return 0;
    }
    reply_error(r, 400, "bad_request", "%s must be a text of fewer than %d letters", name,
                PARAM_TEXT);
    return -1;
}

int param_any_text(struct request *r, const char *name, char room[PARAM_TEXT], const char **v) {
    const struct part *field = find_field(r, name);
    const char *text = find_text(r, name, room, PARAM_TEXT);

    if (!text) return 0;
    if (strlen(text) < PARAM_TEXT && (*text || !field || field->data.n == 0) &&
        !json_is_array(json_object_get(r->json, name)) &&
        !json_is_object(json_object_get(r->json, name))) {
        *v = text;
        return 0;
    }
    reply_error(r, 400, "bad_request", "%s must be a text of fewer than %d letters", name,
                PARAM_TEXT);
    return -1;
}

/* The text of an object, however it came; NULL where there is none or no memory is left. */
static char *object_text(struct request *r, const char *name) {
    const json_t *value = json_object_get(r->json, name);
    const struct part *field = find_field(r, name);
    const char *text = r->transport->argument(r, name);

    if (text) return strdup(text);
    if (field) return strndup(field->data.n ? (const char *)field->data.at : "", field->data.n);
    return value && !json_is_null(value)
               ? json_value_dump(value, JSON_COMPACT | JSON_VALUES_DUMP, NULL)
               : NULL;
}

int param_object(struct request *r, const char *name, char **text) {
    json_t *value = NULL;
    int is_object = 0;

    *text = NULL;
    if (r->nasked < REQUEST_ASKED) r->asked[r->nasked++] = name;
    *text = object_text(r, name);
    if (!*text) return 0;
    if (strlen(*text) <= PARAM_OBJECT) value = json_loads(*text, JSON_REJECT_DUPLICATES, NULL);
    is_object = json_is_object(value);
    json_decref(value);
    if (is_object) return 0;
    free(*text);
    *text = NULL;
    reply_error(r, 400, "bad_request", "%s must be a JSON object of at most %d letters", name,
                PARAM_OBJECT);
    return -1;
}

static int is_asked(const struct request *r, const char *name) {
    for (int i = 0; i < r->nasked; i++)
        if (strcmp(r->asked[i], name) == 0) return 1;
    return 0;
}

/* seen: a bit a parameter of asked[], of those this place has had. */
static int check_name(struct request *r, const char *name, unsigned *seen) {
    char word[WHY_NAME_SIZE];

    if (!is_asked(r, name)) {
        reply_error(r, 400, "bad_request", "there is no parameter '%s' here", why_name(word, name));
        return -1;
    }
    for (int i = 0; i < r->nasked; i++) {
        if (strcmp(r->asked[i], name) != 0) continue;
        if (*seen >> i & 1) {
            reply_error(r, 400, "bad_request", "%s is given twice", name);
            return -1;
        }
        *seen |= 1U << i;
    }
    return 0;
}

struct query {
    struct request *request;
    unsigned seen;
    int rc;
};

static int check_argument(void *context, const char *name, const char *value) {
    struct query *q = context;

    if (!*name && (!value || !*value)) return 0; /* "?", "&" or "=" with nothing around it */
    q->rc = check_name(q->request, name, &q->seen);
    if (q->rc == 0 && !value) {
        reply_error(q->request, 400, "bad_request", "%s has no value", name);
        q->rc = -1;
    }
    return q->rc;
}

int params_end(struct request *r) {
    struct query query = {.request = r};
    unsigned seen = 0;
    const char *name;
    json_t *value;

    r->transport->arguments(r, check_argument, &query);
    if (query.rc) return -1;
    for (int i = 0; i < r->nparts; i++)
        if (!r->parts[i].is_picture && check_name(r, r->parts[i].name, &seen)) return -1;
    json_object_foreach(r->json, name, value) { /* of keys given twice the parser knows */
        seen = 0;
        if (check_name(r, name, &seen)) return -1;
    }
    return 0;
}
