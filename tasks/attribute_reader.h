/*
 * attribute_reader.h - how an attribute's values are read from a network's outputs: what a blob
 * says of it, checked (attribute_read.c), for who computes them (attribute_list.c).
 */
#ifndef MIEN_TASKS_ATTRIBUTE_READER_H
#define MIEN_TASKS_ATTRIBUTE_READER_H

#include "mien.h"
#include "tasks/attribute_groups.h"
#include "vision/head_pose.h"

#include <jansson.h>

struct mien_net;

enum decode { DECODE_NONE, DECODE_SOFTMAX, DECODE_SIGMOID, DECODE_PAIRS, DECODE_GROUPS };

struct reader {
    mien_attribute shown;
    const char **labels;   /* [shown.count], or [shown.groups]; texts belong to the metadata */
    int output, at, count; /* values at .. at + count - 1 of that output */
    enum decode decode;
    float scale, shift;          /* of values, angles and points: value * scale + shift */
    float temperature;           /* logits are divided by it */
    float *temperatures;         /* [labels] by which the likeliest is; NULL: by the other one */
    struct groups groups;        /* DECODE_GROUPS */
    char *measured;              /* shown.measured where the blob has it */
    const struct reader *points; /* angles: of a head, by these points; NULL: by the output */
    int pose[HEAD_POSE_POINTS];  /* which of them */
};

struct attribute_list {
    json_t *metadata;
    int n;
    struct reader *at; /* [n] */
};

/* Values an attribute has of each item. */
int reader_values(const struct reader *r);
/* Reads attribute i of the list, whose first ones are read. MIEN_EWEIGHTS. */
int reader_open(const struct mien_net *net, const struct attribute_list *a, int i, const json_t *j,
                struct reader *r);
void reader_close(struct reader *r);

#endif
