/*
 * environment.h - variables of the environment that look like ours and are not.
 *
 * MIEN_TRESHOLD=0.9 would else change nothing, and nobody would know.
 */
#ifndef MIEN_CLI_ENVIRONMENT_H
#define MIEN_CLI_ENVIRONMENT_H

/* Warns of each variable MIEN_... that no command reads and that is nearly one which is read:
 * others may be anybody's, as those Kubernetes sets for a service of this name. */
void environment_check(void);

#endif
