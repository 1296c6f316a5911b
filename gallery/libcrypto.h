/*
 * libcrypto.h - OpenSSL's ciphers, which are opened when the first encrypted gallery is: what
 * openssl/evp.h and openssl/hmac.h declare, as far as it is used.
 */
#ifndef MIEN_GALLERY_LIBCRYPTO_H
#define MIEN_GALLERY_LIBCRYPTO_H

#include <stddef.h>

/* openssl/evp.h; numbers that are part of its ABI. */
enum { EVP_CTRL_AEAD_GET_TAG = 0x10, EVP_CTRL_AEAD_SET_TAG = 0x11 };

struct evp_cipher;
struct evp_cipher_ctx;
struct evp_md;

struct libcrypto {
    const struct evp_cipher *(*aes_256_gcm)(void);
    struct evp_cipher_ctx *(*ctx_new)(void);
    void (*ctx_free)(struct evp_cipher_ctx *);
    int (*ctx_ctrl)(struct evp_cipher_ctx *, int what, int n, void *bytes);
    int (*init)(struct evp_cipher_ctx *, const struct evp_cipher *, void *engine,
                const unsigned char *key, const unsigned char *nonce, int encrypt);
    int (*update)(struct evp_cipher_ctx *, unsigned char *out, int *n_out, const unsigned char *in,
                  int n);
    int (*final)(struct evp_cipher_ctx *, unsigned char *out, int *n_out);
    const struct evp_md *(*sha256)(void);
    unsigned char *(*hmac)(const struct evp_md *, const void *key, int key_n,
                           const unsigned char *bytes, size_t n, unsigned char *out,
                           unsigned *out_n);
    int (*encode)(unsigned char *out, const unsigned char *in, int n); /* base64, and a 0 */
    int (*decode)(unsigned char *out, const unsigned char *in, int n); /* 3 bytes of each 4 */
};

/* The library; NULL, with a sentence, where there is none. MIEN_LIBCRYPTO names another file. */
const struct libcrypto *libcrypto_use(void);

#endif
