/* store.c — the writer thread and the ring that leads to it.
 *
 * The ring is lock-free, for one producer (the loop) and one consumer (the writer): with a mutex, a writer
 * that was put to sleep while holding it, on a machine with fewer cores than peers, would stop the round.
 * Rows stay in the ring until the transaction that holds them is committed, so an error costs nothing but a
 * second try. The producer wakes nobody: the writer looks every SL_FLUSH_MS, and is called only when the ring
 * is half full, once. */
#include "daemon/store.h"

#include "base/log.h"
#include "daemon/checkpoint.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Bytes of the ring: a round's row takes 128, so this is 8 s of 500 rounds a second while the disk stands
 * still. */
#define SL_RING (UINT64_C(1) << 19)
/* Longest time from a row to its transaction; a kill -9 loses as much. */
#define SL_FLUSH_MS 250
/* Longest pause between tries while the database cannot be written. */
#define SL_BACKOFF_MS 4000
/* What closing grants a database that cannot be written, unless told: a daemon is to end within a second. */
#define SL_CLOSE_MS 500

enum row_kind { ROW_ROUND, ROW_LINK, ROW_SKETCH, ROW_EVENT };
enum checkpoint_state { CHECKPOINT_NONE, CHECKPOINT_ASKED, CHECKPOINT_WRITTEN, CHECKPOINT_FAILED };

/* In front of each row; `size` counts both, a multiple of 8. */
struct row_header {
	uint32_t kind, size;
};
union row {
	struct sl_round_row round;
	struct sl_link_row link;
	struct sl_sketch_row sketch;
	struct sl_event_row event;
};

struct sl_store {
	struct sl_history_bytes bytes_before; /* of this life of the peer */
	/* The producer's: bytes ever pushed, and the consumer's position as last seen. */
	_Alignas(64) _Atomic uint64_t head;
	uint64_t tail_seen;
	/* The consumer's: bytes ever committed. */
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) uint8_t *ring;
	_Atomic uint64_t dropped; /* rows that did not fit, not yet told */
	atomic_bool called; /* the writer was woken for a ring that is half full; until it has made room */
	atomic_bool closing;
	_Atomic int64_t since_us; /* begin of the batch that the writer is in; 0: idle */
	atomic_int checkpoint;    /* enum checkpoint_state; what follows belongs to the writer while ASKED */
	uint8_t *bytes;
	size_t length;

	sem_t wake;
	pthread_t thread;
	int done; /* eventfd */

	/* The writer's own. */
	struct sl_history *history;
	struct sl_checkpoint_files files;
	struct sl_fed *_Atomic fed;
	char *stem; /* owned; NULL: no checkpoints */
	uint32_t peer, last_round;
	bool lost;    /* rows, at the end */
	bool failing; /* the last batch failed, and that was said */
	char reason[200];

	/* Set before `closing`. */
	int close_ms;
	int64_t stopped_at_us;
	int exit_code;
	const char *model_digest;
};

static int64_t clock_us(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void ring_write(struct sl_store *s, uint64_t at, const void *bytes, size_t n)
{
	size_t from = at % SL_RING, first = n < SL_RING - from ? n : SL_RING - from;
	memcpy(s->ring + from, bytes, first);
	memcpy(s->ring, (const uint8_t *)bytes + first, n - first);
}

static void ring_read(const struct sl_store *s, uint64_t at, void *out, size_t n)
{
	size_t from = at % SL_RING, first = n < SL_RING - from ? n : SL_RING - from;
	memcpy(out, s->ring + from, first);
	memcpy((uint8_t *)out + first, s->ring, n - first);
}

static void call_writer(struct sl_store *s)
{
	if (!atomic_exchange(&s->called, true))
		sem_post(&s->wake);
}

static void push(struct sl_store *s, enum row_kind kind, const void *row, size_t n)
{
	struct row_header header = { kind, (uint32_t)(sizeof header + ((n + 7) & ~(size_t)7)) };
	uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);
	if (head + header.size - s->tail_seen > SL_RING / 2) {
		s->tail_seen = atomic_load_explicit(&s->tail, memory_order_acquire);
		uint64_t used = head + header.size - s->tail_seen;
		if (used > SL_RING / 2)
			call_writer(s);
		if (used > SL_RING) {
			atomic_fetch_add_explicit(&s->dropped, 1, memory_order_relaxed);
			return;
		}
	}
	ring_write(s, head, &header, sizeof header);
	ring_write(s, head + sizeof header, row, n);
	atomic_store_explicit(&s->head, head + header.size, memory_order_release);
}

void sl_store_round(struct sl_store *s, const struct sl_round_row *row)
{
	push(s, ROW_ROUND, row, sizeof *row);
}

void sl_store_link(struct sl_store *s, const struct sl_link_row *row)
{
	push(s, ROW_LINK, row, sizeof *row);
}

void sl_store_sketch(struct sl_store *s, const struct sl_sketch_row *row)
{
	SL_CHECK(row->count <= SL_SKETCH_MAX);
	push(s, ROW_SKETCH, row, offsetof(struct sl_sketch_row, value) + row->count * sizeof *row->value);
}

void sl_store_event(struct sl_store *s, const struct sl_event_row *row)
{
	push(s, ROW_EVENT, row, sizeof *row);
}

static void remember(struct sl_store *s, const struct sl_error *error)
{
	snprintf(s->reason, sizeof s->reason, "%.*s", (int)sizeof s->reason - 1, error->text);
}

static enum sl_status insert(struct sl_store *s, enum row_kind kind, const union row *row,
                             struct sl_error *error)
{
	switch (kind) {
	case ROW_ROUND:
		s->last_round = row->round.round;
		return sl_history_round(s->history, &row->round, error);
	case ROW_LINK:
		return sl_history_link(s->history, &row->link, error);
	case ROW_SKETCH:
		return sl_history_sketch(s->history, &row->sketch, error);
	case ROW_EVENT:
		return sl_history_event(s->history, &row->event, error);
	}
	sl_panic(__FILE__, __LINE__, "a row of a known kind");
}

/* Puts the rows from *at to `end` into the transaction. A row that the database refuses for itself is
 * counted, and does not hold up those behind it. */
static enum sl_status insert_rows(struct sl_store *s, uint64_t at, uint64_t end, uint64_t *dropped,
                                  struct sl_error *error)
{
	while (at != end) {
		struct row_header header;
		union row row;
		ring_read(s, at, &header, sizeof header);
		ring_read(s, at + sizeof header, &row, header.size - sizeof header);
		enum sl_status status = insert(s, header.kind, &row, error);
		if (status == SL_REFUSED) {
			remember(s, error);
			++*dropped;
		} else if (status != SL_OK) {
			return status;
		}
		at += header.size;
	}
	return SL_OK;
}

static enum sl_status tell_dropped(struct sl_store *s, uint64_t dropped, struct sl_error *error)
{
	struct sl_event_row event = { .peer = s->peer,
		                      .round = s->last_round,
		                      .at_us = clock_us(CLOCK_REALTIME),
		                      .level = SL_LEVEL_WARNING,
		                      .kind = "rows-dropped" };
	snprintf(event.detail, sizeof event.detail, "%llu rows of the history were lost%s%s",
	         (unsigned long long)dropped, s->reason[0] ? ": " : "", s->reason);
	return sl_history_event(s->history, &event, error);
}

/* One transaction with everything that is in the ring now. On failure all of it stays there, unless only the
 * sync behind a durable commit failed. */
static enum sl_status flush(struct sl_store *s, bool durable, struct sl_error *error)
{
	uint64_t tail = atomic_load_explicit(&s->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&s->head, memory_order_acquire);
	uint64_t told = atomic_load_explicit(&s->dropped, memory_order_relaxed), dropped = told;
	if (head == tail && told == 0 && !durable)
		return SL_OK;
	enum sl_status status = insert_rows(s, tail, head, &dropped, error);
	if (status == SL_OK && dropped > 0)
		status = tell_dropped(s, dropped, error);
	if (status == SL_OK)
		status = sl_history_commit(s->history, false, error);
	if (status != SL_OK) {
		sl_history_rollback(s->history);
		return status;
	}
	atomic_fetch_sub_explicit(&s->dropped, told, memory_order_relaxed);
	atomic_store_explicit(&s->tail, head, memory_order_release);
	atomic_store(&s->called, false);
	return durable ? sl_history_commit(s->history, true, error) : SL_OK;
}

/* Says the first failure of a row of them, and that it is over. */
static void report(struct sl_store *s, enum sl_status status, const struct sl_error *error)
{
	if (status != SL_OK) {
		remember(s, error);
		if (!s->failing)
			sl_log(SL_LEVEL_WARNING, "history: %s; rows are kept and tried again", error->text);
	} else if (s->failing) {
		sl_log(SL_LEVEL_NOTICE, "history: written again");
		s->reason[0] = 0;
	}
	s->failing = status != SL_OK;
}

static void finish_checkpoint(struct sl_store *s, enum sl_status flushed)
{
	struct sl_error error = { 0 };
	enum sl_status status = flushed;
	if (flushed == SL_OK) {
		status = sl_checkpoint_write(&s->files, s->bytes, s->length, &error);
		if (status != SL_OK)
			sl_log(SL_LEVEL_WARNING, "checkpoint: %s", error.text);
	} else {
		sl_log(SL_LEVEL_WARNING,
		       "checkpoint: not written, because the history before it could not be");
	}
	free(s->bytes);
	s->bytes = NULL;
	atomic_store_explicit(&s->checkpoint, status == SL_OK ? CHECKPOINT_WRITTEN : CHECKPOINT_FAILED,
	                      memory_order_release);
	const uint64_t one = 1;
	if (s->done >= 0 && write(s->done, &one, sizeof one) < 0)
		sl_log(SL_LEVEL_ERROR, "checkpoint: its end could not be signalled: %s", strerror(errno));
}

/* One batch, and the checkpoint behind it if one was asked for. */
static enum sl_status turn(struct sl_store *s)
{
	struct sl_error error = { 0 };
	/* Asked for is looked up before the ring: rows pushed before the question are in the batch. */
	bool asked = atomic_load_explicit(&s->checkpoint, memory_order_acquire) == CHECKPOINT_ASKED;
	atomic_store_explicit(&s->since_us, clock_us(CLOCK_MONOTONIC), memory_order_relaxed);
	struct sl_fed *fed = atomic_load(&s->fed);
	if (fed)
		sl_fed_flush(fed);
	enum sl_status status = flush(s, asked, &error);
	report(s, status, &error);
	if (asked)
		finish_checkpoint(s, status);
	atomic_store_explicit(&s->since_us, 0, memory_order_relaxed);
	return status;
}

/* Sleeps until it is called, but no longer than that. */
static void doze(struct sl_store *s, int milliseconds)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += milliseconds / 1000;
	until.tv_nsec += milliseconds % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	while (sem_clockwait(&s->wake, CLOCK_MONOTONIC, &until) != 0 && errno == EINTR)
		;
}

/* The last batch and the end of the peer, for which a database in trouble gets close_ms. */
static void wind_up(struct sl_store *s)
{
	struct sl_error error = { 0 };
	int64_t end = clock_us(CLOCK_MONOTONIC) + s->close_ms * INT64_C(1000);
	enum sl_status status;
	for (;;) {
		status = turn(s);
		if (status == SL_OK)
			status = sl_history_peer_stopped(s->history, s->peer, s->stopped_at_us, s->exit_code,
			                                 s->model_digest, &error);
		if (status == SL_OK || clock_us(CLOCK_MONOTONIC) >= end)
			break;
		doze(s, 20);
	}
	s->lost = status != SL_OK;
	if (status != SL_OK) {
		uint64_t rows = atomic_load(&s->dropped), head = atomic_load(&s->head);
		for (uint64_t at = atomic_load(&s->tail); at != head; rows++) {
			struct row_header header;
			ring_read(s, at, &header, sizeof header);
			at += header.size;
		}
		sl_log(SL_LEVEL_ERROR, "history: %llu rows and the end of this peer are lost: %s",
		       (unsigned long long)rows, s->reason[0] ? s->reason : error.text);
	}
}

static void *writer(void *argument)
{
	struct sl_store *s = argument;
	int pause = SL_FLUSH_MS;
	while (!atomic_load(&s->closing)) {
		doze(s, pause);
		if (atomic_load(&s->closing))
			break;
		if (turn(s) == SL_OK)
			pause = SL_FLUSH_MS;
		else
			pause = 2 * pause < SL_BACKOFF_MS ? 2 * pause : SL_BACKOFF_MS;
	}
	wind_up(s);
	return NULL;
}

static void release(struct sl_store *s)
{
	int keep = errno;
	sl_history_close(s->history);
	free(s->ring);
	free(s->stem);
	free(s);
	errno = keep;
}

static enum sl_status start(struct sl_store *s, struct sl_error *error)
{
	if (sem_init(&s->wake, 0, 0) != 0)
		return sl_fail(error, SL_IO, "history: sem_init: %s", strerror(errno));
	int number = pthread_create(&s->thread, NULL, writer, s);
	if (number != 0) {
		sem_destroy(&s->wake);
		return sl_fail(error, SL_NO_MEMORY, "history: no thread: %s", strerror(number));
	}
	pthread_setname_np(s->thread, "store");
	return SL_OK;
}

struct sl_store *sl_store_open(const struct sl_store_setup *setup, struct sl_error *error)
{
	struct sl_store *s = aligned_alloc(64, sizeof *s);
	if (!s) {
		sl_fail(error, SL_NO_MEMORY, "history: out of memory");
		return NULL;
	}
	memset(s, 0, sizeof *s);
	s->done = setup->wake;
	s->peer = setup->peer->peer;
	s->close_ms = SL_CLOSE_MS;
	s->ring = malloc(SL_RING);
	if (setup->checkpoint)
		s->files.stem = s->stem = strdup(setup->checkpoint);
	s->history = sl_history_open(setup->database, SL_HISTORY_WRITE, error);
	enum sl_status status = s->history ? SL_OK : SL_IO;
	if (status == SL_OK)
		status = sl_history_begin(s->history, setup->run, error);
	if (status == SL_OK)
		status = sl_history_peer(s->history, setup->peer, error);
	if (status == SL_OK)
		status = sl_history_last_bytes(s->history, s->peer, &s->bytes_before, error);
	if (status == SL_OK && (!s->ring || (setup->checkpoint && !s->stem)))
		status = sl_fail(error, SL_NO_MEMORY, "history: out of memory");
	if (status == SL_OK)
		status = start(s, error);
	if (status != SL_OK) {
		release(s);
		return NULL;
	}
	return s;
}

struct sl_history_bytes sl_store_bytes(const struct sl_store *s)
{
	return s->bytes_before;
}

void sl_store_record(struct sl_store *s, struct sl_fed *fed)
{
	atomic_store(&s->fed, fed);
}

bool sl_store_checkpoint(struct sl_store *s, uint8_t *bytes, size_t length)
{
	if (!s->stem || atomic_load_explicit(&s->checkpoint, memory_order_acquire) != CHECKPOINT_NONE)
		return false;
	s->bytes = bytes;
	s->length = length;
	atomic_store_explicit(&s->checkpoint, CHECKPOINT_ASKED, memory_order_release);
	sem_post(&s->wake);
	return true;
}

bool sl_store_checkpointed(struct sl_store *s, bool *ok)
{
	int state = atomic_load_explicit(&s->checkpoint, memory_order_acquire);
	if (state != CHECKPOINT_WRITTEN && state != CHECKPOINT_FAILED)
		return false;
	*ok = state == CHECKPOINT_WRITTEN;
	atomic_store_explicit(&s->checkpoint, CHECKPOINT_NONE, memory_order_relaxed);
	return true;
}

int64_t sl_store_stuck_ms(const struct sl_store *s)
{
	int64_t since = atomic_load_explicit(&s->since_us, memory_order_relaxed);
	return since ? (clock_us(CLOCK_MONOTONIC) - since) / 1000 : 0;
}

void sl_store_patience(struct sl_store *s, int milliseconds)
{
	if (s)
		s->close_ms = milliseconds;
}

bool sl_store_close(struct sl_store *s, int64_t stopped_at_us, int exit_code, const char *model_digest)
{
	if (!s)
		return true;
	s->stopped_at_us = stopped_at_us;
	s->exit_code = exit_code;
	s->model_digest = model_digest;
	atomic_store(&s->closing, true);
	sl_history_patience(s->history, s->close_ms / 2);
	sem_post(&s->wake);
	pthread_join(s->thread, NULL);
	sem_destroy(&s->wake);
	free(s->bytes);
	bool whole = !s->lost;
	release(s);
	return whole;
}
