/* libcurl's functions that the server calls, from the library that is opened by the first. */
#include "server/lazy/lazy.h"

#include <curl/curl.h>
#include <stdarg.h>

/* The macros of their names check types, and call them. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

static struct lazy_library library = {.file = LAZY_CURL, .package = "libcurl3-gnutls"};

LAZY(CURLcode, curl_global_init, (long flags), (flags))
LAZY_VOID(curl_global_cleanup, (void), ())
LAZY(CURL *, curl_easy_init, (void), ())
LAZY(CURLcode, curl_easy_perform, (CURL * c), (c))
LAZY_VOID(curl_easy_cleanup, (CURL * c), (c))
LAZY(CURLM *, curl_multi_init, (void), ())
LAZY(CURLMcode, curl_multi_add_handle, (CURLM * m, CURL *c), (m, c))
LAZY(CURLMcode, curl_multi_remove_handle, (CURLM * m, CURL *c), (m, c))
LAZY(CURLMcode, curl_multi_perform, (CURLM * m, int *running), (m, running))
LAZY(CURLMcode, curl_multi_poll,
     (CURLM * multi_handle, struct curl_waitfd extra_fds[], unsigned extra_nfds, int timeout_ms,
      int *ret),
     (multi_handle, extra_fds, extra_nfds, timeout_ms, ret))
LAZY(CURLMcode, curl_multi_wakeup, (CURLM * m), (m))
LAZY(CURLMsg *, curl_multi_info_read, (CURLM * multi_handle, int *msgs_in_queue),
     (multi_handle, msgs_in_queue))
LAZY(CURLMcode, curl_multi_cleanup, (CURLM * m), (m))
LAZY(CURLU *, curl_url, (void), ())
LAZY_VOID(curl_url_cleanup, (CURLU * handle), (handle))
LAZY(CURLUcode, curl_url_set, (CURLU * handle, CURLUPart what, const char *part, unsigned flags),
     (handle, what, part, flags))

/* An option's value is a long, a pointer or a curl_off_t: all of them as wide as a pointer, and
 * handed over where one is. */
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *),
               "options of libcurl can be handed on as pointers");

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...) {
    static _Atomic(void *) found;
    va_list more;

    va_start(more, option);
    void *value = va_arg(more, void *);
    va_end(more);
    if (!atomic_load(&found)) atomic_store(&found, lazy_find(&library, "curl_easy_setopt"));
    return ((__typeof__(&curl_easy_setopt))atomic_load(&found))(curl, option, value);
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...) {
    static _Atomic(void *) found;
    va_list more;

    va_start(more, info);
    void *value = va_arg(more, void *);
    va_end(more);
    if (!atomic_load(&found)) atomic_store(&found, lazy_find(&library, "curl_easy_getinfo"));
    return ((__typeof__(&curl_easy_getinfo))atomic_load(&found))(curl, info, value);
}
