/* store.c — the writer thread at the end of the ring of rows.
 *
 * Rows stay in the ring until the transaction that holds them is committed. The producer wakes nobody: the
 * writer looks every SL_FLUSH_MS, and is called only when the ring is half full, once. */
#include "daemon/peer/store/store.h"

#include "base/log.h"
#include "daemon/run/checkpoint.h"
#include "daemon/run/model_file.h"
#include "daemon/run/clock.h"
#include "daemon/peer/store/history_writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

/* Longest time from a row to its transaction; a kill -9 loses as much. */
#define SL_FLUSH_MS 250
/* Longest pause between tries while the database cannot be written. */
#define SL_BACKOFF_MS 4000
/* What closing grants a database that cannot be written, unless told: a daemon is to end within a second. */
#define SL_CLOSE_MS 500
/* The same where others hold a lock on it, as peers do that end at the same time. */
#define SL_CLOSE_LOCKED_MS 5000
/* How long old rows are thinned out between two batches, and the pause after the last of them. */
#define SL_THIN_US       20000
#define SL_THIN_EVERY_US 10000000
/* How long checkpoints wait for a history that cannot be written, unless told. */
#define SL_CHECKPOINT_WAIT_MS 600000

enum checkpoint_state { CHECKPOINT_NONE, CHECKPOINT_ASKED, CHECKPOINT_WRITTEN, CHECKPOINT_FAILED };

struct sl_store {
	struct sl_row_ring ring;
	_Atomic int64_t kept_tx, kept_rx; /* bytes on the wire, as the checkpoint has them */
	atomic_bool known;                /* what the history knew of earlier starts */
	atomic_bool called; /* the writer was woken for a ring that is half full; until it has made room */
	atomic_bool closing;
	_Atomic int64_t since_us; /* begin of the batch that the writer is in; 0: idle */
	_Atomic int64_t resumed;  /* the round that a checkpoint brought, until the writer has looked at it */
	atomic_int checkpoint;    /* enum checkpoint_state; what follows belongs to the writer while ASKED */
	uint8_t *bytes;
	size_t length;
	sem_t wake;
	pthread_t thread;
	int done; /* eventfd */

	/* The writer's own. */
	struct sl_history_writer history_writer;
	struct sl_checkpoint_files files;
	struct sl_recording *_Atomic recording;
	char *stem;       /* owned; NULL: no checkpoints */
	char *model_path; /* owned; NULL: none */
	uint8_t *model;   /* the file that goes with the checkpoint */
	size_t model_length;
	uint32_t every;
	int64_t keep_us; /* INT64_MAX: nothing is thinned out */
	struct sl_history_thin thin;
	int64_t thin_next, thin_at_us; /* the round, and when, by the clock that does not jump */
	bool lost;                     /* rows, at the end */
	bool behind;                   /* rows were not committed when they should have been */
	bool unordered;                /* checkpoints do not wait for rows any more, and that was said */
	int64_t wait_us;               /* how long they do */
	int64_t failed_at_us;          /* begin of the failure, by the clock that does not jump */
	struct sl_log_burst checkpoint_burst;

	/* What is wrong with the history: written by the writer, seen by the loop, which never waits. */
	pthread_mutex_t lock;
	struct sl_store_trouble trouble; /* since_us 0: nothing is */
	struct sl_store_trouble seen;    /* the loop's */
	char reason[200];                /* of the last failure */

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

static void push(struct sl_store *s, enum sl_row_kind kind, const void *row, size_t n)
{
	bool call = sl_row_ring_push(&s->ring, kind, row, n);
	if (call && !atomic_exchange(&s->called, true))
		sem_post(&s->wake);
}

void sl_store_round(struct sl_store *s, const struct sl_round_row *row)
{
	push(s, SL_ROW_ROUND, row, sizeof *row);
}

void sl_store_link(struct sl_store *s, const struct sl_link_row *row)
{
	push(s, SL_ROW_LINK, row, sizeof *row);
}

void sl_store_sketch(struct sl_store *s, const struct sl_sketch_row *row)
{
	SL_CHECK(row->count <= SL_SKETCH_MAX);
	push(s, SL_ROW_SKETCH, row, offsetof(struct sl_sketch_row, value) + row->count * sizeof *row->value);
}

void sl_store_metric(struct sl_store *s, const struct sl_metric_row *row)
{
	push(s, SL_ROW_METRIC, row, sizeof *row);
}

void sl_store_event(struct sl_store *s, const struct sl_event_row *row)
{
	push(s, SL_ROW_EVENT, row, sizeof *row);
}

static void remember(struct sl_store *s, const struct sl_error *error)
{
	snprintf(s->reason, sizeof s->reason, "%.*s", (int)sizeof s->reason - 1, error->text);
}

/* Puts the rows from *at to `end` into the transaction. A row that the database refuses for itself is
 * counted, and does not hold up those behind it. */
static enum sl_status insert_rows(struct sl_store *s, uint64_t at, uint64_t end, uint64_t *dropped,
                                  struct sl_error *error)
{
	struct sl_history_bytes earlier = s->history_writer.before;
	earlier.wire_tx = earlier.wire_rx = 0;
	sl_store_add_earlier(s, &earlier.wire_tx, &earlier.wire_rx);
	while (at != end) {
		struct sl_row_header header;
		union sl_row row;
		at = sl_row_ring_read(&s->ring, at, &header, &row);
		enum sl_status status =
		    sl_history_writer_insert(&s->history_writer, &header, &row, &earlier, error);
		if (status == SL_REFUSED) {
			remember(s, error);
			++*dropped;
		} else if (status != SL_OK) {
			return status;
		}
	}
	return SL_OK;
}

/* What is to be said of rows that are late or lost. */
static enum sl_status insert_outage(struct sl_store *s, uint64_t dropped, struct sl_error *error)
{
	struct sl_history_writer *c = &s->history_writer;
	enum sl_status status = SL_OK;
	if (dropped > 0) {
		int64_t first = atomic_load(&s->ring.dropped_since_us);
		status = sl_history_writer_dropped(c, dropped, first ? first : clock_us(CLOCK_REALTIME),
		                                   s->reason, error);
	} else if (s->behind) {
		status = sl_history_writer_late(c, s->trouble.since_us, s->reason, error);
	}
	return status == SL_OK ? sl_history_writer_resumed(c, atomic_load(&s->resumed), s->every, error)
	                       : status;
}

/* One transaction with everything that is in the ring now. On failure all of it stays there. */
static enum sl_status flush(struct sl_store *s, struct sl_error *error)
{
	struct sl_row_ring *r = &s->ring;
	bool anew = !s->history_writer.entered;
	enum sl_status status = sl_history_writer_enter(&s->history_writer, error);
	if (status != SL_OK)
		return status;
	atomic_store(&s->known, true);
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	uint64_t told = atomic_load_explicit(&r->dropped, memory_order_relaxed), dropped = told;
	if (head == tail && told == 0 && !s->behind && !anew)
		return SL_OK;
	status = insert_rows(s, tail, head, &dropped, error);
	if (status == SL_OK)
		status = insert_outage(s, dropped, error);
	if (status == SL_OK)
		status = sl_history_writer_commit(&s->history_writer, false, error);
	if (status != SL_OK)
		return status;
	atomic_store(&s->resumed, 0);
	atomic_fetch_sub(&r->dropped, told);
	atomic_store_explicit(&r->tail, head, memory_order_release);
	atomic_store(&s->called, false);
	s->behind = false;
	return SL_OK;
}

/* False: it was failing before. */
static bool note_failure(struct sl_store *s, const struct sl_error *error)
{
	bool first = s->trouble.since_us == 0;
	remember(s, error);
	pthread_mutex_lock(&s->lock);
	memcpy(s->trouble.reason, s->reason, sizeof s->reason);
	if (first)
		s->trouble.since_us = clock_us(CLOCK_REALTIME);
	pthread_mutex_unlock(&s->lock);
	if (first)
		s->failed_at_us = clock_us(CLOCK_MONOTONIC);
	return first;
}

/* Says the first failure of a row of them, and that it is over. */
static void report(struct sl_store *s, enum sl_status status, const struct sl_error *error)
{
	if (status != SL_OK) {
		if (note_failure(s, error))
			sl_log(SL_LEVEL_WARNING, "history: %s; rows are kept in memory and retried",
			       error->text);
		return;
	}
	s->reason[0] = 0;
	if (s->trouble.since_us == 0)
		return;
	pthread_mutex_lock(&s->lock);
	s->trouble.since_us = 0;
	pthread_mutex_unlock(&s->lock);
	sl_log(SL_LEVEL_NOTICE, "history: writing again");
}

/* Rows before checkpoints: a peer does not compute again what lies before its checkpoint, so rows that are
 * not on the disk by then are lost with the process. Where rows have been lost already, or for long, that
 * order protects less than it costs: without checkpoints a kill loses the state itself. */
static bool may_save(struct sl_store *s, enum sl_status flushed)
{
	if (flushed == SL_OK) {
		s->unordered = false;
		return true;
	}
	uint64_t lost = atomic_load(&s->ring.dropped);
	if (lost == 0 && clock_us(CLOCK_MONOTONIC) - s->failed_at_us < s->wait_us)
		return false;
	if (!s->unordered)
		sl_log(
		    SL_LEVEL_WARNING,
		    "checkpoint: writing again, although the history still cannot be written (%llu of its rows are lost)",
		    (unsigned long long)lost);
	s->unordered = true;
	return true;
}

/* Of use to others alone: a failure is said, and costs no checkpoint. */
static void write_model(struct sl_store *s)
{
	struct sl_error error;
	if (s->model)
		sl_model_file_seal(s->model, s->model_length);
	if (s->model && sl_file_replace(s->model_path, s->model, s->model_length, 0666, &error) != SL_OK)
		sl_log_rarely(&s->checkpoint_burst, sl_clock(), SL_LEVEL_WARNING, "model", error.text);
}

static void finish_checkpoint(struct sl_store *s, enum sl_status flushed)
{
	struct sl_error error = { 0 };
	enum sl_status status = flushed;
	if (may_save(s, flushed))
		status = sl_checkpoint_write(&s->files, s->bytes, s->length, &error);
	if (status != SL_OK)
		sl_log_rarely(&s->checkpoint_burst, sl_clock(), SL_LEVEL_WARNING, "checkpoint",
		              error.text[0]
		                  ? error.text
		                  : "not written, because the history up to it could not be written");
	else
		write_model(s);
	free(s->bytes);
	free(s->model);
	s->bytes = s->model = NULL;
	atomic_store_explicit(&s->checkpoint, status == SL_OK ? CHECKPOINT_WRITTEN : CHECKPOINT_FAILED,
	                      memory_order_release);
	if (s->done >= 0 && eventfd_write(s->done, 1) < 0)
		sl_log(SL_LEVEL_ERROR, "checkpoint: cannot signal its completion: %s", strerror(errno));
}

/* One batch, and the checkpoint behind it if one was asked for. */
static enum sl_status turn(struct sl_store *s)
{
	struct sl_error error = { 0 };
	/* Asked for is looked up before the ring: rows pushed before the question are in the batch. */
	bool asked = atomic_load_explicit(&s->checkpoint, memory_order_acquire) == CHECKPOINT_ASKED;
	atomic_store_explicit(&s->since_us, clock_us(CLOCK_MONOTONIC), memory_order_relaxed);
	struct sl_recording *recording = atomic_load(&s->recording);
	if (recording)
		sl_recording_flush(recording);
	enum sl_status status = flush(s, &error);
	s->behind = s->behind || status != SL_OK;
	if (status == SL_OK && asked)
		status = sl_history_writer_commit(&s->history_writer, true, &error);
	report(s, status, &error);
	if (status != SL_OK)
		sl_history_writer_failed(&s->history_writer);
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

/* How long closing may take in all, after a failure. */
static int64_t patience_us(const struct sl_store *s)
{
	bool locked = sl_history_is_locked(s->history_writer.history);
	return (locked && s->close_ms < SL_CLOSE_LOCKED_MS ? SL_CLOSE_LOCKED_MS : s->close_ms) *
	       INT64_C(1000);
}

/* The last batch and the end of the peer; a database in trouble gets close_ms, one that is locked some seconds. */
static void wind_up(struct sl_store *s)
{
	struct sl_error error = { 0 };
	int64_t began = clock_us(CLOCK_MONOTONIC);
	enum sl_status status;
	for (;;) {
		status = turn(s);
		if (status == SL_OK)
			status = sl_history_writer_stopped(&s->history_writer, s->stopped_at_us, s->exit_code,
			                                   s->model_digest, &error);
		if (status != SL_OK)
			sl_history_writer_failed(&s->history_writer);
		if (status == SL_OK || clock_us(CLOCK_MONOTONIC) - began >= patience_us(s))
			break;
		doze(s, 20);
	}
	s->lost = status != SL_OK;
	if (status == SL_OK)
		return;
	uint64_t rows = atomic_load(&s->ring.dropped) + sl_row_ring_count(&s->ring);
	sl_log(SL_LEVEL_ERROR, "history: %llu rows and the record of this peer's end are lost: %s",
	       (unsigned long long)rows, s->reason[0] ? s->reason : error.text);
}

/* Old rows go between two batches, for a few milliseconds at a time; a failure is the next batch's to report. */
static void thin_out(struct sl_store *s)
{
	struct sl_error error;
	bool more = s->history_writer.entered;
	int64_t began = clock_us(CLOCK_MONOTONIC);
	if (s->keep_us == INT64_MAX || began < s->thin_at_us)
		return;
	s->thin.before_us = clock_us(CLOCK_REALTIME) - s->keep_us;
	while (more && !atomic_load(&s->called) && !atomic_load(&s->closing) &&
	       clock_us(CLOCK_MONOTONIC) - began < SL_THIN_US)
		if (sl_history_thin(s->history_writer.history, &s->thin, &s->thin_next, &more, &error) !=
		    SL_OK)
			more = false;
	if (!more)
		s->thin_at_us = began + SL_THIN_EVERY_US;
}

static void *writer(void *argument)
{
	struct sl_store *s = argument;
	int pause = SL_FLUSH_MS;
	while (!atomic_load(&s->closing)) {
		doze(s, pause);
		if (atomic_load(&s->closing))
			break;
		if (turn(s) == SL_OK) {
			pause = SL_FLUSH_MS;
			thin_out(s);
		} else
			pause = 2 * pause < SL_BACKOFF_MS ? 2 * pause : SL_BACKOFF_MS;
	}
	wind_up(s);
	return NULL;
}

static void release(struct sl_store *s)
{
	int keep = errno;
	pthread_mutex_destroy(&s->lock);
	sl_history_writer_free(&s->history_writer);
	sl_row_ring_free(&s->ring);
	free(s->stem);
	free(s->model_path);
	free(s->model);
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

/* What may pass is no reason not to learn: the writer goes on trying. */
static enum sl_status begin(struct sl_store *s, struct sl_error *error)
{
	enum sl_status status = sl_history_writer_enter(&s->history_writer, error);
	atomic_init(&s->known, status == SL_OK);
	if (status == SL_OK)
		status = sl_history_writer_commit(&s->history_writer, false, error);
	if (status != SL_OK)
		sl_history_writer_failed(&s->history_writer);
	if (status != SL_IO)
		return status;
	s->behind = note_failure(s, error);
	sl_log(SL_LEVEL_WARNING,
	       "history: %s; the run starts without it, rows are kept in memory and retried", error->text);
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
	pthread_mutex_init(&s->lock, NULL);
	s->done = setup->wake;
	s->every = setup->every ? setup->every : 1;
	s->keep_us = setup->keep_us ? setup->keep_us : INT64_MAX;
	s->thin = (struct sl_history_thin){ .peer = setup->peer->peer,
		                            .one_in = setup->thin,
		                            .spare = setup->spare };
	s->close_ms = SL_CLOSE_MS;
	s->wait_us =
	    (setup->checkpoint_wait_ms ? setup->checkpoint_wait_ms : SL_CHECKPOINT_WAIT_MS) * INT64_C(1000);
	if (setup->model)
		s->model_path = strdup(setup->model);
	if (setup->checkpoint)
		s->files.stem = s->stem = strdup(setup->checkpoint);
	if (!sl_row_ring_make(&s->ring) || (setup->checkpoint && !s->stem) ||
	    (setup->model && !s->model_path)) {
		sl_fail(error, SL_NO_MEMORY, "history: out of memory");
		release(s);
		return NULL;
	}
	enum sl_status status =
	    sl_history_writer_make(&s->history_writer, setup->database, setup->run, setup->peer, error);
	if (status == SL_OK && setup->busy_timeout_ms)
		sl_history_busy_timeout(s->history_writer.history, setup->busy_timeout_ms);
	if (status == SL_OK)
		status = begin(s, error);
	if (status == SL_OK)
		status = start(s, error);
	if (status != SL_OK) {
		release(s);
		return NULL;
	}
	return s;
}

void sl_store_begin(struct sl_store *s, int64_t wire_tx, int64_t wire_rx, uint32_t resumed)
{
	s->kept_tx = wire_tx;
	s->kept_rx = wire_rx;
	atomic_store(&s->resumed, resumed);
}

void sl_store_add_earlier(const struct sl_store *s, int64_t *tx, int64_t *rx)
{
	int64_t kept_tx = s->kept_tx, kept_rx = s->kept_rx;
	struct sl_history_bytes before = { 0 };
	if (atomic_load(&s->known))
		before = s->history_writer.before;
	*tx += before.wire_tx > kept_tx ? before.wire_tx : kept_tx;
	*rx += before.wire_rx > kept_rx ? before.wire_rx : kept_rx;
}

uint64_t sl_store_dropped(const struct sl_store *s)
{
	return s->ring.dropped_ever;
}

bool sl_store_failing(struct sl_store *s, struct sl_store_trouble *out)
{
	if (pthread_mutex_trylock(&s->lock) == 0) {
		s->seen = s->trouble;
		pthread_mutex_unlock(&s->lock);
	}
	*out = s->seen;
	out->lost = atomic_load(&s->ring.dropped);
	return out->since_us != 0;
}

void sl_store_record(struct sl_store *s, struct sl_recording *recording)
{
	atomic_store(&s->recording, recording);
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

void sl_store_model(struct sl_store *s, uint8_t *bytes, size_t length)
{
	if (!s->model_path || atomic_load_explicit(&s->checkpoint, memory_order_acquire) != CHECKPOINT_NONE) {
		free(bytes);
		return;
	}
	free(s->model);
	s->model = bytes;
	s->model_length = length;
}

void sl_store_refused(struct sl_store *s, unsigned generation)
{
	SL_CHECK(generation < 2 && atomic_load(&s->checkpoint) == CHECKPOINT_NONE);
	s->files.refused[generation] = true;
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

void sl_store_close_timeout(struct sl_store *s, int milliseconds)
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
	sl_history_busy_timeout(s->history_writer.history, s->close_ms / 2);
	sem_post(&s->wake);
	pthread_join(s->thread, NULL);
	sem_destroy(&s->wake);
	free(s->bytes);
	bool whole = !s->lost;
	release(s);
	return whole;
}
