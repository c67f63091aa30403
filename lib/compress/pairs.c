#include "compress/pairs.h"

#include "compress/gaps.h"
#include "compress/streams.h"
#include "linalg/variants.h"

#include <math.h>

/* Nonzeros go through in chunks, so that what one step writes the next finds in registers or in the first-level cache, and
 * that the copy's coordinates can be fetched while the next chunk's tokens are decoded. */
enum { CHUNK = 64, TURNS = 4, OCTET = 8 };

static inline uint32_t magnitude_of(int32_t v)
{
	return (uint32_t)(v < 0 ? -v : v);
}

/* Bit i: something of token i of a chunk continues in stream 3. */
static inline uint64_t continued_octet(const uint8_t *token)
{
	uint64_t t = sl_load_u64(token), high = t >> 2 & t >> 3, other = t & t >> 1;
	return (((high | other) & UINT64_C(0x0101010101010101)) * UINT64_C(0x0102040810204080)) >> 56;
}

static inline uint64_t continued(const uint8_t token[static CHUNK])
{
	uint64_t mask = 0;
	for (unsigned g = 0; g < CHUNK; g += OCTET)
		mask |= continued_octet(token + g) << g;
	return mask;
}

/* Magnitudes without a class of their own, counted from 0. */
static uint32_t rank_of(const uint32_t level[static SL_PAIRS_LEVELS], uint32_t magnitude)
{
	uint32_t rank = magnitude - 1;
	for (int i = 0; i < SL_PAIRS_LEVELS; i++)
		rank -= magnitude > level[i];
	return rank;
}

/* Back, by the same magnitudes in ascending order. */
static uint64_t of_rank(const uint32_t rising[static SL_PAIRS_LEVELS], uint64_t rank)
{
	uint64_t magnitude = rank + 1;
	for (int i = 0; i < SL_PAIRS_LEVELS; i++)
		magnitude += magnitude >= rising[i];
	return magnitude;
}

/* ---- planning ---- */

enum { LEVELS = SL_PAIRS_LEVEL_MOST + 1 };

/* How many bytes are v, for each v below `values`: comparing all with each of a few values takes less than a step in a table
 * for each byte. Bytes up to a whole chunk are read; those behind n equal no value. A comparison gives −1. Lanes are no wider
 * than any processor's registers: gcc compares wider vectors byte by byte where there are no such registers, 40 times as
 * slowly. */
enum { LANES = 16, SHARES = CHUNK / LANES };
typedef uint8_t lanes __attribute__((vector_size(LANES)));

SL_KERNEL static void count_bytes(uint32_t n, const uint8_t *restrict byte, unsigned values,
                                  uint32_t *restrict count)
{
	enum { MOST = 255 * CHUNK };
	for (unsigned v = 0; v < values; v++) {
		lanes value = (lanes){ 0 } + (uint8_t)v;
		count[v] = 0;
		for (uint32_t at = 0; at < n; at += MOST) {
			uint32_t end = n - at < MOST ? n : at + MOST;
			lanes here[SHARES], sum[SHARES] = { { 0 } };
			for (uint32_t i = at; i < end; i += CHUNK) {
				memcpy(here, byte + i, sizeof here);
				for (int s = 0; s < SHARES; s++)
					sum[s] -= (lanes)(here[s] == value);
			}
			for (uint32_t l = 0; l < CHUNK; l++)
				count[v] += sum[l / LANES][l % LANES];
		}
	}
}

SL_KERNEL static void make_magnitudes(uint32_t n, const int32_t *restrict symbol, uint8_t *restrict byte)
{
	for (uint32_t i = 0; i < n; i++)
		byte[i] = (uint8_t)magnitude_of(symbol[i]);
}

static void count_levels(const struct sl_symbols *s, uint8_t *room, uint32_t count[static LEVELS])
{
	memset(count, 0, LEVELS * sizeof *count);
	make_magnitudes(s->count, s->symbol, room);
	memset(room + s->count, UINT8_MAX, CHUNK);
	count_bytes(s->count, room, s->symbol_max + 1, count);
}

/* The most frequent ones; where there are fewer, the smallest of the others. */
static void choose_levels(const uint32_t count[static LEVELS], uint32_t level[static SL_PAIRS_LEVELS])
{
	for (int i = 0; i < SL_PAIRS_LEVELS; i++) {
		uint32_t best = 0, most = 0;
		for (uint32_t v = 1; v < LEVELS; v++) {
			bool taken = (i > 0 && v == level[0]) || (i > 1 && v == level[1]);
			if (!taken && (best == 0 || count[v] > most)) {
				best = v;
				most = count[v];
			}
		}
		level[i] = best;
	}
}

/* As many as make the share of gaps with a high part of 0 about half: that of a Golomb code, rounded. */
static unsigned low_bits(uint32_t domain, uint32_t count)
{
	double best = 0.69 * ((double)domain / count - 1), low = best > 1 ? floor(log2(best) + 0.5) : 0;
	return low < SL_PAIRS_LOW_MOST ? (unsigned)low : SL_PAIRS_LOW_MOST;
}

static inline uint8_t token_of(uint32_t high, uint32_t magnitude,
                               const uint32_t level[static SL_PAIRS_LEVELS])
{
	uint32_t class = magnitude == level[0]   ? 0
	                 : magnitude == level[1] ? 1
	                 : magnitude == level[2] ? 2
	                                         : 3;
	return (uint8_t)((high < SL_PAIRS_HIGH ? high : SL_PAIRS_HIGH) << 2 | class);
}

SL_KERNEL static void make_tokens(uint32_t n, const uint32_t *restrict index, const int32_t *restrict symbol,
                                  unsigned low, const uint32_t *restrict levels, uint8_t *restrict token,
                                  uint8_t *restrict lows)
{
	uint32_t level[SL_PAIRS_LEVELS] = { levels[0], levels[1], levels[2] }, mask = (1u << low) - 1;
	token[0] = token_of(index[0] >> low, magnitude_of(symbol[0]), level);
	lows[0] = (uint8_t)(index[0] & mask);
	for (uint32_t i = 1; i < n; i++) {
		uint32_t gap = index[i] - index[i - 1] - 1;
		token[i] = token_of(gap >> low, magnitude_of(symbol[i]), level);
		lows[i] = (uint8_t)(gap & mask);
	}
}

/* n zeros and a one. False: there is no room for it. */
static bool put_unary(struct sl_sink *k, uint64_t n, const uint8_t *end)
{
	enum { STEP = 40 };
	for (; n >= STEP; n -= STEP) {
		if (end - k->at < 2 * SL_BITS_SLACK)
			return false;
		sl_sink_put(k, 0, STEP);
	}
	if (end - k->at < 2 * SL_BITS_SLACK)
		return false;
	sl_sink_put(k, 1, (unsigned)n + 1);
	return true;
}

/* Stream 3. Tokens are padded with zeros up to a whole chunk. */
static bool put_rest(const struct sl_symbols *s, struct sl_pairs_plan *p, const uint8_t *end)
{
	struct sl_sink k = { .at = p->rest };
	bool fits = true;
	for (uint32_t at = 0; at < s->count && fits; at += CHUNK)
		for (uint64_t mask = continued(p->token + at); mask && fits; mask &= mask - 1) {
			uint32_t i = at + (uint32_t)__builtin_ctzll(mask);
			uint32_t high = (s->index[i] - (i ? s->index[i - 1] + 1 : 0)) >> p->low;
			if (high >= SL_PAIRS_HIGH)
				fits = put_unary(&k, high - SL_PAIRS_HIGH, end);
			if (fits && (p->token[i] & 3) == 3)
				fits = put_unary(&k, rank_of(p->level, magnitude_of(s->symbol[i])), end);
		}
	p->rest_end = sl_sink_end(&k);
	return fits;
}

static size_t low_bytes(uint32_t count, unsigned low)
{
	return (size_t)(count / OCTET) * low + (count % OCTET * low + 7) / 8;
}

/* Bits of the head, without the two that choose the form; of the shares' the most. */
static uint64_t head_bits(const struct sl_symbols *s, const struct sl_pairs_plan *p, unsigned shares)
{
	return 4 + shares + sl_omega_length(s->count) + sl_omega_length(p->level[0]) +
	       sl_omega_length(p->level[1]) + sl_omega_length(p->level[2]) +
	       sl_omega_length((uint32_t)(p->rest_end - p->rest) + 1);
}

/* Σ n·log2(whole/n) over counts */
static double entropy(unsigned n, const uint32_t *count, double whole)
{
	double bits = 0;
	for (unsigned i = 0; i < n; i++)
		if (count[i])
			bits += count[i] * log2(whole / count[i]);
	return bits;
}

/* Whether this form is at most 2 % longer than the better one of the others, by estimates. */
static bool good_enough(const struct sl_symbols *s, const struct sl_pairs_plan *p,
                        const uint32_t level[static LEVELS])
{
	enum { TABLES = 120 };
	double n = s->count, zeros = s->domain - s->count, gaps = sl_gaps_estimate(s) + TABLES;
	double places = n * log2(s->domain / n) + (zeros > 0 ? zeros * log2(s->domain / zeros) : 0);
	double other = n + entropy(LEVELS, level, n) + (gaps < places + TABLES ? gaps : places + TABLES);
	double own =
	    8 * ((n + 7) / 8 + (double)low_bytes(s->count, p->low) + (double)(p->rest_end - p->rest)) +
	    (double)head_bits(s, p, TABLES) + entropy(16, p->count, n);
	return own <= 1.02 * other;
}

/* Tokens and low bits, stream 3 and stream 4; the writers' stores go up to eight bytes further. */
size_t sl_pairs_room(uint32_t most)
{
	return 2 * (size_t)most + CHUNK + OCTET + 2 * (2 * (size_t)most + 64);
}

bool sl_pairs_plan(const struct sl_symbols *s, uint8_t *room, struct sl_pairs_plan *p)
{
	uint32_t level[LEVELS];
	if (s->count < SL_PAIRS_LEAST || s->symbol_max == 0 || s->symbol_max > SL_PAIRS_LEVEL_MOST)
		return false;
	p->low = low_bits(s->domain, s->count);
	p->token = room;
	p->lows = p->token + s->count + CHUNK;
	p->rest = p->lows + s->count + OCTET;
	count_levels(s, p->token, level);
	choose_levels(level, p->level);
	uint8_t *rest_most = p->rest + 2 * (size_t)s->count + 64;
	p->stream = p->stream_end = rest_most + 2 * (size_t)s->count + 64;
	make_tokens(s->count, s->index, s->symbol, p->low, p->level, p->token, p->lows);
	memset(p->token + s->count, UINT8_MAX, CHUNK);
	count_bytes(s->count, p->token, SL_PAIRS_TOKENS, p->count);
	memset(p->token + s->count, 0, CHUNK);
	memset(p->lows + s->count, 0, OCTET);
	return put_rest(s, p, rest_most) && good_enough(s, p, level);
}

/* Writes the bits of one token from state x, and moves x to the previous state. */
static inline unsigned token_bits(const struct sl_tans_writer *w, uint32_t *x, uint8_t token, uint64_t *out)
{
	unsigned bits = (*x + w->token[token].bits) >> 16;
	*out = *out << bits | (*x & ((1u << bits) - 1));
	*x = w->state[(int32_t)(*x >> bits) + w->token[token].next];
	return bits;
}

/* From the last token to the first. The bits of the first of four are read first. */
SL_VARIANTS static uint8_t *put_tokens(uint32_t n, const uint8_t *token, const struct sl_tans_writer *w,
                                       uint8_t *end)
{
	struct sl_back_sink k = { .at = end };
	uint32_t x[TURNS] = { SL_TANS_STATES, SL_TANS_STATES, SL_TANS_STATES, SL_TANS_STATES };
	for (; n % TURNS; n--) {
		uint64_t v = 0;
		unsigned bits = token_bits(w, &x[(n - 1) % TURNS], token[n - 1], &v);
		sl_back_put(&k, v, bits);
	}
	uint32_t a = x[0], b = x[1], c = x[2], d = x[3];
	for (; n > 0; n -= TURNS) {
		uint64_t v[TURNS] = { 0 };
		unsigned last = token_bits(w, &d, token[n - 1], &v[3]);
		unsigned third = token_bits(w, &c, token[n - 2], &v[2]);
		unsigned second = token_bits(w, &b, token[n - 3], &v[1]);
		unsigned first = token_bits(w, &a, token[n - 4], &v[0]);
		uint64_t front = v[0] << second | v[1], behind = v[2] << last | v[3];
		sl_back_put(&k, front << (third + last) | behind, first + second + third + last);
	}
	const uint32_t last[TURNS] = { a, b, c, d };
	for (unsigned t = TURNS; t-- > 0;)
		sl_back_put(&k, last[t] - SL_TANS_STATES, SL_TANS_BITS);
	sl_back_put(&k, 1, 8 - k.fill);
	return k.at;
}

void sl_pairs_code(const struct sl_symbols *s, struct sl_pairs_plan *p)
{
	uint32_t count[SL_TOKENS] = { 0 };
	struct sl_tans_writer w;
	memcpy(count, p->count, sizeof p->count);
	sl_tans_make(&p->code, count);
	sl_tans_writer(&p->code, &w);
	p->stream = put_tokens(s->count, p->token, &w, p->stream_end);
	p->bits = 8 * ((head_bits(s, p, sl_tans_bits(&p->code)) + 2 + 7) / 8 + (s->count + 7) / 8 +
	               low_bytes(s->count, p->low) + (size_t)(p->rest_end - p->rest) +
	               (size_t)(p->stream_end - p->stream));
}

/* ---- writing ---- */

/* Eight numbers of `low` bits, a byte each, as one; and back. */
static inline uint64_t pack(uint64_t v, unsigned low)
{
	v = (v & UINT64_C(0x00ff00ff00ff00ff)) | (v & UINT64_C(0xff00ff00ff00ff00)) >> (8 - low);
	v = (v & UINT64_C(0x0000ffff0000ffff)) | (v & UINT64_C(0xffff0000ffff0000)) >> (16 - 2 * low);
	return (v & UINT64_C(0x00000000ffffffff)) | (v & UINT64_C(0xffffffff00000000)) >> (32 - 4 * low);
}

static inline uint64_t unpack(uint64_t v, unsigned low)
{
	uint64_t one = (1u << low) - 1, two = (UINT64_C(1) << 2 * low) - 1,
	         four = (UINT64_C(1) << 4 * low) - 1;
	v = (v & four) | (v >> 4 * low & four) << 32;
	v = (v & two * UINT64_C(0x0000000100000001)) | (v >> 2 * low & two * UINT64_C(0x0000000100000001))
	                                                   << 16;
	return (v & one * UINT64_C(0x0001000100010001)) | (v >> low & one * UINT64_C(0x0001000100010001))
	                                                      << 8;
}

/* Stores go up to eight bytes further. Low bits are padded with zeros up to a multiple of eight. */
static uint8_t *put_lows(uint32_t n, const uint8_t *lows, unsigned low, uint8_t *at)
{
	for (uint32_t i = 0; i < n; i += OCTET)
		sl_store_u64(at + (size_t)(i / OCTET) * low, pack(sl_load_u64(lows + i), low));
	return at + low_bytes(n, low);
}

void sl_pairs_put(const struct sl_symbols *s, const struct sl_pairs_plan *p, struct sl_bit_writer *b)
{
	SL_CHECK((uint64_t)(b->end - b->at) >= p->bits / 8 + 1 + SL_BITS_SLACK);
	size_t rest = (size_t)(p->rest_end - p->rest), tokens = (size_t)(p->stream_end - p->stream);
	sl_put_omega(b, s->count);
	sl_put_bits(b, p->low, 4);
	for (int i = 0; i < SL_PAIRS_LEVELS; i++)
		sl_put_omega(b, p->level[i]);
	sl_tans_put(&p->code, b);
	sl_put_omega(b, (uint32_t)rest + 1);
	uint8_t *at = sl_signs_put(s->count, s->symbol, b->at + (b->fill > 0));
	at = put_lows(s->count, p->lows, p->low, at);
	memcpy(at, p->rest, rest);
	memcpy(at + rest, p->stream, tokens);
	*b = (struct sl_bit_writer){ .at = at + rest + tokens, .end = b->end };
}

/* ---- reading ---- */

/* What a message consists of, while it is read. */
struct parts {
	unsigned low;
	uint32_t level[4], rising[SL_PAIRS_LEVELS]; /* of classes; the same, sorted */
	uint32_t largest;                           /* magnitude */
	struct sl_bit_reader rest;
	struct sl_source tokens;
	const uint8_t *sign, *lows; /* those of the chunk in hand */
	const uint8_t *end;         /* of the message */
	uint64_t next;              /* position behind the last */
	bool broken;
};

struct chunk {
	uint8_t token[CHUNK], lows[CHUNK];
	uint32_t gap[CHUNK], magnitude[CHUNK];
};

/* Decodes one token and advances the state. The lowest bits of an entry, and of a sum of four, are numbers of bits. */
static inline uint8_t take(uint64_t *window, uint32_t *bits, const uint32_t *table, uint32_t *state)
{
	uint32_t e = table[*state];
	*state = (e >> 16) + (uint32_t)(*window >> 1 >> (~e & 63));
	*window <<= e & 63;
	*bits += e;
	return (uint8_t)(e >> 8);
}

/* Four tokens take at most 36 bits. */
SL_VARIANTS static void take_tokens(struct sl_source *from, const uint32_t *table,
                                    uint32_t state[static TURNS], uint32_t n, uint8_t *token)
{
	struct sl_source k = *from;
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], i = 0;
	for (; i + TURNS <= n; i += TURNS) {
		uint32_t bits = 0;
		sl_refill(&k);
		token[i] = take(&k.window, &bits, table, &a);
		token[i + 1] = take(&k.window, &bits, table, &b);
		token[i + 2] = take(&k.window, &bits, table, &c);
		token[i + 3] = take(&k.window, &bits, table, &d);
		k.held -= bits & 63;
	}
	state[0] = a;
	state[1] = b;
	state[2] = c;
	state[3] = d;
	for (; i < n; i++) {
		uint32_t bits = 0;
		sl_refill(&k);
		token[i] = take(&k.window, &bits, table, &state[i % TURNS]);
		k.held -= bits & 63;
	}
	*from = k;
}

static uint64_t take_unary(struct sl_bit_reader *b)
{
	uint64_t zeros = 0, window = sl_peek_bits(b);
	while (window == 0 && !sl_bits_overrun(b)) {
		enum { SURE = 56 };
		zeros += SURE;
		b->position += SURE;
		window = sl_peek_bits(b);
	}
	unsigned here = window ? (unsigned)__builtin_clzll(window) : 0;
	b->position += here + 1;
	return zeros + here;
}

/* What stream 3 has of this chunk. */
static void take_rest(struct parts *p, struct chunk *c)
{
	for (uint64_t mask = continued(c->token); mask; mask &= mask - 1) {
		unsigned i = (unsigned)__builtin_ctzll(mask);
		if (c->token[i] >> 2 == SL_PAIRS_HIGH) {
			uint64_t more = take_unary(&p->rest) << p->low;
			p->broken = p->broken || more > UINT32_MAX / 2;
			c->gap[i] += (uint32_t)more;
		}
		if ((c->token[i] & 3) == SL_PAIRS_LEVELS) {
			uint64_t magnitude = of_rank(p->rising, take_unary(&p->rest));
			p->broken = p->broken || magnitude > p->largest;
			c->magnitude[i] = (uint32_t)magnitude;
		}
	}
}

SL_KERNEL static void spread_tokens(const struct parts *p, struct chunk *c)
{
	unsigned low = p->low;
	uint32_t first = p->level[0], second = p->level[1], third = p->level[2];
	for (uint32_t g = 0; g < CHUNK / OCTET; g++)
		sl_store_u64(c->lows + (size_t)g * OCTET,
		             unpack(sl_load_u64(p->lows + (size_t)g * low), low));
	for (uint32_t i = 0; i < CHUNK; i++) {
		c->gap[i] = ((uint32_t)(c->token[i] >> 2) << low) + c->lows[i];
		uint32_t class = c->token[i] & 3;
		c->magnitude[i] = class == 0 ? first : class == 1 ? second : third;
	}
}

SL_KERNEL static void sign_chunk(const uint8_t *restrict sign, const uint32_t *restrict magnitude,
                                 int32_t *restrict symbol)
{
	for (uint32_t g = 0; g < CHUNK; g += OCTET) {
		uint32_t byte = (uint32_t)sign[g / OCTET] << 24;
		for (uint32_t k = 0; k < OCTET; k++) {
			uint32_t minus = 0 - (byte << k >> 31);
			symbol[g + k] = (int32_t)((magnitude[g + k] ^ minus) - minus);
		}
	}
}

/* A whole chunk, from its tokens on. */
static void finish_chunk(struct parts *p, struct chunk *c, const float *copy, uint32_t *index,
                         int32_t *symbol)
{
	uint64_t next = p->next;
	spread_tokens(p, c);
	take_rest(p, c);
	for (uint32_t i = 0; i < CHUNK; i++) {
		next += c->gap[i];
		index[i] = (uint32_t)next++;
		sl_fetch(copy, index[i]);
	}
	p->next = next;
	sign_chunk(p->sign, c->magnitude, symbol);
}

/* The states in front of the tokens. */
static bool begin_tokens(struct sl_source *k, uint32_t state[static TURNS])
{
	sl_refill(k);
	unsigned begin = sl_bit_length(k->window >> 56); /* the 1 in front */
	k->window <<= 9 - begin;
	k->held -= 9 - begin;
	for (unsigned t = 0; t < TURNS; t++) {
		state[t] = (uint32_t)(k->window >> (64 - SL_TANS_BITS));
		k->window <<= SL_TANS_BITS;
		k->held -= SL_TANS_BITS;
	}
	return begin > 0;
}

/* The last chunk, which may be shorter: its parts are padded with zeros. Checks the padding of both. */
static void take_last(struct parts *p, struct chunk *c, uint32_t n, const float *copy, uint32_t *index,
                      int32_t *symbol)
{
	uint8_t sign[CHUNK / 8] = { 0 }, lows[CHUNK + OCTET] = { 0 };
	uint32_t places[CHUNK];
	int32_t symbols[CHUNK];
	memset(c->token + n, 0, CHUNK - n);
	memcpy(sign, p->sign, (n + 7) / 8);
	memcpy(lows, p->lows, low_bytes(n, p->low));
	p->sign = sign;
	p->lows = lows;
	finish_chunk(p, c, copy, places, symbols);
	for (uint32_t i = n; i < CHUNK; i++) /* of the padding */
		p->broken = p->broken || c->lows[i] != 0 || symbols[i] < 0;
	p->next -= CHUNK - n;
	memcpy(index, places, n * sizeof *index);
	memcpy(symbol, symbols, n * sizeof *symbol);
}

static bool get_chunks(struct sl_symbols *s, struct parts *p, const uint32_t *table)
{
	const float *copy = sl_copy_behind(s);
	uint32_t state[TURNS], i = 0;
	struct chunk c;
	if (!begin_tokens(&p->tokens, state))
		return false;
	for (; s->count - i > CHUNK; i += CHUNK) {
		uint8_t padded[CHUNK + OCTET] = { 0 };
		const uint8_t *lows = p->lows;
		size_t bytes = low_bytes(CHUNK, p->low);
		if ((size_t)(p->end - lows) < bytes + OCTET) /* as much is read */
			p->lows = memcpy(padded, lows, bytes);
		take_tokens(&p->tokens, table, state, CHUNK, c.token);
		finish_chunk(p, &c, copy, s->index + i, s->symbol + i);
		p->sign += CHUNK / 8;
		p->lows = lows + bytes;
	}
	take_tokens(&p->tokens, table, state, s->count - i, c.token);
	take_last(p, &c, s->count - i, copy, s->index + i, s->symbol + i);
	return !p->broken && p->next <= s->domain && sl_bits_done(&p->rest) &&
	       sl_left_over(&p->tokens) == 0 && (state[0] | state[1] | state[2] | state[3]) == 0;
}

/* Three magnitudes, of which those that tokens have are in range. */
static bool get_levels(struct parts *p, struct sl_bit_reader *b)
{
	for (int i = 0; i < SL_PAIRS_LEVELS; i++) {
		uint32_t level = p->level[i] = sl_get_omega(b);
		int at = i;
		for (; at > 0 && p->rising[at - 1] > level; at--)
			p->rising[at] = p->rising[at - 1];
		p->rising[at] = level;
	}
	return p->rising[0] > 0 && p->rising[0] < p->rising[1] && p->rising[1] < p->rising[2];
}

static bool shares_sound(const struct parts *p, const struct sl_tans *a)
{
	for (uint32_t t = 0; t < SL_PAIRS_TOKENS; t++)
		if (a->share[t] && (t & 3) < SL_PAIRS_LEVELS && p->level[t & 3] > p->largest)
			return false;
	return true;
}

bool sl_pairs_get(struct sl_symbols *s, uint32_t count, struct sl_bit_reader *b,
                  struct sl_pairs_scratch *scratch)
{
	struct parts p = { .largest = s->symbol_max, .low = (unsigned)sl_get_bits(b, 4) };
	struct sl_reader left;
	struct sl_tans code;
	if (count <= SL_PAIRS_ABOVE || count > s->count_max || p.low > SL_PAIRS_LOW_MOST ||
	    !get_levels(&p, b) || !sl_tans_get(&code, SL_PAIRS_TOKENS - 1, b) || !shares_sound(&p, &code))
		return false;
	s->count = count;
	sl_tans_states(&code, scratch->state);
	uint32_t rest = sl_get_omega(b);
	if (rest-- == 0 || !sl_rest_of(b, &left))
		return false;
	p.sign = sl_read_bytes(&left, (count + 7) / 8);
	p.lows = sl_read_bytes(&left, low_bytes(count, p.low));
	p.end = left.end;
	p.rest = sl_bit_reader(sl_read_part(&left, rest));
	return sl_cut(&left, sl_reader_left(&left), &p.tokens) && !left.failed &&
	       get_chunks(s, &p, scratch->state);
}
