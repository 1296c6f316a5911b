/*
 * params.h - the parameters of a request: from its query, a form's fields or its JSON body, in this
 * order. A null of JSON counts as not given.
 *
 * Each function returns 0 and leaves *v alone where the parameter is not given, and -1 after
 * replying 400 where it is no such value.
 */
#ifndef MIEN_SERVER_PARAMS_H
#define MIEN_SERVER_PARAMS_H

#include "server/request.h"

enum { PARAM_TEXT = 256 };

/* name: static, here and below. */
int param_real(struct request *r, const char *name, double min, double max, double *v);
int param_int(struct request *r, const char *name, int min, int max, int *v);
int param_flag(struct request *r, const char *name, int *v);
/* choices: NULL-terminated; *v is the position. */
int param_choice(struct request *r, const char *name, const char *const *choices, int *v);
/* A text that is not empty; room is for what has to be copied. */
int param_text(struct request *r, const char *name, char room[PARAM_TEXT], const char **v);
/* The same that may be empty. */
int param_any_text(struct request *r, const char *name, char room[PARAM_TEXT], const char **v);
/* An object of JSON, or its text in a form or query: *text is for free(), and at most PARAM_OBJECT
 * letters long. */
enum { PARAM_OBJECT = 16384 };
int param_object(struct request *r, const char *name, char **text);
/* After those a handler takes: -1 after replying 400 where the request has another one, or one
 * twice in the same place. For dialects whose clients want to hear of a misspelling. */
int params_end(struct request *r);

#endif
