/* streams.h — the streams of whole bytes inside a message (gaps.h, pairs.h): writers without bounds checks, for whoever has
 * checked the room, and a reader that never passes the end. */
#ifndef SL_COMPRESS_STREAMS_H
#define SL_COMPRESS_STREAMS_H

#include "compress/stage.h"

#include "compress/bits.h"

/* Writes backwards: what is put later comes first. */
struct sl_back_sink {
	uint8_t *at;
	uint64_t held; /* right-aligned */
	unsigned fill;
};

static inline void sl_back_put(struct sl_back_sink *k, uint64_t v, unsigned n)
{
	k->held |= v << k->fill;
	k->fill += n;
	sl_store_be64(k->at - 8, k->held);
	k->at -= k->fill / 8;
	k->held >>= k->fill & ~7u;
	k->fill &= 7;
}

/* A writer without bounds checks: the caller has checked the room. Its stores write up to eight bytes more than was
 * put. */
struct sl_sink {
	uint8_t *at;
	uint64_t held;
	unsigned fill;
};

static inline void sl_sink_put(struct sl_sink *k, uint64_t v, unsigned n)
{
	k->fill += n;
	k->held |= v << (64 - k->fill) % 64;
	sl_store_be64(k->at, k->held);
	k->at += k->fill / 8;
	k->held <<= k->fill & ~7u;
	k->fill &= 7;
}

static inline uint8_t *sl_sink_end(const struct sl_sink *k)
{
	return k->at + (k->fill > 0);
}

/* The next bits of a stream are the upper bits of the window. */
struct sl_source {
	const uint8_t *at, *end;
	uint64_t window;
	unsigned held; /* valid bits of the window; those below are 0, or will be read again at `at` */
	unsigned past; /* bytes of zeros that were read behind the end */
};

static inline void sl_refill_tail(struct sl_source *k)
{
	k->window &= k->held ? ~UINT64_C(0) << (64 - k->held) : 0;
	for (; k->held <= 56; k->held += 8) {
		if (k->at == k->end)
			k->past++;
		else
			k->window |= (uint64_t)*k->at++ << (56 - k->held);
	}
}

/* Refills the window to at least 56 bits. */
static inline void sl_refill(struct sl_source *k)
{
	if (__builtin_expect(k->end - k->at < 8, 0)) {
		sl_refill_tail(k);
		return;
	}
	k->window |= sl_load_be64(k->at) >> k->held;
	k->at += (63 - k->held) >> 3;
	k->held |= 56;
}

/* Bits that were not taken; negative: more than there are. */
static inline int64_t sl_left_over(const struct sl_source *k)
{
	return 8 * ((int64_t)(k->end - k->at) - k->past) + k->held;
}

/* Whether the whole stream was consumed, except for less than a byte of zeros. */
static inline bool sl_source_done(const struct sl_source *k)
{
	int64_t left = sl_left_over(k);
	return left >= 0 && left < 8 && (left == 0 || (k->end[-1] & ((1 << left) - 1)) == 0);
}

/* Prefetches the coordinate of the copy that a symbol will be added to: it is no longer in the cache, and the loop that
 * decodes levels does not wait for memory. Positions are not validated yet; a prefetch of any address is harmless. */
static inline void sl_fetch(const float *copy, uint32_t place)
{
	if (copy)
		__builtin_prefetch((const void *)((uintptr_t)copy + (uintptr_t)place * sizeof *copy));
}

static inline const float *sl_copy_behind(const struct sl_symbols *s)
{
	return s->message && !s->coordinate ? s->message->copy : NULL;
}

/* Splits off the next bytes. */
static inline bool sl_cut(struct sl_reader *r, size_t bytes, struct sl_source *out)
{
	const uint8_t *at = sl_read_bytes(r, bytes);
	*out = (struct sl_source){ .at = at, .end = at ? at + bytes : NULL };
	return at != NULL;
}

/* Checks that only zeros follow up to the next byte; returns the bytes after them. */
static inline bool sl_rest_of(const struct sl_bit_reader *b, struct sl_reader *rest)
{
	uint64_t at = (b->position + 7) / 8;
	if (at > b->length || (b->position % 8 && (uint8_t)(b->bytes[at - 1] << b->position % 8)))
		return false;
	*rest = sl_reader(b->bytes + at, b->length - at);
	return true;
}

#endif
