/* A dialect that is one file and one row: its methods, errors, headers, names of pictures and
 * metrics, asked over HTTP from a server whose table has it. */
#include "server/apis/api.h"
#include "server/reply.h"
#include "server/serve.h"
#include "server/uploads.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The dialect. */

static void reply_text(struct request *r, int status, const char *word, const char *text) {
    char *body = NULL;
    int n = asprintf(&body, "%s %s", word, text);

    reply_bytes(r, status, "text/x-toy", n < 0 ? NULL : body, n < 0 ? 0 : (size_t)n);
}

static void write_error(struct request *r, int status, const char *code, const char *message) {
    (void)message;
    reply_text(r, status == 404 ? 400 : status, "sorry:", code);
}

static void handle_get(struct request *r) {
    reply_text(r, 200, "got", r->param[0]);
    reply_header(r, "X-Toy", "%d", 42);
}

static void handle_delete(struct request *r) {
    reply_text(r, 200, "deleted", r->param[0]);
}

static void handle_put(struct request *r) {
    static const char *const fields[] = {"photo", NULL};
    static const struct body_key keys[] = {{"photos", PICTURE_BYTES, BODY_LIST}, {.name = NULL}};
    struct uploads_want want = {.min = 1, .max = 3, .fields = fields, .keys = keys};
    struct uploads in;
    char count[16];

    if (uploads_read(r, &want, &in)) return;
    snprintf(count, sizeof count, "%d", in.n);
    reply_text(r, 201, "pictures", count);
    uploads_free(&in);
}

static const struct route ROUTES[] = {
    {"GET", "/toy/things/{}", ROUTE_OPEN, handle_get},
    {"PUT", "/toy/things/{}", ROUTE_WORK, handle_put},
    {"DELETE", "/toy/things/{}", 0, handle_delete},
    {.path = NULL},
};

static const struct api api_toy = {
    .prefix = "/toy", .routes = ROUTES, .headers = "X-Toy", .write_error = write_error};

/* The table, in place of server/apis/table.c's. */
extern const struct api api_detect_faces, api_status;
const struct api *const APIS[] = {&api_detect_faces, &api_toy, &api_status, NULL};

/* The server, in a process of its own, and requests to it. */

static char base[64];
static pid_t server;

static int start_server(void **state) {
    struct serve_config config = {.address = "127.0.0.1",
                                  .grpc_port = -1,
                                  .cors_origin = "http://page.example",
                                  .log = SERVE_LOG_NONE,
                                  .max_batch = 1,
                                  .workers = 2,
                                  .queue = 8,
                                  .connections = 8,
                                  .connections_per_address = 8,
                                  .max_pictures = 4,
                                  .max_bytes = 1 << 20,
                                  .max_body = 1 << 20,
                                  .body_memory = 8 << 20,
                                  .picture_memory = 8 << 20,
                                  .max_megapixels = 1,
                                  .max_side = 64,
                                  .deadline = 60,
                                  .read_timeout = 60,
                                  .idle_timeout = 60,
                                  .drain_timeout = 60};
    char line[256];
    int ends[2], port = 0, is_ready = 0;
    FILE *said;
    (void)state;

    mien_options_default(&config.machine, sizeof config.machine);
    mien_detect_options_default(&config.detect, sizeof config.detect);
    if (pipe(ends)) return -1;
    server = fork();
    if (server == 0) {
        dup2(ends[1], STDERR_FILENO);
        _exit(serve_run(&config) ? 1 : 0);
    }
    close(ends[1]);
    said = fdopen(ends[0], "r");
    while (said && !is_ready && fgets(line, sizeof line, said)) {
        const char *at = strstr(line, "listening on http://127.0.0.1:");
        if (at) port = atoi(at + strlen("listening on http://127.0.0.1:"));
        is_ready = strstr(line, "ready after") != NULL;
    }
    snprintf(base, sizeof base, "http://127.0.0.1:%d", port);
    return port && is_ready ? 0 : -1; /* said stays open: the server goes on saying things */
}

static int stop_server(void **state) {
    int status = -1;
    (void)state;

    kill(server, SIGTERM);
    waitpid(server, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

/* The last answer: body, and headers as lines. */
static char body[1 << 16], headers[1 << 12];

static size_t append(char *bytes, size_t size, size_t n, void *to) {
    size_t room = to == body ? sizeof body : sizeof headers, end = strlen(to);

    if (end + n * size >= room) return 0;
    memcpy((char *)to + end, bytes, n * size);
    ((char *)to)[end + n * size] = '\0';
    return n * size;
}

/* The value of a header of the last answer; "" where there is none. */
static const char *header(const char *name) {
    static char value[256];
    size_t n = strlen(name);

    value[0] = '\0';
    for (const char *line = headers; *line; line += strcspn(line, "\n") + 1)
        if (strncasecmp(line, name, n) == 0 && line[n] == ':')
            snprintf(value, sizeof value, "%.*s", (int)strcspn(line + n + 2, "\r\n"), line + n + 2);
    return value;
}

static long ask(const char *method, const char *path, const char *type, const char *data) {
    char url[256], content_type[128];
    struct curl_slist *list = curl_slist_append(NULL, "Origin: http://page.example");
    CURL *curl = curl_easy_init();
    long status = 0;

    snprintf(url, sizeof url, "%s%s", base, path);
    snprintf(content_type, sizeof content_type, "Content-Type: %s", type ? type : "");
    list = curl_slist_append(list, content_type);
    body[0] = headers[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    if (data) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, data);
    if (strcmp(method, "OPTIONS") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, headers);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    return status;
}

static void test_methods(void **state) {
    (void)state;
    assert_int_equal(ask("GET", "/toy/things/7", NULL, NULL), 200);
    assert_string_equal(body, "got 7");
    assert_string_equal(header("X-Toy"), "42");
    assert_string_equal(header("Content-Type"), "text/x-toy");
    assert_int_equal(ask("DELETE", "/toy/things/8/", NULL, NULL), 200);
    assert_string_equal(body, "deleted 8");
    assert_int_equal(ask("OPTIONS", "/toy/things/7", NULL, NULL), 204);
    assert_string_equal(header("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_int_equal(ask("OPTIONS", "/ready", NULL, NULL), 204);
    assert_string_equal(header("Allow"), "GET, HEAD, OPTIONS");
}

static void test_pictures(void **state) {
    static const char form[] = "multipart/form-data; boundary=part";
    (void)state;
    assert_int_equal(
        ask("PUT", "/toy/things/7", form,
            "--part\r\nContent-Disposition: form-data; name=\"photo\"\r\n\r\nA\r\n"
            "--part\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nB\r\n--part--\r\n"),
        201);
    assert_string_equal(body, "pictures 1");
    assert_int_equal(
        ask("PUT", "/toy/things/7", "application/json", "{\"photos\":[\"QUJD\",\"QUJD\"]}"), 201);
    assert_string_equal(body, "pictures 2");
    assert_int_equal(ask("PUT", "/toy/things/7", "application/json", "{\"images\":[\"QUJD\"]}"),
                     400);
    assert_string_equal(body, "sorry: bad_request");
}

static void test_errors(void **state) {
    (void)state;
    assert_int_equal(ask("GET", "/toy/nothing", NULL, NULL), 400);
    assert_string_equal(body, "sorry: not_found");
    assert_int_equal(ask("POST", "/toy/things/7", NULL, "x"), 405);
    assert_string_equal(body, "sorry: method_not_allowed");
    assert_string_equal(header("Allow"), "GET, HEAD, PUT, DELETE, OPTIONS");
    assert_int_equal(ask("PUT", "/toy/things/7", "text/plain", "x"), 415);
    assert_string_equal(body, "sorry: unsupported_media_type");
    assert_int_equal(ask("GET", "/toys", NULL, NULL), 404);
    assert_non_null(strstr(body, "{\"error\":{\"code\":\"not_found\""));
    assert_int_equal(ask("GET", "/v2", NULL, NULL), 404); /* no row, no dialect */
}

static void test_pages_of_other_origins(void **state) {
    (void)state;
    assert_int_equal(ask("GET", "/ready", NULL, NULL), 200);
    assert_string_equal(header("Access-Control-Allow-Origin"), "http://page.example");
    assert_non_null(strstr(header("Access-Control-Expose-Headers"), ", X-Toy"));
}

/* Methods of one path are one series. */
static void test_metrics(void **state) {
    const char *first;
    (void)state;
    assert_int_equal(ask("GET", "/toy/things/9", NULL, NULL), 200);
    assert_int_equal(ask("DELETE", "/toy/things/9", NULL, NULL), 200);
    assert_int_equal(ask("GET", "/metrics", NULL, NULL), 200);
    first = strstr(body, "mien_requests_total{route=\"/toy/things/{}\",status=\"200\"} ");
    assert_non_null(first);
    assert_true(atoi(strchr(first, ' ')) >= 2);
    assert_null(strstr(first + 1, "mien_requests_total{route=\"/toy/things/{}\",status=\"200\"}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_methods), cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_errors),  cmocka_unit_test(test_pages_of_other_origins),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
