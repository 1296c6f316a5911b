/*
 * trace.h - W3C trace context (w3.org/TR/trace-context): the id by which OpenTelemetry and its kin
 * connect what several programs did about one thing.
 *
 *   traceparent: 00-<32 hexadecimal digits: trace>-<16: span>-<2: flags>
 */
#ifndef MIEN_COMMON_TRACE_H
#define MIEN_COMMON_TRACE_H

enum { TRACE_ID = 33, TRACE_SPAN = 17, TRACE_PARENT = 56 }; /* with their NUL */

struct trace {
    char id[TRACE_ID]; /* "": there is none */
    char span[TRACE_SPAN];
    char flags[3];
};

/* What a header says; one that is not as the standard has it counts as none, as the standard says.
 * header: may be NULL. Returns 1 where there is one. */
int trace_read(const char *header, struct trace *out);
/* A new trace, with its first span; not sampled by anybody else's wish. */
void trace_begin(struct trace *out);
/* The header for a call made on behalf of it: a span of its own below the trace's. Returns out. */
const char *trace_header(const struct trace *trace, char out[TRACE_PARENT]);

#endif
