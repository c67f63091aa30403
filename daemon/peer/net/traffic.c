#include "daemon/peer/net/traffic.h"

#include "daemon/peer/net/connection.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static bool ask_kernel(int fd, struct tcp_info *info)
{
	socklen_t size = sizeof *info;
	memset(info, 0, sizeof *info);
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

/* Bytes that were sent, each once. The kernel also counts among bytes_sent what its own queue dropped before it
 * left, and not always among bytes_retrans what it sent then: no more can have left than what is acknowledged
 * (the SYN too) and what is on its way. `queued` was asked for first: what is acknowledged in between then counts
 * twice in the bound, and nothing is missing from it. */
static int64_t sent_once(int queued, const struct tcp_info *info)
{
	int64_t sent = (int64_t)(info->tcpi_bytes_sent - info->tcpi_bytes_retrans);
	int unsent = (int)info->tcpi_notsent_bytes;
	int64_t most = (int64_t)info->tcpi_bytes_acked + (queued > unsent ? queued - unsent : 0);
	return sent < most ? sent : most;
}

/* Asks the kernel about a connection; once, where all that it has sent is acknowledged. */
static bool count(int fd, struct sl_traffic_sum *sum)
{
	struct tcp_info info;
	int queued = 0;
	if (!ask_kernel(fd, &info))
		return false;
	if (info.tcpi_bytes_sent - info.tcpi_bytes_retrans > info.tcpi_bytes_acked) {
		if (ioctl(fd, SIOCOUTQ, &queued) != 0)
			queued = 0;
		ask_kernel(fd, &info);
	}
	sum->tx += sent_once(queued, &info);
	sum->rx += (int64_t)info.tcpi_bytes_received;
	sum->resent += (int64_t)info.tcpi_bytes_retrans;
	return true;
}

enum { SEGMENT = 1448, HEAD_ETHERNET = 14, HEAD_IPV4 = 20, HEAD_IPV6 = 40, HEAD_TCP = 32 };

/* Of one connection: with `waiting` what the kernel still holds, which is a message's last part. */
static int64_t left(const struct sl_traffic_connection *c, bool waiting)
{
	struct tcp_info info;
	if (!ask_kernel(c->dup, &info))
		return 0;
	int64_t head = HEAD_ETHERNET + (c->ipv6 ? HEAD_IPV6 : HEAD_IPV4) + HEAD_TCP,
	        rest = waiting ? (int64_t)info.tcpi_notsent_bytes : 0;
	return (int64_t)info.tcpi_bytes_sent + (int64_t)info.tcpi_segs_out * head + rest +
	       (rest + SEGMENT - 1) / SEGMENT * head;
}

int64_t sl_traffic_left(struct sl_traffic *w)
{
	int64_t sum = w->closed_left;
	for (unsigned i = 0; i < w->count; i++)
		sum += left(&w->open[i], true);
	return sum;
}

static void pace(const struct sl_traffic *w, int fd)
{
	uint64_t rate = w->pace ? w->pace : UINT64_MAX;
	setsockopt(fd, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
}

void sl_traffic_pace(struct sl_traffic *w, uint64_t bytes)
{
	w->pace = bytes;
	for (unsigned i = 0; i < w->count; i++)
		pace(w, w->open[i].dup);
}

/* Over IPv6, and not IPv4 through a socket that takes both. */
static bool is_ipv6(int fd)
{
	struct sockaddr_in6 own = { 0 };
	socklen_t size = sizeof own;
	return getsockname(fd, (struct sockaddr *)&own, &size) == 0 && own.sin6_family == AF_INET6 &&
	       !IN6_IS_ADDR_V4MAPPED(&own.sin6_addr);
}

#define MAPPED "::ffff:"

static void name_other_end(int fd, char *address, size_t size)
{
	struct sockaddr_storage from;
	socklen_t room = sizeof from;
	address[0] = '\0';
	if (getpeername(fd, (struct sockaddr *)&from, &room) == 0)
		getnameinfo((struct sockaddr *)&from, room, address, (socklen_t)size, NULL, 0,
		            NI_NUMERICHOST);
	if (strncmp(address, MAPPED, sizeof MAPPED - 1) == 0) /* over a socket that takes both families */
		memmove(address, address + sizeof MAPPED - 1, strlen(address + sizeof MAPPED - 1) + 1);
}

static void forget(struct sl_traffic *w, unsigned at)
{
	count(w->open[at].dup, &w->closed);
	w->closed_left += left(&w->open[at], false);
	w->silent -= w->open[at].owner == 0 && w->open[at].edge == SL_TRAFFIC_SILENT;
	close(w->open[at].dup);
	w->open[at] = w->open[--w->count];
}

bool sl_traffic_opened(struct sl_traffic *w, unsigned owner, int fd)
{
	struct sl_traffic_sum none = { 0 };
	sl_traffic_closed(w, owner, fd);
	int dup = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (dup < 0)
		return false; /* closed meanwhile: it carried a greeting at most */
	struct stat about;
	bool known = fstat(dup, &about) != 0;
	for (unsigned i = 0; i < w->count;
	     i++) /* a number that was closed and given to the next connection meanwhile */
		known = known || w->open[i].socket == about.st_ino;
	if (!known && w->count == w->room) {
		unsigned room = w->room ? w->room * 2 : 16;
		struct sl_traffic_connection *bigger = realloc(w->open, room * sizeof *bigger);
		if (bigger) {
			w->open = bigger;
			w->room = room;
		}
	}
	if (known || w->count == w->room || !count(dup, &none)) {
		close(dup);
		return false;
	}
	struct sl_traffic_connection *c = &w->open[w->count++];
	*c = (struct sl_traffic_connection){ .owner = owner,
		                             .fd = fd,
		                             .dup = dup,
		                             .socket = about.st_ino,
		                             .edge = SL_TRAFFIC_SILENT,
		                             .order = w->opened++,
		                             .ipv6 = is_ipv6(dup) };
	w->silent += owner == 0;
	if (w->pace)
		pace(w, dup);
	if (owner == 0) {
		name_other_end(dup, c->address, sizeof c->address);
		sl_host_parse(&c->host, c->address);
	}
	return true;
}

bool sl_traffic_spoke(struct sl_traffic *w, int fd, uint32_t edge, struct sl_host *host)
{
	for (unsigned i = 0; i < w->count; i++) {
		struct sl_traffic_connection *c = &w->open[i];
		if (c->fd != fd || !sl_connection_silent(c))
			continue;
		c->edge = edge;
		w->silent--;
		*host = c->host;
		return true;
	}
	return false;
}

void sl_connection_shut(struct sl_traffic *w, struct sl_traffic_connection *c)
{
	shutdown(c->dup, SHUT_RDWR);
	w->silent -= c->edge == SL_TRAFFIC_SILENT;
	c->edge = SL_TRAFFIC_SHUT;
}

void sl_traffic_shut(struct sl_traffic *w, int fd)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->open[i].owner == 0 && w->open[i].fd == fd)
			sl_connection_shut(w, &w->open[i]);
}

void sl_traffic_shut_edge(struct sl_traffic *w, uint32_t edge)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->open[i].owner == 0 && w->open[i].edge == edge)
			sl_connection_shut(w, &w->open[i]);
}

void sl_traffic_shut_owner(struct sl_traffic *w, unsigned owner)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->open[i].owner == owner)
			shutdown(w->open[i].dup, SHUT_RDWR);
}

void sl_traffic_shut_silent(struct sl_traffic *w)
{
	for (unsigned i = 0; i < w->count; i++)
		if (sl_connection_silent(&w->open[i]))
			sl_connection_shut(w, &w->open[i]);
}

unsigned sl_traffic_weigh(struct sl_traffic *w, int64_t silent_most, int64_t *received)
{
	unsigned cut = 0;
	for (unsigned i = 0; i < w->count; i++) {
		struct sl_traffic_connection *c = &w->open[i];
		struct tcp_info info;
		if (c->owner != 0 || c->edge == SL_TRAFFIC_SHUT || !ask_kernel(c->dup, &info))
			continue;
		int64_t rx = (int64_t)info.tcpi_bytes_received;
		if (c->edge >= 0)
			received[c->edge] += rx - c->received;
		c->received = rx;
		if (c->edge == SL_TRAFFIC_SILENT && rx > silent_most) {
			sl_connection_shut(w, c);
			cut++;
		}
	}
	return cut;
}

bool sl_traffic_cut(const struct sl_traffic *w, unsigned owner, int fd, char address[static 64])
{
	enum { SILENT_MS = 4000, ESTABLISHED = 1 };
	for (unsigned i = 0; i < w->count; i++) {
		struct tcp_info info;
		socklen_t size = sizeof info;
		const struct sl_traffic_connection *c = &w->open[i];
		if (c->owner != owner || c->fd != fd)
			continue;
		memset(&info, 0, sizeof info);
		name_other_end(c->dup, address, 64);
		return getsockopt(c->dup, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
		       info.tcpi_state == ESTABLISHED && info.tcpi_last_data_recv < SILENT_MS;
	}
	return false;
}

void sl_traffic_closed(struct sl_traffic *w, unsigned owner, int fd)
{
	for (unsigned i = w->count; i-- > 0;)
		if (w->open[i].owner == owner && (fd < 0 || w->open[i].fd == fd))
			forget(w, i);
}

void sl_traffic_renumber(struct sl_traffic *w, const int64_t *to, bool silent_too)
{
	for (unsigned i = 0; i < w->count; i++) {
		struct sl_traffic_connection *c = &w->open[i];
		if (c->owner != 0 || c->edge == SL_TRAFFIC_SHUT)
			continue;
		if (c->edge == SL_TRAFFIC_SILENT ? silent_too : to[c->edge] < 0)
			sl_connection_shut(w, c);
		else if (c->edge != SL_TRAFFIC_SILENT)
			c->edge = to[c->edge];
	}
}

struct sl_traffic_sum sl_traffic_total(const struct sl_traffic *w)
{
	struct sl_traffic_sum sum = w->closed;
	for (unsigned i = 0; i < w->count; i++)
		count(w->open[i].dup, &sum);
	return sum;
}

static bool is_of(const struct sl_traffic_connection *c, struct sl_traffic_whose whose)
{
	return c->owner == whose.owner && (c->owner > 0 || c->edge == (int64_t)whose.edge);
}

int64_t sl_traffic_received(const struct sl_traffic *w, struct sl_traffic_whose whose)
{
	struct tcp_info info;
	int64_t sum = 0;
	for (unsigned i = 0; i < w->count; i++)
		if (is_of(&w->open[i], whose) && ask_kernel(w->open[i].dup, &info))
			sum += (int64_t)info.tcpi_bytes_received;
	return sum;
}

uint64_t sl_traffic_order(const struct sl_traffic *w, int fd)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->open[i].owner == 0 && w->open[i].fd == fd)
			return w->open[i].order + 1;
	return 0;
}

void sl_traffic_queue(const struct sl_traffic *w, struct sl_traffic_whose whose, struct sl_traffic_queue *out)
{
	struct tcp_info info;
	*out = (struct sl_traffic_queue){ 0 };
	for (unsigned i = 0; i < w->count; i++) {
		int queued = 0;
		if (!is_of(&w->open[i], whose) || !ask_kernel(w->open[i].dup, &info))
			continue;
		if (ioctl(w->open[i].dup, SIOCOUTQ, &queued) != 0)
			queued = 0;
		out->acknowledged += (int64_t)info.tcpi_bytes_acked;
		out->waiting += queued;
		out->least_rtt_us = (int64_t)info.tcpi_min_rtt;
		out->retry_us = (int64_t)info.tcpi_rto >> info.tcpi_backoff;
	}
}

bool sl_traffic_measure(const struct sl_traffic *w, struct sl_traffic_whose whose,
                        struct sl_traffic_link *out)
{
	struct tcp_info info;
	bool found = false;
	for (unsigned i = 0; i < w->count; i++) {
		if (!is_of(&w->open[i], whose) || !ask_kernel(w->open[i].dup, &info))
			continue;
		struct sl_traffic_sum sum = { 0 };
		found = true;
		count(w->open[i].dup, &sum);
		out->tx += sum.tx;
		out->resent += sum.resent;
		out->busy_us += (int64_t)info.tcpi_busy_time;
		out->unsent += (int64_t)info.tcpi_notsent_bytes;
		out->srtt_us = (int64_t)info.tcpi_rtt;
		out->least_rtt_us = (int64_t)info.tcpi_min_rtt;
	}
	return found;
}

void sl_traffic_free(struct sl_traffic *w)
{
	while (w->count > 0)
		forget(w, w->count - 1);
	free(w->open);
	w->open = NULL;
	w->room = 0;
}
