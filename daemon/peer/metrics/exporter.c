#include "daemon/peer/metrics/exporter.h"

#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 16,
	WRITE_EVERY_US = 15000000,
	LISTEN_EVERY_US = 4000000,
	CONNECTION_MOST_US = 10000000,
	FRESH_US = 100000, /* how old an answer may be */
};

/* ---- listening ---- */

/* A socket's name without a process that listens: a killed daemon left it. */
static bool abandoned(const struct sl_metrics_places *p)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)&p->address, p->address_length) != 0 &&
	           errno == ECONNREFUSED;
	if (fd >= 0)
		close(fd);
	return yes;
}

static bool bind_to(int fd, const struct sl_metrics_places *p)
{
	const struct sockaddr *address = (const struct sockaddr *)&p->address;
	const char *path = ((const struct sockaddr_un *)&p->address)->sun_path;
	int yes = 1;
	if (address->sa_family != AF_UNIX)
		return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
		       bind(fd, address, p->address_length) == 0;
	if (fchmod(fd, 0660) != 0)
		return false;
	return bind(fd, address, p->address_length) == 0 ||
	       (errno == EADDRINUSE && abandoned(p) && unlink(path) == 0 &&
	        bind(fd, address, p->address_length) == 0);
}

static void listen_now(struct sl_exporter *e, struct sl_time now)
{
	const struct sl_metrics_places *p = &e->places;
	int fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && bind_to(fd, p) && listen(fd, BACKLOG) == 0) {
		sl_log(SL_LEVEL_NOTICE, "metrics at %s", p->text);
		e->listener = fd;
		e->failing = false;
		e->listen_at = SL_TIME_NEVER;
		return;
	}
	if (!e->failing)
		sl_log(SL_LEVEL_WARNING, "metrics: %s: %s; trying again", p->text, strerror(errno));
	e->failing = true;
	e->listen_at = sl_time_after(now, LISTEN_EVERY_US);
	if (fd >= 0)
		close(fd);
}

/* ---- connections ---- */

static void hang_up(struct sl_exporter_connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->answer);
	c->fd = -1;
	c->answer = NULL;
}

static struct sl_exporter_connection *place_for_one(struct sl_exporter *e)
{
	struct sl_exporter_connection *oldest = &e->connection[0];
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++) {
		struct sl_exporter_connection *c = &e->connection[i];
		if (c->fd < 0)
			return c;
		oldest = sl_time_before(c->began, oldest->began) ? c : oldest;
	}
	hang_up(oldest);
	return oldest;
}

static void accept_some(struct sl_exporter *e, struct sl_time now)
{
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++) {
		int fd = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		struct sl_exporter_connection *c = place_for_one(e);
		c->fd = fd;
		c->began = now;
		c->read = c->sent = c->length = 0;
	}
}

static const char *description(struct sl_exporter *e, bool openmetrics, struct sl_time now, size_t *length)
{
	bool fresh = e->newest[openmetrics].text &&
	             sl_time_before(now, sl_time_after(e->newest[openmetrics].at, FRESH_US));
	if (!fresh) {
		free(e->newest[openmetrics].text);
		e->newest[openmetrics].text =
		    e->describe(e->context, openmetrics, &e->newest[openmetrics].length);
		e->newest[openmetrics].at = now;
	}
	*length = e->newest[openmetrics].length;
	return e->newest[openmetrics].text;
}

static void answer(struct sl_exporter *e, struct sl_exporter_connection *c,
                   const struct sl_http_request *request, struct sl_time now)
{
	size_t length = 0;
	const char *body = request->code == 200 ? description(e, request->openmetrics, now, &length) : NULL;
	int code = request->code == 200 && !body ? 503 : request->code;
	const char *reason = sl_http_reason(code), *type = "text/plain; charset=utf-8";
	char head[512], line[64];
	if (code != 200) {
		length = (size_t)snprintf(line, sizeof line, "%d %s: GET /metrics\n", code, reason);
		body = line;
	} else {
		type = request->openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
		                            : "text/plain; version=0.0.4; charset=utf-8";
	}
	int n = snprintf(
	    head, sizeof head,
	    "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%sConnection: close\r\n\r\n", code,
	    reason, type, length, code == 405 ? "Allow: GET\r\n" : "");
	c->answer = malloc((size_t)n + length);
	if (!c->answer) {
		hang_up(c);
		return;
	}
	memcpy(c->answer, head, (size_t)n);
	memcpy(c->answer + n, body, length);
	c->length = (size_t)n + length;
}

static void take(struct sl_exporter *e, struct sl_exporter_connection *c, struct sl_time now)
{
	struct sl_http_request request;
	ssize_t n = recv(c->fd, c->request + c->read, sizeof c->request - c->read, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(c);
		return;
	}
	c->read += (size_t)n;
	if (sl_http_read(&request, c->request, c->read))
		answer(e, c, &request, now);
}

static void give(struct sl_exporter_connection *c)
{
	ssize_t n = send(c->fd, c->answer + c->sent, c->length - c->sent, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	c->sent += n > 0 ? (size_t)n : 0;
	if (n < 0)
		hang_up(c);
	else if (c->sent == c->length)
		shutdown(c->fd, SHUT_WR);
}

/* A socket that is closed with bytes unread resets the connection, and the answer could be lost: the client
 * closes first, within its time. */
static void drain(struct sl_exporter_connection *c)
{
	char rest[4096];
	ssize_t n = recv(c->fd, rest, sizeof rest, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		hang_up(c);
}

static void follow(struct sl_exporter *e, struct sl_exporter_connection *c, short events, struct sl_time now)
{
	if (!sl_time_before(now, sl_time_after(c->began, CONNECTION_MOST_US))) {
		hang_up(c);
		return;
	}
	if (c->answer && c->sent == c->length) {
		if (events)
			drain(c);
		return;
	}
	if (events && !c->answer)
		take(e, c, now);
	if (c->fd >= 0 && c->answer)
		give(c);
}

/* ---- */

enum sl_status sl_exporter_open(struct sl_exporter *e, const struct sl_metrics_places *places,
                                sl_exporter_describe *describe, void *context, struct sl_time now,
                                struct sl_error *error)
{
	*e = (struct sl_exporter){ .places = *places,
		                   .describe = describe,
		                   .context = context,
		                   .listener = -1,
		                   .listen_at = SL_TIME_NEVER,
		                   .write_at = SL_TIME_NEVER };
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++)
		e->connection[i].fd = -1;
	if (places->listens)
		listen_now(e, now);
	if (!places->textfile[0])
		return SL_OK;
	e->write_at = now;
	e->textfile = sl_textfile_open(places->textfile, error);
	return e->textfile ? SL_OK : error->status;
}

void sl_exporter_poll(const struct sl_exporter *e, struct pollfd *items)
{
	items[0] = (struct pollfd){ .fd = e->describe ? e->listener : -1, .events = POLLIN };
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++) {
		const struct sl_exporter_connection *c = &e->connection[i];
		items[1 + i] =
		    (struct pollfd){ .fd = e->describe ? c->fd : -1, .events = c->answer ? POLLOUT : POLLIN };
	}
}

void sl_exporter_turn(struct sl_exporter *e, const struct pollfd *items, struct sl_time now)
{
	if (!e->describe)
		return;
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++)
		if (e->connection[i].fd >= 0)
			follow(e, &e->connection[i], items[1 + i].revents, now);
	if (items[0].revents && e->listener >= 0)
		accept_some(e, now);
	if (e->listener < 0 && !sl_time_before(now, e->listen_at))
		listen_now(e, now);
	if (!sl_time_before(now, e->write_at)) {
		size_t length;
		char *text = e->describe(e->context, false, &length);
		e->write_at = sl_time_after(now, WRITE_EVERY_US);
		if (text)
			sl_textfile_put(e->textfile, text, length);
	}
}

struct sl_time sl_exporter_deadline(const struct sl_exporter *e)
{
	if (!e->describe)
		return SL_TIME_NEVER;
	struct sl_time due = sl_time_earlier(e->listen_at, e->write_at);
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++)
		if (e->connection[i].fd >= 0)
			due = sl_time_earlier(due, sl_time_after(e->connection[i].began, CONNECTION_MOST_US));
	return due;
}

void sl_exporter_close(struct sl_exporter *e)
{
	if (!e->describe)
		return;
	for (unsigned i = 0; i < SL_EXPORTER_CONNECTIONS; i++)
		hang_up(&e->connection[i]);
	if (e->listener >= 0) {
		if (e->places.address.ss_family == AF_UNIX)
			unlink(((const struct sockaddr_un *)&e->places.address)->sun_path);
		close(e->listener);
	}
	sl_textfile_close(e->textfile);
	free(e->newest[0].text);
	free(e->newest[1].text);
	e->describe = NULL;
}
