/*
 * shipped.h - networks that come with mien: where they are installed, seen from the program or the
 * library that asks, so that an installation may be moved; else in mien/networks of the folders of
 * $XDG_DATA_DIRS (/usr/local/share and /usr/share), for programs with the library in them.
 */
#ifndef MIEN_TASKS_SHIPPED_H
#define MIEN_TASKS_SHIPPED_H

/* The folder they are in; NULL where there is none. Static storage. */
const char *shipped_folder(void);

#endif
