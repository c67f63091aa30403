/* bytes_file.h — bytes as a file without a place on a disk, for what reads files by their path. */
#ifndef SL_TESTS_BYTES_FILE_H
#define SL_TESTS_BYTES_FILE_H

#include <stddef.h>

/* The path of a file of mode 0600 with these bytes; the same file again with each call. */
const char *bytes_file(const void *bytes, size_t length);

#endif
