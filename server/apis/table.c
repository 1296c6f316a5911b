/* The dialects, a row each, in the order of the documentation: apis/NAME.c defines api_NAME, and
 * cmake/assets.cmake reads the names here to find apis/openapi/NAME.json. */
#include "server/apis/api.h"

#include <stddef.h>

#define ROWS(row)                                                                                  \
    row(v1) row(collections) row(persons) row(samples) row(enrol) row(recognise) row(groups)       \
        row(doctor) row(identities) row(predict) row(detect_faces) row(kserve) row(status)         \
            row(deepstack) row(codeproject) row(compreface) row(compreface_people)                 \
                row(rekognition)

#define DECLARE(name) extern const struct api api_##name;
#define ADDRESS(name) &api_##name,

ROWS(DECLARE)

const struct api *const APIS[] = {ROWS(ADDRESS) NULL};
