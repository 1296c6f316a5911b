/* The table of options; see options.h. The order here is the order of the help. */
#include "analysis/faces.h"
#include "commands.h"
#include "options.h"

#include <string.h>

#define FIELD(name) offsetof(struct options, name)
#define PICTURES    (CMD_ANALYZE | CMD_DETECT | CMD_CLASSIFY | CMD_EMBED)
#define WHOLE       (CMD_ANALYZE | CMD_BENCH_ANALYZE | CMD_SERVE | CMD_WORKER)
#define EVAL                                                                                       \
    (CMD_EVAL_ATTRIBUTES | CMD_EVAL_DETECT | CMD_EVAL_CLASSIFY | CMD_EVAL_IDENTIFY |               \
     CMD_EVAL_VERIFY)
#define PEOPLE (CMD_ENROLL | CMD_IDENTIFY | CMD_RECOGNIZE | CMD_CLUSTER)
#define FACES                                                                                      \
    (WHOLE | CMD_DETECT | CMD_EMBED | CMD_COMPARE | CMD_EVAL_ATTRIBUTES | CMD_EVAL_IDENTIFY |      \
     CMD_EVAL_VERIFY | CMD_GALLERY_MIGRATE | CMD_SERVICE | PEOPLE | CMD_SUBMIT)
#define RUNS (PICTURES | CMD_BENCH | CMD_BENCH_ANALYZE | CMD_INFO | PEOPLE)
#define GALLERIES                                                                                  \
    (PEOPLE | CMD_GALLERY | CMD_GALLERY_DELETE | CMD_GALLERY_DOCTOR | CMD_GALLERY_INDEX |          \
     CMD_GALLERY_MIGRATE)
#define MACHINE                                                                                    \
    (RUNS | CMD_GALLERY_MIGRATE | CMD_CALIBRATE | CMD_SERVE | CMD_SERVICE | CMD_COMPARE | EVAL |   \
     CMD_WORKER)

static const char *const PRECISIONS[] = {"fp32", "bf16", "int8", "fp16", "auto", NULL};

static const char *const FORMATS[] = {[FORMAT_JSONL] = "jsonl", [FORMAT_SEED] = "seed", NULL};

static const char *backend_choice(int i) {
    return i == 0 ? "auto" : mien_backend_at(i - 1);
}

const char *const OPTION_GROUP_TITLES[GROUPS] = {
    [GROUP_NETWORKS] = "Networks", [GROUP_DATA] = "Data",       [GROUP_FACES] = "Faces",
    [GROUP_RESULTS] = "Results",   [GROUP_RUN] = "Run",         [GROUP_SERVICE] = "Service",
    [GROUP_SERVER] = "Server",     [GROUP_BATCHES] = "Batches", [GROUP_LIMITS] = "Limits",
    [GROUP_URLS] = "URLs",         [GROUP_OUTPUT] = "Output",   [GROUP_MACHINE] = "Machine",
};

static const struct option_def ROWS[] = {
    {.name = "weights",
     .arg = "DIR",
     .group = GROUP_NETWORKS,
     .commands = MACHINE | CMD_MODELS | CMD_THRESHOLDS | CMD_GALLERY_DOCTOR,
     .kind = KIND_TEXT,
     .field = FIELD(weights),
     .help = "folder a NAME is looked up in [$XDG_DATA_HOME/mien, else ~/.local/share/mien]"},

    {.name = "threshold",
     .arg = "P",
     .group = GROUP_FACES,
     .commands = FACES,
     .kind = KIND_REAL,
     .field = FIELD(threshold),
     .value = "0.5",
     .max = 1,
     .help = "smallest score of a face, 0 to 1"},
    {.name = "nms",
     .arg = "IOU",
     .group = GROUP_FACES,
     .commands = FACES | CMD_EVAL_DETECT,
     .kind = KIND_REAL,
     .field = FIELD(nms),
     .value = "0.4",
     .max = 1,
     .help = "overlap above which two boxes are one face, 0 to 1"},
    {.name = "max-faces",
     .arg = "N",
     .group = GROUP_FACES,
     .commands = FACES | CMD_EVAL_DETECT,
     .kind = KIND_INT,
     .field = FIELD(max_faces),
     .value = "750",
     .min = 1,
     .max = 100000,
     .help = "keep the N best"},
    {.name = "size",
     .arg = "N",
     .group = GROUP_FACES,
     .commands = FACES | CMD_EVAL_DETECT,
     .kind = KIND_INT,
     .field = FIELD(side),
     .min = 0,
     .max = 16384,
     .help = "long side the picture is scaled down to for detection; 0: original size [the "
             "detector's own]"},
    {.name = "search",
     .arg = "HOW",
     .group = GROUP_FACES,
     .commands = FACES | CMD_EVAL_DETECT,
     .kind = KIND_CHOICE,
     .field = FIELD(search),
     .value = "auto",
     .choices = FACE_SEARCH_NAMES,
     .help = "fast (one look at the picture), auto (also at its own size and turned, where that "
             "finds more) or thorough (also in parts, for crowds)"},
    {.name = "face",
     .arg = "WHICH",
     .group = GROUP_FACES,
     .commands = CMD_EMBED | CMD_SUBMIT,
     .kind = KIND_CHOICE,
     .field = FIELD(face),
     .value = "all",
     .choices = FACE_PICK_NAMES,
     .help = "all, main (large, central, certain), largest or centre (nearest to the middle)"},
    {.name = "same-person",
     .arg = "S",
     .group = GROUP_FACES,
     .commands = CMD_COMPARE | CMD_IDENTIFY | CMD_RECOGNIZE | CMD_SERVE,
     .kind = KIND_REAL,
     .field = FIELD(serve.same_person),
     .min = -1,
     .max = 1,
     .help = "similarity from which two faces are called one person [the embedder's own; of "
             "identify that of --fpir]"},
    {.name = "aligned",
     .group = GROUP_FACES,
     .commands = CMD_EMBED | CMD_CALIBRATE | PEOPLE,
     .kind = KIND_FLAG,
     .field = FIELD(aligned),
     .help = "pictures are aligned faces of 112x112, taken as they are"},

    {.name = "top",
     .arg = "K",
     .group = GROUP_RESULTS,
     .commands = WHOLE | CMD_CLASSIFY | CMD_SUBMIT,
     .kind = KIND_INT,
     .field = FIELD(top),
     .value = "5",
     .min = 1,
     .max = 100000,
     .help = "classes for each picture"},
    {.name = "embeddings",
     .group = GROUP_RESULTS,
     .commands = CMD_ANALYZE | CMD_SUBMIT,
     .kind = KIND_FLAG,
     .field = FIELD(embeddings),
     .help = "an embedding for each face, too"},
    {.name = "attributes",
     .arg = "LIST",
     .group = GROUP_RESULTS,
     .commands = WHOLE,
     .kind = KIND_TEXT,
     .field = FIELD(attributes),
     .help = "what is told of a face: names with commas, default (all but race and emotion) or all "
             "[default]"},
    {.name = "method",
     .arg = "M",
     .group = GROUP_RESULTS,
     .commands = WHOLE | CMD_EVAL_ATTRIBUTES,
     .kind = KIND_CHOICE,
     .field = FIELD(method),
     .value = "joint",
     .choices = METHOD_NAMES,
     .help = "age, gender and race by one network (joint) or by one for each (separate)"},
    {.name = "quality",
     .group = GROUP_RESULTS,
     .commands = CMD_ANALYZE | CMD_DETECT | CMD_EMBED | CMD_COMPARE | CMD_SUBMIT,
     .kind = KIND_FLAG,
     .field = FIELD(quality),
     .help = "how each face is turned and how good its picture is, and why not"},
    {.name = "salvage",
     .group = GROUP_RESULTS,
     .commands = PICTURES | CMD_COMPARE | PEOPLE | CMD_WORKER,
     .kind = KIND_FLAG,
     .field = FIELD(salvage),
     .help = "read JPEGs that are cut off, down to the rows they have, with a warning"},
    {.name = "plan",
     .group = GROUP_RESULTS,
     .commands = CMD_INFO,
     .kind = KIND_FLAG,
     .field = FIELD(plan),
     .help = "what runs, step by step, and where it lies in memory"},
    {.name = "tensors",
     .group = GROUP_RESULTS,
     .commands = CMD_INFO,
     .kind = KIND_FLAG,
     .field = FIELD(tensors),
     .help = "name and shape of every tensor"},
    {.name = "size",
     .arg = "WxH",
     .group = GROUP_RUN,
     .commands = CMD_BENCH | CMD_INFO,
     .kind = KIND_SIZE,
     .field = FIELD(width),
     .help = "input size; one number for a square [the network's own]"},
    {.name = "seconds",
     .arg = "S",
     .group = GROUP_RUN,
     .commands = CMD_BENCH | CMD_BENCH_ANALYZE,
     .kind = KIND_REAL,
     .field = FIELD(seconds),
     .value = "3",
     .max = 3600,
     .help = "how long to measure"},

    {.name = "pretty",
     .group = GROUP_OUTPUT,
     .commands = PICTURES | CMD_JOBS,
     .kind = KIND_FLAG,
     .field = FIELD(pretty),
     .help = "indented JSON, coloured on a terminal"},
    {.name = "draw",
     .arg = "FILE|DIR",
     .group = GROUP_OUTPUT,
     .commands = PICTURES,
     .kind = KIND_TEXT,
     .field = FIELD(draw),
     .help = "write the picture with the results drawn on it: a FILE for one picture, a DIR for "
             "many"},
    {.name = "output",
     .arg = "DIR",
     .group = GROUP_OUTPUT,
     .commands = PICTURES,
     .kind = KIND_TEXT,
     .field = FIELD(output),
     .help = "write each picture's JSON to DIR/NAME.json, too; of a folder those that are up to "
             "date are passed over"},
    {.name = "format",
     .arg = "F",
     .group = GROUP_OUTPUT,
     .commands = CMD_ANALYZE | CMD_DETECT,
     .kind = KIND_CHOICE,
     .field = FIELD(format),
     .value = "jsonl",
     .choices = FORMATS,
     .help = "JSON as described in docs/json.md (jsonl), or in the shape of the service that has "
             "image_id, faces and processing_time (seed)"},
    {.name = "watch",
     .group = GROUP_OUTPUT,
     .commands = PICTURES,
     .kind = KIND_FLAG,
     .field = FIELD(watch),
     .help = "with --output: go on with pictures that come into the folders, until Ctrl-C"},
    {.name = "retry",
     .group = GROUP_OUTPUT,
     .commands = PICTURES,
     .kind = KIND_FLAG,
     .field = FIELD(retry),
     .help = "with --output: try again the pictures that failed.jsonl has"},
    {.name = "force",
     .group = GROUP_OUTPUT,
     .commands = PICTURES,
     .kind = KIND_FLAG,
     .field = FIELD(force),
     .help = "with --output: do again what is up to date"},
    {.name = "output",
     .arg = "FILE",
     .group = GROUP_OUTPUT,
     .commands = CMD_CALIBRATE,
     .kind = KIND_TEXT,
     .field = FIELD(output),
     .help = "where the calibrated blob is written [the network's own file]"},
    {.name = "force",
     .group = GROUP_OUTPUT,
     .commands = CMD_CALIBRATE,
     .kind = KIND_FLAG,
     .field = FIELD(force),
     .help = "calibrate on fewer pictures than the ranges need"},
    {.name = "json",
     .group = GROUP_OUTPUT,
     .commands = PICTURES | CMD_COMPARE | CMD_BENCH | CMD_BENCH_ANALYZE | CMD_INFO | CMD_MODELS |
                 CMD_THRESHOLDS | EVAL | GALLERIES | CMD_SUBMIT | CMD_JOBS,
     .kind = KIND_FLAG,
     .field = FIELD(json),
     .help = "JSON instead of text, also where the output is a terminal"},

    {.name = "precision",
     .arg = "P",
     .group = GROUP_MACHINE,
     .commands = RUNS | CMD_GALLERY_MIGRATE | CMD_SERVE | CMD_COMPARE | EVAL | CMD_WORKER,
     .kind = KIND_CHOICE,
     .field = FIELD(precision),
     .value = "auto",
     .choices = PRECISIONS,
     .help = "auto (fp32; fp16 on a GPU), fp32, bf16, int8 (calibrated networks) or fp16 (GPUs)"},
    {.name = "threads",
     .arg = "N",
     .group = GROUP_MACHINE,
     .commands = MACHINE,
     .kind = KIND_INT,
     .field = FIELD(threads),
     .min = 0,
     .max = 1024,
     .help = "worker threads; 0: one a core [0]"},
    {.name = "batch",
     .arg = "N",
     .group = GROUP_MACHINE,
     .commands = RUNS,
     .kind = KIND_INT,
     .field = FIELD(batch),
     .value = "1",
     .min = 1,
     .max = 4096,
     .help = "pictures a network takes at once"},
    {.name = "device",
     .arg = "D",
     .group = GROUP_MACHINE,
     .commands = MACHINE,
     .kind = KIND_DEVICE,
     .field = FIELD(device),
     .value = "cpu",
     .help = "cpu, cuda or cuda:N"},
    {.name = "backend",
     .arg = "B",
     .group = GROUP_MACHINE,
     .commands = MACHINE,
     .kind = KIND_CHOICE,
     .field = FIELD(backend),
     .value = "auto",
     .choice = backend_choice,
     .help = "kernels: auto, amx, amx-bf16x3, avx512, avx2, blas (OpenBLAS) or c (plain C); on a "
             "GPU auto, wgmma, mma, cudnn or plain"},
    {.name = "no-cache",
     .group = GROUP_MACHINE,
     .commands = MACHINE,
     .kind = KIND_FLAG,
     .field = FIELD(no_cache),
     .help = "pack the weights anew; neither read nor write the .packed files beside the blobs, "
             "nor what was measured of a GPU"},
    {.name = NULL},
};

/* What one command, or a few, have for themselves: in files of their own. */
static const struct option_def *const TABLES[] = {ROWS,          OPTIONS_GALLERY, OPTIONS_EVAL,
                                                  OPTIONS_SERVE, OPTIONS_JOBS,    OPTIONS_SERVICE};

enum { OPTIONS_MAX = 256 };

/* Commands that want faces found take a detector; else a network is for the command called as its
 * task, and for those that do all. */
static unsigned commands_of(const mien_task_info *task) {
    unsigned commands = WHOLE;

    if (task->result == MIEN_RESULT_FACES)
        commands |= (FACES | CMD_CALIBRATE) & ~(unsigned)CMD_SUBMIT;
    if (task->result == MIEN_RESULT_FACES) commands |= CMD_EVAL_DETECT;
    if (task->result == MIEN_RESULT_EMBEDDING)
        commands |= CMD_COMPARE | PEOPLE | CMD_GALLERY_DOCTOR | CMD_GALLERY_MIGRATE |
                    CMD_EVAL_IDENTIFY | CMD_EVAL_VERIFY;
    if (task->result == MIEN_RESULT_ATTRIBUTES && task->item == MIEN_ITEM_FACE)
        commands |= CMD_EVAL_ATTRIBUTES | CMD_SERVICE;
    if (task->result == MIEN_RESULT_CLASSES) commands |= CMD_EVAL_CLASSIFY;
    for (const struct command *c = COMMANDS; c->name; c++)
        if (strcmp(c->name, task->name) == 0) commands |= c->bit;
    return commands;
}

const struct option_def *option_defs(void) {
    static struct option_def all[OPTIONS_MAX]; /* the last stays without a name */
    mien_task_info task = {.struct_size = sizeof task};
    int n = 0;

    if (all[0].name) return all;
    for (; n < NETWORKS_MAX && mien_task_info_get(n + 1, &task) == MIEN_OK; n++)
        all[n] = (struct option_def){
            .name = task.option,
            .arg = "NAME|BLOB",
            .group = GROUP_NETWORKS,
            .commands = commands_of(&task),
            .kind = KIND_TEXT,
            .field = FIELD(network) + (size_t)n * sizeof(const char *),
            .value = task.default_network ? task.default_network : "none",
            .help = task.help,
        };
    for (size_t t = 0; t < sizeof TABLES / sizeof *TABLES; t++)
        for (const struct option_def *row = TABLES[t]; row->name && n < OPTIONS_MAX - 1; row++)
            all[n++] = *row;
    return all;
}
