/*
 * api.h - what a dialect is: its paths, and the form it says errors in.
 *
 * The server speaks several dialects at once: its own and those of services whose clients it takes
 * over. Each is a file of this folder with one `const struct api api_NAME`, a row of table.c, and
 * openapi/NAME.json, its part of the documentation. Those with a name are spoken where --api says
 * so (server/dialects.h). The HTTP core reads these tables and knows no dialect: methods of 405 and
 * OPTIONS, labels of the metrics and what pages of other origins may ask for all come from here.
 */
#ifndef MIEN_SERVER_APIS_API_H
#define MIEN_SERVER_APIS_API_H

struct request;

enum route_flags {
    ROUTE_OPEN = 1,    /* needs no API key */
    ROUTE_WORK = 2,    /* answered by a worker, has a body; else by the network thread, at once */
    ROUTE_EARLY = 4,   /* answered before the networks are loaded and while draining */
    ROUTE_METRICS = 8, /* needs a key unless the configuration opens metrics */
    ROUTE_MANY = 16,   /* several pictures: the body may be larger than a picture's limit */
    ROUTE_READS = 32,  /* the gallery: needs a key whose scopes allow it */
    ROUTE_WRITES = 64,
    ROUTE_COLLECTION = 128, /* that of the path's first "{}"; else the default one */
    ROUTE_LATE_KEY = 256,   /* its key may stand in the body: where no header has one, the handler
                              asks   admit_late_key() before it does anything */
    ROUTE_LINKED = 512      /* "?a=1?b=2" of its query is read as "?a=1&b=2" */
};

struct route {
    const char *method; /* GET answers HEAD, too; OPTIONS is answered by the core */
    const char *path;   /* a segment "{}" takes any text; a slash at the end is optional. Without a
                           slash in front: the paths of the pages in the binary (assets.h) */
    unsigned flags;
    void (*handle)(struct request *r); /* leaves a reply; called again where uploads_read() wanted
                                          URLs to be fetched first */
};

struct api {
    const char *name;           /* the word of --api that switches it on; NULL: it is always on */
    const char *prefix;         /* errors of unknown paths below it have its form; NULL: none */
    const struct route *routes; /* ended by one without a path */
    const char *headers;        /* of its own in requests and answers, with commas; NULL: none */
    int signs; /* its clients sign with their keys: these are kept as they are, not as digests */
    /* Replies an error; code: "bad_request", ... (docs/server.md). NULL: the server's own form. */
    void (*write_error)(struct request *r, int status, const char *code, const char *message);
};

/* Ended by NULL. Where two have the same path and method, the first answers. */
extern const struct api *const APIS[];

#endif
