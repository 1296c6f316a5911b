/* Decoding while each allocation fails in turn, of ours and, where they survive it, of the formats'
 * libraries: the picture that it is, or "out of memory", never "this picture is broken"; and all is
 * freed. */
#include "engine/err.h"
#include "tests/failures/inject.h"
#include "tests/vision/check.h"
#include "tests/vision/pictures.h"
#include "vision/codec.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <webp/decode.h>
#include <webp/encode.h>
#include <zlib.h>

enum { WIDTH = 40, HEIGHT = 24, MOST_POINTS = 20000 };

static mien_image *sample;

/* Fails allocation after allocation until a decoding needs no more of them. */
static void fail_each(const char *name, struct file f) {
    mien_image *whole, *got;
    long points = 1;
    /* Libraries keep what they make once. */
    for (int i = 0; i < 2; i++) {
        if (mien_image_decode(NULL, f.at, f.n, NULL, &whole)) fail_msg("%s: %s", name, err_text());
        if (i == 0) mien_image_free(whole);
    }
    for (;; points++) {
        long before = inject_calls(INJECT_MALLOC), live = inject_live();
        inject(INJECT_MALLOC, points);
        int rc = mien_image_decode(NULL, f.at, f.n, NULL, &got);
        inject(INJECT_MALLOC, 0);
        if (rc == MIEN_OK)
            assert_same_picture(got, whole, 0);
        else if (rc != MIEN_ENOMEM)
            fail_msg("%s, allocation %ld: %d %s", name, points, rc, err_text());
        mien_image_free(got);
        if (inject_live() != live)
            fail_msg("%s, allocation %ld: %ld are not freed", name, points, inject_live() - live);
        if (inject_calls(INJECT_MALLOC) - before < points) break;
        assert_true(points < MOST_POINTS);
    }
    assert_true(points > 1);
    mien_image_free(whole);
    file_free(&f);
}

static void jpeg(void **state) {
    (void)state;
    fail_each("JPEG", make_jpeg(sample, &(struct jpeg_options){.orientation = 6}));
    fail_each("JPEG of CMYK", make_jpeg(sample, &(struct jpeg_options){.kind = JPEG_CMYK}));
    fail_each("progressive JPEG", make_jpeg(sample, &(struct jpeg_options){.progressive = 1}));
    fail_each("arithmetic JPEG", make_jpeg(sample, &(struct jpeg_options){.arithmetic = 1}));
}

static void add_be32(struct file *f, uint32_t v) {
    for (int shift = 24; shift >= 0; shift -= 8) file_byte(f, v >> shift & 255);
}

/* The picture with its orientation in packed text, behind the header. */
static struct file with_packed_note(struct file png) {
    static const char keyword[] = "XML:com.adobe.xmp\0\1\0\0"; /* packed, no language */
    static const char xmp[] = "<rdf:Description tiff:Orientation=\"6\"/>";
    uint8_t packed[128];
    uLongf n = sizeof packed;
    assert_int_equal(compress(packed, &n, (const Bytef *)xmp, sizeof xmp - 1), Z_OK);
    struct file f = {0};
    file_add(&f, png.at, 33);
    add_be32(&f, (uint32_t)(sizeof keyword + n));
    file_add(&f, "iTXt", 4);
    file_add(&f, keyword, sizeof keyword);
    file_add(&f, packed, n);
    add_be32(&f, (uint32_t)crc32(0, f.at + 37, (uInt)(f.n - 37)));
    file_add(&f, png.at + 33, png.n - 33);
    file_free(&png);
    return f;
}

static void png(void **state) {
    (void)state;
    fail_each("PNG", make_png(sample, PNG_RGB8, 0, NULL));
    fail_each("PNG with alpha", make_png(sample, PNG_RGBA16, 1, NULL));
    fail_each("PNG with a palette", make_png(sample, PNG_PALETTE_ALPHA, 0, NULL));
    fail_each("PNG with a note", with_packed_note(make_png(sample, PNG_RGB8, 0, NULL)));
}

/* Without alpha, which is coded as lossless pictures are. */
static struct file make_lossy_webp(const mien_image *img) {
    struct file f = {0};
    uint8_t *coded;
    size_t n = WebPEncodeRGB(img->pixels, WIDTH, HEIGHT, (int)img->pitch, 90, &coded);
    assert_true(n > 0);
    file_add(&f, coded, n);
    WebPFree(coded);
    return f;
}

/* The decoder of lossless pictures frees what it has not set where memory runs out, before 1.5. */
static void webp(void **state) {
    (void)state;
    struct file exif = make_exif(6, 0, 0);
    fail_each("lossy WebP", make_lossy_webp(sample));
    inject_own(WebPGetDecoderVersion() < 0x010500);
    fail_each("WebP", make_webp(sample, 0, &exif));
    fail_each("WebP with alpha", make_webp(sample, 1, NULL));
    fail_each("WebP, animated", make_webp_animation(sample, 1));
    inject_own(0);
    file_free(&exif);
}

static void gif(void **state) {
    (void)state;
    fail_each("GIF", make_gif(sample, 7));
}

/* Formats that need no library. */
static void simple_formats(void **state) {
    (void)state;
    fail_each("BMP", make_bmp(sample, 32));
    fail_each("TGA", make_tga(sample, 1));
    fail_each("PNM", make_pnm(sample, 6, 255));
}

static struct file read_whole(const char *path) {
    struct file f = {0};
    uint8_t part[4096];
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;) file_add(&f, part, (size_t)n);
    close(fd);
    return f;
}

/* The sample as heif-enc writes it; empty where that is not installed, or has not the codec. */
static struct file make_heif(const char *option) {
    char folder[] = "/tmp/mien-test-XXXXXX", from[64], to[64], command[256];
    assert_non_null(mkdtemp(folder));
    snprintf(from, sizeof from, "%s/a.png", folder);
    snprintf(to, sizeof to, "%s/a.heif", folder);
    assert_int_equal(mien_image_save(sample, from), MIEN_OK);
    snprintf(command, sizeof command, "heif-enc %s -o %s %s >/dev/null 2>&1", option, to, from);
    struct file f = {0};
    if (system(command) == 0) f = read_whole(to);
    unlink(from);
    unlink(to);
    rmdir(folder);
    return f;
}

/* libheif throws where memory runs out, and no one catches it. */
static void heif(void **state) {
    (void)state;
    struct file heic = make_heif(""), avif = make_heif("-A");
    if (!heic.n || !avif.n) skip();
    inject_own(1);
    fail_each("HEIC", heic);
    fail_each("AVIF", avif);
    inject_own(0);
}

/* One strip of RGB: header, directory and pixels in this order. */
static struct file make_tiff(const mien_image *img, unsigned compression) {
    uint8_t rows[3 * WIDTH * HEIGHT];
    for (int y = 0; y < HEIGHT; y++)
        memcpy(rows + 3 * WIDTH * y, img->pixels + y * img->pitch, 3 * WIDTH);
    uint8_t strip[2 * sizeof rows];
    uLongf n = sizeof strip;
    assert_int_equal(compress(strip, &n, rows, sizeof rows), Z_OK);
    const struct {
        unsigned tag, type;
        uint32_t value;
    } entries[] = {{256, 3, WIDTH},       {257, 3, HEIGHT}, {258, 3, 8},
                   {259, 3, compression}, {262, 3, 2},      {273, 4, 8 + 2 + 11 * 12 + 4},
                   {274, 3, 6},           {277, 3, 3},      {278, 3, HEIGHT},
                   {279, 4, (uint32_t)n}, {284, 3, 1}};
    struct file f = {0};
    file_add(&f, "II*\0\10\0\0\0", 8);
    file_le16(&f, 11);
    for (int i = 0; i < 11; i++) {
        file_le16(&f, entries[i].tag);
        file_le16(&f, entries[i].type);
        file_le32(&f, 1);
        file_le32(&f, entries[i].value);
    }
    file_le32(&f, 0);
    file_add(&f, strip, n);
    return f;
}

/* libtiff goes on without the memory of its tables of tags. */
static void tiff(void **state) {
    (void)state;
    if (tiff_missing()) skip();
    inject_own(1);
    fail_each("TIFF", make_tiff(sample, 8));
    inject_own(0);
}

static int make_sample(void **state) {
    (void)state;
    sample = pattern(WIDTH, HEIGHT);
    return 0;
}

static int free_sample(void **state) {
    (void)state;
    mien_image_free(sample);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jpeg),           cmocka_unit_test(png),
        cmocka_unit_test(webp),           cmocka_unit_test(gif),
        cmocka_unit_test(heif),           cmocka_unit_test(tiff),
        cmocka_unit_test(simple_formats),
    };
    return cmocka_run_group_tests(tests, make_sample, free_sample);
}
