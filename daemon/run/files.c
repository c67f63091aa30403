/* files.c — whole files: mapped, read with a limit, replaced durably, streamed with or without gzip. */
#include "daemon/run/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static enum sl_status system_error(const char *path, struct sl_error *error)
{
	return sl_fail(error, errno == ENOENT ? SL_NOT_FOUND : SL_IO, "%s: %s", path, strerror(errno));
}

/* Opens a regular file and gets its length. Without O_NONBLOCK, opening a fifo would wait for a writer. */
static enum sl_status open_regular(const char *path, int *fd, size_t *length, struct sl_error *error)
{
	struct stat status;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return system_error(path, error);
	if (fstat(*fd, &status) == 0 && S_ISREG(status.st_mode)) {
		*length = (size_t)status.st_size;
		return SL_OK;
	}
	close(*fd);
	return sl_fail(error, SL_MALFORMED, "%s: is %s", path,
	               S_ISDIR(status.st_mode) ? "a folder, not a file" : "not a regular file");
}

/* Reads up to `capacity` bytes; fewer only at the end of the file. Returns their number, or -1. */
static ssize_t read_all(int fd, uint8_t *out, size_t capacity)
{
	size_t got = 0;
	while (got < capacity) {
		ssize_t n = read(fd, out + got, capacity - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

/* Reads `length` bytes, and tries to read one more to check that the file ends there. */
static enum sl_status read_whole(int fd, const char *path, uint8_t **bytes, size_t *length,
                                 struct sl_error *error)
{
	uint8_t *out = malloc(*length + 1);
	if (!out)
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory for %zu bytes", path, *length);
	ssize_t n = read_all(fd, out, *length + 1);
	if (n >= 0 && (size_t)n <= *length) {
		out[n] = 0;
		*bytes = out;
		*length = (size_t)n;
		return SL_OK;
	}
	enum sl_status status =
	    n < 0 ? system_error(path, error) : sl_fail(error, SL_IO, "%s: grew while it was read", path);
	free(out);
	return status;
}

/* A page for a file of a few bytes is too much, and a process has no more than 65,530 mappings by default. */
enum { READ_BELOW = 16 << 10 };

static enum sl_status take_in(struct sl_mapping *out, int fd, const char *path, size_t length,
                              struct sl_error *error)
{
	uint8_t *bytes;
	if (length >= READ_BELOW) {
		void *mapped = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
		if (mapped == MAP_FAILED)
			return system_error(path, error);
		*out = (struct sl_mapping){ mapped, length, false };
		return SL_OK;
	}
	enum sl_status status = read_whole(fd, path, &bytes, &length, error);
	if (status == SL_OK)
		*out = (struct sl_mapping){ bytes, length, true };
	return status;
}

enum sl_status sl_file_map(struct sl_mapping *out, const char *path, struct sl_error *error)
{
	int fd;
	size_t length;
	*out = (struct sl_mapping){ 0 };
	enum sl_status status = open_regular(path, &fd, &length, error);
	if (status != SL_OK)
		return status;
	if (length > 0)
		status = take_in(out, fd, path, length, error);
	close(fd);
	return status;
}

void sl_file_unmap(struct sl_mapping *mapping)
{
	int keep = errno;
	if (mapping->read)
		free((void *)(uintptr_t)mapping->bytes);
	else if (mapping->bytes)
		munmap((void *)(uintptr_t)mapping->bytes, mapping->length);
	*mapping = (struct sl_mapping){ 0 };
	errno = keep;
}

enum sl_status sl_file_read(const char *path, size_t limit, uint8_t **bytes, size_t *length,
                            struct sl_error *error)
{
	int fd;
	*bytes = NULL;
	enum sl_status status = open_regular(path, &fd, length, error);
	if (status != SL_OK)
		return status;
	if (*length > limit)
		status = sl_fail(error, SL_TOO_BIG, "%s: has %zu bytes; at most %zu are read", path, *length,
		                 limit);
	else
		status = read_whole(fd, path, bytes, length, error);
	close(fd);
	return status;
}

static bool write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		length -= (size_t)n;
	}
	return true;
}

/* The name of a file becomes durable with its folder. */
static bool sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		snprintf(folder, sizeof folder, ".");
	else
		snprintf(folder, sizeof folder, "%.*s", (int)(slash == path ? 1 : slash - path), path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

/* Writes the whole temporary file. It is unlinked first: one left by a crash may have another mode, or be a link. */
static bool write_temporary(const char *name, const struct iovec *parts, int count, unsigned mode)
{
	if (unlink(name) != 0 && errno != ENOENT)
		return false;
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, (mode_t)mode);
	if (fd < 0)
		return false;
	bool ok = true;
	for (int i = 0; ok && i < count; i++)
		ok = write_all(fd, parts[i].iov_base, parts[i].iov_len);
	ok = ok && fsync(fd) == 0;
	int keep = errno;
	if (close(fd) != 0 && ok)
		return false;
	errno = keep;
	return ok;
}

enum sl_status sl_file_replace_parts(const char *path, const struct iovec *parts, int count, unsigned mode,
                                     struct sl_error *error)
{
	char name[PATH_MAX];
	int n = snprintf(name, sizeof name, "%s.tmp", path);
	if (n < 0 || (size_t)n >= sizeof name) {
		errno = ENAMETOOLONG;
		return system_error(path, error);
	}
	if (write_temporary(name, parts, count, mode) && rename(name, path) == 0) {
		if (sync_folder_of(path))
			return SL_OK;
		return system_error(
		    path, error); /* the file is complete, but may be missing after a power failure */
	}
	enum sl_status status = system_error(path, error);
	unlink(name);
	return status;
}

enum sl_status sl_file_replace(const char *path, const void *bytes, size_t length, unsigned mode,
                               struct sl_error *error)
{
	const struct iovec part = { (void *)(uintptr_t)bytes, length };
	return sl_file_replace_parts(path, &part, 1, mode, error);
}

/* Files are read and passed on in pieces of this size: large enough that the cost of a call is negligible. */
enum { SL_PIECE = 65536 };

/* State of reading one file through zlib. */
struct stream {
	const char *path;
	int fd;
	enum sl_status (*push)(void *, const uint8_t *, size_t, struct sl_error *);
	void *context;
	z_stream inflate;
	bool padded; /* zeros have followed the last member */
	uint8_t in[SL_PIECE], out[SL_PIECE];
};

static enum sl_status hand_on(struct stream *s, const uint8_t *bytes, size_t length, struct sl_error *error)
{
	return length == 0 ? SL_OK : s->push(s->context, bytes, length, error);
}

/* Refills the input; `n` 0 at the end of the file. */
static enum sl_status refill(struct stream *s, size_t *n, struct sl_error *error)
{
	ssize_t got = read_all(s->fd, s->in, sizeof s->in);
	if (got < 0)
		return system_error(s->path, error);
	*n = (size_t)got;
	return SL_OK;
}

static enum sl_status stream_plain(struct stream *s, size_t n, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	while (status == SL_OK && n > 0) {
		status = hand_on(s, s->in, n, error);
		if (status == SL_OK)
			status = refill(s, &n, error);
	}
	return status;
}

/* After a gzip member: zeros up to the end of the file are padding (as from tape blocks), which gzip -d also ignores;
 * anything else but another member is refused. */
static enum sl_status skip_padding(struct stream *s, struct sl_error *error)
{
	z_stream *z = &s->inflate;
	for (; z->avail_in > 0 && *z->next_in == 0; z->avail_in--, z->next_in++)
		s->padded = true;
	if (z->avail_in > 0 && (s->padded || *z->next_in != 0x1f))
		return sl_fail(error, SL_MALFORMED, "%s: trailing bytes after the gzip data are not gzip",
		               s->path);
	return SL_OK;
}

/* Inflates the buffered input. *ended: a gzip member has ended; another one may follow. */
static enum sl_status inflate_piece(struct stream *s, bool *ended, struct sl_error *error)
{
	z_stream *z = &s->inflate;
	do {
		if (*ended && skip_padding(s, error) != SL_OK)
			return error->status;
		if (*ended && z->avail_in == 0)
			return SL_OK;
		if (*ended && inflateReset(z) != Z_OK)
			return sl_fail(error, SL_MALFORMED, "%s: %s", s->path, "gzip data cannot be read");
		z->next_out = s->out;
		z->avail_out = sizeof s->out;
		int code = inflate(z, Z_NO_FLUSH);
		if (code == Z_MEM_ERROR)
			return sl_fail(error, SL_NO_MEMORY, "%s: no memory to gunzip", s->path);
		if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
			return sl_fail(error, SL_MALFORMED, "%s: damaged gzip data (%s)", s->path,
			               z->msg ? z->msg : "no reason given");
		*ended = code == Z_STREAM_END;
		enum sl_status status = hand_on(s, s->out, sizeof s->out - z->avail_out, error);
		if (status != SL_OK)
			return status;
	} while (z->avail_in > 0 || (z->avail_out == 0 && !*ended));
	return SL_OK;
}

static enum sl_status stream_gzip(struct stream *s, size_t n, struct sl_error *error)
{
	bool ended = false;
	enum sl_status status = SL_OK;
	if (inflateInit2(&s->inflate, 16 + MAX_WBITS) != Z_OK)
		return sl_fail(error, SL_NO_MEMORY, "%s: no memory to gunzip", s->path);
	while (status == SL_OK && n > 0) {
		s->inflate.next_in = s->in;
		s->inflate.avail_in = (unsigned)n;
		status = inflate_piece(s, &ended, error);
		if (status == SL_OK)
			status = refill(s, &n, error);
	}
	inflateEnd(&s->inflate);
	if (status == SL_OK && !ended)
		status = sl_fail(error, SL_MALFORMED, "%s: gzip data ends too early: the file is truncated",
		                 s->path);
	return status;
}

enum sl_status sl_file_stream(const char *path,
                              enum sl_status (*push)(void *context, const uint8_t *bytes, size_t length,
                                                     struct sl_error *error),
                              void *context, struct sl_error *error)
{
	size_t n;
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
	s->path = path;
	s->push = push;
	s->context = context;
	enum sl_status status = open_regular(path, &s->fd, &n, error);
	if (status == SL_OK) {
		status = refill(s, &n, error);
		if (status == SL_OK && n >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b)
			status = stream_gzip(s, n, error);
		else if (status == SL_OK)
			status = stream_plain(s, n, error);
		close(s->fd);
	}
	free(s);
	return status;
}
