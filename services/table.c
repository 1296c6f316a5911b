/* The services, in the order of the help. */
#include "services/services.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ROWS(row) row(image_input) row(face_landmark) row(age_gender) row(data_storage)

#define DECLARE(name) extern const struct service service_##name;
#define ADDRESS(name) &service_##name,

ROWS(DECLARE)

const struct service *const SERVICES[] = {ROWS(ADDRESS) NULL};

const struct service *service_find(const char *name) {
    for (const struct service *const *s = SERVICES; *s; s++)
        if (strcmp((*s)->name, name) == 0) return *s;
    return NULL;
}

static int is_utf8(const char *text) {
    json_t *value = json_string(text);
    int is = value != NULL;

    json_decref(value);
    return is;
}

int image_id_check(const char *id, char *why, size_t room) {
    const char *fault = NULL;

    if (!*id || strlen(id) >= IMAGE_ID)
        fault = "must be of 1 to 1023 bytes";
    else if (!is_utf8(id))
        fault = "is no UTF-8";
    for (const char *at = id; !fault && *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            fault = "has a control character";
        else if ((at == id || at[-1] == '/') && (*at == '.' || *at == '/'))
            fault = "has a part that is empty or begins with a dot";
        else if (*at == '/' && !at[1])
            fault = "ends in a slash";
    }
    if (!fault) return 0;
    snprintf(why, room, "the picture's name %s", fault);
    return -1;
}
