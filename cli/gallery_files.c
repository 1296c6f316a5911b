/* The commands about a gallery's files: gallery backup, check, rekey and prove-deleted. */
#include "commands.h"
#include "common/json_values.h"
#include "output.h"
#include "say.h"
#include "shelf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_gallery_backup(const struct options *opt) {
    struct shelf shelf;
    int status = shelf_open(opt, SHELF_READ, &shelf);

    if (status == EXIT_OK && mien_gallery_backup(shelf.gallery, opt->args[0]))
        status = shelf_say_error();
    shelf_close(&shelf);
    return status;
}

static int keep_sentence(void *context, const char *sentence) {
    json_t *list = context;

    return json_array_append_new(list, json_value_text(sentence)) ? 1 : 0;
}

/* Prints sentences: a line each, or all of them as JSON. */
static int tell(const struct shelf *shelf, const char *key, json_t *list, const char *none) {
    int n = (int)json_array_size(list);

    if (shelf->as_lines) {
        for (int i = 0; i < n; i++)
            printf("%s\n", json_string_value(json_array_get(list, (size_t)i)));
        if (n == 0) printf("%s\n", none);
    } else {
        output_json(json_pack("{s:b, s:O}", "ok", n == 0, key, list), 0);
    }
    return n ? EXIT_FAILED : EXIT_OK;
}

int cmd_gallery_check(const struct options *opt) {
    struct shelf shelf;
    json_t *list = json_array();
    int problems, complete, status = list ? shelf_open(opt, SHELF_WRITE, &shelf) : say_no_memory();

    if (!list) return status;
    if (status == EXIT_OK && (mien_gallery_check(shelf.gallery, keep_sentence, list, &problems) ||
                              mien_gallery_scrub(shelf.gallery, &complete)))
        status = shelf_say_error();
    if (status == EXIT_OK) status = tell(&shelf, "problems", list, "nothing is wrong");
    json_decref(list);
    shelf_close(&shelf);
    return status;
}

int cmd_gallery_rekey(const struct options *opt) {
    uint8_t key[MIEN_GALLERY_KEY_SIZE];
    struct shelf shelf;
    int status = mien_gallery_key_read(opt->args[0], key) ? shelf_say_error() : EXIT_OK;

    if (status) return status;
    status = shelf_open(opt, SHELF_WRITE, &shelf);
    if (status == EXIT_OK && mien_gallery_rekey(shelf.gallery, key)) status = shelf_say_error();
    explicit_bzero(key, sizeof key);
    shelf_close(&shelf);
    return status;
}

enum { RECEIPT_MOST = 1 << 28 }; /* bytes; of a sample with its face there are some 10,000 */

/* A file of text, or standard input, for free(). */
static char *read_text(const char *path) {
    FILE *in = strcmp(path, "-") ? fopen(path, "re") : stdin;
    size_t n = 0, room = 1 << 16, got;
    char *text = malloc(room);

    errno = in ? 0 : errno;
    while (in && text && (got = fread(text + n, 1, room - 1 - n, in)) > 0) {
        n += got;
        if (n + 1 < room) continue;
        char *more = room < RECEIPT_MOST ? realloc(text, room *= 2) : NULL;
        if (!more) {
            errno = room < RECEIPT_MOST ? ENOMEM : EFBIG;
            free(text);
        }
        text = more;
    }
    if (!in || !text || ferror(in)) {
        say("%s: %s", path, strerror(errno ? errno : EIO));
        free(text);
        text = NULL;
    }
    if (in && in != stdin) fclose(in);
    if (text) text[n] = '\0';
    return text;
}

/* A receipt as it is, or in the JSON that delete prints. */
static char *receipt_of(char *text) {
    json_t *object = *text == '{' ? json_loads(text, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
    const char *inside = json_string_value(json_object_get(object, "receipt"));
    char *copy = inside ? strdup(inside) : NULL;

    json_decref(object);
    if (!copy) return text;
    free(text);
    return copy;
}

int cmd_gallery_prove(const struct options *opt) {
    struct shelf shelf;
    json_t *list = json_array();
    char *text = read_text(opt->args[0]);
    int found, status = text && list ? shelf_open(opt, SHELF_READ, &shelf) : EXIT_FAILED;

    if (!text || !list) {
        json_decref(list);
        free(text);
        return status;
    }
    text = receipt_of(text);
    if (status == EXIT_OK && mien_gallery_prove(shelf.gallery, text, keep_sentence, list, &found))
        status = shelf_say_error();
    if (status == EXIT_OK)
        status =
            tell(&shelf, "found", list, "nothing of what was deleted is in the gallery's files");
    json_decref(list);
    free(text);
    shelf_close(&shelf);
    return status;
}
