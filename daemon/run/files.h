/* files.h — whole files: mapped, read with a limit, replaced durably. Every error text begins with the path;
 * SL_NOT_FOUND is a missing file, SL_IO any other system error. */
#ifndef SL_DAEMON_RUN_FILES_H
#define SL_DAEMON_RUN_FILES_H

#include "base/error.h"
#include <sys/uio.h>

/* Maps a regular file read-only, or reads it where it is small. length 0 (and bytes NULL) for an empty file. The file must not shrink while
 * it is mapped: starling replaces files and never truncates them. */
struct sl_mapping {
	const uint8_t *bytes;
	size_t length;
	bool read; /* into memory of its own */
};
enum sl_status sl_file_map(struct sl_mapping *out, const char *path, struct sl_error *error);
void sl_file_unmap(struct sl_mapping *);

/* Reads at most `limit` bytes into memory that the caller frees; a NUL is appended. Larger: SL_TOO_BIG. */
enum sl_status sl_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *length,
                            struct sl_error *error);

/* Replaces a file atomically: temporary (PATH.tmp, so one writer per path) in the same folder, write, fsync,
 * rename, fsync of the folder. `mode` minus the umask is the new file's mode, regardless of the old one's. */
enum sl_status sl_file_replace(const char *path, const void *bytes, size_t length, unsigned mode,
                               struct sl_error *error);

/* The same from several pieces, concatenated. */
enum sl_status sl_file_replace_parts(const char *path, const struct iovec *parts, int count, unsigned mode,
                                     struct sl_error *error);

/* Streams a file, decompressed if it is gzip (zlib), in chunks to `push`. If `push` fails, its error is
 * returned, which must name the file. */
enum sl_status sl_file_stream(const char *path,
                              enum sl_status (*push)(void *context, const uint8_t *bytes, size_t length,
                                                     struct sl_error *error),
                              void *context, struct sl_error *error);

#endif
