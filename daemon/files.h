/* files.h — whole files: mapped, read with a limit, replaced durably. */
#ifndef SL_DAEMON_FILES_H
#define SL_DAEMON_FILES_H

#include "base/error.h"

/* Maps a file read-only. length 0 for an empty file. */
struct sl_mapping {
	const uint8_t *bytes;
	size_t length;
};
enum sl_status sl_file_map(struct sl_mapping *out, const char *path, struct sl_error *error);
void sl_file_unmap(struct sl_mapping *);

/* Reads at most `limit` bytes into memory that the caller frees; one NUL is added behind. Larger: SL_TOO_BIG. */
enum sl_status sl_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *length, struct sl_error *error);

/* The file is old or new, never half: temporary in the same folder, write, fsync, rename, fsync of the folder. */
enum sl_status sl_file_replace(const char *path, const void *bytes, size_t length, unsigned mode, struct sl_error *error);

/* Streams a file, gunzipping it where it is gzip (zlib), in chunks to `push`, which may fail. */
enum sl_status sl_file_stream(const char *path,
                              enum sl_status (*push)(void *context, const uint8_t *bytes, size_t length,
                                                     struct sl_error *error),
                              void *context, struct sl_error *error);

#endif
