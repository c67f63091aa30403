#include "daemon/run/status.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Backlog of the socket: clients of a hanging peer fill it, and then its process id cannot be queried. */
enum { BACKLOG = 128 };

/* A socket address has room for 107 bytes, a run's folder may have thousands: the socket is opened through the folder's
 * descriptor. */
static int open_folder(const char *folder, bool create)
{
	char path[4096];
	if (snprintf(path, sizeof path, "%s/status", folder) >= (int)sizeof path)
		return -1;
	if (create && mkdir(path, 0755) != 0 && errno != EEXIST)
		return -1;
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static struct sockaddr_un address_of(int folder, uint32_t peer)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%" PRIu32, folder, peer);
	return a;
}

/* Whether a process listens on the socket; a name without a listener was left by a killed daemon. A socket without
 * permission belongs to another user and is not replaced. */
static bool listens(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ||
	                       errno == EAGAIN || errno == EACCES);
	if (fd >= 0)
		close(fd);
	return yes;
}

static bool bind_and_listen(int fd, const struct sockaddr_un *address)
{
	return fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
	       listen(fd, BACKLOG) == 0;
}

int sl_status_listen(const char *folder, uint32_t peer, struct sl_error *error)
{
	int directory = open_folder(folder, true);
	if (directory < 0) {
		bool nowhere = errno == ENOENT || errno == ENOTDIR;
		sl_fail(error, nowhere ? SL_NOT_FOUND : SL_IO, "%s/status: %s", folder, strerror(errno));
		return -1;
	}
	struct sockaddr_un address = address_of(directory, peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool good = fd >= 0 && bind_and_listen(fd, &address);
	if (fd >= 0 && !good && errno == EADDRINUSE) {
		if (listens(&address)) {
			sl_fail(error, SL_REFUSED,
			        "%s/status/%" PRIu32 ": another starlingd runs as this peer", folder, peer);
			close(fd);
			close(directory);
			return -1;
		}
		good = unlink(address.sun_path) == 0 && bind_and_listen(fd, &address);
	}
	if (!good) {
		sl_fail(error, SL_IO, "%s/status/%" PRIu32 ": %s", folder, peer, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	close(directory);
	return fd;
}

void sl_status_unlink(const char *folder, uint32_t peer)
{
	int directory = open_folder(folder, false);
	if (directory < 0)
		return;
	unlink(address_of(directory, peer).sun_path);
	close(directory);
}

void sl_status_answer(int listener, const char *line)
{
	int fd;
	size_t length = strlen(line);
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		/* A client that does not read gets only what fits into its socket buffer. */
		if (send(fd, line, length, MSG_NOSIGNAL | MSG_MORE) == (ssize_t)length)
			send(fd, "\n", 1, MSG_NOSIGNAL);
		close(fd);
	}
}

static int64_t clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Reads until the other end closes; only a complete line that fits is an answer. */
static enum sl_status_reply read_line(int fd, int64_t until_ms, char *line, size_t size)
{
	size_t used = 0;
	for (;;) {
		int64_t left = until_ms - clock_ms();
		struct pollfd item = { .fd = fd, .events = POLLIN };
		if (left <= 0 || poll(&item, 1, (int)left) <= 0)
			return SL_STATUS_SILENT;
		ssize_t n = recv(fd, line + used, size - used, 0);
		if (n < 0 || (n > 0 && (used += (size_t)n) == size))
			return SL_STATUS_ABSENT; /* it has ended meanwhile, or is not starlingd */
		if (n > 0)
			continue;
		if (used == 0 || line[used - 1] != '\n')
			return SL_STATUS_ABSENT;
		line[used - 1] = '\0';
		return SL_STATUS_ANSWERED;
	}
}

/* The status that follows from the errno of a failed connection. */
static enum sl_status_reply unreachable(void)
{
	if (errno == EACCES || errno == EPERM)
		return SL_STATUS_FORBIDDEN;
	return errno == EAGAIN ? SL_STATUS_SILENT : SL_STATUS_ABSENT;
}

enum sl_status_reply sl_status_query(const char *folder, uint32_t peer, int timeout_ms, char *line,
                                     size_t size, int64_t *pid)
{
	int64_t until = clock_ms() + timeout_ms;
	struct ucred listener = { 0 };
	socklen_t length = sizeof listener;
	*pid = 0;
	int directory = open_folder(folder, false);
	if (directory < 0)
		return unreachable();
	struct sockaddr_un address = address_of(directory, peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	enum sl_status_reply reply = SL_STATUS_ABSENT;
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
		reply = unreachable();
	} else {
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &length) == 0)
			*pid = listener.pid;
		reply = read_line(fd, until, line, size);
	}
	if (fd >= 0)
		close(fd);
	close(directory);
	return reply;
}

bool sl_status_ask(const char *folder, uint32_t peer, int timeout_ms, char *line, size_t size)
{
	int64_t pid;
	return sl_status_query(folder, peer, timeout_ms, line, size, &pid) == SL_STATUS_ANSWERED;
}
