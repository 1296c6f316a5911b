/*
 * options.h - every option of every command, declared once.
 *
 * One table gives an option its name, value, default, help text and the commands that take it; the
 * parser, the environment variables and `--help` are all read off that table, so the three cannot
 * disagree. It is our own parser rather than getopt_long because the table is wanted anyway, and
 * because abbreviated options would break scripts each time an option is added.
 *
 * Precedence: command line, then environment (MIEN_ and the name in capitals, dashes as
 * underscores), then the file of --config where the command has one, then default.
 */
#ifndef MIEN_CLI_OPTIONS_H
#define MIEN_CLI_OPTIONS_H

#include "analysis/networks.h"
#include "server/config.h"

#include <stddef.h>

enum command_bit {
    CMD_ANALYZE = 1 << 0,
    CMD_DETECT = 1 << 1,
    CMD_CLASSIFY = 1 << 2,
    CMD_EMBED = 1 << 3,
    CMD_BENCH = 1 << 4,
    CMD_INFO = 1 << 5,
    CMD_MODELS = 1 << 6,
    CMD_CALIBRATE = 1 << 7,
    CMD_BENCH_ANALYZE = 1 << 8,
    CMD_SERVE = 1 << 9,
    CMD_COMPARE = 1 << 10,
    CMD_COMPLETION = 1 << 11,
    CMD_EVAL_ATTRIBUTES = 1 << 12,
    CMD_EVAL_DETECT = 1 << 13,
    CMD_EVAL_CLASSIFY = 1 << 14,
    CMD_EVAL = 1 << 15, /* without saying what */
    CMD_ENROLL = 1 << 16,
    CMD_GALLERY = 1 << 17, /* and what needs no options of its own: all but */
    CMD_GALLERY_DELETE = 1 << 18,
    CMD_IDENTIFY = 1 << 19,
    CMD_THRESHOLDS = 1 << 20,
    CMD_CLUSTER = 1 << 21,
    CMD_GALLERY_DOCTOR = 1 << 22,
    CMD_RECOGNIZE = 1 << 23,
    CMD_GALLERY_MIGRATE = 1 << 24,
    CMD_EVAL_IDENTIFY = 1 << 25,
    CMD_EVAL_VERIFY = 1 << 26,
    CMD_GALLERY_INDEX = 1 << 27,
    CMD_SUBMIT = 1 << 28,
    CMD_WORKER = 1 << 29,
    CMD_JOBS = 1 << 30 /* and all that is done to jobs */
};
/* The last bit, which no int has. */
#define CMD_SERVICE (1U << 31)

enum { PRECISION_AUTO = MIEN_FP16 + 1 }; /* fp32 on a processor, fp16 on a GPU */

enum output_format { FORMAT_JSONL, FORMAT_SEED };

enum eval_crop { CROP_FIND, CROP_ALIGNED };

struct options {
    unsigned command; /* the one command_bit that runs */
    const char *command_name;

    const char *network[NETWORKS_MAX]; /* of each task: name or path of a blob, or "none" */
    const char *weights;               /* folder; NULL: the library's */

    double threshold, nms; /* 0..1 */
    int compared;          /* of identify, enum mien_gallery_by */
    double fpir;           /* of identify: strangers who may be taken for somebody, 0..0.5 */
    double join;           /* of cluster, a similarity; 0: the embedder's */
    int side;              /* long side for detection; 0: original; -1: the network's default */
    int search;            /* enum mien_search */
    int max_faces, top;
    int face; /* enum face_pick of analysis/faces.h */
    int aligned, embeddings;
    const char *attributes; /* names with commas; NULL: those told unasked */
    int method;             /* enum networks_method */

    int pretty, json, plan, tensors, quality, salvage, force, join_named, cut_over, drop, learn;
    const char *draw;   /* file or folder; NULL: no drawing */
    const char *output; /* folder for JSON; of calibrate a file, NULL: the blob itself */
    int format;         /* enum output_format */
    int watch, retry;   /* folders: waits for pictures; tries again what failed */

    int width, height; /* of bench and info; 0: the network's default */
    int batch;
    double seconds;

    int precision; /* enum mien_precision; PRECISION_AUTO while options are parsed */
    int device, device_index;
    int backend; /* 0: auto, else mien_backend_at(backend - 1) */
    int threads; /* 0: one a core */
    int no_cache;

    /* Of eval. */
    const char *pictures, *where, *by, *plots, *answers;
    int limit, seed, mistakes, skip_missing;
    int crop;     /* enum eval_crop */
    int enrolled; /* of eval identify, faces of a person */

    const char *index;   /* of galleries, as mien_gallery_options; NULL: exact */
    size_t index_memory; /* likewise; 0: any */
    const char *gallery, *collection, *folder, *receipt; /* of galleries */
    const char *gallery_key;                             /* a file */
    int keep_crops;
    const char *person; /* of compare; NULL: with a picture */

    /* Of submit, worker and jobs. */
    const char *queue, *results, *trace; /* places; what connects jobs with other programs' logs */
    int priority;                        /* enum job_priority */
    int carry, no_wait, until_empty, csv;
    int room, take, tries, job_state; /* job_state: 0 any, else 1 + enum job_state */
    double lease, older;              /* seconds; days */

    const char *config; /* of serve: a file of options */
    int check;          /* of serve: only asks the server that runs */
    const char *listen; /* of service: [IP:]PORT; NULL: its own */
    int metrics_port;
    struct serve_config serve; /* its other options; what is shared with other commands is above */

    char **args; /* what is left: pictures, networks; points into argv's strings */
    int nargs;
};

enum option_kind {
    KIND_FLAG,   /* int 0 or 1; the value is optional */
    KIND_INT,    /* int, min..max */
    KIND_REAL,   /* double, min..max */
    KIND_TEXT,   /* const char *, not empty */
    KIND_CHOICE, /* int, position in choices */
    KIND_BYTES,  /* size_t, min..max: "4096", "512K", "10M", "2G" */
    KIND_SIZE,   /* two ints: "640x480", "640" (a square) or "0" (default) */
    KIND_DEVICE  /* two ints: "cpu", "cuda" or "cuda:1" */
};

enum option_group {
    GROUP_NETWORKS,
    GROUP_DATA,
    GROUP_FACES,
    GROUP_RESULTS,
    GROUP_RUN,
    GROUP_SERVICE,
    GROUP_SERVER,
    GROUP_BATCHES,
    GROUP_LIMITS,
    GROUP_URLS,
    GROUP_OUTPUT,
    GROUP_MACHINE,
    GROUPS
};

struct option_def {
    const char *name; /* without the dashes */
    const char *arg;  /* what its value is called in the help; NULL for flags */
    enum option_group group;
    unsigned commands; /* command_bits that take it */
    enum option_kind kind;
    size_t field;                 /* offset in struct options */
    const char *value;            /* the default, parsed like any value; NULL: zero */
    double min, max;              /* KIND_INT and KIND_REAL */
    const char *const *choices;   /* KIND_CHOICE, NULL-terminated; or */
    const char *(*choice)(int i); /* NULL past the end */
    const char *help;
};

/* The table, ended by an entry without name: an option a task for its network, then the others. */
const struct option_def *option_defs(void);
/* Parts of it, ended likewise. */
extern const struct option_def OPTIONS_EVAL[], OPTIONS_GALLERY[], OPTIONS_SERVE[], OPTIONS_JOBS[],
    OPTIONS_SERVICE[];
/* Title of a group in the help. */
extern const char *const OPTION_GROUP_TITLES[GROUPS];

/* Fills *opt from defaults, environment and argv[0..argc-1] (what follows the command's name).
 * argv is reordered: opt->args points to its positional arguments. *help is set to 1, and parsing
 * stops, where --help or -h is met. Returns EXIT_OK, or EXIT_USAGE after saying what is wrong. */
int options_parse(unsigned command, const char *command_name, int argc, char **argv,
                  struct options *opt, int *help);
/* Name of the environment variable of an option: "MIEN_MAX_FACES". Returns out. */
char *option_env_name(const struct option_def *def, char out[64]);

#endif
