#include "grpc/module/services.h"

#include <cstring>

static const ServiceRow ROWS[] = {
    {"kserve", "inference.GRPCInferenceService", make_kserve},
    {"mien", "mien.v1.Mien", make_mien},
};

const ServiceRow *find_service(const char *name) {
    for (const ServiceRow &row : ROWS)
        if (std::strcmp(row.name, name) == 0) return &row;
    return nullptr;
}
