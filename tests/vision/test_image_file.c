/* Pictures from and to files: mien_image_load() and mien_image_save(). */
#include "check.h"
#include "engine/err.h"
#include "pictures.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/mien-test-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static const char *in_folder(const char *name) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int entries(void) {
    int n = 0;
    DIR *d = opendir(folder);
    while (readdir(d)) n++;
    closedir(d);
    return n - 2;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void round_trip(void **state) {
    (void)state;
    static const struct {
        const char *name, *magic;
        int most;
    } cases[] = {{"a.jpg", "\xff\xd8", 12},
                 {"a.JPEG", "\xff\xd8", 12},
                 {"a.png", "\x89PNG", 0},
                 {"a.webp", "RIFF", 16},
                 {"a.ppm", "P6\n", 0}};
    mien_image *img = pattern(61, 47), *got, inner;
    /* The inside of a larger picture: rows are pitch bytes apart. */
    inner = (mien_image){
        .pixels = img->pixels + 5 * img->pitch + 3, .width = 50, .height = 40, .pitch = img->pitch};
    for (int i = 0; i < 5; i++) {
        const char *path = in_folder(cases[i].name);
        if (mien_image_save(&inner, path) != MIEN_OK) fail_msg("%s", err_text());
        assert_int_equal(entries(), 1);
        FILE *f = fopen(path, "rb");
        char magic[4];
        assert_int_equal(fread(magic, 1, 4, f), 4);
        fclose(f);
        assert_memory_equal(magic, cases[i].magic, strlen(cases[i].magic));
        assert_int_equal(mien_image_load(NULL, path, NULL, &got), MIEN_OK);
        assert_same_picture(got, &inner, cases[i].most);
        mien_image_free(got);
        unlink(path);
    }
    mien_image_free(img);
}

/* An existing file is replaced and hands on its permissions; without one they are a new file's. */
static void replaces(void **state) {
    (void)state;
    mien_image *img = pattern(4, 4), *got;
    const char *path = in_folder("b.png");
    FILE *f = fopen(path, "w");
    fputs("old", f);
    fclose(f);
    assert_int_equal(chmod(path, 0604), 0);
    mode_t mask = umask(027);
    struct stat st;
    assert_int_equal(mien_image_save(img, path), MIEN_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
    unlink(path);
    assert_int_equal(mien_image_save(img, path), MIEN_OK);
    umask(mask);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(mien_image_load(NULL, path, NULL, &got), MIEN_OK);
    assert_same_picture(got, img, 0);
    unlink(path);
    mien_image_free(got);
    mien_image_free(img);
}

static void assert_fails(int got, int want, const char *sentence) {
    if (got != want || !strstr(err_text(), sentence))
        fail_msg("%d \"%s\", not %d \"%s\"", got, err_text(), want, sentence);
}

static void save_errors(void **state) {
    (void)state;
    mien_image *img = pattern(4, 4), *wide;
    assert_fails(mien_image_save(img, in_folder("a.gif")), MIEN_EINVAL, "a.gif: pictures are");
    assert_fails(mien_image_save(img, in_folder("jpg")), MIEN_EINVAL, "written as .jpg");
    assert_fails(mien_image_save(img, in_folder(".d/x")), MIEN_EINVAL, "written as .jpg");
    assert_fails(mien_image_save(img, in_folder("none/a.png")), MIEN_EIO,
                 "none/a.png: No such file or directory");
    assert_fails(mien_image_save(img, NULL), MIEN_EINVAL, "no path");
    assert_fails(mien_image_save(NULL, "a.png"), MIEN_EINVAL, "a.png: picture: no pixels");
    mien_image bad = *img;
    bad.pitch = 11;
    assert_fails(mien_image_save(&bad, "a.png"), MIEN_EINVAL, "a pitch of 11 bytes");
    assert_int_equal(mien_image_new(70000, 1, &wide), MIEN_OK);
    assert_fails(mien_image_save(wide, in_folder("w.jpg")), MIEN_EUNSUPPORTED,
                 "JPEG holds at most 65500x65500 pixels, not 70000x1");
    assert_fails(mien_image_save(wide, in_folder("w.webp")), MIEN_EUNSUPPORTED, "16383x16383");
    assert_int_equal(entries(), 0); /* nothing half written is left behind */
    mien_image_free(wide);
    mien_image_free(img);
}

/* What is encoded into memory is what a file would have. */
static void encoded(void **state) {
    (void)state;
    static const char *const formats[] = {"png", "JPG", "webp", "ppm"};
    mien_image *img = pattern(40, 30), *back;
    void *bytes = img;
    size_t size = 9;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char name[16];
        snprintf(name, sizeof name, "e.%s", formats[i]);
        const char *path = in_folder(name);
        assert_int_equal(mien_image_encode(img, formats[i], &bytes, &size), MIEN_OK);
        assert_int_equal(mien_image_save(img, path), MIEN_OK);
        FILE *file = fopen(path, "rb");
        char *saved = test_malloc(size + 1);
        assert_int_equal(fread(saved, 1, size + 1, file), size);
        assert_memory_equal(saved, bytes, size);
        fclose(file);
        test_free(saved);
        assert_int_equal(mien_image_decode(NULL, bytes, size, NULL, &back), MIEN_OK);
        assert_int_equal(back->width, 40);
        mien_image_free(back);
        free(bytes);
        unlink(path);
    }
    assert_fails(mien_image_encode(img, "gif", &bytes, &size), MIEN_EINVAL, "not 'gif'");
    assert_null(bytes);
    assert_int_equal(size, 0);
    assert_fails(mien_image_encode(NULL, "png", &bytes, &size), MIEN_EINVAL, "no pixels");
    assert_fails(mien_image_encode(img, NULL, &bytes, &size), MIEN_EINVAL, "NULL");
    mien_image_free(img);
}

static void full_disk(void **state) {
    (void)state;
    mien_image *img = pattern(200, 200);
    const char *link = in_folder("full.png");
    assert_int_equal(symlink("/dev/full", link), 0);
    assert_fails(mien_image_save(img, link), MIEN_EIO, "No space left on device");
    unlink(link);
    mien_image_free(img);
}

static void load_errors(void **state) {
    (void)state;
    mien_image *got = (mien_image *)1;
    assert_fails(mien_image_load(NULL, in_folder("no.jpg"), NULL, &got), MIEN_EIO,
                 "no.jpg: No such file or directory");
    assert_null(got);
    assert_fails(mien_image_load(NULL, folder, NULL, &got), MIEN_EIO, ": is a folder");
    assert_fails(mien_image_load(NULL, "/dev/null", NULL, &got), MIEN_EIO,
                 "/dev/null: is a device, not a picture");
    assert_fails(mien_image_load(NULL, "/dev/zero", NULL, &got), MIEN_EIO,
                 "/dev/zero: is a device");
    assert_fails(mien_image_load(NULL, NULL, NULL, &got), MIEN_EINVAL, "no path");
    assert_fails(mien_image_load(NULL, "x", NULL, NULL), MIEN_EINVAL, "no place");
}

/* A hole of 2 GB: refused by its size, not read. */
static void file_too_large(void **state) {
    (void)state;
    mien_image *got;
    const char *path = in_folder("large.jpg");
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, (off_t)1 << 31), 0);
    close(fd);
    assert_fails(mien_image_load(NULL, path, NULL, &got), MIEN_ETOOBIG,
                 "large.jpg: a file of 2147483648 bytes is over the limit of 1073741824 bytes");
    unlink(path);
}

struct writer {
    const char *path;
    struct file file;
};

static void *write_pipe(void *arg) {
    struct writer *w = arg;
    int fd = open(w->path, O_WRONLY);
    size_t at = 0;
    for (ssize_t n; at < w->file.n && (n = write(fd, w->file.at + at, w->file.n - at)) > 0;)
        at += (size_t)n;
    close(fd);
    return NULL;
}

/* From a pipe, whose size nobody knows: larger than the first read. */
static void from_a_pipe(void **state) {
    (void)state;
    mien_image *img = pattern(300, 200), *got;
    struct writer w = {in_folder("pipe"), make_pnm(img, 6, 255)};
    pthread_t thread;
    assert_int_equal(mkfifo(w.path, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_pipe, &w), 0);
    assert_int_equal(mien_image_load(NULL, w.path, NULL, &got), MIEN_OK);
    pthread_join(thread, NULL);
    assert_same_picture(got, img, 0);
    unlink(w.path);
    mien_image_free(got);
    mien_image_free(img);
    file_free(&w.file);
}

/* A writer that leaves without a byte, and one that leaves before the picture ends. */
static void from_a_pipe_that_ends_early(void **state) {
    (void)state;
    mien_image *got, *img = pattern(9, 7);
    const char *path = in_folder("pipe");
    struct writer none = {path, {NULL, 0}}, half = {path, make_pnm(img, 6, 255)};
    pthread_t thread;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_pipe, &none), 0);
    assert_fails(mien_image_load(NULL, path, NULL, &got), MIEN_EFORMAT,
                 "pipe: the picture is empty (0 bytes)");
    pthread_join(thread, NULL);
    half.file.n /= 2;
    assert_int_equal(pthread_create(&thread, NULL, write_pipe, &half), 0);
    assert_fails(mien_image_load(NULL, path, NULL, &got), MIEN_EFORMAT, "the data ends before");
    pthread_join(thread, NULL);
    unlink(path);
    mien_image_free(img);
    file_free(&half.file);
}

static void *write_slowly(void *arg) {
    struct writer *w = arg;
    int fd = open(w->path, O_WRONLY);
    sleep(6);
    if (write(fd, w->file.at, w->file.n) != (ssize_t)w->file.n) abort();
    close(fd);
    return NULL;
}

static void *load_slowly_written(void *arg) {
    const struct writer *w = arg;
    mien_image *got = NULL;
    mien_image_load(NULL, w->path, NULL, &got);
    return got;
}

/* Nobody opens the one; the other's writer thinks for longer than that may take. */
static void from_pipes_that_say_nothing(void **state) {
    (void)state;
    mien_image *img = pattern(30, 20), *got;
    struct writer w = {in_folder("pipe"), make_pnm(img, 6, 255)};
    const char *quiet = in_folder("quiet");
    pthread_t writer, loader;
    void *slow;
    assert_int_equal(mkfifo(w.path, 0600), 0);
    assert_int_equal(mkfifo(quiet, 0600), 0);
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &w), 0);
    assert_int_equal(pthread_create(&loader, NULL, load_slowly_written, &w), 0);
    assert_fails(mien_image_load(NULL, quiet, NULL, &got), MIEN_EIO,
                 "quiet: is a pipe, which nobody opened for writing in 5 seconds");
    assert_null(got);
    pthread_join(loader, &slow);
    pthread_join(writer, NULL);
    assert_non_null(slow);
    assert_same_picture(slow, img, 0);
    unlink(w.path);
    unlink(quiet);
    mien_image_free(slow);
    mien_image_free(img);
    file_free(&w.file);
}

static void new_pictures(void **state) {
    (void)state;
    mien_image *img;
    assert_int_equal(mien_image_new(3, 2, &img), MIEN_OK);
    assert_true(img->width == 3 && img->height == 2 && img->pitch >= 9);
    for (int i = 0; i < 9; i++) assert_int_equal(img->pixels[i] + img->pixels[img->pitch + i], 0);
    mien_image_free(img);
    mien_image_free(NULL);
    assert_fails(mien_image_new(0, 2, &img), MIEN_EINVAL, "0x2");
    assert_null(img);
    assert_fails(mien_image_new(3, -2, &img), MIEN_EINVAL, "3x-2");
    assert_fails(mien_image_new(3, 2, NULL), MIEN_EINVAL, "no place");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(replaces),
        cmocka_unit_test(save_errors),
        cmocka_unit_test(encoded),
        cmocka_unit_test(full_disk),
        cmocka_unit_test(load_errors),
        cmocka_unit_test(file_too_large),
        cmocka_unit_test(from_a_pipe),
        cmocka_unit_test(new_pictures),
        cmocka_unit_test(from_a_pipe_that_ends_early),
        cmocka_unit_test(from_pipes_that_say_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
