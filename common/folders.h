/*
 * folders.h - the folders on the way to a file that is to be written.
 */
#ifndef MIEN_COMMON_FOLDERS_H
#define MIEN_COMMON_FOLDERS_H

/* Makes the folders path lies in. Returns 0 or an errno. */
int folders_make(const char *path);

#endif
