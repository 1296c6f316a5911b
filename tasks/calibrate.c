/* Calibration: watching a network's runs, and keeping what was seen in its blob. */
#include "engine/err.h"
#include "tasks/pair.h"

int mien_calibrate_begin(mien_net *net) {
    if (!net) return err_null("mien_calibrate_begin");
    if (pair_refuse(net)) return MIEN_EINVAL;
    if (net->ctx->precision != MIEN_FP32)
        return err_set(MIEN_EINVAL, "%s: calibration needs a context that computes in fp32",
                       net->info.name);
    if (net->calibration)
        return err_set(MIEN_EINVAL, "%s: a calibration runs already", net->info.name);
    int rc = calibration_new(net->net, &net->calibration);
    if (rc) return rc;
    plans_drop(net);
    net->net->keep_values = 1;
    net->observer = calibration_observer(net->calibration);
    return MIEN_OK;
}

int mien_calibrate_save(mien_net *net, const char *path) {
    if (!net || !path) return err_null("mien_calibrate_save");
    if (!net->calibration)
        return err_set(MIEN_EINVAL, "%s: no calibration was begun", net->info.name);
    int rc = calibration_save(net->calibration, path);
    net->observer = NULL;
    net->net->keep_values = 0;
    plans_drop(net);
    calibration_free(net->calibration);
    net->calibration = NULL;
    return rc;
}
