/* bytes.h — little-endian reader and writer.
 *
 * The reader cannot run over and its failure sticks: parse a whole message, then ask sl_reader_done() once.
 * The writer has a bound that was computed beforehand; exceeding it is our own mistake and panics. */
#ifndef SL_BASE_BYTES_H
#define SL_BASE_BYTES_H

#include "base/error.h"
#include <string.h>

_Static_assert(sizeof(float) == 4, "the wire carries IEEE-754 binary32");

struct sl_reader {
	const uint8_t *at, *end; /* borrowed */
	bool failed;
};

static inline struct sl_reader sl_reader(const void *bytes, size_t length)
{
	return (struct sl_reader){ bytes, (const uint8_t *)bytes + length, false };
}

static inline size_t sl_reader_left(const struct sl_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* The next n bytes, or NULL, after which every read gives zeros. */
static inline const uint8_t *sl_read_bytes(struct sl_reader *r, size_t n)
{
	if (r->failed || sl_reader_left(r) < n) {
		r->failed = true;
		return NULL;
	}
	r->at += n;
	return r->at - n;
}

/* Cuts the next n bytes off as a reader of their own: an inner parser sees only its slice. */
static inline struct sl_reader sl_read_part(struct sl_reader *r, size_t n)
{
	const uint8_t *p = sl_read_bytes(r, n);
	return p ? (struct sl_reader){ p, p + n, false } : (struct sl_reader){ NULL, NULL, true };
}

/* Everything was read, nothing was missing. */
static inline bool sl_reader_done(const struct sl_reader *r)
{
	return !r->failed && r->at == r->end;
}

static inline uint16_t sl_load_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t sl_load_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t sl_load_u64(const uint8_t *p)
{
	return (uint64_t)sl_load_u32(p) | (uint64_t)sl_load_u32(p + 4) << 32;
}

static inline void sl_store_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void sl_store_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static inline void sl_store_u64(uint8_t *p, uint64_t v)
{
	sl_store_u32(p, (uint32_t)v);
	sl_store_u32(p + 4, (uint32_t)(v >> 32));
}

static inline uint8_t sl_read_u8(struct sl_reader *r)
{
	const uint8_t *p = sl_read_bytes(r, 1);
	return p ? *p : 0;
}

static inline uint16_t sl_read_u16(struct sl_reader *r)
{
	const uint8_t *p = sl_read_bytes(r, 2);
	return p ? sl_load_u16(p) : 0;
}

static inline uint32_t sl_read_u32(struct sl_reader *r)
{
	const uint8_t *p = sl_read_bytes(r, 4);
	return p ? sl_load_u32(p) : 0;
}

static inline uint64_t sl_read_u64(struct sl_reader *r)
{
	const uint8_t *p = sl_read_bytes(r, 8);
	return p ? sl_load_u64(p) : 0;
}

/* Seven bits in each byte, the lowest first; the top bit is set if more follow. A value has one encoding
 * only: a last byte of 0 after others, and more than 32 bits, make the reader fail. */
static inline uint32_t sl_read_varint(struct sl_reader *r)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t byte = sl_read_u8(r);
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		r->failed = r->failed || (byte == 0 && shift > 0) || v > UINT32_MAX;
		return r->failed ? 0 : (uint32_t)v;
	}
	r->failed = true;
	return 0;
}

static inline uint32_t sl_float_bits(float v)
{
	uint32_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}

static inline float sl_float_from_bits(uint32_t bits)
{
	float v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* A value that may cross the wire: finite, and not -0 (one encoding per value, so that digests agree). */
static inline bool sl_float_bits_ok(uint32_t bits)
{
	return (bits & UINT32_C(0x7f800000)) != UINT32_C(0x7f800000) && bits != UINT32_C(0x80000000);
}

/* A float that may cross the wire; NaN, infinities and -0 make the reader fail. */
static inline float sl_read_f32(struct sl_reader *r)
{
	uint32_t bits = sl_read_u32(r);
	if (!sl_float_bits_ok(bits)) {
		r->failed = true;
		return 0;
	}
	return sl_float_from_bits(bits);
}

struct sl_writer {
	uint8_t *start, *at, *end; /* borrowed */
};

static inline struct sl_writer sl_writer(void *bytes, size_t capacity)
{
	return (struct sl_writer){ bytes, bytes, (uint8_t *)bytes + capacity };
}

static inline size_t sl_writer_length(const struct sl_writer *w)
{
	return (size_t)(w->at - w->start);
}

/* Room for n bytes, which the caller fills. */
static inline uint8_t *sl_write_room(struct sl_writer *w, size_t n)
{
	SL_CHECK((size_t)(w->end - w->at) >= n);
	w->at += n;
	return w->at - n;
}

static inline void sl_write_bytes(struct sl_writer *w, const void *bytes, size_t n)
{
	if (n)
		memcpy(sl_write_room(w, n), bytes, n);
}

static inline void sl_write_u8(struct sl_writer *w, uint8_t v)
{
	*sl_write_room(w, 1) = v;
}

static inline void sl_write_u16(struct sl_writer *w, uint16_t v)
{
	sl_store_u16(sl_write_room(w, 2), v);
}

static inline void sl_write_u32(struct sl_writer *w, uint32_t v)
{
	sl_store_u32(sl_write_room(w, 4), v);
}

static inline void sl_write_u64(struct sl_writer *w, uint64_t v)
{
	sl_store_u64(sl_write_room(w, 8), v);
}

/* One to five bytes, as sl_read_varint reads them. */
static inline void sl_write_varint(struct sl_writer *w, uint32_t v)
{
	for (; v > 0x7f; v >>= 7)
		sl_write_u8(w, (uint8_t)(v | 0x80));
	sl_write_u8(w, (uint8_t)v);
}

/* The value must be finite; -0 is written as +0. */
static inline void sl_write_f32(struct sl_writer *w, float v)
{
	uint32_t bits = sl_float_bits(v);
	sl_write_u32(w, bits == UINT32_C(0x80000000) ? 0 : bits);
}

#endif
