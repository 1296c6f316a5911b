#include "analysis/timing_json.h"

#include "analysis/result_json.h"
#include "common/json_values.h"

unsigned timing_tasks(void) {
    unsigned shown = 1U << STAGE_ALIGN;

    for (int i = 0; i < networks_tasks(); i++) shown |= 1U << (STAGE_TASK + i);
    return shown;
}

json_t *timing_json(const double *seconds, unsigned shown, double total, int *failed) {
    json_t *object = json_object();

    for (int i = 0; i < stages_count(); i++) {
        int stage = stages_at(i);
        if (shown >> stage & 1)
            json_value_set(object, stage_name(stage), result_ms(1e3 * seconds[stage]), failed);
    }
    json_value_set(object, "total", result_ms(1e3 * total), failed);
    return object;
}
