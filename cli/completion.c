/* The command completion: a script that completes commands, options and values in a shell, printed
 * from the tables of commands and options. */
#include "commands.h"
#include "say.h"

#include <stdio.h>
#include <string.h>

/* How a value, or an argument, is completed. */
enum source { FROM_NOTHING, FROM_WORDS, FROM_FILES, FROM_FOLDERS, FROM_NETWORKS };

static const char *const SHELLS[] = {"bash", "zsh", "fish", NULL};

static enum source value_source(const struct option_def *def) {
    switch (def->kind) {
    case KIND_CHOICE:
    case KIND_DEVICE: return FROM_WORDS;
    case KIND_TEXT:
        if (def->group == GROUP_NETWORKS && strstr(def->arg, "BLOB")) return FROM_NETWORKS;
        if (strcmp(def->arg, "DIR") == 0) return FROM_FOLDERS;
        return strstr(def->arg, "FILE") ? FROM_FILES : FROM_NOTHING;
    case KIND_FLAG:
    case KIND_INT:
    case KIND_REAL:
    case KIND_BYTES:
    case KIND_SIZE: break;
    }
    return FROM_NOTHING;
}

/* Of a command's arguments; the pictures that may follow a network are files, too. */
static enum source args_source(const struct command *c) {
    if (strstr(c->args, "BLOB") || strstr(c->args, "NETWORK")) return FROM_NETWORKS;
    if (strstr(c->args, "PICTURE") || strstr(c->args, "CSV") || strstr(c->args, "ANNOTATIONS"))
        return FROM_FILES;
    return strstr(c->args, "bash") ? FROM_WORDS : FROM_NOTHING;
}

static void print_words(const struct option_def *def) {
    if (def->kind == KIND_DEVICE) {
        fputs("cpu cuda", stdout);
        return;
    }
    for (int i = 0; def->choice ? def->choice(i) != NULL : def->choices[i] != NULL; i++)
        printf("%s%s", i ? " " : "", def->choice ? def->choice(i) : def->choices[i]);
}

static void print_shells(void) {
    for (int i = 0; SHELLS[i]; i++) printf("%s%s", i ? " " : "", SHELLS[i]);
}

/* Text within '...'; what is in `escaped` gets a backslash. */
static void print_quoted(const char *text, const char *escaped, const char *quote) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs(quote, stdout);
        else if (strchr(escaped, *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_bash_source(enum source source, const struct option_def *def) {
    switch (source) {
    case FROM_NOTHING: fputs(":", stdout); break;
    case FROM_FILES: fputs("_mien_files -f", stdout); break;
    case FROM_FOLDERS: fputs("_mien_files -d", stdout); break;
    case FROM_NETWORKS:
        fputs("_mien_files -f; _mien_words \"", stdout);
        fputs(def ? "none $(_mien_networks)\"" : "$(_mien_networks)\"", stdout);
        break;
    case FROM_WORDS:
        fputs("_mien_words \"", stdout);
        if (def)
            print_words(def);
        else
            print_shells();
        putchar('"');
        break;
    }
}

static void print_bash_command(const struct command *c) {
    printf("    '%s')\n        case $prev in\n", c->name);
    for (const struct option_def *def = option_defs(); def->name; def++) {
        if (!(def->commands & c->bit) || def->kind == KIND_FLAG) continue;
        printf("        --%s) ", def->name);
        print_bash_source(value_source(def), def);
        puts("; return ;;");
    }
    puts("        esac\n        case $cur in\n        -*)");
    fputs("            _mien_words \"--help", stdout);
    for (const struct option_def *def = option_defs(); def->name; def++)
        if (def->commands & c->bit) printf(" --%s", def->name);
    fputs("\" ;;\n        *) ", stdout);
    print_bash_source(args_source(c), NULL);
    puts(" ;;\n        esac ;;");
}

static void print_bash(void) {
    fputs("# Completion of mien for bash, as `mien completion bash` prints it.\n"
          "_mien_words() {\n"
          "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W \"$1\" -- \"$cur\")\n"
          "}\n"
          "_mien_files() {\n"
          "    compopt -o filenames 2>/dev/null\n"
          "    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
          "}\n"
          "_mien_networks() {\n"
          "    local file\n"
          "    for file in "
          "\"${MIEN_WEIGHTS:-${XDG_DATA_HOME:-$HOME/.local/share}/mien}\"/*.safetensors; do\n"
          "        [[ -e $file ]] && file=${file##*/} && echo \"${file%.safetensors}\"\n"
          "    done\n"
          "}\n"
          "_mien() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local command=${COMP_WORDS[1]}\n"
          "    COMPREPLY=()\n"
          "    # --top=5 is three words to bash\n"
          "    if [[ $cur == = ]]; then\n"
          "        cur=\n"
          "    elif [[ $prev == = ]]; then\n"
          "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    if ((COMP_CWORD == 1)) || [[ $command == help ]]; then\n"
          "        _mien_words \"--help --version help",
          stdout);
    for (const struct command *c = COMMANDS; c->name; c++)
        if (!strchr(c->name, ' ')) printf(" %s", c->name);
    puts("\"\n        return\n    fi");
    for (const struct command *c = COMMANDS; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        if (!space) continue;
        int first = (int)(space - c->name);
        printf("    if [[ $command == %.*s ]]; then\n"
               "        ((COMP_CWORD == 2)) && _mien_words %s\n"
               "        ((COMP_CWORD > 2)) && [[ ${COMP_WORDS[2]} == %s ]] && command='%s'\n"
               "    fi\n",
               first, c->name, space + 1, space + 1, c->name);
    }
    puts("    case $command in");
    for (const struct command *c = COMMANDS; c->name; c++) print_bash_command(c);
    puts("    esac\n}\ncomplete -F _mien mien");
}

static void print_zsh_source(enum source source, const struct option_def *def) {
    switch (source) {
    case FROM_NOTHING: putchar(' '); break;
    case FROM_FILES: fputs("_files", stdout); break;
    case FROM_FOLDERS: fputs("_files -/", stdout); break;
    case FROM_NETWORKS: fputs(def ? "_mien_networks none" : "_mien_networks", stdout); break;
    case FROM_WORDS:
        putchar('(');
        if (def)
            print_words(def);
        else
            print_shells();
        putchar(')');
        break;
    }
}

static void print_zsh_command(const struct command *c) {
    printf("    ('%s')\n        _arguments '--help[options and examples]'", c->name);
    for (const struct option_def *def = option_defs(); def->name; def++) {
        if (!(def->commands & c->bit)) continue;
        printf(" \\\n            '--%s%s[", def->name, def->kind == KIND_FLAG ? "" : "=");
        print_quoted(def->help, "[]:\\", "'\\''");
        putchar(']');
        if (def->kind != KIND_FLAG) {
            printf(":%s:", def->arg);
            print_zsh_source(value_source(def), def);
        }
        putchar('\'');
    }
    if (*c->args) {
        fputs(" \\\n            '*:argument:", stdout);
        print_zsh_source(args_source(c), NULL);
        putchar('\'');
    }
    puts(" ;;");
}

static void print_zsh(void) {
    fputs("#compdef mien\n"
          "# Completion of mien for zsh, as `mien completion zsh` prints it.\n"
          "_mien_networks() {\n"
          "    local folder=${MIEN_WEIGHTS:-${XDG_DATA_HOME:-$HOME/.local/share}/mien}\n"
          "    local -a names=($folder/*.safetensors(N:t:r) $@)\n"
          "    _alternative 'networks:network:compadd -a names' \\\n"
          "        'files:file:_files'\n"
          "}\n"
          "_mien() {\n"
          "    local command=$words[2]\n"
          "    local -a commands=(\n",
          stdout);
    for (const struct command *c = COMMANDS; c->name; c++) {
        if (strchr(c->name, ' ')) continue;
        printf("        '%s:", c->name);
        print_quoted(c->summary, ":\\", "'\\''");
        puts("'");
    }
    puts("        'help:options and examples of a command'\n    )\n"
         "    if ((CURRENT == 2)) || [[ $command == help ]]; then\n"
         "        _describe command commands\n"
         "        return\n"
         "    fi");
    for (const struct command *c = COMMANDS; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        if (!space) continue;
        printf("    if [[ $command == %.*s ]]; then\n"
               "        ((CURRENT == 3)) && compadd %s\n"
               "        if ((CURRENT > 3)) && [[ $words[3] == %s ]]; then\n"
               "            command='%s'\n"
               "            shift words\n"
               "            ((CURRENT--))\n"
               "        fi\n"
               "    fi\n",
               (int)(space - c->name), c->name, space + 1, space + 1, c->name);
    }
    puts("    shift words\n    ((CURRENT--))\n    case $command in");
    for (const struct command *c = COMMANDS; c->name; c++) print_zsh_command(c);
    puts("    esac\n}\n"
         "if [[ $funcstack[1] == _mien ]]; then\n"
         "    _mien \"$@\"\n"
         "else\n"
         "    compdef _mien mien\n"
         "fi");
}

/* What completes a value, as arguments of `complete`. */
static void print_fish_source(enum source source, const struct option_def *def) {
    switch (source) {
    case FROM_NOTHING: fputs(" -x", stdout); break;
    case FROM_FILES: fputs(" -rF", stdout); break;
    case FROM_FOLDERS: fputs(" -xa '(__fish_complete_directories)'", stdout); break;
    case FROM_NETWORKS: fputs(" -rFa 'none (__mien_networks)'", stdout); break;
    case FROM_WORDS:
        fputs(" -xa '", stdout);
        print_words(def);
        putchar('\'');
        break;
    }
}

static void print_fish_command(const struct command *c) {
    for (const struct option_def *def = option_defs(); def->name; def++) {
        if (!(def->commands & c->bit)) continue;
        printf("complete -c mien -n '__mien_command %s' -l %s", c->name, def->name);
        if (def->kind != KIND_FLAG) print_fish_source(value_source(def), def);
        fputs(" -d '", stdout);
        print_quoted(def->help, "\\", "\\'");
        puts("'");
    }
    switch (args_source(c)) {
    case FROM_FILES: printf("complete -c mien -n '__mien_command %s' -F\n", c->name); break;
    case FROM_NETWORKS:
        printf("complete -c mien -n '__mien_command %s' -Fa '(__mien_networks)'\n", c->name);
        break;
    case FROM_WORDS:
        printf("complete -c mien -n '__mien_command %s' -a '", c->name);
        print_shells();
        puts("'");
        break;
    case FROM_NOTHING:
    case FROM_FOLDERS: break;
    }
}

static void print_fish(void) {
    fputs("# Completion of mien for fish, as `mien completion fish` prints it.\n"
          "function __mien_command\n"
          "    set -l words (commandline -opc)\n"
          "    set -l command $words[2]\n",
          stdout);
    for (const struct command *c = COMMANDS; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        if (space)
            printf("    test \"$words[2..3]\" = '%s'; and set command $words[2..3]\n", c->name);
    }
    puts("    test \"$command\" = \"$argv\"\n"
         "end\n"
         "function __mien_networks\n"
         "    set -l folder ~/.local/share/mien\n"
         "    set -q XDG_DATA_HOME; and set folder $XDG_DATA_HOME/mien\n"
         "    set -q MIEN_WEIGHTS; and set folder $MIEN_WEIGHTS\n"
         "    for file in $folder/*.safetensors\n"
         "        string replace -r '.*/(.*)\\.safetensors' '$1' $file\n"
         "    end\n"
         "end\n"
         "complete -c mien -f\n"
         "complete -c mien -l help -d 'options and examples'\n"
         "complete -c mien -n '__mien_command' -l version -d 'version of the library that runs'\n"
         "complete -c mien -n '__mien_command' -a help -d 'options and examples of a command'");
    for (const struct command *c = COMMANDS; c->name; c++) {
        const char *space = strchr(c->name, ' ');
        if (space)
            printf("complete -c mien -n '__mien_command %.*s' -a %s -d '", (int)(space - c->name),
                   c->name, space + 1);
        else
            printf("complete -c mien -n '__mien_command; or __mien_command help' -a %s -d '",
                   c->name);
        print_quoted(c->summary, "\\", "\\'");
        puts("'");
    }
    for (const struct command *c = COMMANDS; c->name; c++) print_fish_command(c);
}

int cmd_completion(const struct options *opt) {
    static void (*const print[])(void) = {print_bash, print_zsh, print_fish};

    for (int i = 0; SHELLS[i]; i++) {
        if (strcmp(opt->args[0], SHELLS[i]) != 0) continue;
        print[i]();
        return EXIT_OK;
    }
    return say_usage(opt->command_name, "unknown shell %s: bash, zsh or fish", opt->args[0]);
}
