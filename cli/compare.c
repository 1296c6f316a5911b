/* The command compare: whether the main faces of two pictures are likely one person's, or that of
 * one a person's of a gallery. */
#include "analysis/judge.h"
#include "analysis/result_json.h"
#include "commands.h"
#include "common/json_values.h"
#include "compare_person.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "say.h"

#include <stdio.h>
#include <unistd.h>

static json_t *comparison_json(const struct picture pair[2], double threshold) {
    json_t *object = json_object(), *files = json_array();
    int failed = 0;

    for (int i = 0; i < 2; i++)
        json_value_append(files, json_value_text(pair[i].input->path), &failed);
    json_value_set(object, "files", files, &failed);
    json_value_set(object, "format_version", json_integer(RESULT_FORMAT_VERSION), &failed);
    result_add_comparison(object, pair[0].analysis, pair[1].analysis, threshold, &failed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static void print_line(const struct picture pair[2], double threshold) {
    double similarity = result_similarity(pair[0].analysis, pair[1].analysis);

    printf("%s: similarity %.2f, one person from %.2f on\n", judge_pair(similarity, threshold),
           similarity, threshold);
    output_flush();
}

/* Says what is missing for a comparison. */
static int check(const struct picture pair[2], int n) {
    int status = EXIT_OK;

    for (int i = 0; i < n; i++) {
        if (pair[i].error[0])
            say("%s", pair[i].error);
        else if (pair[i].analysis->nfaces == 0)
            say("%s: no face was found", pair[i].input->path);
        else
            continue;
        status = EXIT_FAILED;
    }
    return status;
}

static int compare(const struct pipeline *p, const struct inputs *inputs) {
    const struct options *opt = p->opt;
    const struct network *embedder = networks_giving(&p->networks, MIEN_RESULT_EMBEDDING);
    struct picture pair[2] = {{.input = &inputs->items[0]}};
    double threshold = opt->serve.same_person;
    int n = inputs->count, status;

    if (n > 1) pair[1].input = &inputs->items[1];

    if (threshold == SAME_PERSON_MEASURED) threshold = (double)embedder->info.same_person;
    for (int i = 0; i < n; i++) pipeline_decode(p, &pair[i]);
    pipeline_run(p, pair, n);
    status = check(pair, n);
    if (status == EXIT_OK && n == 1)
        status = compare_person(p, &pair[0], threshold);
    else if (status == EXIT_OK && !opt->json && isatty(STDOUT_FILENO))
        print_line(pair, threshold);
    else if (status == EXIT_OK && output_json(comparison_json(pair, threshold), 0))
        status = output_broken() ? EXIT_OK : EXIT_FAILED;
    for (int i = 0; i < n; i++) picture_free(&pair[i]);
    return status;
}

static int check_inputs(const struct options *opt, const struct inputs *inputs) {
    if (opt->nargs != (opt->person ? 1 : 2))
        return say_usage(opt->command_name, "give two pictures, or one and --person");
    if (inputs->folders > 0) return say_usage(opt->command_name, "give two pictures, not folders");
    if (opt->nargs == 2 && inputs->items[0].is_stdin && inputs->items[1].is_stdin)
        return say_usage(opt->command_name, "standard input (-) can be read only once");
    return EXIT_OK;
}

int cmd_compare(const struct options *opt) {
    struct options main_faces = *opt;
    struct pipeline pipeline = {0};
    struct inputs inputs;
    struct networks tasks;
    int status;

    main_faces.face = FACE_MAIN;
    networks_init(&tasks, NULL);
    if (inputs_expand(opt->args, opt->nargs, NULL, &inputs)) return say_no_memory();
    status = check_inputs(opt, &inputs);
    if (status == EXIT_OK)
        status =
            pipeline_open(&pipeline, &main_faces, analysis_steps(&tasks, MIEN_RESULT_EMBEDDING));
    if (status == EXIT_OK) status = compare(&pipeline, &inputs);
    pipeline_close(&pipeline);
    inputs_free(&inputs);
    return status;
}
