/*
 * targets.h - the files that a run writes beside its output: a drawn picture and a file of JSON for
 * each input.
 *
 * The names are a picture's own and never another's, whatever else is there, and whichever comes
 * first: a run that is started again writes to the same files. One that would overwrite what it
 * reads, or that has many pictures for one file, is a wrong command line and does nothing at all.
 */
#ifndef MIEN_CLI_TARGETS_H
#define MIEN_CLI_TARGETS_H

#include "input.h"
#include "options.h"

/* Of a file that was named, and of a folder. */
struct target {
    char *drawn, *json; /* NULL: is not written */
    char *root;         /* of a folder: its real path */
    char *within;       /* of a folder, and there are others: "NAME/" it has in what is written */
};

struct targets {
    const struct options *opt;
    struct target *at;  /* [opt->nargs] */
    int folders;        /* how many of the arguments are */
    void *drawn, *json; /* trees (tsearch) of the names that are in use by files that were named */
    struct input *sorted; /* [named] those files, by identity */
    size_t named;
    char *written[INPUTS_SKIP_MAX]; /* real paths of the folders that are written to, or NULL */
};

/* Settles how the files of each input are called, as --draw and --output ask for them. Returns an
 * exit status after saying what is wrong. Close with targets_close() in any case. */
int targets_open(struct targets *t, const struct options *opt);
/* Sets input->drawn and ->json, or its error where what it has would be overwritten. -1 where
 * memory ran out. */
int targets_name(const struct targets *t, struct input *input);
void targets_close(struct targets *t);

#endif
