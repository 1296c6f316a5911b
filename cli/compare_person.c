#include "compare_person.h"

#include "analysis/judge.h"
#include "analysis/result_json.h"
#include "common/json_values.h"
#include "output.h"
#include "recognition/contract.h"
#include "recognition/gallery_json.h"
#include "recognition/person.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>

/* A person without samples under the contract is like nobody. */
static const char *verdict_of(const mien_gallery_match *best, double threshold) {
    return best->sample ? judge_pair((double)best->similarity, threshold) : "different";
}

static json_t *comparison_json(const struct picture *picture, const char *name,
                               const mien_gallery_match *best, double threshold) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "file", json_value_text(picture->input->path), &failed);
    json_value_set(object, "format_version", json_integer(RESULT_FORMAT_VERSION), &failed);
    json_value_set(object, "face", result_found(&picture->analysis->faces[0], &failed), &failed);
    json_value_set(object, "person", gallery_json_id(best->person), &failed);
    json_value_set(object, "name", json_value_text(name), &failed);
    json_value_set(object, "sample", gallery_json_id(best->sample), &failed);
    json_value_set(object, "similarity",
                   best->sample ? result_score(best->similarity) : json_null(), &failed);
    json_value_set(object, "verdict", json_string(verdict_of(best, threshold)), &failed);
    json_value_set(object, "threshold", json_value_number(threshold, 6), &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static int tell(const struct shelf *shelf, const struct picture *picture,
                const mien_gallery_match *best, double threshold) {
    char name[PERSON_NAME];

    person_name(shelf->gallery, best->person, name);
    if (!shelf->as_lines)
        return output_json(comparison_json(picture, name, best, threshold), 0) && !output_broken()
                   ? EXIT_FAILED
                   : EXIT_OK;
    printf("%s: %s", name, verdict_of(best, threshold));
    if (best->sample)
        printf(": similarity %.2f, one person from %.2f on\n", (double)best->similarity, threshold);
    else
        puts(": there is no sample of this network");
    output_flush();
    return EXIT_OK;
}

static int compare(const struct shelf *shelf, const struct pipeline *p,
                   const struct picture *picture, double threshold) {
    const struct item *item = analysis_item(picture->analysis, MIEN_RESULT_EMBEDDING);
    const char *name = p->opt->network[networks_task_giving(MIEN_RESULT_EMBEDDING)];
    char hash[CONTRACT_HASH], why[CONTRACT_WHY];
    mien_gallery_match best = {.similarity = -1};
    int64_t contract = 0, person = 0;
    int status = shelf_person(shelf, p->opt->person, 0, &person);

    if (status) return status;
    if (contract_hash(p->networks.ctx, name, hash, why)) {
        say("%s", why);
        return EXIT_FAILED;
    }
    if (contract_find(shelf->gallery, shelf->collection, &item->network->info, hash, 0,
                      &contract) ||
        (contract && mien_gallery_compare(shelf->gallery, person, contract, item->values, &best)))
        return shelf_say_error();
    best.person = person;
    return tell(shelf, picture, &best, threshold);
}

int compare_person(const struct pipeline *p, const struct picture *picture, double threshold) {
    struct shelf shelf;
    int status = shelf_open(p->opt, SHELF_READ, &shelf);

    if (status == EXIT_OK) status = compare(&shelf, p, picture, threshold);
    shelf_close(&shelf);
    return status;
}
