#include "daemon/peer/ledger.h"

#include "base/log.h"
#include "daemon/run/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROUNDS_AHEAD = 16 };

#define LINE "starling-privacy 1 %016" PRIx64 " %" PRIu64 "\n"

/* "starling-privacy 1 SESSION COUNT" and the end of the line, as sl_ledger_reserve writes it. */
static bool parse(const char *text, uint64_t *session, uint64_t *count)
{
	static const char begins[] = "starling-privacy 1 ";
	char again[96], *end;
	if (strncmp(text, begins, sizeof begins - 1) != 0)
		return false;
	*session = strtoull(text + sizeof begins - 1, &end, 16);
	*count = strtoull(end, &end, 10);
	snprintf(again, sizeof again, LINE, *session, *count);
	return strcmp(again, text) == 0;
}

static enum sl_status keep(struct sl_ledger *g, uint64_t count, struct sl_error *error)
{
	char text[96];
	int n = snprintf(text, sizeof text, LINE, g->session, count);
	enum sl_status status = sl_file_replace(g->path, text, (size_t)n, 0600, error);
	if (status == SL_OK)
		g->reserved = count;
	return status;
}

/* 0 where there is none, or one of another session. */
static enum sl_status load(struct sl_ledger *g, struct sl_error *error)
{
	char text[96] = "";
	uint64_t session = 0, count = 0;
	int fd = open(g->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return SL_OK;
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	int why = errno;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		return sl_fail(error, SL_IO, "%s: %s", g->path, strerror(why));
	if (strlen(text) != (size_t)n || !parse(text, &session, &count))
		return sl_fail(
		    error, SL_MALFORMED,
		    "%s: must be one line, 'starling-privacy 1 SESSION COUNT'; how much of the privacy budget is spent is unknown: begin a new session",
		    g->path);
	g->reserved = session == g->session ? count : 0;
	return SL_OK;
}

enum sl_status sl_ledger_begin(struct sl_ledger *g, struct sl_peer *peer, const struct sl_plan *plan,
                               const char *state, uint32_t number, struct sl_error *error)
{
	const struct sl_settings *s = &plan->settings;
	bool exact = s->pace == SL_PACE_LOCKSTEP && s->round_timeout_us == INT64_MAX;
	*g = (struct sl_ledger){ .on = s->noise > 0 && !exact, .session = plan->session };
	snprintf(g->path, sizeof g->path, "%.4000s/peer-%" PRIu32 ".privacy", state, number);
	if (!g->on)
		return SL_OK;
	enum sl_status status = load(g, error);
	if (status == SL_OK)
		sl_peer_private_raise(peer, g->reserved);
	return status;
}

bool sl_ledger_reserve(struct sl_ledger *g, struct sl_peer *peer, struct sl_error *error)
{
	struct sl_peer_private p;
	bool failed = g->failing;
	if (!g->on)
		return true;
	sl_peer_private(peer, &p);
	g->failing =
	    g->reserved < p.count + p.a_round && keep(g, p.count + ROUNDS_AHEAD * p.a_round, error) != SL_OK;
	sl_peer_private_hold(peer, g->failing);
	return failed || !g->failing;
}

void sl_ledger_end(struct sl_ledger *g, const struct sl_peer *peer)
{
	struct sl_peer_private p;
	struct sl_error error;
	if (!g->on)
		return;
	sl_peer_private(peer, &p);
	if (p.count < g->reserved && keep(g, p.count, &error) != SL_OK)
		sl_log(SL_LEVEL_WARNING, "%s; the next start will count what was reserved", error.text);
}
