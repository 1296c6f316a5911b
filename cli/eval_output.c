#include "eval_output.h"

#include "common/folders.h"
#include "common/json_values.h"
#include "eval/plots.h"
#include "eval/report_json.h"
#include "eval/report_text.h"
#include "files.h"
#include "output.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

int evaluation_failed(struct evaluation *e, const char *file, const char *error) {
    json_t *entry = json_object();
    int failed = 0;

    if (!e->failures) e->failures = json_array();
    json_value_set(entry, "file", json_value_text(file), &failed);
    json_value_set(entry, "error", json_value_text(error), &failed);
    json_value_append(e->failures, entry, &failed);
    e->failed++;
    return failed ? -1 : 0;
}

void evaluation_free(struct evaluation *e) {
    if (e->state) e->task->close(e->state);
    json_decref(e->failures);
}

/* {"detector": "retinaface-mnet025-v2", ...} */
static json_t *networks_json(const struct networks *networks, int *failed) {
    json_t *object = json_object();

    for (int k = 0; k < networks->n; k++)
        if (networks->at[k].net)
            json_value_set(object, networks->at[k].task.option,
                           json_value_text(networks->at[k].info.name), failed);
    return object;
}

static int print_json(const struct evaluation *e, const struct options *opt,
                      const struct networks *networks, const struct report *r) {
    json_t *object = json_object();
    int failed = 0;

    json_value_set(object, "format_version", json_integer(1), &failed);
    json_value_set(object, "task", json_string(e->task->name), &failed);
    json_value_set(object, "data", json_value_text(e->path), &failed);
    json_value_set(object, "networks", networks_json(networks, &failed), &failed);
    json_value_set(object, "precision", json_string(precision_name(opt->precision)), &failed);
    json_value_set(object, "backend", json_value_text(mien_backend_name(networks->ctx)), &failed);
    json_value_set(object, "pictures", json_integer(e->judged), &failed);
    json_value_set(object, "missing", json_integer(e->missing), &failed);
    json_value_set(object, "failed", e->failures ? json_incref(e->failures) : json_array(),
                   &failed);
    report_add_json(object, r, &failed);
    if (failed) {
        json_decref(object);
        return say_no_memory();
    }
    return output_json(object, 0) && !output_broken() ? EXIT_FAILED : EXIT_OK;
}

static int print_text(const struct evaluation *e, const struct options *opt,
                      const struct networks *networks, const struct report *r) {
    int n = 0;

    printf("%s: %d picture%s", e->path, e->judged, e->judged == 1 ? "" : "s");
    if (r->unanswered) printf(", %d %s", r->nunanswered, r->unanswered);
    if (e->failed) printf(", %d failed", e->failed);
    if (e->missing) printf(", %d that are not there left out", e->missing);
    fputs("\n", stdout);
    for (int k = 0; k < networks->n; k++)
        if (networks->at[k].net) printf("%s%s", n++ ? ", " : "", networks->at[k].info.name);
    printf("; %s; intervals hold the true figure with 95 %% probability\n\n",
           precision_name(opt->precision));
    report_print(r, stdout);
    output_flush();
    return EXIT_OK;
}

static int write_plot(const struct report *r, int i, const char *folder) {
    char name[PLOT_NAME], *path = NULL;
    mien_image *image;
    int status = EXIT_OK, error = 0;

    if (plots_draw(r, i, &image, name)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        path = NULL;
        status = say_no_memory();
    } else if ((error = folders_make(path)) != 0) {
        say("%s: %s", path, strerror(error));
        status = EXIT_FAILED;
    } else if (mien_image_save(image, path)) {
        say("%s", mien_error());
        status = EXIT_FAILED;
    }
    free(path);
    mien_image_free(image);
    return status;
}

static int write_answers(const void *context, FILE *out) {
    const struct evaluation *e = context;

    e->task->answers(e->state, out);
    return 0;
}

int evaluation_write(const struct evaluation *e, const struct options *opt,
                     const struct networks *networks) {
    struct report report = {0};
    int status;

    if (e->task->report(e->state, &report))
        status = say_no_memory();
    else if (opt->json)
        status = print_json(e, opt, networks, &report);
    else
        status = print_text(e, opt, networks, &report);
    for (int i = 0; opt->plots && status == EXIT_OK && i < plots_count(&report); i++)
        status = write_plot(&report, i, opt->plots);
    if (opt->answers && status == EXIT_OK) status = files_write(opt->answers, write_answers, e);
    report_free(&report);
    return status;
}
