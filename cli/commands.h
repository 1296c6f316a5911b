/*
 * commands.h - the commands of the tool: what each is called, what its help says, what runs it.
 *
 * The table lives in command_table.c; help.c prints from it. Each command is a function from parsed
 * options to an exit status.
 */
#ifndef MIEN_CLI_COMMANDS_H
#define MIEN_CLI_COMMANDS_H

#include "options.h"

struct command {
    const char *name;     /* one word, or two: "bench analyze" */
    unsigned bit;         /* of enum command_bit */
    const char *args;     /* how its positional arguments are called in the help; "" for none */
    int min_args;         /* fewer is a wrong command line */
    int max_args;         /* more is, too; -1: any number */
    const char *summary;  /* a line of `mien help` */
    const char *about;    /* a paragraph, wrapped when printed */
    const char *notes;    /* another, or NULL */
    const char *examples; /* lines, printed as they are */
    int (*run)(const struct options *opt);
};

/* Ended by an entry without name. */
extern const struct command COMMANDS[];

/* analyze, detect, classify and embed. */
int cmd_pictures(const struct options *opt);
int cmd_bench(const struct options *opt);
int cmd_bench_analyze(const struct options *opt);
int cmd_info(const struct options *opt);
int cmd_models(const struct options *opt);
int cmd_calibrate(const struct options *opt);
int cmd_serve(const struct options *opt);
int cmd_service(const struct options *opt);
int cmd_compare(const struct options *opt);
/* eval, and eval attributes, eval detect, eval classify, eval identify and eval
 * verify. */
int cmd_eval(const struct options *opt);
int cmd_completion(const struct options *opt);
int cmd_enroll(const struct options *opt);
int cmd_identify(const struct options *opt);
int cmd_recognize(const struct options *opt);
int cmd_cluster(const struct options *opt);
int cmd_thresholds(const struct options *opt);
int cmd_submit(const struct options *opt);
int cmd_worker(const struct options *opt);
/* jobs without saying what, and jobs list, show, ... */
int cmd_jobs(const struct options *opt);
int cmd_jobs_list(const struct options *opt);
int cmd_jobs_show(const struct options *opt);
int cmd_jobs_cancel(const struct options *opt);
int cmd_jobs_retry(const struct options *opt);
int cmd_jobs_export(const struct options *opt);
int cmd_jobs_stats(const struct options *opt);
int cmd_jobs_purge(const struct options *opt);
/* gallery without saying what, and gallery list, show, ... */
int cmd_gallery(const struct options *opt);
int cmd_gallery_list(const struct options *opt);
int cmd_gallery_show(const struct options *opt);
int cmd_gallery_history(const struct options *opt);
int cmd_gallery_rename(const struct options *opt);
int cmd_gallery_merge(const struct options *opt);
int cmd_gallery_split(const struct options *opt);
int cmd_gallery_move(const struct options *opt);
int cmd_gallery_not(const struct options *opt);
int cmd_gallery_undo(const struct options *opt);
int cmd_gallery_delete(const struct options *opt);
int cmd_gallery_prove(const struct options *opt);
int cmd_gallery_export(const struct options *opt);
int cmd_gallery_import(const struct options *opt);
int cmd_gallery_backup(const struct options *opt);
int cmd_gallery_migrate(const struct options *opt);
int cmd_gallery_check(const struct options *opt);
int cmd_gallery_rekey(const struct options *opt);
int cmd_gallery_doctor(const struct options *opt);
int cmd_gallery_index(const struct options *opt);

#endif
