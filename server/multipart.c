#include "server/multipart.h"

#include "common/ascii.h"
#include "server/header_params.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_BOUNDARY = 200, /* RFC 2046 has 70; clients have more */
    MAX_HEAD = 8192,    /* of a part's headers, with their ends */
    MAX_PADDING = 64,   /* blanks between a boundary and its line's end */
    /* What may become a boundary: CR LF, two dashes and the boundary, padding, CR. */
    MAX_HELD = 2 + 2 + MAX_BOUNDARY + MAX_PADDING + 1
};

enum state {
    PREAMBLE, /* before the first boundary */
    HEAD,     /* in a part's headers */
    CONTENT,  /* in what follows them */
    EPILOGUE  /* behind the last boundary */
};

/* How much of a boundary's line the last bytes were. */
enum match {
    NONE,
    CR,       /* of the line's end before it */
    LINE,     /* that end, and some of the boundary */
    WHOLE,    /* the boundary */
    DASH,     /* and a dash */
    PADDING,  /* and blanks */
    LINE_ENDS /* and a CR */
};

struct multipart {
    struct multipart_sink sink;
    enum state state;
    enum match match;
    char boundary[2 + MAX_BOUNDARY + 1]; /* with the two dashes before it */
    size_t boundary_size, matched;       /* matched: bytes of it, in LINE */
    int lf_only; /* lines end in LF alone: what ends content has no CR, either */

    char held[MAX_HELD]; /* what has matched: content, where the rest does not */
    size_t held_size;
    char head[MAX_HEAD + 1];
    size_t head_size;
};

int multipart_is_form(const char *content_type) {
    return header_first(content_type, "multipart/form-data") != NULL;
}

/* RFC 2046, 5.1.1 has fewer; what all of them must not have is a blank at the end. */
static int is_boundary(const char *text, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (!ascii_is_visible(text[i]) && text[i] != ' ') return 0;
    return n > 0 && text[n - 1] != ' ';
}

static int read_boundary(struct multipart *m, const char *content_type, char why[WHY_SIZE]) {
    const char *at = header_first(content_type, "multipart/form-data");
    struct header_param p;
    int more, n = -1;

    if (!at) return why_set(why, 400, "the Content-Type is not multipart/form-data");
    memcpy(m->boundary, "--", 2);
    while ((more = header_next_param(&at, &p)) > 0) {
        if (!header_is_param(&p, "boundary")) continue;
        if (n >= 0) return why_set(why, 400, "the Content-Type of the form has two boundaries");
        n = header_copy_value(&p, m->boundary + 2, sizeof m->boundary - 2);
        if (n < 0 || !is_boundary(m->boundary + 2, (size_t)n))
            return why_set(why, 400, "the Content-Type of the form has a boundary that is none");
    }
    if (more < 0) return why_set(why, 400, "the Content-Type of the form is broken");
    if (n < 0) return why_set(why, 400, "the Content-Type of the form has no boundary");
    m->boundary_size = 2 + (size_t)n;
    return 0;
}

int multipart_new(const char *content_type, const struct multipart_sink *sink,
                  struct multipart **out, char why[WHY_SIZE]) {
    struct multipart *m = calloc(1, sizeof *m);
    int status = m ? read_boundary(m, content_type, why) : why_set(why, 500, "out of memory");

    *out = NULL;
    if (status) {
        free(m);
        return status;
    }
    m->sink = *sink;
    m->match = LINE; /* the first line has no end before it */
    *out = m;
    return 0;
}

void multipart_free(struct multipart *m) {
    free(m);
}

/* What the headers of a part say. */
struct part_head {
    char name[MULTIPART_NAME];
    int has_disposition, has_name, is_file, has_filename;
};

/* name, filename, or those with * (RFC 8187) and what RFC 2231 may put behind it: RFC 7578, 4.2 has
 * none of them, clients write them all the same. Of a file's name only that there is one counts. */
static int read_parameter(const struct header_param *p, struct part_head *h, char why[WHY_SIZE]) {
    if (header_is_param(p, "name")) {
        if (h->has_name++) return why_set(why, 400, "a part of the form has two names");
        if (header_copy_value(p, h->name, sizeof h->name) >= 0) return 0;
        return why_set(why, 400, "a part of the form has a name of more than %d bytes",
                       MULTIPART_NAME - 1);
    }
    if (header_is_param(p, "name*")) {
        if (h->has_name++) return why_set(why, 400, "a part of the form has two names");
        if (header_copy_extended(p, h->name, sizeof h->name) >= 0) return 0;
        return why_set(why, 400, "a part of the form has a name* that is not UTF-8''NAME, or long");
    }
    if (header_is_param(p, "filename")) {
        if (h->has_filename++) return why_set(why, 400, "a part of the form has two file names");
        h->is_file = 1;
    } else if (p->name_size >= 9 && ascii_same_n(p->name, "filename*", 9)) {
        h->is_file = 1;
    }
    return 0;
}

static int read_disposition(const char *value, struct part_head *h, char why[WHY_SIZE]) {
    const char *at = header_first(value, "form-data");
    struct header_param p;
    int more;

    if (h->has_disposition++)
        return why_set(why, 400, "a part of the form has two headers Content-Disposition");
    if (!at) return why_set(why, 400, "a part of the form is not form-data");
    while ((more = header_next_param(&at, &p)) > 0) {
        int status = read_parameter(&p, h, why);
        if (status) return status;
    }
    return more ? why_set(why, 400, "the Content-Disposition of a part of the form is broken") : 0;
}

/* RFC 7578, 4.7: no client encodes parts; content of one that does would be taken for what it is
 * not. */
static int check_encoding(const char *value, char why[WHY_SIZE]) {
    if (header_first(value, "binary") || header_first(value, "8bit") || header_first(value, "7bit"))
        return 0;
    return why_set(why, 400,
                   "a part of the form has a Content-Transfer-Encoding, which is not "
                   "decoded: send its bytes as they are");
}

static int read_line(char *line, struct part_head *h, char why[WHY_SIZE]) {
    char *colon = strchr(line, ':'), *end = colon;

    if (!colon || colon == line || strchr(" \t", *line))
        return why_set(why, 400, "a header of a part of the form is broken");
    while (end > line && (end[-1] == ' ' || end[-1] == '\t')) end--;
    *end = '\0';
    if (ascii_same(line, "Content-Disposition")) return read_disposition(colon + 1, h, why);
    if (ascii_same(line, "Content-Transfer-Encoding")) return check_encoding(colon + 1, why);
    if (ascii_same(line, "Content-Type") &&
        ascii_starts_with(colon + 1 + strspn(colon + 1, " \t"), "multipart/"))
        return why_set(why, 400,
                       "a part of the form is a form itself: send its files as parts of "
                       "their own");
    return 0;
}

/* Ends a line at *at, with those that go on with it (a blank begins them) unfolded into it. Returns
 * where the next begins. */
static char *cut_line(char *at) {
    for (char *end = at;; end++) {
        end = strchr(end, '\n');
        if (end[1] != ' ' && end[1] != '\t') {
            *end = '\0';
            if (end > at && end[-1] == '\r') end[-1] = '\0';
            return end + 1;
        }
        *end = ' ';
        if (end > at && end[-1] == '\r') end[-1] = ' ';
    }
}

/* The headers are all here. */
static int begin_part(struct multipart *m, char why[WHY_SIZE]) {
    struct part_head h = {.has_name = 0};

    if (strlen(m->head) != m->head_size)
        return why_set(why, 400, "a header of a part of the form has a byte 0");
    for (char *line = m->head, *next; *line; line = next) {
        int status;
        next = cut_line(line);
        if (!*line) break; /* the empty line behind them */
        status = read_line(line, &h, why);
        if (status) return status;
    }
    if (!h.has_disposition || !h.has_name)
        return why_set(why, 400,
                       "a part of the form has no name: Content-Disposition: form-data; "
                       "name=\"...\" is missing");
    m->state = CONTENT;
    m->match = LINE; /* content may be empty: the headers' end is then the boundary's */
    return m->sink.begin(m->sink.context, h.name, h.is_file);
}

/* 1 where the headers end with the byte just added: in an empty line. */
static int head_is_whole(const struct multipart *m) {
    const char *head = m->head;
    size_t n = m->head_size;

    if (head[n - 1] != '\n') return 0;
    if (n > 1 && head[n - 2] == '\r') n--;
    return n == 1 || head[n - 2] == '\n';
}

/* *taken: how many bytes belong to the headers. */
static int feed_head(struct multipart *m, const char *bytes, size_t n, size_t *taken,
                     char why[WHY_SIZE]) {
    for (*taken = 0; *taken < n;) {
        if (m->head_size == MAX_HEAD)
            return why_set(why, 400, "the headers of a part of the form are over %d bytes",
                           MAX_HEAD);
        m->head[m->head_size++] = bytes[(*taken)++];
        if (!head_is_whole(m)) continue;
        m->head[m->head_size] = '\0';
        return begin_part(m, why);
    }
    return 0;
}

/* Bytes that are none of a boundary. */
static int pass_on(struct multipart *m, const char *bytes, size_t n) {
    if (m->state == PREAMBLE || n == 0) return 0;
    return m->sink.content(m->sink.context, (const uint8_t *)bytes, n);
}

/* What a line of a boundary begins behind: LF wherever the form may end lines so. */
static char line_mark(const struct multipart *m) {
    return m->state == PREAMBLE || m->lf_only ? '\n' : '\r';
}

static void hold(struct multipart *m, char c, enum match match) {
    m->held[m->held_size++] = c;
    m->match = match;
}

static void enter(struct multipart *m, enum state state) {
    m->state = state;
    m->match = NONE;
    m->held_size = m->head_size = m->matched = 0;
}

/* What was held is no boundary. Of all in it only a CR at its end can begin another. */
static int unmatch(struct multipart *m) {
    int keeps = m->match == LINE_ENDS && line_mark(m) == '\r';
    int rc = pass_on(m, m->held, m->held_size - (size_t)keeps);

    m->held_size = m->matched = 0;
    m->match = NONE;
    if (keeps) hold(m, '\r', CR);
    return rc;
}

/* A byte behind a whole boundary. Returns 0 where it cannot be one then. */
static int match_end(struct multipart *m, char c) {
    if (c == '-' && m->match == DASH) {
        enter(m, EPILOGUE);
        return 1;
    }
    if (m->match == DASH) return 0;
    if (c == '\n') {
        if (m->state == PREAMBLE) m->lf_only = m->match != LINE_ENDS;
        enter(m, HEAD);
        return 1;
    }
    if (m->match == LINE_ENDS) return 0;
    if (c == '-' && m->match == WHOLE)
        hold(m, c, DASH);
    else if (c == '\r')
        hold(m, c, LINE_ENDS);
    else if ((c == ' ' || c == '\t') && m->held_size < MAX_HELD - 1)
        hold(m, c, PADDING);
    else
        return 0;
    return 1;
}

/* Returns 1 where the byte was taken; 0 where what is held is no boundary with it. */
static int match_byte(struct multipart *m, char c) {
    switch (m->match) {
    case NONE:
        if (c != line_mark(m)) return 0;
        hold(m, c, c == '\n' ? LINE : CR);
        return 1;
    case CR:
        if (c != '\n') return 0;
        hold(m, c, LINE);
        return 1;
    case LINE:
        if (c != m->boundary[m->matched]) return 0;
        hold(m, c, ++m->matched == m->boundary_size ? WHOLE : LINE);
        return 1;
    default: return match_end(m, c);
    }
}

/* *taken: how many bytes there are to the end of a boundary. */
static int feed_content(struct multipart *m, const char *bytes, size_t n, size_t *taken) {
    enum state state = m->state;
    size_t i = 0;
    int rc = 0;

    while (i < n && m->state == state && rc == 0) {
        if (m->match == NONE) {
            const char *mark = memchr(bytes + i, line_mark(m), n - i);
            size_t end = mark ? (size_t)(mark - bytes) : n;
            rc = pass_on(m, bytes + i, end - i);
            i = end;
        }
        if (rc || i == n) break;
        if (match_byte(m, bytes[i]))
            i++;
        else
            rc = unmatch(m);
    }
    *taken = i;
    return rc;
}

int multipart_feed(struct multipart *m, const void *bytes, size_t n, char why[WHY_SIZE]) {
    const char *at = bytes;
    int rc = 0;

    while (n > 0 && m->state != EPILOGUE && rc == 0) {
        size_t taken;
        if (m->state == HEAD)
            rc = feed_head(m, at, n, &taken, why);
        else
            rc = feed_content(m, at, n, &taken);
        at += taken;
        n -= taken;
    }
    return rc;
}

int multipart_end(const struct multipart *m, char why[WHY_SIZE]) {
    if (m->state == EPILOGUE) return 0;
    if (m->state == PREAMBLE)
        return why_set(why, 400, "the form does not have the boundary its Content-Type says");
    return why_set(why, 400, "the form is cut off: its last boundary is missing");
}
