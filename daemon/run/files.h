/* files.h — whole files: mapped, read with a limit, replaced durably. Every error text begins with the path;
 * SL_NOT_FOUND is a missing file, SL_IO what else the system refused. */
#ifndef SL_DAEMON_RUN_FILES_H
#define SL_DAEMON_RUN_FILES_H

#include "base/error.h"
#include <sys/uio.h>

/* Maps a regular file read-only. length 0 (and bytes NULL) for an empty file. The file must not shrink while
 * it is mapped: starling replaces files, it never cuts them. */
struct sl_mapping {
	const uint8_t *bytes;
	size_t length;
};
enum sl_status sl_file_map(struct sl_mapping *out, const char *path, struct sl_error *error);
void sl_file_unmap(struct sl_mapping *);

/* Reads at most `limit` bytes into memory that the caller frees; one NUL is added behind. Larger: SL_TOO_BIG.
 */
enum sl_status sl_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *length,
                            struct sl_error *error);

/* The file is old or new, never half: temporary (PATH.tmp, so one writer a path) in the same folder, write,
 * fsync, rename, fsync of the folder. `mode` less the umask is the new file's, whatever the old one's was. */
enum sl_status sl_file_replace(const char *path, const void *bytes, size_t length, unsigned mode,
                               struct sl_error *error);

/* The same from several pieces, one behind the other. */
enum sl_status sl_file_replace_parts(const char *path, const struct iovec *parts, int count, unsigned mode,
                                     struct sl_error *error);

/* Streams a file, gunzipping it where it is gzip (zlib), in chunks to `push`, which may fail: then with its
 * own sentence, which names the file. */
enum sl_status sl_file_stream(const char *path,
                              enum sl_status (*push)(void *context, const uint8_t *bytes, size_t length,
                                                     struct sl_error *error),
                              void *context, struct sl_error *error);

#endif
