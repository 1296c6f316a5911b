/* `mien serve --check`: is the server that these options start ready? For health checks of
 * containers, which then need no program but this one. */
#include "server/serve.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

enum { URL_SIZE = 256, SECONDS = 5 };

static size_t drop(char *bytes, size_t size, size_t n, void *context) {
    (void)bytes;
    (void)context;
    return size * n;
}

/* Where it listens on every address it is asked on loopback. */
static const char *reachable(const char *address) {
    if (strcmp(address, "0.0.0.0") == 0) return "127.0.0.1";
    return strcmp(address, "::") == 0 ? "::1" : address;
}

int serve_check(const struct serve_config *config) {
    const char *address = reachable(config->address);
    char url[URL_SIZE], why[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURL *curl = curl_easy_init();

    if (!curl) return -1;
    snprintf(url, sizeof url, strchr(address, ':') ? "%s://[%s]:%d/ready" : "%s://%s:%d/ready",
             config->tls_cert ? "https" : "http", address, config->port);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SECONDS);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    /* It asks itself; the certificate is for the name others know it by. */
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (status == 200) return 0;
    if (status)
        fprintf(stderr, "mien: %s answers %ld\n", url, status);
    else
        fprintf(stderr, "mien: %s: %s\n", url, why);
    return -1;
}
