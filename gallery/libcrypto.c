#include "gallery/libcrypto.h"

#include "engine/err.h"
#include "engine/library.h"
#include "mien.h"

#include <pthread.h>
#include <stdio.h>

static struct libcrypto lib;
static char lacks[256]; /* a sentence; empty: nothing */

static void open_library(void) {
    static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", NULL};
    static const struct library_function functions[] = {
        {"EVP_aes_256_gcm", offsetof(struct libcrypto, aes_256_gcm)},
        {"EVP_CIPHER_CTX_new", offsetof(struct libcrypto, ctx_new)},
        {"EVP_CIPHER_CTX_free", offsetof(struct libcrypto, ctx_free)},
        {"EVP_CIPHER_CTX_ctrl", offsetof(struct libcrypto, ctx_ctrl)},
        {"EVP_CipherInit_ex", offsetof(struct libcrypto, init)},
        {"EVP_CipherUpdate", offsetof(struct libcrypto, update)},
        {"EVP_CipherFinal_ex", offsetof(struct libcrypto, final)},
        {"EVP_sha256", offsetof(struct libcrypto, sha256)},
        {"HMAC", offsetof(struct libcrypto, hmac)},
        {"EVP_EncodeBlock", offsetof(struct libcrypto, encode)},
        {"EVP_DecodeBlock", offsetof(struct libcrypto, decode)},
        {NULL, 0}};

    if (library_open("libcrypto", "MIEN_LIBCRYPTO", names, functions, &lib) == MIEN_OK) return;
    snprintf(lacks, sizeof lacks,
             "encrypted galleries need OpenSSL's libcrypto, which is not installed here (Debian, "
             "Ubuntu: apt-get install libssl3)");
}

const struct libcrypto *libcrypto_use(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, open_library);
    if (!*lacks) return &lib;
    err_set(MIEN_EDEVICE, "%s", lacks);
    return NULL;
}
