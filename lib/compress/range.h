/* range.h — a range coder (Martin 1979; byte-wise, with carry propagation) in 32-bit integers: the same bytes on
 * every machine.
 *
 * A stream ends with the shortest byte string all of whose continuations lie in the final interval. So no stream
 * is a prefix of another one, and sl_range_ended accepts exactly the bytes that the encoder wrote. */
#ifndef SL_COMPRESS_RANGE_H
#define SL_COMPRESS_RANGE_H

#include "base/bytes.h"

enum { SL_RANGE_TOP = 1 << 24 }; /* lower limit of the range between calls */

struct sl_range_encoder {
	uint8_t *at, *end; /* free part of the buffer; a carry may still change the bytes before `at` */
	uint32_t low, range;
	bool overflow; /* the buffer was too small: the output is invalid */
};

static inline struct sl_range_encoder sl_range_encoder(uint8_t *room, size_t size)
{
	return (struct sl_range_encoder){ .at = room, .end = room + size, .range = UINT32_MAX };
}

static inline void sl_range_emit(struct sl_range_encoder *e, uint8_t byte)
{
	if (e->at < e->end)
		*e->at++ = byte;
	else
		e->overflow = true;
}

static inline void sl_range_carry(struct sl_range_encoder *e)
{
	if (e->overflow)
		return;
	uint8_t *p = e->at - 1;
	while (++*p == 0) /* the interval lies below 1, so some earlier byte is not 255 */
		p--;
}

static inline void sl_range_narrow(struct sl_range_encoder *e, uint32_t from, uint32_t size)
{
	e->low += from;
	if (e->low < from)
		sl_range_carry(e);
	e->range = size;
	while (e->range < SL_RANGE_TOP) {
		sl_range_emit(e, (uint8_t)(e->low >> 24));
		e->low <<= 8;
		e->range <<= 8;
	}
}

/* Codes one bit, which is 1 with probability p/65536, 0 < p < 65536. */
static inline void sl_range_put_bit(struct sl_range_encoder *e, uint32_t p, bool bit)
{
	uint32_t bound = (uint32_t)((uint64_t)e->range * p >> 16);
	sl_range_narrow(e, bit ? 0 : bound, bit ? bound : e->range - bound);
}

/* Codes the interval [from, from + size) of [0, total), total ≤ 2^20. */
static inline void sl_range_put_span(struct sl_range_encoder *e, uint32_t from, uint32_t size, uint32_t total)
{
	uint32_t unit = e->range / total;
	sl_range_narrow(e, unit * from, unit * size);
}

/* Number of bytes of the final 32-bit window that are written, and their value. */
static inline unsigned sl_range_tail(uint32_t low, uint32_t range, uint64_t *value)
{
	unsigned bytes = 0;
	uint64_t unit;
	do {
		bytes++;
		unit = UINT64_C(1) << (32 - 8 * bytes);
		*value = (low + unit - 1) & ~(unit - 1);
	} while (*value + unit > (uint64_t)low + range);
	return bytes;
}

static inline void sl_range_finish(struct sl_range_encoder *e)
{
	uint64_t value;
	unsigned bytes = sl_range_tail(e->low, e->range, &value);
	if (value >> 32)
		sl_range_carry(e);
	for (unsigned i = 0; i < bytes; i++)
		sl_range_emit(e, (uint8_t)(value >> (24 - 8 * i)));
}

struct sl_range_decoder {
	const uint8_t *bytes;
	size_t length, at; /* `at` may exceed length: bytes after the end are read as 0 */
	uint32_t window;   /* the last four bytes read */
	uint32_t code;     /* window − low */
	uint32_t range;
};

static inline void sl_range_fill(struct sl_range_decoder *d)
{
	uint8_t next = d->at < d->length ? d->bytes[d->at] : 0;
	d->at++;
	d->window = d->window << 8 | next;
	d->code = d->code << 8 | next;
}

static inline struct sl_range_decoder sl_range_decoder(const uint8_t *bytes, size_t length)
{
	struct sl_range_decoder d = { .bytes = bytes, .length = length, .range = UINT32_MAX };
	for (int i = 0; i < 4; i++)
		sl_range_fill(&d);
	return d;
}

static inline void sl_range_take(struct sl_range_decoder *d, uint32_t from, uint32_t size)
{
	d->code -= from;
	d->range = size;
	while (d->range < SL_RANGE_TOP) {
		sl_range_fill(d);
		d->range <<= 8;
	}
}

static inline bool sl_range_get_bit(struct sl_range_decoder *d, uint32_t p)
{
	uint32_t bound = (uint32_t)((uint64_t)d->range * p >> 16);
	bool bit = d->code < bound;
	sl_range_take(d, bit ? 0 : bound, bit ? bound : d->range - bound);
	return bit;
}

/* A number below `total`; call sl_range_take_span next, with the interval that contains it. */
static inline uint32_t sl_range_get_span(const struct sl_range_decoder *d, uint32_t total)
{
	uint32_t at = d->code / (d->range / total);
	return at < total ? at : total - 1;
}

static inline void sl_range_take_span(struct sl_range_decoder *d, uint32_t from, uint32_t size,
                                      uint32_t total)
{
	uint32_t unit = d->range / total;
	sl_range_take(d, unit * from, unit * size);
}

/* True if all bytes are consumed and equal the encoder's output. */
static inline bool sl_range_ended(const struct sl_range_decoder *d)
{
	uint64_t value;
	unsigned bytes = sl_range_tail(d->window - d->code, d->range, &value);
	return d->at - 4 + bytes == d->length && d->window == (uint32_t)value;
}

#endif
