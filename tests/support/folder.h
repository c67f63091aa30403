/* folder.h — a temporary folder for one test, removed with everything in it. */
#ifndef SL_TESTS_FOLDER_H
#define SL_TESTS_FOLDER_H

#include <stddef.h>

/* Makes one; its path stays valid until the next call. */
const char *folder_make(void);
/* The path of a file inside, in one of a few static buffers. */
const char *folder_path(const char *name);
/* Writes a file inside and returns its path. */
const char *folder_write(const char *name, const void *bytes, size_t length);
const char *folder_text(const char *name, const char *text);
void folder_remove(void);

#endif
