/* Fetching URLs from a server that redirects, lies, floods and dawdles; and what may not be fetched
 * at all, with the server's own count of connections as the witness. */
#include "server/fetcher.h"
#include "tests/server/web_server.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* No answer of a busy machine comes later, and ctest gives up before a limit that is not kept. */
enum { FAR_MS = 3600 * 1000 };

static struct fetcher *fetcher;
static long remaining_ms; /* of a request */

/* What lets tests reach the server on loopback, of a request that has time. */
static struct fetch_limits open_limits(void) {
    remaining_ms = FAR_MS;
    return (struct fetch_limits){.max_bytes = 1000,
                                 .connect_ms = FAR_MS,
                                 .total_ms = FAR_MS,
                                 .max_redirects = 3,
                                 .allow_private = 1};
}

/* A request of a client; the fetcher posts `done`. */
struct request_of {
    struct fetch_job job;
    sem_t done;
};

static void on_done(struct fetch_job *job) {
    sem_post(&((struct request_of *)job)->done);
}

static void submit(struct request_of *r, struct client *client, const struct fetch_limits *l,
                   struct fetch_one *list, int n) {
    r->job = (struct fetch_job){.limits = *l,
                                .list = list,
                                .n = n,
                                .remaining_ms = remaining_ms,
                                .client = client,
                                .done = on_done};
    sem_init(&r->done, 0, 0);
    fetcher_submit(fetcher, &r->job);
}

static void wait_for(struct request_of *r) {
    while (sem_wait(&r->done)) continue;
    sem_destroy(&r->done);
}

static void fetch_urls(const struct fetch_limits *l, struct fetch_one *list, int n) {
    struct client client = {.fetches = 0};
    struct request_of r;

    submit(&r, &client, l, list, n);
    wait_for(&r);
    assert_int_equal(client.fetches, 0);
}

/* One URL alone. */
static int fetch_url(const struct fetch_limits *l, const char *url, struct fetch_result *out,
                     char why[WHY_SIZE]) {
    struct fetch_one one = {.url = url};
    fetch_urls(l, &one, 1);
    *out = one.result;
    memcpy(why, one.why, WHY_SIZE);
    return one.status;
}

static void expect(const struct fetch_limits *l, const char *url, const char *bytes,
                   const char *type) {
    struct fetch_result r;
    char why[WHY_SIZE] = "";
    if (fetch_url(l, url, &r, why)) fail_msg("%s: %s", url, why);
    assert_int_equal(r.size, strlen(bytes));
    assert_memory_equal(r.bytes, bytes, r.size);
    assert_string_equal(r.content_type, type);
    free(r.bytes);
}

static void refuse(const struct fetch_limits *l, const char *url, int status,
                   const char *sentence) {
    struct fetch_result r;
    char why[WHY_SIZE] = "";
    memset(&r, 1, sizeof r);
    int rc = fetch_url(l, url, &r, why);
    if (rc != status || !strstr(why, sentence))
        fail_msg("%s: got %d '%s', expected %d '%s'", url, rc, why, status, sentence);
    assert_null(r.bytes);
    assert_int_equal(r.size, 0);
}

/* The address of a path at the test's server. */
static const char *at(const char *path) {
    static char url[4096];
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", web_port(), path);
    return url;
}

/* As refuse(), of a path at the test's server with the limits that reach it. */
static void refuse_path(const char *path, int status, const char *sentence) {
    struct fetch_limits l = open_limits();
    refuse(&l, at(path), status, sentence);
}

static int start(void **state) {
    (void)state;
    web_start();
    return 0;
}

static int stop(void **state) {
    (void)state;
    web_stop();
    return 0;
}

static void test_good(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    char url[100];
    expect(&l, at("/picture"), WEB_PICTURE, "image/jpeg");
    snprintf(url, sizeof url, "HTTP://localhost:%d/picture", web_port());
    expect(&l, url, WEB_PICTURE, "image/jpeg");
    expect(&l, at("/bytes/5"), "xxxxx", "");
}

/* Neither what the environment nor what an earlier answer says finds its way into a request. */
static void test_request(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    expect(&l, at("/hops/1"), WEB_PICTURE, "image/jpeg");
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(web_connections(), 3);
    const char *request = web_last_request();
    assert_memory_equal(request, "GET /picture HTTP/1.1\r\n", 23);
    assert_null(strcasestr(request, "\r\nCookie:"));
    assert_null(strcasestr(request, "\r\nReferer:"));
    assert_null(strcasestr(request, "\r\nAuthorization:"));
    assert_null(strcasestr(request, "\r\nAccept-Encoding:"));
    assert_non_null(strstr(request, "\r\nUser-Agent: mien/"));
}

/* Every spelling of this machine, by a server that would answer. */
static void test_private_addresses(void **state) {
    (void)state;
    static const char *const hosts[] = {"127.0.0.1",
                                        "localhost",
                                        "LocalHost",
                                        "127.1",
                                        "127.0.1",
                                        "0x7f000001",
                                        "0x7f.1",
                                        "2130706433",
                                        "017700000001",
                                        "0177.0.0.1",
                                        "0",
                                        "0.0.0.0",
                                        "127.255.255.254",
                                        "[::1]",
                                        "[::]",
                                        "[::ffff:127.0.0.1]",
                                        "[::ffff:7f00:1]",
                                        "[::127.0.0.1]",
                                        "[0:0:0:0:0:ffff:7f00:0001]",
                                        "[64:ff9b::127.0.0.1]",
                                        "[2002:7f00:1::]",
                                        "%31%32%37.0.0.1",
                                        "10.0.0.1",
                                        "192.168.0.1",
                                        "169.254.1.1",
                                        "[fe80::1]",
                                        "[fd00::1]"};
    struct fetch_limits l = open_limits();
    l.allow_private = 0;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char url[100];
        snprintf(url, sizeof url, "http://%s:%d/picture", hosts[i], web_port());
        refuse(&l, url, 400, "an address that may not be fetched from");
    }
    assert_int_equal(web_connections(), 0);
}

/* Refused whatever is allowed; and a redirect is no way round. */
static void test_metadata(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    const char *sentence = "an address that may not be fetched from";
    refuse(&l, "http://169.254.169.254/latest/", 400, sentence);
    refuse(&l, "http://[fd00:ec2::254]/latest/", 400, sentence);
    refuse(&l, "http://2852039166/", 400, sentence);
    assert_int_equal(web_connections(), 0);
    refuse_path("/to?http://169.254.169.254/latest/", 400, sentence);
    refuse_path("/to?http://[::ffff:169.254.169.254]/latest/", 400, sentence);
    refuse_path("/to?//2852039166/", 400, sentence);
    assert_int_equal(web_connections(), 3);
}

static void test_ports(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    l.allow_private = 0;
    refuse(&l, "http://8.8.8.8:22/", 400, "a port other than");
    refuse(&l, "https://8.8.8.8:6379/", 400, "a port other than");
    refuse(&l, "http://[2001:4860:4860::8888]:25/", 400, "a port other than");
}

static void test_urls(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    refuse(&l, "", 400, "http:// or https://");
    refuse(&l, "file:///etc/passwd", 400, "http:// or https://");
    refuse(&l, "FILE:///etc/passwd", 400, "http:// or https://");
    refuse(&l, "gopher://127.0.0.1:70/", 400, "http:// or https://");
    refuse(&l, "dict://127.0.0.1:11211/stat", 400, "http:// or https://");
    refuse(&l, "/etc/passwd", 400, "http:// or https://");
    refuse(&l, "127.0.0.1", 400, "http:// or https://");
    refuse(&l, "http://", 400, "not a URL");
    refuse(&l, "http://a:99999/", 400, "not a URL");
    refuse(&l, "http://[::1/", 400, "not a URL");
    refuse(&l, "http://[fe80::1%25lo]zone/", 400, "not a URL");
    refuse(&l, "http://anna:secret@127.0.0.1/", 400, "user name");
    refuse(&l, "http://anna@127.0.0.1/", 400, "user name");
    refuse(&l, at("/picture HTTP/1.1\r\nX-A: b"), 400, "percent-encoded");
    refuse(&l, at("/picture\r\nX-A: b"), 400, "percent-encoded");
    refuse(&l, at("/pic\xc3\xa4"), 400, "percent-encoded");
    refuse(&l, "http://127.0.0.1\t/", 400, "percent-encoded");
    assert_int_equal(web_connections(), 0);
    char longest[5000] = "http://127.0.0.1/";
    memset(longest + 17, 'a', sizeof longest - 18);
    refuse(&l, longest, 400, "longer than 4096");
}

static void test_redirects(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    expect(&l, at("/hops/2"), WEB_PICTURE, "image/jpeg"); /* three redirects */
    refuse_path("/hops/3", 400, "redirects more than 3 times");
    expect(&l, at("/to?/to?/picture"), WEB_PICTURE, "image/jpeg");
    l.max_redirects = 0;
    refuse(&l, at("/hops/0"), 400, "answered with status 302");
    refuse_path("/to?file:///etc/passwd", 400, "something other than HTTP");
    refuse_path("/to?ftp://127.0.0.1/", 400, "something other than HTTP");
    refuse_path("/to?http://anna:secret@127.0.0.1/", 400, "one that is not allowed");
}

static void test_sizes(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    l.max_bytes = 20;
    expect(&l, at("/picture"), WEB_PICTURE, "image/jpeg"); /* of exactly 20 bytes */
    l.max_bytes = 19;
    refuse(&l, at("/picture"), 413, "more than 19 bytes");
    refuse_path("/endless", 413, "more than 1000 bytes");
    refuse_path("/claims/1001", 413, "more than 1000 bytes");
    refuse_path("/claims/99999999999999999999999", 413, "more than 1000 bytes");
    refuse_path("/claims/1000", 400, "broke off");
    refuse_path("/headers", 400, "headers without end");
    /* Growth beyond the first allocation. */
    struct fetch_result r;
    char why[WHY_SIZE];
    l.max_bytes = 200000;
    assert_int_equal(fetch_url(&l, at("/bytes/200000"), &r, why), 0);
    assert_int_equal(r.size, 200000);
    for (size_t i = 0; i < r.size; i++) assert_int_equal(r.bytes[i], 'x');
    free(r.bytes);
}

/* More bytes than Content-Length says are not the body's. */
static void test_short_length(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    expect(&l, at("/claims/4"), "0123", "");
}

static void test_statuses(void **state) {
    (void)state;
    refuse_path("/status/404", 400, "answered with status 404");
    refuse_path("/status/500", 400, "answered with status 500");
    refuse_path("/status/401", 400, "answered with status 401");
    refuse_path("/status/206", 400, "answered with status 206");
    refuse_path("/empty", 400, "sent nothing");
    refuse_path("/garbage", 400, "something other than HTTP");
    struct fetch_limits l = open_limits();
    char url[100];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/picture", web_port());
    refuse(&l, url, 400, "no trusted connection");
    refuse(&l, "http://127.0.0.1:1/", 400, "cannot be reached");
}

static void test_times(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    l.total_ms = 300;
    refuse(&l, at("/drip"), 504, "too slow");
    refuse(&l, at("/silent"), 504, "too slow");
    l = open_limits();
    remaining_ms = 300;
    refuse(&l, at("/drip"), 504, "too slow");
    remaining_ms = 0;
    refuse(&l, at("/picture"), 504, "no time is left");
}

static int ask(void *arg) {
    return ++*(int *)arg > 3;
}

static void test_cancel(void **state) {
    (void)state;
    struct fetch_limits l = open_limits();
    int asked = 0;
    l.cancelled = ask;
    l.cancelled_arg = &asked;
    refuse(&l, at("/silent"), 503, "given up");
    assert_int_equal(asked, 4); /* of which the last two while it waited for the server */
}

static int is_set(void *arg) {
    return __atomic_load_n((int *)arg, __ATOMIC_SEQ_CST);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, start, stop)

/* A server that takes connections and never says a word; returns its socket. */
static int open_silent(int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

/* One after the other, the silent ones would take all the time there is before the last ones. */
static void test_silent_servers_cost_the_others_nothing(void **state) {
    enum { N = 20 };
    struct fetch_limits l = open_limits();
    struct fetch_one list[N];
    char silent[64], picture[64];
    int port, fd = open_silent(&port);

    (void)state;
    l.total_ms = 6000;
    remaining_ms = 25000;
    snprintf(silent, sizeof silent, "http://127.0.0.1:%d/", port);
    snprintf(picture, sizeof picture, "http://127.0.0.1:%d/picture", web_port());
    for (int i = 0; i < N; i++) list[i] = (struct fetch_one){.url = i % 2 ? picture : silent};
    list[3].url = "ftp://127.0.0.1/";
    fetch_urls(&l, list, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(list[i].status, i == 3 ? 400 : i % 2 ? 0 : 504);
        assert_int_equal(list[i].result.bytes != NULL, i % 2 && i != 3);
        if (list[i].status) assert_true(list[i].why[0] != '\0');
        free(list[i].result.bytes);
    }
    close(fd);
}

/* Whoever has as many transfers as he may waits for them alone. */
static void test_one_client_does_not_hold_up_another(void **state) {
    enum { JOBS = 12, N = 16 };
    struct fetch_limits l = open_limits();
    static struct fetch_one lists[JOBS][N];
    static struct request_of many[JOBS];
    struct client greedy = {.fetches = 0}, other = {.fetches = 0};
    struct fetch_one one = {.url = at("/picture")};
    struct request_of single;
    char silent[64];
    int port, fd = open_silent(&port), gone = 0;

    (void)state;
    snprintf(silent, sizeof silent, "http://127.0.0.1:%d/", port);
    l.cancelled = is_set;
    l.cancelled_arg = &gone;
    for (int i = 0; i < JOBS; i++) {
        for (int k = 0; k < N; k++) lists[i][k] = (struct fetch_one){.url = silent};
        submit(&many[i], &greedy, &l, lists[i], N);
    }
    l.cancelled = NULL;
    submit(&single, &other, &l, &one, 1);
    wait_for(&single);
    assert_int_equal(one.status, 0);
    free(one.result.bytes);
    for (int i = 0; i < JOBS; i++) {
        int posted;
        assert_int_equal(sem_getvalue(&many[i].done, &posted), 0);
        assert_int_equal(posted, 0);
    }
    __atomic_store_n(&gone, 1, __ATOMIC_SEQ_CST);
    for (int i = 0; i < JOBS; i++) wait_for(&many[i]);
    for (int i = 0; i < JOBS * N; i++) assert_int_equal(lists[i / N][i % N].status, 503);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {WITH_SERVER(test_good),
                                       WITH_SERVER(test_request),
                                       WITH_SERVER(test_private_addresses),
                                       WITH_SERVER(test_metadata),
                                       WITH_SERVER(test_ports),
                                       WITH_SERVER(test_urls),
                                       WITH_SERVER(test_redirects),
                                       WITH_SERVER(test_sizes),
                                       WITH_SERVER(test_short_length),
                                       WITH_SERVER(test_statuses),
                                       WITH_SERVER(test_times),
                                       WITH_SERVER(test_cancel),
                                       WITH_SERVER(test_silent_servers_cost_the_others_nothing),
                                       WITH_SERVER(test_one_client_does_not_hold_up_another)};
    if (curl_global_init(CURL_GLOBAL_DEFAULT)) return 1;
    fetcher = fetcher_new();
    if (!fetcher) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fetcher_free(fetcher);
    curl_global_cleanup();
    return failed;
}
