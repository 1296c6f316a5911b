#include "server/clients.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { BUCKETS = 4096 };

struct clients {
    pthread_mutex_t lock;
    uint64_t seed; /* clients choose their addresses, and must not choose buckets by that */
    struct client *bucket[BUCKETS];
    struct client last_resort; /* where there is no memory for an entry */
};

struct clients *clients_new(void) {
    struct clients *c = calloc(1, sizeof *c);

    if (!c) return NULL;
    pthread_mutex_init(&c->lock, NULL);
    if (getrandom(&c->seed, sizeof c->seed, 0) != sizeof c->seed) c->seed = (uintptr_t)c;
    return c;
}

void clients_free(struct clients *c) {
    if (!c) return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

/* FNV-1a (draft-eastlake-fnv), from a start of the process's own. */
static struct client **bucket_of(struct clients *c, const char *name) {
    uint64_t hash = c->seed ^ UINT64_C(0xcbf29ce484222325);

    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return &c->bucket[(hash ^ hash >> 32) % BUCKETS];
}

static struct client *acquire(struct clients *c, const char *name) {
    struct client **bucket, *one;

    pthread_mutex_lock(&c->lock);
    bucket = bucket_of(c, name);
    for (one = *bucket; one && strcmp(one->name, name) != 0; one = one->next) continue;
    if (!one && (one = calloc(1, sizeof *one))) {
        snprintf(one->name, sizeof one->name, "%s", name);
        one->next = *bucket;
        *bucket = one;
    }
    if (!one) one = &c->last_resort;
    one->users++;
    pthread_mutex_unlock(&c->lock);
    return one;
}

/* The IPv4 address inside one of IPv6, as a socket of both families sees it; NULL where none is. */
static const uint8_t *mapped(const struct in6_addr *address) {
    return IN6_IS_ADDR_V4MAPPED(address) ? address->s6_addr + 12 : NULL;
}

struct client *clients_of_address(struct clients *c, const struct sockaddr *address) {
    char name[CLIENT_NAME] = "address ";
    size_t n = strlen(name);

    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, name + n, (socklen_t)(sizeof name - n));
    } else if (address && address->sa_family == AF_INET6) {
        struct in6_addr v6 = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        const uint8_t *v4 = mapped(&v6);
        if (!v4) memset(v6.s6_addr + 8, 0, 8);
        inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? (const void *)v4 : &v6, name + n,
                  (socklen_t)(sizeof name - n));
    }
    return acquire(c, name);
}

struct client *clients_of_key(struct clients *c, const char *key) {
    char name[CLIENT_NAME];

    snprintf(name, sizeof name, "key %s", key);
    return acquire(c, name);
}

struct client *clients_share(struct clients *c, struct client *one) {
    pthread_mutex_lock(&c->lock);
    one->users++;
    pthread_mutex_unlock(&c->lock);
    return one;
}

void clients_release(struct clients *c, struct client *one) {
    struct client **at;

    pthread_mutex_lock(&c->lock);
    if (--one->users == 0 && one != &c->last_resort) {
        for (at = bucket_of(c, one->name); *at != one; at = &(*at)->next) continue;
        *at = one->next;
        free(one);
    }
    pthread_mutex_unlock(&c->lock);
}

void client_charge(struct client *one, double seconds) {
    int requests = atomic_load(&one->requests);
    double weight = requests > CLIENT_WEIGHT ? CLIENT_WEIGHT : requests > 1 ? requests : 1;
    double before = atomic_load(&one->served);

    while (!atomic_compare_exchange_weak(&one->served, &before, before + weight * seconds))
        continue;
}

void client_catch_up(struct client *one, double served) {
    double before = atomic_load(&one->served);

    while (before < served && !atomic_compare_exchange_weak(&one->served, &before, served))
        continue;
}
