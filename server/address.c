#include "server/address.h"

#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

struct prefix4 {
    uint8_t bytes[4];
    int bits;
    enum address_class class;
};

struct prefix6 {
    uint8_t bytes[16];
    int bits;
    enum address_class class;
};

/* The registry of special-purpose IPv4 addresses (RFC 6890), multicast and class E; before them the
 * metadata services of clouds. The first entry that fits counts; what fits none is public. */
static const struct prefix4 prefixes4[] = {
    {{169, 254, 169}, 24, ADDRESS_REFUSED},      /* .254 of AWS, Azure, Google and most others */
    {{169, 254, 170}, 24, ADDRESS_REFUSED},      /* credentials of containers at AWS */
    {{100, 100, 100, 200}, 32, ADDRESS_REFUSED}, /* metadata of Alibaba Cloud */
    {{192, 0, 0, 192}, 32, ADDRESS_REFUSED},     /* metadata of Oracle's cloud */
    {{168, 63, 129, 16}, 32, ADDRESS_REFUSED},   /* Azure's wire server */
    {{0}, 8, ADDRESS_PRIVATE},                   /* RFC 1122: this network; 0.0.0.0 is this host */
    {{10}, 8, ADDRESS_PRIVATE},                  /* RFC 1918 */
    {{100, 64}, 10, ADDRESS_PRIVATE},            /* RFC 6598: carrier-grade NAT */
    {{127}, 8, ADDRESS_PRIVATE},                 /* RFC 1122: loopback */
    {{169, 254}, 16, ADDRESS_PRIVATE},           /* RFC 3927: link-local */
    {{172, 16}, 12, ADDRESS_PRIVATE},            /* RFC 1918 */
    {{192, 0, 0}, 24, ADDRESS_PRIVATE},          /* RFC 6890: protocol assignments */
    {{192, 0, 2}, 24, ADDRESS_PRIVATE},          /* RFC 5737: documentation */
    {{192, 88, 99}, 24, ADDRESS_PRIVATE},        /* RFC 7526: relays of 6to4, withdrawn */
    {{192, 168}, 16, ADDRESS_PRIVATE},           /* RFC 1918 */
    {{198, 18}, 15, ADDRESS_PRIVATE},            /* RFC 2544: benchmarks */
    {{198, 51, 100}, 24, ADDRESS_PRIVATE},       /* RFC 5737: documentation */
    {{203, 0, 113}, 24, ADDRESS_PRIVATE},        /* RFC 5737: documentation */
    {{224}, 4, ADDRESS_PRIVATE},                 /* RFC 5771: multicast */
    {{240}, 4, ADDRESS_PRIVATE}, /* RFC 1112: reserved, with the broadcast address */
};

/* Of IPv6 only 2000::/3 is global unicast (RFC 4291), less what the registry of special-purpose
 * addresses takes out of it; two ranges besides stand for IPv4 addresses that decide. The first
 * entry that fits counts; what fits none is private: loopback, unspecified, unique local (RFC
 * 4193), link-local, site-local (RFC 3879), multicast, discard-only (RFC 6666) and all that nobody
 * owns. */
static const struct prefix6 prefixes6[] = {
    {{0xfd, 0x00, 0x0e, 0xc2}, 32, ADDRESS_REFUSED}, /* ::254 and others: metadata of AWS */
    {{0xfd, 0x20, 0x00, 0xce}, 32, ADDRESS_REFUSED}, /* ::254: metadata of Google's cloud */
    {{[10] = 0xff, 0xff}, 96, ADDRESS_PUBLIC},       /* RFC 4291: mapped */
    {{0x00, 0x64, 0xff, 0x9b}, 96, ADDRESS_PUBLIC},  /* RFC 6052: NAT64 */
    {{0x20, 0x01, 0x00, 0x00}, 32, ADDRESS_PUBLIC},  /* RFC 4380: Teredo */
    {{0x20, 0x01, 0x00, 0x00}, 23, ADDRESS_PRIVATE}, /* RFC 2928: benchmarks, ORCHID and others */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_PRIVATE}, /* RFC 3849: documentation */
    {{0x3f, 0xff, 0x00}, 20, ADDRESS_PRIVATE},       /* RFC 9637: documentation */
    {{0x20}, 3, ADDRESS_PUBLIC},                     /* RFC 4291 */
};

/* IPv6 addresses that carry an IPv4 one in the four bytes from offset, each XORed with mask. */
static const struct carrier {
    uint8_t bytes[16];
    int bits, offset;
    uint8_t mask;
} carriers[] = {
    {{[10] = 0xff, 0xff}, 96, 12, 0},            /* RFC 4291: mapped */
    {{0}, 96, 12, 0},                            /* RFC 4291: compatible */
    {{[8] = 0xff, 0xff}, 96, 12, 0},             /* RFC 2765: translated */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12, 0},       /* RFC 6052: NAT64 */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, 12, 0}, /* RFC 8215: NAT64 of a site */
    {{0x20, 0x02}, 16, 2, 0},                    /* RFC 3056: 6to4 */
    {{0x20, 0x01, 0x00, 0x00}, 32, 4, 0},        /* RFC 4380: a Teredo server */
    {{0x20, 0x01, 0x00, 0x00}, 32, 12, 0xff},    /* RFC 4380: a client behind NAT */
};

/* True where the first bits of a and b are the same. */
static int same_bits(const uint8_t *a, const uint8_t *b, int bits) {
    int whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, (size_t)whole) != 0) return 0;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static enum address_class classify4(const uint8_t address[4]) {
    for (size_t i = 0; i < sizeof prefixes4 / sizeof *prefixes4; i++)
        if (same_bits(address, prefixes4[i].bytes, prefixes4[i].bits)) return prefixes4[i].class;
    return ADDRESS_PUBLIC;
}

/* Without regard to what the address carries. */
static enum address_class classify6_alone(const uint8_t address[16]) {
    for (size_t i = 0; i < sizeof prefixes6 / sizeof *prefixes6; i++)
        if (same_bits(address, prefixes6[i].bytes, prefixes6[i].bits)) return prefixes6[i].class;
    return ADDRESS_PRIVATE;
}

static enum address_class classify6(const uint8_t address[16]) {
    enum address_class worst = classify6_alone(address);
    for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
        const struct carrier *c = &carriers[i];
        uint8_t carried[4];
        if (!same_bits(address, c->bytes, c->bits)) continue;
        for (int k = 0; k < 4; k++) carried[k] = address[c->offset + k] ^ c->mask;
        enum address_class class = classify4(carried);
        if (class > worst) worst = class;
    }
    return worst;
}

enum address_class address_classify(const struct sockaddr *address) {
    uint8_t bytes[16];
    if (address->sa_family == AF_INET) {
        memcpy(bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
        return classify4(bytes);
    }
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
        return classify6(bytes);
    }
    return ADDRESS_REFUSED;
}
