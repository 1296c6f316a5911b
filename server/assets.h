/*
 * The pages of mien serve (server/web/), which are part of the binary: the server needs no folder
 * of files and cannot be made to read one. cmake/assets.cmake writes their bytes into a C file.
 */
#ifndef MIEN_SERVER_ASSETS_H
#define MIEN_SERVER_ASSETS_H

#include <stddef.h>

struct asset {
    const char *path;           /* of the URL: "/", "/docs", "/app.js", "/openapi.json" */
    const char *type;           /* for content-type */
    const unsigned char *bytes; /* [size] */
    size_t size;
    const unsigned char *gzip_bytes; /* [gzip_size]: the same for clients that accept gzip */
    size_t gzip_size;
    const char *etag; /* with its quotes; a weak one, as it stands for both encodings */
};

/* Goes with every asset as content-security-policy: pages take nothing from other hosts, run no
 * script but our files, and show pictures of the visitor's (blob:, data:). */
#define ASSET_POLICY                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "        \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* All of them, in no order. */
extern const struct asset ASSETS[];
extern const size_t ASSET_COUNT;

/* The asset of a URL's path (without query); NULL where there is none. */
const struct asset *asset_find(const char *path);

#endif
