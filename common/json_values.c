#include "json_values.h"

#include "base/json_memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at s; 0 where it is none (RFC 3629, table in section 4). */
static int utf8_length(const unsigned char *s) {
    int n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 : 4;

    if (n == 1) return 1;
    if (*s < 0xc2 || *s > 0xf4) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    if (s[0] == 0xe0 && s[1] < 0xa0) return 0; /* overlong */
    if (s[0] == 0xed && s[1] > 0x9f) return 0; /* surrogates */
    if (s[0] == 0xf0 && s[1] < 0x90) return 0; /* overlong */
    if (s[0] == 0xf4 && s[1] > 0x8f) return 0; /* beyond U+10FFFF */
    return n;
}

json_t *json_value_text(const char *text) {
    static const char replacement[] = "\xef\xbf\xbd";
    const unsigned char *s = (const unsigned char *)text;
    char *clean, *out;
    json_t *value;

    if (!text) return json_null();
    out = clean = malloc(3 * strlen(text) + 1);
    if (!clean) return NULL;
    while (*s) {
        int n = utf8_length(s);
        memcpy(out, n ? (const char *)s : replacement, n ? (size_t)n : 3);
        out += n ? n : 3;
        s += n ? n : 1;
    }
    value = json_stringn_nocheck(clean, (size_t)(out - clean));
    free(clean);
    return value;
}

json_t *json_value_number(double v, int decimals) {
    double unit = pow(10, decimals);

    if (!isfinite(v)) return json_null();
    return json_real(round(v * unit) / unit + 0.0); /* + 0.0: no "-0.0" */
}

json_t *json_value_float(float v) {
    return isfinite(v) ? json_real(v) : json_null();
}

char *json_value_dump(const json_t *value, size_t flags, size_t *n) {
    size_t size;
    char *text = json_memory_write(value, flags, &size);

    if (text && n) *n = size;
    return text;
}

void json_value_set(json_t *object, const char *key, json_t *value, int *failed) {
    if (json_object_set_new(object, key, value)) *failed = 1;
}

void json_value_append(json_t *array, json_t *value, int *failed) {
    if (json_array_append_new(array, value)) *failed = 1;
}
