#include "help.h"

#include "terminal.h"

#include <string.h>

enum { HELP_WIDTH = 80, OPTION_COLUMN = 26 };

void help_wrap(FILE *out, const char *text, int column, int indent) {
    int empty = 1; /* nothing on this line yet */

    while (*text) {
        size_t bytes = strcspn(text, " \n");
        int width = text_columns(text, bytes);
        if (!empty && column + 1 + width >= HELP_WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            empty = 1;
        }
        if (bytes) {
            fprintf(out, "%s%.*s", empty ? "" : " ", (int)bytes, text);
            column += width + !empty;
            empty = 0;
        }
        text += bytes;
        text += strspn(text, " \n");
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const struct option_def *def) {
    char text[512];
    int n = fprintf(out, "  --%s%s%s", def->name, def->arg ? " " : "", def->arg ? def->arg : "");

    if (n > OPTION_COLUMN - 2) {
        fputc('\n', out);
        n = 0;
    }
    fprintf(out, "%*s", OPTION_COLUMN - n, "");
    if (def->value)
        snprintf(text, sizeof text, "%s [%s]", def->help, def->value);
    else
        snprintf(text, sizeof text, "%s", def->help);
    help_wrap(out, text, OPTION_COLUMN, OPTION_COLUMN);
}

static void print_group(FILE *out, enum option_group group, unsigned command) {
    int first = 1;

    for (const struct option_def *def = option_defs(); def->name; def++) {
        if (def->group != group || !(def->commands & command)) continue;
        if (first) fprintf(out, "\n%s\n", OPTION_GROUP_TITLES[group]);
        first = 0;
        print_option(out, def);
    }
}

/* A real option of the command stands as the example of the rule; one with a dash shows it best. */
static void print_environment(FILE *out, unsigned command) {
    const struct option_def *shown = NULL;
    char name[64], text[256];

    for (const struct option_def *def = option_defs(); def->name; def++) {
        if (!(def->commands & command)) continue;
        if (!shown || (strchr(def->name, '-') && !strchr(shown->name, '-'))) shown = def;
    }
    if (!shown) return;
    snprintf(
        text, sizeof text,
        "Defaults stand in [brackets]. Each option may be set by an environment variable, MIEN_ "
        "and its name (%s for --%s); the command line wins.",
        option_env_name(shown, name), shown->name);
    fputc('\n', out);
    help_wrap(out, text, 0, 0);
}

void help_command(FILE *out, const struct command *command) {
    fprintf(out, "Usage: mien %s [OPTION]...%s%s\n\n", command->name, *command->args ? " " : "",
            command->args);
    help_wrap(out, command->about, 0, 0);
    if (command->notes) {
        fputc('\n', out);
        help_wrap(out, command->notes, 0, 0);
    }
    for (int g = 0; g < GROUPS; g++) print_group(out, (enum option_group)g, command->bit);
    print_environment(out, command->bit);
    fprintf(out, "\nExamples\n%s", command->examples);
}

void help_overview(FILE *out) {
    fputs("Usage: mien COMMAND [OPTION]... [ARGUMENT]...\n\n", out);
    help_wrap(
        out,
        "Finds faces in pictures, tells who they could be, their age and gender, and says what "
        "a picture shows.",
        0, 0);
    fputs("\nCommands\n", out);
    for (const struct command *c = COMMANDS; c->name; c++) {
        const char *part = strchr(c->name, ' '); /* of a command of commands, which is above */
        fprintf(out, "%s%-15s %s\n", part ? "    " : "  ", part ? part + 1 : c->name, c->summary);
    }
    fputs("\n  mien COMMAND --help   options and examples of a command\n"
          "  mien --version        the version, and what pictures are read\n"
          "\nExamples\n"
          "  mien analyze --draw result.jpg photo.jpg\n"
          "  mien compare passport.jpg visitor.jpg\n"
          "  mien models\n",
          out);
}
