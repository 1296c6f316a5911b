#include "server/fetch.h"

#include "common/ascii.h"
#include "mien.h"
#include "server/address.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_URL = 4096, MAX_HEADERS = 64 << 10, FIRST_BYTES = 64 << 10 };
/* What stopped a fetch in one of our callbacks, where libcurl knows only that something did. */
enum stop { STOP_NOT, STOP_ADDRESS, STOP_PORT, STOP_SIZE, STOP_HEADERS, STOP_ROOM, STOP_MEMORY };

struct fetch {
    const struct fetch_limits *limits;
    struct fetch_one *one;
    struct fetch_result *out; /* of one */
    void *owner;
    CURL *curl;
    size_t capacity, header_bytes;
    enum stop stop;
};

static int port_allowed(const struct sockaddr *address) {
    static const uint16_t ports[] = {80, 443, 8080, 8443};
    /* The port lies at the same place in both kinds of address. */
    uint16_t port = ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
        if (port == ports[i]) return 1;
    return 0;
}

/* libcurl asks for a socket for this very address, and connects to no other. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    struct fetch *f = arg;
    enum address_class class = address_classify(&address->addr);
    int allowed = class == ADDRESS_PUBLIC || (class == ADDRESS_PRIVATE && f->limits->allow_private);
    if (purpose != CURLSOCKTYPE_IPCXN || !allowed)
        f->stop = STOP_ADDRESS;
    else if (!f->limits->allow_private && !port_allowed(&address->addr))
        f->stop = STOP_PORT;
    else
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    return CURL_SOCKET_BAD;
}

/* Room for n more bytes of the body. */
static int make_room(struct fetch *f, size_t n) {
    size_t needed = f->out->size + n, capacity = f->capacity ? f->capacity : FIRST_BYTES;
    while (capacity < needed) capacity *= 2;
    if (capacity > f->limits->max_bytes)
        capacity = f->limits->max_bytes; /* needed is at most that */
    if (capacity == f->capacity) return 0;
    if (f->limits->room && f->limits->room(f->limits->room_arg, capacity - f->capacity)) {
        f->stop = STOP_ROOM;
        return -1;
    }
    uint8_t *bytes = realloc(f->out->bytes, capacity);
    if (!bytes) return -1;
    f->out->bytes = bytes;
    f->capacity = capacity;
    return 0;
}

static size_t take_body(char *bytes, size_t one, size_t n, void *arg) {
    struct fetch *f = arg;
    (void)one;
    if (n > f->limits->max_bytes - f->out->size)
        f->stop = STOP_SIZE;
    else if (make_room(f, n) && !f->stop)
        f->stop = STOP_MEMORY;
    if (f->stop) return CURL_WRITEFUNC_ERROR;
    memcpy(f->out->bytes + f->out->size, bytes, n);
    f->out->size += n;
    return n;
}

/* libcurl keeps all headers, of which there need be no end. */
static size_t take_header(char *bytes, size_t one, size_t n, void *arg) {
    struct fetch *f = arg;
    (void)bytes;
    (void)one;
    f->header_bytes += n;
    if (f->header_bytes <= MAX_HEADERS) return n;
    f->stop = STOP_HEADERS;
    return CURL_WRITEFUNC_ERROR;
}

static int is_cancelled(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total,
                        curl_off_t up_now) {
    const struct fetch_limits *l = ((struct fetch *)arg)->limits;
    (void)total, (void)now, (void)up_total, (void)up_now;
    return l->cancelled && l->cancelled(l->cancelled_arg);
}

/* Refuses what libcurl might take that we do not want to explain to anybody. */
static int check_text(const char *url, char why[WHY_SIZE]) {
    size_t n = 0;
    for (; url[n]; n++) {
        if (n == MAX_URL) return why_set(why, 400, "the URL is longer than %d characters", MAX_URL);
        if (url[n] <= ' ' || url[n] > '~')
            return why_set(why, 400, "the URL has characters that must be percent-encoded");
    }
    if (!ascii_starts_with(url, "http://") && !ascii_starts_with(url, "https://"))
        return why_set(why, 400, "the URL does not begin with http:// or https://");
    return 0;
}

static int check_url(const char *url, char why[WHY_SIZE]) {
    int status = check_text(url, why);
    if (status) return status;
    CURLU *parts = curl_url();
    if (!parts) return why_set(why, 500, "out of memory");
    switch (curl_url_set(parts, CURLUPART_URL, url, CURLU_DISALLOW_USER)) {
    case CURLUE_OK: break;
    case CURLUE_OUT_OF_MEMORY: status = why_set(why, 500, "out of memory"); break;
    case CURLUE_USER_NOT_ALLOWED:
        status = why_set(why, 400, "the URL has a user name, which is not allowed");
        break;
    default: status = why_set(why, 400, "this is not a URL");
    }
    curl_url_cleanup(parts);
    return status;
}

/* 0 where libcurl took all options. remaining_ms: to the request's deadline. */
static int set_options(CURL *curl, struct fetch *f, long remaining_ms) {
    const struct fetch_limits *l = f->limits;
    long total = remaining_ms < l->total_ms ? remaining_ms : l->total_ms;
    int bad = 0;
    bad |= curl_easy_setopt(curl, CURLOPT_URL, f->one->url);
    bad |= curl_easy_setopt(curl, CURLOPT_PRIVATE, f);
    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(curl, CURLOPT_USERAGENT, "mien/" MIEN_VERSION);
    bad |= curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* nor what the environment says */
    bad |= curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, (long)(l->max_redirects > 0));
    bad |= curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)l->max_redirects);
    bad |= curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L); /* no body where there is no picture */
    bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, l->connect_ms);
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, total);
    bad |= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L); /* waits for no name server */
    bad |= curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)l->max_bytes);
    bad |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    bad |= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, f);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, f);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    bad |= curl_easy_setopt(curl, CURLOPT_HEADERDATA, f);
    bad |= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    bad |= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_cancelled);
    bad |= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, f);
    return bad;
}

/* The sentence where one of our own callbacks ended it. */
static int say_stop(const struct fetch *f, char why[WHY_SIZE]) {
    switch (f->stop) {
    case STOP_ADDRESS:
        return why_set(why, 400, "the URL leads to an address that may not be fetched from");
    case STOP_PORT:
        return why_set(why, 400, "the URL leads to a port other than 80, 443, 8080 and 8443");
    case STOP_SIZE:
        return why_set(why, 413, "the URL has more than %zu bytes", f->limits->max_bytes);
    case STOP_HEADERS: return why_set(why, 400, "the URL's server sends headers without end");
    case STOP_ROOM: return why_set(why, 503, "other requests take the memory this one needs");
    default: return why_set(why, 500, "out of memory");
    }
}

static int say_curl(const struct fetch *f, CURLcode code, char why[WHY_SIZE]) {
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return why_set(why, 504, "the URL's server was too slow");
    case CURLE_ABORTED_BY_CALLBACK: return why_set(why, 503, "the fetch was given up");
    case CURLE_FILESIZE_EXCEEDED:
        return why_set(why, 413, "the URL has more than %zu bytes", f->limits->max_bytes);
    case CURLE_TOO_MANY_REDIRECTS:
        return why_set(why, 400, "the URL redirects more than %d times", f->limits->max_redirects);
    case CURLE_UNSUPPORTED_PROTOCOL:
        return why_set(why, 400,
                       "the URL answers with, or redirects to, something other than HTTP");
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
        return why_set(why, 400, "the URL redirects to one that is not allowed");
    case CURLE_COULDNT_RESOLVE_HOST: return why_set(why, 400, "the URL's host has no address");
    case CURLE_COULDNT_CONNECT: return why_set(why, 400, "the URL's host cannot be reached");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return why_set(why, 400, "no trusted connection to the URL's host can be made");
    case CURLE_OUT_OF_MEMORY: return why_set(why, 500, "out of memory");
    default: return why_set(why, 400, "the URL's server broke off");
    }
}

static int check_answer(CURL *curl, const struct fetch *f, char why[WHY_SIZE]) {
    long answered = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answered);
    if (answered != 200)
        return why_set(why, 400, "the URL's server answered with status %ld", answered);
    return f->out->size > 0 ? 0 : why_set(why, 400, "the URL's server sent nothing");
}

static void copy_type(CURL *curl, struct fetch_result *out) {
    const char *type = NULL;
    curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    for (size_t i = 0; type && type[i] && i < sizeof out->content_type - 1; i++)
        out->content_type[i] = type[i];
    for (char *p = out->content_type; *p; p++)
        if (*p < ' ' || *p > '~') *p = '?';
}

static int judge(CURL *curl, struct fetch *f, CURLcode code, char why[WHY_SIZE]) {
    /* A host may have good addresses besides a refused one: then that did not end the fetch. */
    if (f->stop && (code == CURLE_COULDNT_CONNECT || code == CURLE_WRITE_ERROR))
        return say_stop(f, why);
    if (code != CURLE_OK && code != CURLE_HTTP_RETURNED_ERROR) return say_curl(f, code, why);
    int status = check_answer(curl, f, why);
    if (status == 0) copy_type(curl, f->out);
    return status;
}

/* The transfer for f, or NULL with one->status. */
static CURL *new_transfer(struct fetch *f, long remaining_ms) {
    struct fetch_one *one = f->one;
    CURL *curl = curl_easy_init();

    if (!curl) {
        one->status = why_set(one->why, 500, "out of memory");
    } else if (set_options(curl, f, remaining_ms)) {
        one->status = why_set(one->why, 500, "libcurl refuses its options");
        curl_easy_cleanup(curl);
        curl = NULL;
    }
    return curl;
}

int fetch_begin(CURLM *multi, const struct fetch_limits *limits, long remaining_ms,
                struct fetch_one *one, void *owner) {
    struct fetch *f;

    memset(&one->result, 0, sizeof one->result);
    one->status = check_url(one->url, one->why);
    if (one->status) return 0;
    if (limits->cancelled && limits->cancelled(limits->cancelled_arg)) {
        one->status = why_set(one->why, 503, "the fetch was given up");
        return 0;
    }
    if (remaining_ms <= 0) {
        one->status = why_set(one->why, 504, "no time is left to fetch the URL");
        return 0;
    }
    f = calloc(1, sizeof *f);
    if (!f) {
        one->status = why_set(one->why, 500, "out of memory");
        return 0;
    }
    *f = (struct fetch){.limits = limits, .one = one, .out = &one->result, .owner = owner};
    f->curl = new_transfer(f, remaining_ms);
    if (f->curl && curl_multi_add_handle(multi, f->curl) == CURLM_OK) return 1;
    if (f->curl) one->status = why_set(one->why, 500, "out of memory");
    curl_easy_cleanup(f->curl);
    free(f);
    return 0;
}

void *fetch_end(CURLM *multi, const CURLMsg *message) {
    CURLcode code = message->data.result; /* gone with the transfer, as the message is */
    CURL *curl = message->easy_handle;
    struct fetch *f = NULL;
    void *owner;

    curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&f);
    f->one->status = judge(curl, f, code, f->one->why);
    curl_multi_remove_handle(multi, curl);
    curl_easy_cleanup(curl);
    if (f->one->status) {
        free(f->out->bytes);
        memset(f->out, 0, sizeof *f->out);
    }
    owner = f->owner;
    free(f);
    return owner;
}
