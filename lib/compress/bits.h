/* bits.h — bit streams for the coders, and the two universal codes they share. Bits fill each byte from its
 * most significant end; the last byte is padded with zeros. */
#ifndef SL_COMPRESS_BITS_H
#define SL_COMPRESS_BITS_H

#include "base/bytes.h"

/* Bytes behind the last bit that the writer may touch: bounds of coders include them. */
enum { SL_BITS_SLACK = 8 };

static inline unsigned sl_bit_length(uint64_t v) /* 0 has none */
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Interleaves the signed integers: 0, −1, 1, −2, 2 … → 0, 1, 2, 3, 4 … */
static inline uint32_t sl_zigzag(int32_t v)
{
	return (uint32_t)v << 1 ^ (uint32_t)(v >> 31);
}

static inline int32_t sl_unzigzag(uint32_t z)
{
	return (int32_t)(z >> 1 ^ (0 - (z & 1)));
}

static inline uint64_t sl_load_be64(const uint8_t *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

static inline void sl_store_be64(uint8_t *p, uint64_t v)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	memcpy(p, &v, sizeof v);
}

struct sl_bit_writer {
	uint8_t *at, *end;
	uint64_t held; /* left-aligned */
	unsigned fill; /* bits held, fewer than 8 between calls */
};

static inline struct sl_bit_writer sl_bit_writer(struct sl_writer *w)
{
	return (struct sl_bit_writer){ .at = w->at, .end = w->end };
}

/* The low n bits of v; n ≤ 56, and v has no others. */
static inline void sl_put_bits(struct sl_bit_writer *b, uint64_t v, unsigned n)
{
	SL_CHECK(b->end - b->at >= SL_BITS_SLACK);
	b->fill += n;
	b->held |= v << (64 - b->fill) % 64; /* n = 0 brings v = 0 */
	sl_store_be64(b->at, b->held);
	b->at += b->fill / 8;
	b->held <<= b->fill & ~7u;
	b->fill &= 7;
}

/* Pads and hands the bytes over. */
static inline void sl_bits_finish(struct sl_bit_writer *b, struct sl_writer *w)
{
	w->at = b->at + (b->fill > 0);
}

struct sl_bit_reader {
	const uint8_t *bytes;
	size_t length;
	uint64_t position; /* bits; may run past the end, where all bits are 0 */
};

static inline struct sl_bit_reader sl_bit_reader(struct sl_reader r)
{
	return (struct sl_bit_reader){ .bytes = r.at, .length = r.failed ? 0 : sl_reader_left(&r) };
}

uint64_t sl_peek_tail(const struct sl_bit_reader *);

/* The next bits, left-aligned: at least 57 of them, zeros past the end. */
static inline uint64_t sl_peek_bits(const struct sl_bit_reader *b)
{
	size_t byte = b->position / 8;
	uint64_t window = byte + 8 <= b->length ? sl_load_be64(b->bytes + byte) : sl_peek_tail(b);
	return window << b->position % 8;
}

/* The next n ≤ 56 bits. */
static inline uint64_t sl_get_bits(struct sl_bit_reader *b, unsigned n)
{
	uint64_t v = n ? sl_peek_bits(b) >> (64 - n) : 0;
	b->position += n;
	return v;
}

static inline bool sl_bits_overrun(const struct sl_bit_reader *b)
{
	return b->position > (uint64_t)b->length * 8;
}

/* Nothing but the padding of the last byte is left, and it is zero. */
bool sl_bits_done(const struct sl_bit_reader *);

/* Elias omega (Elias 1975) of n ≥ 1. */
unsigned sl_omega_length(uint32_t n);
void sl_put_omega(struct sl_bit_writer *, uint32_t n);
/* 0 where no 32-bit integer is coded. */
uint32_t sl_get_omega(struct sl_bit_reader *);

/* Golomb code (Golomb 1966) of parameter M: quotient in unary (ones, then a zero), remainder in truncated
 * binary. */
struct sl_golomb {
	uint32_t m, cutoff; /* remainders below the cutoff take one bit less */
	unsigned bits;      /* of the longer remainders */
};

/* The parameter for runs between `count` marks among n positions, count ≤ n/2: within 0.4 % of the best. */
static inline struct sl_golomb sl_golomb_for(uint32_t n, uint32_t count)
{
	uint64_t m = (45426 * (uint64_t)n + 10027 * (uint64_t)count) / (65536 * (uint64_t)count);
	uint32_t parameter = m < 1 ? 1 : (uint32_t)m;
	unsigned bits = sl_bit_length(parameter - 1);
	return (struct sl_golomb){ parameter, (uint32_t)((UINT64_C(1) << bits) - parameter), bits };
}

static inline unsigned sl_golomb_length(const struct sl_golomb *g, uint32_t run)
{
	uint32_t quotient = run / g->m, rest = run % g->m;
	return quotient + 1 + g->bits - (rest < g->cutoff);
}

static inline void sl_put_golomb(struct sl_bit_writer *b, const struct sl_golomb *g, uint32_t run)
{
	uint32_t quotient = run / g->m, rest = run % g->m;
	bool is_short = rest < g->cutoff;
	for (; __builtin_expect(quotient > 22, 0); quotient -= 22)
		sl_put_bits(b, (1u << 22) - 1, 22);
	/* 22 ones, a zero and 29 bits fit one call. */
	unsigned bits = g->bits - is_short;
	uint64_t v = ((UINT64_C(1) << quotient) - 1) << 1 << bits | (is_short ? rest : rest + g->cutoff);
	sl_put_bits(b, v, quotient + 1 + bits);
}

/* Past the end, or beyond 2^28: UINT32_MAX or a number that a caller's range check refuses. */
static inline uint32_t sl_get_golomb(struct sl_bit_reader *b, const struct sl_golomb *g)
{
	uint64_t window = sl_peek_bits(b), quotient = 0;
	unsigned ones = (unsigned)__builtin_clzll(~window | 1);
	while (__builtin_expect(ones > 24, 0)) { /* take 24, look again */
		b->position += 24;
		quotient += 24;
		if (quotient * g->m > UINT32_C(0x7fffffff))
			return UINT32_MAX;
		window = sl_peek_bits(b);
		ones = (unsigned)__builtin_clzll(~window | 1);
	}
	window <<= ones + 1;
	uint32_t with = g->bits ? (uint32_t)(window >> (64 - g->bits)) : 0, without = with >> 1;
	bool is_short = without < g->cutoff;
	b->position += ones + 1 + g->bits - is_short;
	uint64_t run = (quotient + ones) * g->m + (is_short ? without : with - g->cutoff);
	return run > UINT32_C(0x7fffffff) ? UINT32_MAX : (uint32_t)run;
}

#endif
