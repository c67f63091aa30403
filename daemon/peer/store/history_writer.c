#include "daemon/peer/store/history_writer.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum {
	RUN_TEXTS = 11,
	PEER_TEXTS = 4,
	SETTLE_TRIES = 25, /* of 0.4 s at most */
};

static void texts_of(struct sl_history_writer *c, const char **text[static RUN_TEXTS + PEER_TEXTS])
{
	struct sl_history_run *r = &c->run;
	struct sl_history_peer *p = &c->peer;
	const char **const all[] = { &r->run_id,      &r->name,      &r->driver,   &r->version,
		                     &r->topology,    &r->algorithm, &r->compress, &r->model,
		                     &r->dataset,     &r->config,    &p->name,     &p->public_key,
		                     &r->fingerprint, &p->endpoint,  &p->host };
	_Static_assert(sizeof all / sizeof *all == RUN_TEXTS + PEER_TEXTS, "every text is owned");
	memcpy(text, all, sizeof all);
}

enum sl_status sl_history_writer_make(struct sl_history_writer *c, const char *path,
                                      const struct sl_history_run *run, const struct sl_history_peer *peer,
                                      struct sl_error *error)
{
	const char **text[RUN_TEXTS + PEER_TEXTS];
	bool whole = true;
	*c = (struct sl_history_writer){ .run = *run, .peer = *peer };
	sl_place_init(&c->place);
	texts_of(c, text);
	for (size_t i = 0; i < RUN_TEXTS + PEER_TEXTS; i++) {
		const char *given = *text[i];
		*text[i] = given ? strdup(given) : NULL;
		whole = whole && (!given || *text[i]);
	}
	c->history = sl_history_make(path, error);
	c->path = strdup(path);
	if (c->history && c->path && whole)
		return SL_OK;
	sl_history_writer_free(c);
	return sl_fail(error, SL_NO_MEMORY, "%s: out of memory", path);
}

__attribute__((format(printf, 4, 5))) static enum sl_status insert_event(struct sl_history_writer *c,
                                                                         const char *kind,
                                                                         struct sl_error *error,
                                                                         const char *format, ...)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	struct sl_event_row event = { .peer = c->peer.peer,
		                      .round = c->last_round,
		                      .at_us = (int64_t)now.tv_sec * 1000000 + now.tv_usec,
		                      .level = SL_LEVEL_WARNING };
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(event.detail, sizeof event.detail, format, arguments);
	va_end(arguments);
	snprintf(event.kind, sizeof event.kind, "%s", kind);
	return sl_history_event(c->history, &event, error);
}

static enum sl_status reopened(struct sl_history_writer *c, struct sl_error *error)
{
	return insert_event(c, "history-reopened", error, "%s; %s", c->why,
	                    c->left == SL_PLACE_MOVED ? "earlier rows are in that file, if it still exists"
	                                              : "its content is kept");
}

/* What is in the log goes into its database, wherever that is now. Others do the same: not all at once. What is left in the
 * log then is lost with its name, so busy machines get seconds. */
static void settle(struct sl_history_writer *c)
{
	struct sl_error error;
	for (int i = 0; i < SETTLE_TRIES && sl_history_settle(c->history, &error) == SL_IO; i++)
		;
}

static void leave(struct sl_history_writer *c)
{
	char why[sizeof c->why];
	enum sl_place_state state = sl_place_look(&c->place, why);
	c->entered = false;
	if (state == SL_PLACE_SAME) {
		sl_history_disconnect(c->history);
		sl_place_free(&c->place);
		return;
	}
	c->left = state;
	memcpy(c->why, why, sizeof why);
	settle(c);
	sl_place_clear(&c->place);
	sl_history_leave(c->history);
	sl_place_leave(&c->place);
}

/* The next try begins with another connection where that may do better. */
static void leave_if_worn(struct sl_history_writer *c)
{
	if (c->failed && sl_history_needs_reconnect(c->history))
		leave(c);
}

/* Leaves a file that is not at its path any more; but not before nothing stands only in a log without a name.
 */
static enum sl_status leave_if_moved(struct sl_history_writer *c, struct sl_error *error)
{
	char why[sizeof c->why];
	enum sl_place_state state = sl_place_look(&c->place, why);
	if (state == SL_PLACE_SAME)
		return SL_OK;
	if (state == SL_PLACE_LOG_LOST && sl_history_settle(c->history, error) != SL_OK)
		return sl_wrap(error, "%s", why);
	sl_log(SL_LEVEL_WARNING, "history: %s; opening it again", why);
	leave(c);
	return SL_OK;
}

static enum sl_status connect_anew(struct sl_history_writer *c, struct sl_error *error)
{
	enum sl_status status = sl_place_enter(&c->place, c->path, error);
	if (status != SL_OK)
		return status;
	status = sl_history_connect(c->history, SL_HISTORY_WRITE, error);
	if (status == SL_OK)
		status = sl_place_take(&c->place, sl_history_file(c->history), error);
	if (status != SL_OK) {
		sl_history_leave(c->history);
		sl_place_free(&c->place);
		return status;
	}
	status = sl_history_begin(c->history, error);
	if (status == SL_OK)
		status = sl_history_register_run(c->history, &c->run, error);
	if (status == SL_OK && !c->asked)
		status = sl_history_last_bytes(c->history, c->peer.peer, &c->before, error);
	if (status == SL_OK)
		status = sl_history_peer(c->history, &c->peer, error);
	if (status == SL_OK && c->why[0])
		status = reopened(c, error);
	if (status != SL_OK)
		leave(c);
	return status;
}

enum sl_status sl_history_writer_enter(struct sl_history_writer *c, struct sl_error *error)
{
	enum sl_status status = SL_OK;
	if (c->entered)
		leave_if_worn(c); /* the file may have been moved since */
	if (c->entered)
		status = leave_if_moved(c, error);
	c->failed = false;
	if (status != SL_OK || c->entered)
		return status;
	status = connect_anew(c, error);
	c->entered = status == SL_OK;
	c->asked = c->asked || c->entered;
	return status;
}

static enum sl_status still_there(struct sl_history_writer *c, struct sl_error *error)
{
	char why[sizeof c->why];
	if (sl_place_look(&c->place, why) == SL_PLACE_MOVED)
		return sl_fail(error, SL_IO, "%s", why);
	return SL_OK;
}

enum sl_status sl_history_writer_commit(struct sl_history_writer *c, bool durable, struct sl_error *error)
{
	enum sl_status status = sl_history_commit(c->history, durable, error);
	if (status == SL_OK)
		status = still_there(c, error);
	if (status == SL_OK)
		c->why[0] = 0;
	return status;
}

enum sl_status sl_history_writer_stopped(struct sl_history_writer *c, int64_t at_us, int exit_code,
                                         const char *model_digest, struct sl_error *error)
{
	enum sl_status status =
	    sl_history_peer_stopped(c->history, c->peer.peer, at_us, exit_code, model_digest, error);
	if (status == SL_OK)
		status = still_there(c, error);
	/* What stands only in a log without a name would be lost now. */
	char why[sizeof c->why];
	if (status == SL_OK && sl_place_look(&c->place, why) == SL_PLACE_LOG_LOST)
		status = sl_history_settle(c->history, error);
	return status;
}

void sl_history_writer_failed(struct sl_history_writer *c)
{
	if (!c->entered)
		return;
	c->failed = true;
	sl_history_rollback(c->history);
	leave_if_worn(c);
	if (c->entered)
		sl_history_truncate_wal(c->history);
}

void sl_history_writer_free(struct sl_history_writer *c)
{
	const char **text[RUN_TEXTS + PEER_TEXTS];
	if (c->entered)
		leave(c);
	sl_place_free(&c->place);
	sl_history_close(c->history);
	free(c->path);
	c->path = NULL;
	texts_of(c, text);
	for (size_t i = 0; i < RUN_TEXTS + PEER_TEXTS; i++) {
		free((void *)(uintptr_t)*text[i]);
		*text[i] = NULL;
	}
	c->history = NULL;
}

static void complete(struct sl_round_row *row, const struct sl_history_bytes *earlier)
{
	row->wire_tx += earlier->wire_tx;
	row->wire_rx += earlier->wire_rx;
	row->wire_resent += row->wire_resent < 0 ? 0 : earlier->wire_resent;
	if (!row->payload_anew)
		return;
	row->payload_tx += earlier->payload_tx;
	row->payload_rx += earlier->payload_rx;
}

enum sl_status sl_history_writer_insert(struct sl_history_writer *c, const struct sl_row_header *header,
                                        union sl_row *row, const struct sl_history_bytes *earlier,
                                        struct sl_error *error)
{
	switch ((enum sl_row_kind)header->kind) {
	case SL_ROW_ROUND:
		c->last_round = row->round.round;
		complete(&row->round, earlier);
		return sl_history_round(c->history, &row->round, error);
	case SL_ROW_LINK:
		return sl_history_link(c->history, &row->link, error);
	case SL_ROW_SKETCH:
		return sl_history_sketch(c->history, &row->sketch, error);
	case SL_ROW_EVENT:
		return sl_history_event(c->history, &row->event, error);
	case SL_ROW_METRIC:
		return sl_history_metric(c->history, &row->metric, error);
	}
	sl_panic(__FILE__, __LINE__, "a row of a known kind");
}

static const char *time_text(int64_t us, char text[static 32])
{
	time_t seconds = us / 1000000;
	struct tm t = { 0 };
	gmtime_r(&seconds, &t);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &t);
	return text;
}

enum sl_status sl_history_writer_dropped(struct sl_history_writer *c, uint64_t rows, int64_t since_us,
                                         const char *why, struct sl_error *error)
{
	char since[32];
	return insert_event(c, "rows-dropped", error, "%llu rows of the history were lost since %s%s%s",
	                    (unsigned long long)rows, time_text(since_us, since), why[0] ? ": " : "", why);
}

enum sl_status sl_history_writer_late(struct sl_history_writer *c, int64_t since_us, const char *why,
                                      struct sl_error *error)
{
	char since[32];
	return insert_event(c, "rows-late", error, "0 rows were lost, but none could be written since %s%s%s",
	                    time_text(since_us, since), why[0] ? ": " : "", why);
}

enum sl_status sl_history_writer_resumed(struct sl_history_writer *c, int64_t round, uint32_t every,
                                         struct sl_error *error)
{
	int64_t due = (round - 1) / every * every; /* the last round before that one with a row */
	if (round <= 0 || c->before.round >= due)
		return SL_OK;
	return insert_event(
	    c, "rows-missing", error,
	    "the history has no rows for rounds %lld to %lld: it could not be written then, or was a different file",
	    (long long)c->before.round + 1, (long long)round - 1);
}
