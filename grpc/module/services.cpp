#include "grpc/module/services.h"

#include <cstring>

static const ServiceRow ROWS[] = {
    {"kserve", "inference.GRPCInferenceService", make_kserve},
    {"mien", "mien.v1.Mien", make_mien},
    {"landmark_detection", "landmark_detection.LandmarkDetection", make_landmark_detection},
    {"age_gender", "age_gender.AgeGenderEstimation", make_age_gender},
    {"aggregator", "aggregator.DataAggregator", make_aggregator},
};

const ServiceRow *find_service(const char *name) {
    for (const ServiceRow &row : ROWS)
        if (std::strcmp(row.name, name) == 0) return &row;
    return nullptr;
}
