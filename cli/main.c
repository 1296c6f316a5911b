/* The tool `mien`: picks a command, parses its options, runs it. */
#include "commands.h"
#include "environment.h"
#include "help.h"
#include "near.h"
#include "output.h"
#include "progress.h"
#include "say.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char PICTURE_NOTES[] =
    "A PICTURE is a file (JPEG, PNG, WebP, BMP, GIF, PNM, TGA; HEIC, AVIF and TIFF where "
    "`mien --version` says so), a folder (walked in sorted order) or - (standard input). Each "
    "gives a line: for people where the output is a terminal, else, and with --json, of JSON, "
    "whose coordinates are pixels of the upright picture. What cannot be read is told on standard "
    "error, is {\"file\", \"error\", \"code\"} in JSON, and gives exit status 1 at the end.";

#define EVAL_NOTES                                                                                 \
    "Pictures that cannot be read are told on standard error and give exit status 1. With --json " \
    "standard output is one object, described in docs/eval.md. "

const struct command COMMANDS[] = {
    {"analyze", CMD_ANALYZE, "PICTURE...", 1, -1, "faces, age, gender, and what each picture shows",
     "Finds the faces in each picture, estimates age and gender, and says what the picture shows. "
     "A network may be left out with the name 'none'.",
     PICTURE_NOTES,
     "  mien analyze --draw result.jpg photo.jpg\n"
     "  mien analyze --classifier none --draw drawn/ holiday/ > holiday.jsonl\n"
     "  mien analyze --output results/ holiday/\n"
     "  curl -s https://example.org/photo.jpg | mien analyze -\n",
     cmd_pictures},
    {"detect", CMD_DETECT, "PICTURE...", 1, -1, "faces only: boxes and landmarks",
     "Finds the faces in each picture: box, score, and five landmarks (eyes, nose, corners of the "
     "mouth).",
     PICTURE_NOTES,
     "  mien detect photo.jpg\n"
     "  mien detect --size 0 --threshold 0.3 crowd.jpg     # small faces, too\n",
     cmd_pictures},
    {"classify", CMD_CLASSIFY, "PICTURE...", 1, -1, "what each picture shows",
     "Says what each picture shows: the K likeliest classes with their probabilities. \"faces\" "
     "stays empty.",
     PICTURE_NOTES,
     "  mien classify --top 3 photo.jpg\n"
     "  mien classify --batch 8 folder/\n",
     cmd_pictures},
    {"embed", CMD_EMBED, "PICTURE...", 1, -1, "faces as numbers that tell people apart",
     "Finds the faces in each picture and turns each into an embedding of length 1. The dot "
     "product of two of them says how alike the faces are: the same picture has 1, and two faces "
     "are likely one person's from the similarity on that `mien info` tells of the embedder.",
     PICTURE_NOTES,
     "  mien embed --face largest passport.jpg\n"
     "  mien embed --aligned crops/\n",
     cmd_pictures},
    {"compare", CMD_COMPARE, "PICTURE PICTURE", 2, 2, "whether two faces are likely one person's",
     "Compares the main faces of two pictures (large, central, certain) and says: likely the same, "
     "unsure, or different. Likely the same is from the similarity on that was measured for the "
     "embedder, at which 1 in 1000 pairs of two people passes; unsure is up to 0.1 below it.",
     "On a terminal it prints a line for people, else, and with --json, JSON.",
     "  mien compare passport.jpg visitor.jpg\n"
     "  mien compare --json --same-person 0.5 a.jpg b.jpg\n",
     cmd_compare},
    {"bench", CMD_BENCH, "NAME|BLOB...", 1, -1, "how fast a network runs here",
     "Runs a network on random input and prints its median and p99 time, its rate, and what it "
     "takes in memory. The percentage of peak compares with a fused multiply-add loop measured at "
     "the start.",
     NULL,
     "  mien bench resnet50-imagenet\n"
     "  mien bench retinaface-mnet025-v2 --size 640x480 --threads 1 --json\n",
     cmd_bench},
    {"bench analyze", CMD_BENCH_ANALYZE, "PICTURE...", 1, -1,
     "how fast whole pictures go, by stage",
     "Runs everything 'mien analyze --embeddings' does on the pictures, once to warm up and then "
     "round after round, and prints median and p99 time of each stage, pictures and faces a "
     "second. Printing and drawing results is not part of it.",
     "A PICTURE is a file or a folder. One that cannot be read is left out, and told. The times of "
     "the stages of faces are those of all faces of a picture. A network may be left out with the "
     "name 'none'.",
     "  mien bench analyze holiday/\n"
     "  mien bench analyze --threads 1 --classifier none --json photo.jpg\n",
     cmd_bench_analyze},
    {"eval", CMD_EVAL, "attributes|detect|classify", 0, -1, "how often the networks are right",
     "Runs a command on labelled pictures, and prints how often it is right: of all, and of groups "
     "of people.",
     NULL,
     "  mien eval attributes people.csv\n"
     "  mien eval detect annotations.json\n"
     "  mien eval classify pictures/\n",
     cmd_eval},
    {"eval attributes", CMD_EVAL_ATTRIBUTES, "CSV|FOLDER", 1, 1,
     "how often ages, genders, ... of labelled faces are right",
     "Runs 'mien analyze' on labelled faces and prints how often each attribute is right: over "
     "all, "
     "and for each race, gender and age, or the groups of --by; each with the interval chance "
     "leaves it, and whether probabilities mean what they say.",
     EVAL_NOTES
     "The CSV has a column of files, and columns called as what the networks tell: age (years, or "
     "ranges such as 20-29), gender, race. A FOLDER has the labels in its files' names, as "
     "UTKFace: "
     "AGE_GENDER_RACE_DATE.jpg.",
     "  mien eval attributes fairface_label_val.csv\n"
     "  mien eval attributes --where 'age>=10' --plots plots/ UTKFace/\n"
     "  mien eval attributes --json --by race,gender people.csv > result.json\n",
     cmd_eval},
    {"eval detect", CMD_EVAL_DETECT, "ANNOTATIONS", 1, 1,
     "how many faces of annotated pictures are found",
     "Runs 'mien detect' on annotated pictures and prints average precision by the protocol of "
     "WIDER FACE, and recall and precision at a score of 0.5.",
     EVAL_NOTES
     "ANNOTATIONS are WIDER FACE's text file (wider_face_val_bbx_gt.txt), or JSON: a list of "
     "{\"file\", \"boxes\": [[x1, y1, x2, y2], ...]}.",
     "  mien eval detect wider_face_split/wider_face_val_bbx_gt.txt\n"
     "  mien eval detect --detector scrfd-2.5g --search fast faces.json\n",
     cmd_eval},
    {"eval classify", CMD_EVAL_CLASSIFY, "FOLDER|CSV", 1, 1,
     "how often what labelled pictures show is right",
     "Runs 'mien classify' on labelled pictures and prints how often the right class is the first, "
     "and among the first five.",
     EVAL_NOTES
     "A FOLDER has a folder a class, called by its WordNet id, label or number; a CSV has a column "
     "of files and one called label.",
     "  mien eval classify imagenet/val/\n"
     "  mien eval classify --limit 1000 --precision int8 labels.csv\n",
     cmd_eval},
    {"calibrate", CMD_CALIBRATE, "NETWORK PICTURE...", 2, -1, "measure a network's ranges for int8",
     "Runs a network in fp32 on pictures of the kind it is for, measures the range of every value, "
     "and keeps the ranges in the network's blob: --precision int8 needs them. Some hundred "
     "pictures are enough, fewer than 50 are refused. NETWORK is a name or a blob; embedders and "
     "age-gender networks see the "
     "faces the detector finds.",
     "A PICTURE is a file or a folder, as for `mien analyze`.",
     "  mien calibrate resnet50-imagenet holiday/\n"
     "  mien calibrate mobilefacenet-192 --aligned crops/ --output ./int8.safetensors\n",
     cmd_calibrate},
    {"info", CMD_INFO, "NAME|BLOB...", 1, -1, "what is in a weights file, and how it runs",
     "Prints what a weights file says about its network: task, input, license, source. --size, "
     "--batch and the machine's options matter for --plan only.",
     NULL,
     "  mien info resnet50-imagenet\n"
     "  mien info ./my.safetensors --plan --size 320x320\n",
     cmd_info},
    {"models", CMD_MODELS, "[NAME...]", 0, -1, "which networks are installed",
     "Lists the networks in the weights folder, with license and accuracy, and the default ones "
     "that are missing; of those that are named also how often what they tell of a face is right, "
     "and of whom.",
     NULL,
     "  mien models\n"
     "  mien models face-joint\n"
     "  mien models --json\n",
     cmd_models},
    {"serve", CMD_SERVE, "", 0, 0, "all of this over HTTP",
     "Answers requests over HTTP: faces, ages, classes and embeddings of the pictures it is sent, "
     "in "
     "batches over all requests. A page to try it is at /, its documentation at /docs. A network "
     "may be left out with the name 'none'.",
     "SIGTERM ends it when the requests under way are answered, SIGHUP reads keys and networks "
     "anew.",
     "  mien serve\n"
     "  mien serve --address 0.0.0.0 --port 80 --keys keys.txt --precision int8\n"
     "  mien serve --config /etc/mien/mien.conf\n"
     "  curl -F file=@photo.jpg http://127.0.0.1:8080/predict\n",
     cmd_serve},
    {"completion", CMD_COMPLETION, "bash|zsh|fish", 1, 1, "a script that completes in your shell",
     "Prints a script that completes commands, options and their values. `make install` puts all "
     "three where the shells look for them.",
     NULL,
     "  source <(mien completion bash)\n"
     "  mien completion zsh > ~/.zfunc/_mien\n"
     "  mien completion fish > ~/.config/fish/completions/mien.fish\n",
     cmd_completion},
    {.name = NULL},
};

/* How many of the words make up a command's name; 0 where it is another one's. */
static int match_command(const struct command *c, int n, char *const *words) {
    size_t first = strcspn(c->name, " ");

    if (n < 1 || strncmp(c->name, words[0], first) != 0 || words[0][first]) return 0;
    if (!c->name[first]) return 1;
    return n > 1 && strcmp(c->name + first + 1, words[1]) == 0 ? 2 : 0;
}

/* The command of the longest name the words begin with; *used is the number of its words. */
static const struct command *find_command(int n, char *const *words, int *used) {
    const struct command *found = NULL;

    *used = 0;
    for (const struct command *c = COMMANDS; c->name; c++) {
        int matched = match_command(c, n, words);
        if (matched > *used) {
            *used = matched;
            found = c;
        }
    }
    return found;
}

static int say_unknown(const char *word) {
    struct near near;

    near_begin(&near, word, strlen(word));
    if (word[0] == '-') {
        near_offer(&near, "--help");
        near_offer(&near, "--version");
        near_offer(&near, "-h");
        near_offer(&near, "-V");
    } else {
        for (const struct command *c = COMMANDS; c->name; c++) near_offer(&near, c->name);
        near_offer(&near, "help");
    }
    return say_usage(NULL, "unknown %s %s%s%s%s", word[0] == '-' ? "option" : "command", word,
                     near.best ? ", perhaps " : "", near.best ? near.best : "",
                     near.best ? " is meant" : "");
}

static int run_help(int argc, char **argv) {
    const struct command *command;
    int used;

    if (argc == 0) {
        help_overview(stdout);
        return EXIT_OK;
    }
    command = find_command(argc, argv, &used);
    if (!command) return say_unknown(argv[0]);
    help_command(stdout, command);
    return EXIT_OK;
}

static int run_command(const struct command *command, int argc, char **argv) {
    struct options opt;
    int help, status = options_parse(command->bit, command->name, argc, argv, &opt, &help);

    if (status) return status;
    if (help) {
        help_command(stdout, command);
        return EXIT_OK;
    }
    if (opt.nargs < command->min_args)
        return say_usage(command->name, "nothing to do: give %s",
                         command->bit & (CMD_BENCH | CMD_INFO)     ? "at least one network"
                         : command->bit & CMD_CALIBRATE            ? "a network, and pictures"
                         : strncmp(command->name, "eval ", 5) == 0 ? "labels"
                         : command->bit & CMD_COMPARE              ? "two pictures"
                         : command->bit & CMD_COMPLETION           ? "a shell"
                                                                   : "at least one picture");
    if (command->max_args >= 0 && opt.nargs > command->max_args)
        return say_usage(command->name, "unexpected argument %s", opt.args[command->max_args]);
    environment_check();
    return command->run(&opt);
}

/* The version, and what pictures are read here. */
static void print_version(void) {
    mien_format format = {.struct_size = sizeof format};

    printf("mien %s\nReads", mien_version());
    for (int i = 0, n = 0; mien_format_at(i, &format) == MIEN_OK; i++)
        if (!mien_format_missing(i)) printf("%s %s", n++ ? "," : "", format.name);
    printf("\n");
    for (int i = 0; mien_format_at(i, &format) == MIEN_OK; i++)
        if (mien_format_missing(i)) printf("%s\n", mien_format_missing(i));
}

static int run(int argc, char **argv) {
    const struct command *command;
    int used;

    if (argc < 2) {
        help_overview(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        print_version();
        return EXIT_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) return run_help(0, NULL);
    if (strcmp(argv[1], "help") == 0) return run_help(argc - 2, argv + 2);
    command = find_command(argc - 1, argv + 1, &used);
    if (!command) return say_unknown(argv[1]);
    return run_command(command, argc - 1 - used, argv + 1 + used);
}

/* Who starts a program with one of them closed would have the next file it opens be written into as
 * if it was standard output. What stands in their place fails as they would. */
static void open_standard_files(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv) {
    int status;

    open_standard_files();
    progress_since_start();
    setlocale(LC_CTYPE, ""); /* not LC_NUMERIC: numbers keep their point */
    signal(SIGPIPE, SIG_IGN);
    status = run(argc, argv);
    return output_close(status);
}
