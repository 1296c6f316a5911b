/*
 * output.h - the folder of results: a JSON file of the same base name for each picture, written
 * whole or not at all, and once for each however often it comes.
 *
 * sub/a.jpg gives sub/a.json. Where that is the result of another picture (sub/a.png), which its
 * image_id says, it gives sub/a.jpg.json. The time of the file is when the picture was read: so
 * whoever sees both knows whether the picture has changed since, with nothing kept beside them.
 */
#ifndef MIEN_SERVICES_OUTPUT_H
#define MIEN_SERVICES_OUTPUT_H

#include <stddef.h>
#include <sys/stat.h>
#include <time.h>

enum { OUTPUT_WHY = 512 };

/* Removes what a process left that died while it wrote. */
void output_tidy(const char *folder);
/* Writes the text of image_id's result and syncs it. read: when the picture was read. 0 with where
 * it lies, for free(); an errno with a sentence. */
int output_write(const char *folder, const char *image_id, const char *text, size_t n,
                 struct timespec read, char **path, char why[OUTPUT_WHY]);
/* 1 where the result of a picture with this status is there, of what the picture is now. */
int output_is_current(const char *folder, const char *image_id, const struct stat *picture);

#endif
