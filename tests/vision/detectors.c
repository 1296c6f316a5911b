#include "detectors.h"

#include "check.h"
#include "engine/err.h"

const char detectors_mnet_v2[] =
    "{\"backbone\":\"mobilenet0.25\",\"layout\":\"insightface\",\"activation\":\"relu\","
    "\"anchors\":{"
    "\"strides\":[8,16,32],\"sizes\":[[32,16],[128,64],[512,256]],\"centre\":\"base16\","
    "\"plus_one\":1},\"variances\":[1,1],\"landmark_variance\":0.2}";
const char detectors_biubug6[] =
    "{\"backbone\":\"mobilenet0.25\",\"layout\":\"biubug6\",\"activation\":\"leaky\",\"anchors\":{"
    "\"strides\":[8,16,32],\"sizes\":[[16,32],[64,128],[256,512]],\"centre\":\"half\","
    "\"plus_one\":0},\"variances\":[0.1,0.2],\"landmark_variance\":0.1}";

struct anchor_spec detectors_spec(const char *arch, const char *variant) {
    struct anchor_spec s;
    if (anchor_spec_from_json(arch, variant, &s) != MIEN_OK) fail_msg("%s", err_text());
    return s;
}
