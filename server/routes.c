/* The table of paths. */
#include "server/handlers.h"
#include "server/route.h"

#define OPEN (ROUTE_OPEN | ROUTE_EARLY)

const struct route ROUTES[] = {
    {"GET", "assets", OPEN, handle_asset}, /* every path of server/web/; see route_find() */

    {"GET", "/health", OPEN, handle_health},
    {"GET", "/ready", OPEN, handle_ready},
    {"GET", "/metrics", ROUTE_EARLY | ROUTE_METRICS, handle_metrics},

    {"POST", "/predict", ROUTE_WORK, handle_predict},
    {"POST", "/detect_faces_from_files", ROUTE_WORK | ROUTE_MANY, handle_faces_from_files},
    {"POST", "/detect_faces_from_base64", ROUTE_WORK | ROUTE_MANY, handle_faces_from_base64},
    {"POST", "/detect_faces_from_urls", ROUTE_WORK | ROUTE_MANY, handle_faces_from_urls},

    {"POST", "/v1/analyze", ROUTE_WORK | ROUTE_MANY, handle_v1_analyze},
    {"POST", "/v1/detect", ROUTE_WORK | ROUTE_MANY, handle_v1_detect},
    {"POST", "/v1/embed", ROUTE_WORK | ROUTE_MANY, handle_v1_embed},
    {"POST", "/v1/classify", ROUTE_WORK | ROUTE_MANY, handle_v1_classify},
    {"POST", "/v1/compare", ROUTE_WORK | ROUTE_MANY, handle_v1_compare},

    {"GET", "/v2", ROUTE_EARLY, handle_kserve_server},
    {"GET", "/v2/health/live", OPEN, handle_kserve_live},
    {"GET", "/v2/health/ready", OPEN, handle_kserve_ready},
    {"GET", "/v2/models/{}", 0, handle_kserve_model},
    {"GET", "/v2/models/{}/ready", 0, handle_kserve_model_ready},
    {"POST", "/v2/models/{}/infer", ROUTE_WORK | ROUTE_MANY, handle_kserve_infer},
    {"GET", "/v2/models/{}/versions/{}", 0, handle_kserve_model},
    {"GET", "/v2/models/{}/versions/{}/ready", 0, handle_kserve_model_ready},
    {"POST", "/v2/models/{}/versions/{}/infer", ROUTE_WORK | ROUTE_MANY, handle_kserve_infer},
    {.path = NULL},
};
