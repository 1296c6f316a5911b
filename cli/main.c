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
                         command->bit & (CMD_BENCH | CMD_INFO)        ? "at least one network"
                         : command->bit & CMD_CALIBRATE               ? "a network, and pictures"
                         : strncmp(command->name, "eval ", 5) == 0    ? "labels"
                         : command->bit & CMD_COMPARE                 ? "two pictures"
                         : command->bit & CMD_COMPLETION              ? "a shell"
                         : strncmp(command->name, "jobs ", 5) == 0    ? "at least one job's id"
                         : command->bit & CMD_SUBMIT                  ? "pictures"
                         : strncmp(command->name, "gallery ", 8) == 0 ? command->args
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
