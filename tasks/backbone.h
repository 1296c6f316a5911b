/*
 * backbone.h - networks that read a value inside another one, their backbone, and how that is found
 * and shared.
 *
 * Such a network is a few layers on what the backbone computes anyway: its blob names the backbone
 * and the value (`features_of`), and pins the file they were made for by its hash. A context has
 * each backbone open once, whoever asked for it first; it stays as long as anybody holds it.
 */
#ifndef MIEN_TASKS_BACKBONE_H
#define MIEN_TASKS_BACKBONE_H

#include "tasks/net.h"

/* Finds the backbone of a network that reads features, which is described, among the context's
 * networks or in its folder, and has it keep the value for whoever runs it. MIEN_EWEIGHTS where it
 * is another, or has no such value; what opening it may give. */
int backbone_attach(struct mien_net *head);

/* The networks of a context. One that is loaded for a program is held by it; the same file is not
 * opened a second time where so far only others read its features: backbone_promote() gives that
 * one to the program, or NULL. */
void backbone_add(struct mien_net *net);
struct mien_net *backbone_promote(mien_ctx *ctx, const char *path);
/* Lets go of a network; 1 where nobody else holds it, and nobody finds it any more. by_program: it
 * was held by who loaded it, not by a network that reads it. */
int backbone_let_go(struct mien_net *net, int by_program);

/* The network whose runs give its input: its backbone, or itself. */
struct mien_net *backbone_of(struct mien_net *net);

#endif
