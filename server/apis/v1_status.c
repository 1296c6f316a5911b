#include "server/apis/v1_status.h"

#include "common/json_text.h"
#include "common/json_values.h"
#include "server/server.h"

#include <string.h>

double v1_same_person(const struct request *r, const struct network *embedder) {
    double configured = r->server->config->same_person;

    return configured != SAME_PERSON_MEASURED ? configured : (double)embedder->info.same_person;
}

/* told: whether requests are told it that do not say what they want. */
static json_t *attribute_json(const mien_attribute *attribute, int told, int *failed) {
    json_t *object = json_object(), *measured = NULL;

    json_value_set(object, "name", json_value_text(attribute->name), failed);
    json_value_set(object, "told", json_boolean(told), failed);
    if (!*attribute->measured) return object;
    if (json_text_read(attribute->measured, strlen(attribute->measured), 0, &measured, NULL))
        *failed = 1;
    if (measured) json_value_set(object, "measured", measured, failed);
    return object;
}

static json_t *attributes_json(const struct network *network, uint64_t told, int *failed) {
    json_t *list = json_array();

    for (int t = 0; t < network->info.attributes; t++) {
        mien_attribute one = {.struct_size = sizeof one};
        if (mien_attribute_at(network->net, t, &one) == MIEN_OK)
            json_value_append(list, attribute_json(&one, (int)(told >> t & 1), failed), failed);
    }
    return list;
}

static json_t *network_json(const struct network *network, uint64_t told, int *failed) {
    json_t *object = json_pack("{s:s, s:o}", "task", network->task.name, "name",
                               json_value_text(network->info.name));

    for (int method = 0; method < METHODS; method++)
        if (network->methods == 1U << method)
            json_value_set(object, "method", json_string(METHOD_NAMES[method]), failed);
    if (network->task.result == MIEN_RESULT_ATTRIBUTES)
        json_value_set(object, "attributes", attributes_json(network, told, failed), failed);
    return object;
}

static json_t *networks_json(const struct request *r, const struct networks *networks,
                             int *failed) {
    struct networks_told told;
    json_t *list = json_array();
    char why[512];

    /* A list that means nothing was refused when the networks were loaded. */
    if (networks_tell(networks, r->server->config->attributes, &told, why, sizeof why))
        memset(&told, 0, sizeof told);
    for (int i = 0; i < networks->n; i++)
        if (networks->at[i].net)
            json_value_append(list, network_json(&networks->at[i], told.of[i], failed), failed);
    return list;
}

json_t *v1_status_json(const struct request *r, const struct networks *networks) {
    const struct serve_config *c = r->server->config;
    const struct network *embedder = networks_giving(networks, MIEN_RESULT_EMBEDDING);
    int failed = 0;
    json_t *answer =
        json_pack("{s:s, s:s, s:s, s:s}", "version", mien_version(), "backend",
                  mien_backend_name(networks->ctx), "precision",
                  precision_name((int)c->machine.precision), "method", METHOD_NAMES[c->method]);

    json_value_set(answer, "networks", networks_json(r, networks, &failed), &failed);
    if (embedder)
        json_value_set(answer, "same_person", json_value_number(v1_same_person(r, embedder), 6),
                       &failed);
    json_value_set(answer, "limits",
                   json_pack("{s:f, s:I, s:i}", "megapixels", c->max_megapixels, "bytes",
                             (json_int_t)c->max_bytes, "pictures", c->max_pictures),
                   &failed);
    if (!failed) return answer;
    json_decref(answer);
    return NULL;
}
