/* The table of formats as programs see it, and the names of formats that are not read. */
#include "check.h"
#include "mien.h"

#include <stdio.h>
#include <string.h>

static void formats_are_listed(void **state) {
    (void)state;
    mien_format format = {.struct_size = sizeof format};
    int n = 0, jpegs = 0;
    for (; mien_format_at(n, &format) == MIEN_OK; n++) {
        assert_non_null(format.name);
        assert_memory_equal(format.media_types, "image/", 6);
        assert_int_equal(format.extensions[0], '.');
        jpegs += strcmp(format.name, "JPEG") == 0 && strstr(format.extensions, ".jpeg") != NULL &&
                 !mien_format_missing(n);
    }
    assert_int_equal(jpegs, 1);
    assert_true(n >= 10);
    assert_int_equal(mien_format_at(-1, &format), MIEN_EINVAL);
    assert_int_equal(mien_format_at(n, &format), MIEN_EINVAL);
    assert_int_equal(mien_format_at(0, NULL), MIEN_EINVAL);
    assert_null(mien_format_missing(-1));
    assert_null(mien_format_missing(n));
}

/* What browsers do not take for pictures by themselves, the page's dialogue has to name. */
static void page_offers_every_extension(void **state) {
    (void)state;
    char page[8192];
    FILE *f = fopen("server/web/index.html", "r");
    assert_non_null(f);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    char *list = strstr(page, "accept=\"image/*");
    assert_non_null(list);
    *strchr(list + strlen("accept=\""), '"') = '\0';
    mien_format format = {.struct_size = sizeof format};
    for (int i = 0; mien_format_at(i, &format) == MIEN_OK; i++) {
        char copy[128], *rest = copy;
        snprintf(copy, sizeof copy, "%s", format.extensions);
        for (char *one; (one = strsep(&rest, " "));) {
            char entry[16];
            snprintf(entry, sizeof entry, ",%s", one);
            if (strstr(".jpg .jpeg .png .webp .gif .bmp", one)) continue;
            if (!strstr(list, entry)) fail_msg("the page does not offer %s", one);
        }
    }
}

#define BYTES(text) text, sizeof(text) - 1

static void unread_formats_have_names(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } files[] = {
        {BYTES("\xff\x0a\x01\x02"), "JPEG XL"},
        {BYTES("\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14"), "JPEG XL"},
        {BYTES("\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14"), "JPEG 2000"},
        {BYTES("\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\1\1\0\0"), "ICO, an icon"},
        {BYTES("8BPS\0\1"), "PSD, a Photoshop document"},
        {BYTES("%PDF-1.7\n"), "PDF"},
        {BYTES("PF\n3 3\n-1\n"), "PFM"},
        {BYTES("<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "SVG"},
        {BYTES("\xef\xbb\xbf <!DOCTYPE html><svg/>"), "a web page (HTML)"},
        {BYTES("\n<HTML><head>"), "a web page (HTML)"},
        {BYTES("\0\0\0\x18"
               "ftypmp42\0\0\0\0isom"),
         "a video (MP4 or QuickTime)"},
        {BYTES("\0\0\0\x18"
               "ftypcrx \0\0\0\1crx "),
         "a Canon raw picture"},
        {BYTES("\x1a\x45\xdf\xa3\x01"), "a video (Matroska or WebM)"},
        {BYTES("RIFF\0\0\0\0AVI LIST"), "a video (AVI)"},
        {BYTES("PK\3\4\x14"), "a ZIP archive"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        mien_image *img;
        char said[96];
        assert_int_equal(mien_image_decode(NULL, files[i].bytes, files[i].n, NULL, &img),
                         MIEN_EFORMAT);
        snprintf(said, sizeof said, "this is %s, which is not read; JPEG, PNG", files[i].name);
        if (strncmp(mien_error(), said, strlen(said)) != 0)
            fail_msg("\"%s\", not \"%s\"", mien_error(), said);
    }
}

/* The brand of a HEIF file that names no codec leaves it to those it is compatible with. */
static void brands(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *what;
    } files[] = {
        {BYTES("\0\0\0\x18"
               "ftypheic\0\0\0\0mif1heic"),
         "HEIC"},
        {BYTES("\0\0\0\x18"
               "ftypmif1\0\0\0\0mif1heic"),
         "HEIC"},
        {BYTES("\0\0\0\x18"
               "ftypmif1\0\0\0\0mif1avif"),
         "AVIF"},
        {BYTES("\0\0\0\x18"
               "ftypavif\0\0\0\0mif1miaf"),
         "AVIF"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        mien_image *img;
        assert_int_equal(mien_image_decode(NULL, files[i].bytes, files[i].n, NULL, &img),
                         MIEN_EFORMAT);
        assert_non_null(strstr(mien_error(), files[i].what));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_listed),
        cmocka_unit_test(page_offers_every_extension),
        cmocka_unit_test(unread_formats_have_names),
        cmocka_unit_test(brands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
