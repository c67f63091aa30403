/* recording.c — writing a recording. The loop fills one buffer while the store's thread writes the other. */
#include "daemon/run/recording.h"

#include "daemon/run/recording_format.h"
#include "gossip/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Buffer size: bytes that may arrive while the disk is busy; beyond that the recording ends. */
enum { BUFFER = 16 << 20, FILES_MOST = 1000000 };

struct sl_recording {
	char path[4096 + 32];
	int fd;
	pthread_mutex_t lock; /* protects the buffer that is being filled */
	uint8_t *filling, *writing;
	size_t used;
	int64_t total;
	uint64_t digest;
	const char *stopped; /* used by the loop only */
	bool told;
	atomic_bool failed; /* set by the writer, read by the loop */
};

/* ---- digest ---- */

static uint64_t mix(uint64_t digest, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;
	for (; length >= 8; length -= 8, at += 8)
		digest = sl_mix64(digest ^ sl_load_u64(at));
	uint8_t last[8] = { 0 };
	if (length)
		memcpy(last, at, length);
	return sl_mix64(digest ^ sl_load_u64(last) ^ (uint64_t)length << 56);
}

static uint64_t mix_number(uint64_t digest, uint64_t v)
{
	return sl_mix64(digest ^ v);
}

static uint64_t mix_real(uint64_t digest, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	return mix_number(digest, v != v ? UINT64_MAX : bits);
}

static uint64_t mix_round(uint64_t d, const struct sl_round_row *r)
{
	d = mix_real(mix_real(mix_real(d, r->train_loss), r->test_loss), r->test_accuracy);
	d = mix_real(mix_number(mix_number(d, r->round), (uint64_t)r->nonzero), r->disagreement);
	return mix_number(mix_number(d, (uint64_t)r->payload_tx), (uint64_t)r->payload_rx);
}

uint64_t sl_recording_digest_action(uint64_t digest, const struct sl_action *a)
{
	uint64_t d = mix_number(digest, (uint64_t)a->kind << 32 | a->edge);
	switch (a->kind) {
	case SL_ACTION_SEND:
		return mix(mix(d, a->header, a->header_length), a->body, a->body_length);
	case SL_ACTION_ROUND_ROW:
		return mix_round(d, a->round);
	case SL_ACTION_SKETCH_ROW:
		return mix(d, a->sketch->value, a->sketch->count * sizeof *a->sketch->value);
	case SL_ACTION_EVENT_ROW:
		return mix(d, a->event->kind, strlen(a->event->kind));
	case SL_ACTION_METRIC_ROW:
		return mix_real(mix(d, a->metric->name, strlen(a->metric->name)), a->metric->value);
	default:
		return d;
	}
}

uint64_t sl_recording_digest_event(uint64_t digest, const struct sl_event *e)
{
	uint64_t how = e->kind == SL_EVENT_LINK ? (uint64_t)e->link : e->ok;
	uint64_t d = mix_number(digest, (uint64_t)e->kind << 40 | how << 32 | e->edge);
	d = mix_number(d, (uint64_t)e->now.us);
	return e->kind == SL_EVENT_RECEIVE ? mix(d, e->bytes, e->length) : d;
}

/* ---- writing ---- */

/* Adds one record, complete or not at all. */
static void put(struct sl_recording *f, uint8_t kind, const void *first, size_t first_length,
                const void *second, size_t second_length)
{
	uint8_t head[SL_RECORDING_RECORD_BYTES];
	size_t length = first_length + second_length;
	if (f->stopped)
		return;
	pthread_mutex_lock(&f->lock);
	if (atomic_load(&f->failed))
		f->stopped = "the recording cannot be written";
	else if (f->total + (int64_t)length > SL_RECORDING_MAX_BYTES)
		f->stopped = "the recording has become too large";
	else if (f->used + sizeof head + length > BUFFER)
		f->stopped = "the disk is too slow for the recording";
	if (!f->stopped) {
		head[0] = kind;
		sl_store_u32(head + 1, (uint32_t)length);
		sl_store_u32(head + 5, sl_recording_check(kind, (uint32_t)length));
		uint8_t *to = f->filling + f->used;
		memcpy(to, head, sizeof head);
		memcpy(to + sizeof head, first, first_length);
		if (second_length)
			memcpy(to + sizeof head + first_length, second, second_length);
		f->used += sizeof head + length;
		f->total += (int64_t)(sizeof head + length);
	}
	pthread_mutex_unlock(&f->lock);
}

static void write_weights(struct sl_writer *w, const struct sl_weight *weight, unsigned count)
{
	sl_write_u8(w, (uint8_t)count);
	for (unsigned k = 0; k < count; k++) {
		uint64_t bits;
		memcpy(&bits, &weight[k].value, sizeof bits);
		sl_write_u32(w, weight[k].since);
		sl_write_u64(w, bits);
	}
}

static void write_neighbours(struct sl_writer *w, const struct sl_peer_roster *r)
{
	write_weights(w, r->gammas.of, r->gammas.count);
	sl_write_u32(w, r->degree);
	for (uint32_t i = 0; i < r->degree; i++) {
		const struct sl_peer_neighbour *n = &r->neighbours[i];
		sl_write_u32(w, n->peer);
		sl_write_u32(w, n->added);
		write_weights(w, n->weight, n->weights);
	}
}

enum { NEIGHBOURS_MOST = 5 + 12 * SL_EDGE_WEIGHTS + SL_DEGREE_MAX * (9 + 12 * SL_EDGE_WEIGHTS) };

/* The head may be larger than the buffer: it is written directly, before the threads start. */
static bool write_head(struct sl_recording *f, const struct sl_recording_head *h)
{
	size_t text = strlen(h->configuration), room = 64 + NEIGHBOURS_MOST + text + h->state_length;
	uint8_t *bytes = malloc(room);
	if (!bytes)
		return false;
	struct sl_writer w = sl_writer(bytes, room);
	sl_write_bytes(&w, sl_recording_magic, SL_RECORDING_MAGIC_BYTES);
	sl_write_u8(&w, SL_RECORDING_HEAD);
	uint8_t *length = sl_write_room(&w, 8);
	sl_write_u64(&w, h->run);
	sl_write_u64(&w, h->session);
	sl_write_u32(&w, h->peer);
	sl_write_u32(&w, h->roster.serial);
	sl_write_u32(&w, h->capacity);
	sl_write_u8(&w, h->joining);
	write_neighbours(&w, &h->roster);
	sl_write_u32(&w, (uint32_t)text);
	sl_write_bytes(&w, h->configuration, text);
	sl_write_u32(&w, (uint32_t)h->state_length);
	sl_write_bytes(&w, h->state, h->state_length);
	size_t total = sl_writer_length(&w);
	uint32_t record = (uint32_t)(total - SL_RECORDING_MAGIC_BYTES - SL_RECORDING_RECORD_BYTES);
	sl_store_u32(length, record);
	sl_store_u32(length + 4, sl_recording_check(SL_RECORDING_HEAD, record));
	bool good = write(f->fd, bytes, total) == (ssize_t)total;
	f->total = (int64_t)total;
	free(bytes);
	return good;
}

static int create(char path[static 4096 + 32], const char *stem, uint32_t peer)
{
	for (unsigned n = 0; n < FILES_MOST; n++) {
		snprintf(path, 4096 + 32, "%s-%" PRIu32 "-%u", stem, peer, n);
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

struct sl_recording *sl_recording_open(const char *stem, const struct sl_recording_head *head,
                                       struct sl_error *error)
{
	struct sl_recording *f = calloc(1, sizeof *f);
	if (!f) {
		sl_fail(error, SL_NO_MEMORY, "no memory for a recording");
		return NULL;
	}
	pthread_mutex_init(&f->lock, NULL);
	f->filling = malloc(BUFFER);
	f->writing = malloc(BUFFER);
	f->fd = create(f->path, stem, head->peer);
	errno = f->fd >= 0 ? 0 : errno;
	if (f->filling && f->writing && f->fd >= 0 && head->state_length <= SL_RECORDING_STATE_MAX &&
	    write_head(f, head))
		return f;
	sl_fail(error, SL_IO, "[run] record: cannot write %s: %s", f->path,
	        errno ? strerror(errno) : "out of memory or disk space");
	sl_recording_close(f);
	return NULL;
}

const char *sl_recording_path(const struct sl_recording *f)
{
	return f->path;
}

void sl_recording_action(struct sl_recording *f, const struct sl_action *a)
{
	f->digest = sl_recording_digest_action(f->digest, a);
}

void sl_recording_event(struct sl_recording *f, const struct sl_event *e)
{
	uint8_t head[SL_RECORDING_EVENT_BYTES + 4 + NEIGHBOURS_MOST];
	struct sl_writer w = sl_writer(head, sizeof head);
	f->digest = sl_recording_digest_event(f->digest, e);
	sl_write_u8(&w, (uint8_t)e->kind);
	sl_write_u64(&w, (uint64_t)e->now.us);
	sl_write_u32(&w, e->edge);
	sl_write_u8(&w, e->kind == SL_EVENT_LINK ? (uint8_t)e->link : e->ok);
	sl_write_u64(&w, f->digest);
	if (e->kind == SL_EVENT_ROSTER) {
		sl_write_u32(&w, e->roster->serial);
		write_neighbours(&w, e->roster);
	}
	bool message = e->kind == SL_EVENT_RECEIVE;
	put(f, SL_RECORDING_EVENT_RECORD, head, sl_writer_length(&w), message ? e->bytes : NULL,
	    message ? e->length : 0);
}

void sl_recording_end(struct sl_recording *f, uint32_t round, uint64_t model)
{
	uint8_t bytes[12];
	sl_store_u32(bytes, round);
	sl_store_u64(bytes + 4, model);
	put(f, SL_RECORDING_END, bytes, sizeof bytes, NULL, 0);
}

const char *sl_recording_stopped(struct sl_recording *f)
{
	if (f->told || !f->stopped)
		return NULL;
	f->told = true;
	return f->stopped;
}

void sl_recording_flush(struct sl_recording *f)
{
	pthread_mutex_lock(&f->lock);
	uint8_t *bytes = f->filling;
	size_t length = f->used;
	f->filling = f->writing;
	f->writing = bytes;
	f->used = 0;
	pthread_mutex_unlock(&f->lock);
	while (length > 0 && !atomic_load(&f->failed)) {
		ssize_t n = write(f->fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			atomic_store(&f->failed, true);
		bytes += n > 0 ? n : 0;
		length -= n > 0 ? (size_t)n : 0;
	}
}

void sl_recording_close(struct sl_recording *f)
{
	if (!f)
		return;
	int keep = errno;
	if (f->fd >= 0)
		close(f->fd);
	pthread_mutex_destroy(&f->lock);
	free(f->filling);
	free(f->writing);
	free(f);
	errno = keep;
}
