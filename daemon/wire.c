#include "daemon/wire.h"

#include <fcntl.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct sl_wire_connection {
	unsigned owner;
	int fd;  /* as libzmq knows it */
	int dup; /* ours */
	ino_t socket;
};

static bool count(int fd, int64_t *tx, int64_t *rx)
{
	struct tcp_info info;
	socklen_t size = sizeof info;
	memset(&info, 0, sizeof info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
		return false;
	*tx += (int64_t)(info.tcpi_bytes_sent - info.tcpi_bytes_retrans);
	*rx += (int64_t)info.tcpi_bytes_received;
	return true;
}

static void forget(struct sl_wire *w, unsigned at)
{
	count(w->open[at].dup, &w->closed_tx, &w->closed_rx);
	close(w->open[at].dup);
	w->open[at] = w->open[--w->count];
}

void sl_wire_opened(struct sl_wire *w, unsigned owner, int fd)
{
	int64_t tx = 0, rx = 0;
	sl_wire_closed(w, owner, fd);
	int dup = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (dup < 0)
		return; /* closed meanwhile: it carried a greeting at most */
	struct stat about;
	bool known = fstat(dup, &about) != 0;
	for (unsigned i = 0; i < w->count;
	     i++) /* a number that was closed and given to the next connection meanwhile */
		known = known || w->open[i].socket == about.st_ino;
	if (!known && w->count == w->room) {
		unsigned room = w->room ? w->room * 2 : 16;
		struct sl_wire_connection *bigger = realloc(w->open, room * sizeof *bigger);
		if (bigger) {
			w->open = bigger;
			w->room = room;
		}
	}
	if (known || w->count == w->room || !count(dup, &tx, &rx)) {
		close(dup);
		return;
	}
	w->open[w->count++] = (struct sl_wire_connection){ owner, fd, dup, about.st_ino };
}

bool sl_wire_cut(const struct sl_wire *w, unsigned owner, int fd, char address[static 64])
{
	enum { SILENT_MS = 4000, ESTABLISHED = 1 };
	for (unsigned i = 0; i < w->count; i++) {
		struct tcp_info info;
		struct sockaddr_storage from;
		socklen_t size = sizeof info, room = sizeof from;
		const struct sl_wire_connection *c = &w->open[i];
		if (c->owner != owner || c->fd != fd)
			continue;
		memset(&info, 0, sizeof info);
		address[0] = '\0';
		if (getpeername(c->dup, (struct sockaddr *)&from, &room) == 0)
			getnameinfo((struct sockaddr *)&from, room, address, 64, NULL, 0, NI_NUMERICHOST);
		return getsockopt(c->dup, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
		       info.tcpi_state == ESTABLISHED && info.tcpi_last_data_recv < SILENT_MS;
	}
	return false;
}

void sl_wire_closed(struct sl_wire *w, unsigned owner, int fd)
{
	for (unsigned i = w->count; i-- > 0;)
		if (w->open[i].owner == owner && (fd < 0 || w->open[i].fd == fd))
			forget(w, i);
}

void sl_wire_end(struct sl_wire *w, unsigned owner, bool (*keep)(void *context, int fd), void *context)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->open[i].owner == owner && !keep(context, w->open[i].fd))
			shutdown(w->open[i].dup, SHUT_RDWR);
}

void sl_wire_total(struct sl_wire *w, int64_t *tx, int64_t *rx)
{
	*tx = w->closed_tx;
	*rx = w->closed_rx;
	for (unsigned i = 0; i < w->count; i++)
		count(w->open[i].dup, tx, rx);
}

void sl_wire_free(struct sl_wire *w)
{
	while (w->count > 0)
		forget(w, w->count - 1);
	free(w->open);
	w->open = NULL;
	w->room = 0;
}
