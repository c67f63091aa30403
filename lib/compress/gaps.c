#include "compress/gaps.h"

#include "compress/streams.h"
#include "linalg/variants.h"

#include <math.h>

/* From this number of nonzeros on, gaps are split into two streams that are decoded in parallel: the first half,
 * rounded down, and the rest. */
enum { SPLIT_FROM = 2048 };

static uint32_t half_of(uint32_t count)
{
	return count < SPLIT_FROM ? 0 : count / 2;
}

static inline uint32_t magnitude_of(int32_t v)
{
	return (uint32_t)(v < 0 ? -v : v);
}

/* ---- planning ---- */

SL_VARIANTS static uint32_t least_magnitude(uint32_t n, const int32_t *symbol, uint32_t *negative)
{
	uint32_t least = UINT32_MAX, below = 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t magnitude = magnitude_of(symbol[i]);
		least = magnitude < least ? magnitude : least;
		below += symbol[i] < 0;
	}
	*negative = below;
	return least;
}

/* Computes the tokens of a stretch first, which vectorises, then counts them. Counts alternate between tables, so
 * that equal tokens in sequence do not depend on each other. */
enum { STRETCH = 256, TABLES = 4 };
typedef uint32_t tables[TABLES][SL_TOKENS];

static void count_stretch(uint32_t n, const uint8_t *token, tables count)
{
	uint32_t i = 0;
	for (; i + TABLES <= n; i += TABLES)
		for (uint32_t t = 0; t < TABLES; t++)
			count[t][token[i + t]]++;
	for (; i < n; i++)
		count[0][token[i]]++;
}

SL_VARIANTS static void gap_tokens(uint32_t n, const uint32_t *restrict index, uint8_t *restrict token)
{
	for (uint32_t i = 1; i < n; i++)
		token[i] = (uint8_t)sl_token_of(index[i] - index[i - 1] - 1, SL_GAP_PRECISION);
}

SL_VARIANTS static void level_tokens(uint32_t n, const int32_t *restrict symbol, uint32_t least,
                                     uint8_t *restrict token)
{
	for (uint32_t i = 0; i < n; i++)
		token[i] = (uint8_t)sl_token_of(magnitude_of(symbol[i]) - least, SL_LEVEL_PRECISION);
}

static void count_gaps(uint32_t n, const uint32_t *index, uint32_t next, tables count)
{
	uint8_t token[STRETCH];
	for (uint32_t at = 0; at < n; at += STRETCH) {
		uint32_t here = n - at < STRETCH ? n - at : STRETCH;
		token[0] = (uint8_t)sl_token_of(index[at] - next, SL_GAP_PRECISION);
		gap_tokens(here, index + at, token);
		count_stretch(here, token, count);
		next = index[at + here - 1] + 1;
	}
}

static void count_levels(uint32_t n, const int32_t *symbol, uint32_t least, tables count)
{
	uint8_t token[STRETCH];
	for (uint32_t at = 0; at < n; at += STRETCH) {
		uint32_t here = n - at < STRETCH ? n - at : STRETCH;
		level_tokens(here, symbol + at, least, token);
		count_stretch(here, token, count);
	}
}

static uint32_t sum_of(const tables count, uint32_t token)
{
	uint32_t sum = 0;
	for (uint32_t t = 0; t < TABLES; t++)
		sum += count[t][token];
	return sum;
}

static void plan_gaps(const struct sl_symbols *s, struct sl_gaps_plan *p)
{
	tables count[2] = { { { 0 } } };
	uint32_t half = half_of(s->count);
	uint64_t bits[2] = { 0 };
	count_gaps(half, s->index, 0, count[0]);
	count_gaps(s->count - half, s->index + half, half ? s->index[half - 1] + 1 : 0, count[1]);
	for (uint32_t t = 0; t < SL_TOKENS; t++)
		p->gaps[t] = sum_of(count[0], t) + sum_of(count[1], t);
	sl_token_code_make(&p->gap, p->gaps);
	for (uint32_t t = 0; t < p->gap.tokens; t++)
		for (int h = 0; h < 2; h++)
			bits[h] += sum_of(count[h], t) *
			           (uint64_t)(p->gap.length[t] + sl_token_extra(t, SL_GAP_PRECISION));
	for (int h = 0; h < 2; h++)
		p->gap_bytes[h] = (uint32_t)((bits[h] + 7) / 8);
}

double sl_gaps_estimate(const struct sl_symbols *s)
{
	tables count = { { 0 } };
	uint8_t token[STRETCH];
	uint32_t n = s->count, seen = 0;
	double bits = 0;
	for (uint32_t at = 0; at < n; at += 2 * STRETCH) {
		uint32_t here = n - at < STRETCH ? n - at : STRETCH, next = at ? s->index[at - 1] + 1 : 0;
		token[0] = (uint8_t)sl_token_of(s->index[at] - next, SL_GAP_PRECISION);
		gap_tokens(here, s->index + at, token);
		count_stretch(here, token, count);
		seen += here;
	}
	for (uint32_t t = 0; t < SL_TOKENS; t++) {
		uint32_t here = sum_of(count, t);
		if (here)
			bits += here * (log2((double)seen / here) + sl_token_extra(t, SL_GAP_PRECISION));
	}
	return bits * n / seen;
}

/* Writes the bits of one number from state x, and moves x to the previous state. */
static inline unsigned level_bits(const struct sl_tans_writer *w, uint32_t *x, uint32_t v, uint64_t *out)
{
	uint32_t token = sl_token_of(v, SL_LEVEL_PRECISION);
	unsigned extra = sl_token_extra_of(v, SL_LEVEL_PRECISION), bits = (*x + w->token[token].bits) >> 16;
	*out = (uint64_t)(*x & ((1u << bits) - 1)) << extra | (v & ((1u << extra) - 1));
	*x = w->state[(int32_t)(*x >> bits) + w->token[token].next];
	return bits + extra;
}

/* Encodes from the last number to the first. The states start at 0, where decoding ends. A bit 1, and zeros that
 * fill its byte, are put in front. */
SL_VARIANTS static uint8_t *put_levels(const struct sl_symbols *s, uint32_t least,
                                       const struct sl_tans_writer *w, uint8_t *end)
{
	struct sl_back_sink k = { .at = end };
	uint32_t even = SL_TANS_STATES, odd = SL_TANS_STATES, i = s->count;
	uint64_t first, second;
	if (i % 2 == 1) {
		unsigned bits = level_bits(w, &even, magnitude_of(s->symbol[--i]) - least, &first);
		sl_back_put(&k, first, bits);
	}
	while (i > 0) {
		unsigned behind = level_bits(w, &odd, magnitude_of(s->symbol[--i]) - least, &second);
		unsigned before = level_bits(w, &even, magnitude_of(s->symbol[--i]) - least, &first);
		sl_back_put(&k, first << behind | second, before + behind);
	}
	sl_back_put(&k, odd - SL_TANS_STATES, SL_TANS_BITS);
	sl_back_put(&k, even - SL_TANS_STATES, SL_TANS_BITS);
	sl_back_put(&k, 1, 8 - k.fill);
	return k.at;
}

size_t sl_gaps_room(uint32_t most)
{
	return 3 * (size_t)most +
	       16; /* at most 9 bits of state and 11 others each; the rest is slack of the stores */
}

static void plan_levels(const struct sl_symbols *s, uint8_t *room, struct sl_gaps_plan *p)
{
	tables count = { { 0 } };
	struct sl_tans_writer w;
	count_levels(s->count, s->symbol, p->least, count);
	for (uint32_t t = 0; t < SL_TOKENS; t++)
		p->levels[t] = sum_of(count, t);
	sl_tans_make(&p->level, p->levels);
	sl_tans_writer(&p->level, &w);
	p->stream_end = room + sl_gaps_room(s->count);
	p->stream = put_levels(s, p->least, &w, p->stream_end);
}

void sl_gaps_plan(const struct sl_symbols *s, uint8_t *room, struct sl_gaps_plan *p)
{
	p->least = least_magnitude(s->count, s->symbol, &p->negative);
	plan_gaps(s, p);
	plan_levels(s, room, p);
	unsigned head = 2 + sl_omega_length(s->count) + sl_omega_length(p->least) +
	                sl_token_code_bits(&p->gap) + sl_tans_bits(&p->level) +
	                sl_omega_length(p->gap_bytes[1] + 1);
	if (half_of(s->count))
		head += sl_omega_length(p->gap_bytes[0] + 1);
	p->bits = 8 * ((uint64_t)(head + 7) / 8 + (s->count + 7) / 8 + p->gap_bytes[0] + p->gap_bytes[1] +
	               (size_t)(p->stream_end - p->stream));
}

/* ---- writing ---- */

static inline unsigned number_bits(const struct sl_token_code *c, unsigned m, uint32_t v, uint64_t *out)
{
	uint32_t token = sl_token_of(v, m);
	unsigned extra = sl_token_extra_of(v, m);
	*out = (uint64_t)c->code[token] << extra | (v & ((UINT64_C(1) << extra) - 1));
	return c->length[token] + extra;
}

/* Two at a time: gaps are below 2^28, so at most 35 bits each, rarely more than 28. */
SL_VARIANTS static uint8_t *put_gaps(uint32_t n, const uint32_t *index, uint32_t next,
                                     const struct sl_token_code *c, uint8_t *at)
{
	struct sl_sink k = { .at = at };
	uint64_t first, second;
	uint32_t i = 0;
	for (; i + 2 <= n; i += 2) {
		unsigned before = number_bits(c, SL_GAP_PRECISION, index[i] - next, &first);
		unsigned behind = number_bits(c, SL_GAP_PRECISION, index[i + 1] - index[i] - 1, &second);
		next = index[i + 1] + 1;
		if (__builtin_expect(before + behind > 56, 0)) {
			sl_sink_put(&k, first, before);
			sl_sink_put(&k, second, behind);
		} else {
			sl_sink_put(&k, first << behind | second, before + behind);
		}
	}
	if (i < n) {
		unsigned bits = number_bits(c, SL_GAP_PRECISION, index[i] - next, &first);
		sl_sink_put(&k, first, bits);
	}
	return sl_sink_end(&k);
}

SL_VARIANTS uint8_t *sl_signs_put(uint32_t n, const int32_t *symbol, uint8_t *at)
{
	uint32_t i = 0;
	for (; i + 8 <= n; i += 8) {
		uint32_t byte = 0;
		for (uint32_t k = 0; k < 8; k++)
			byte |= (uint32_t)(symbol[i + k] < 0) << (7 - k);
		*at++ = (uint8_t)byte;
	}
	if (i < n) {
		uint32_t byte = 0;
		for (uint32_t k = 0; i + k < n; k++)
			byte |= (uint32_t)(symbol[i + k] < 0) << (7 - k);
		*at++ = (uint8_t)byte;
	}
	return at;
}

void sl_gaps_put(const struct sl_symbols *s, const struct sl_gaps_plan *p, struct sl_bit_writer *b)
{
	uint32_t half = half_of(s->count);
	SL_CHECK((uint64_t)(b->end - b->at) >= p->bits / 8 + 1 + SL_BITS_SLACK);
	sl_put_omega(b, s->count);
	sl_put_omega(b, p->least);
	sl_token_code_put(&p->gap, b);
	sl_tans_put(&p->level, b);
	if (half)
		sl_put_omega(b, p->gap_bytes[0] + 1);
	sl_put_omega(b, p->gap_bytes[1] + 1);
	uint8_t *at = sl_signs_put(s->count, s->symbol, b->at + (b->fill > 0));
	at = put_gaps(half, s->index, 0, &p->gap, at);
	at = put_gaps(s->count - half, s->index + half, half ? s->index[half - 1] + 1 : 0, &p->gap, at);
	size_t levels = (size_t)(p->stream_end - p->stream);
	memcpy(at, p->stream, levels);
	*b = (struct sl_bit_writer){ .at = at + levels, .end = b->end };
}

/* ---- reading ---- */

/* Of the bits that are there: the caller refills. */
static inline uint32_t take_number(struct sl_source *k, const struct sl_token_entry *table)
{
	struct sl_token_entry e = table[k->window >> (64 - SL_TOKEN_LIMIT)];
	uint64_t low = k->window << e.code >> 1 >> e.spare;
	k->window <<= e.total;
	k->held -= e.total;
	return e.base + (uint32_t)low;
}

/* Two numbers for one refill, unless the first is long: the second's look-up waits for no refill then. */
static inline void take_pair(struct sl_source *k, const struct sl_token_entry *table, uint32_t out[static 2])
{
	enum { LONGEST = SL_TOKEN_LIMIT + 28 };
	sl_refill(k);
	out[0] = take_number(k, table);
	if (__builtin_expect(k->held < LONGEST, 0))
		sl_refill(k);
	out[1] = take_number(k, table);
}

/* Positions from gaps, the first of them counted from `next`; returns the position behind the last. */
static uint64_t add_up(uint32_t count, uint64_t next, uint32_t *index)
{
	for (uint32_t i = 0; i < count; i++) {
		next += index[i];
		index[i] = (uint32_t)next++;
	}
	return next;
}

/* The loops validate nothing: values read only select where they are written. */
SL_VARIANTS static bool get_gaps(uint32_t count, uint32_t domain, struct sl_source from[static 2],
                                 const struct sl_token_entry *table, uint32_t *index)
{
	struct sl_source a = from[0], b = from[1];
	uint32_t half = half_of(count), i = 0, *upper = index + half;
	for (; i + 2 <= half; i += 2) {
		take_pair(&a, table, index + i);
		take_pair(&b, table, upper + i);
	}
	if (i < half) {
		sl_refill(&a);
		index[i] = take_number(&a, table);
	}
	for (; i < count - half; i++) {
		sl_refill(&b);
		upper[i] = take_number(&b, table);
	}
	return sl_source_done(&a) && sl_source_done(&b) &&
	       add_up(count - half, add_up(half, 0, index), upper) <= domain;
}

/* Decodes one number and advances the state; two of them need 40 bits in the window. */
static inline uint32_t take_level(struct sl_source *k, const struct sl_tans_entry *table, uint32_t *state)
{
	const struct sl_tans_entry *e = &table[*state];
	uint64_t window = k->window, low = window << e->bits >> 1 >> e->spare_low;
	*state = e->next + (uint32_t)(window >> 1 >> e->spare);
	k->window = window << e->total;
	k->held -= e->total;
	return e->base + (uint32_t)low;
}

/* Symbols from magnitudes above `least` and signs; returns the largest magnitude. */
SL_KERNEL static uint32_t make_symbols(uint32_t count, uint32_t least, const uint8_t *restrict sign,
                                       int32_t *restrict symbol)
{
	uint32_t lane[8] = { 0 }, most = 0, i = 0;
	for (; i + 8 <= count; i += 8) {
		uint32_t byte = (uint32_t)sign[i / 8] << 24;
		for (uint32_t k = 0; k < 8; k++) {
			uint32_t magnitude = least + (uint32_t)symbol[i + k], minus = 0 - (byte << k >> 31);
			lane[k] = magnitude > lane[k] ? magnitude : lane[k];
			symbol[i + k] = (int32_t)((magnitude ^ minus) - minus);
		}
	}
	for (uint32_t k = 0; i + k < count; k++) {
		uint32_t magnitude = least + (uint32_t)symbol[i + k],
		         minus = 0 - (uint32_t)(sign[i / 8] >> (7 - k) & 1);
		lane[k] = magnitude > lane[k] ? magnitude : lane[k];
		symbol[i + k] = (int32_t)((magnitude ^ minus) - minus);
	}
	for (uint32_t k = 0; k < 8; k++)
		most = lane[k] > most ? lane[k] : most;
	return most;
}

/* Leaves in symbol[] how far each magnitude is above the least. */
SL_VARIANTS static bool get_levels(struct sl_symbols *s, const struct sl_source *from,
                                   const struct sl_tans_entry *table)
{
	struct sl_source k = *from;
	sl_refill(&k);
	unsigned begin = sl_bit_length(k.window >> 56); /* the 1 in front */
	if (begin == 0)
		return false;
	k.window <<= 9 - begin;
	k.held -= 9 - begin;
	uint32_t state[2], i = 0, count = s->count;
	for (int which = 0; which < 2; which++) {
		state[which] = (uint32_t)(k.window >> (64 - SL_TANS_BITS));
		k.window <<= SL_TANS_BITS;
		k.held -= SL_TANS_BITS;
	}
	uint32_t even = state[0], odd = state[1], *out = (uint32_t *)s->symbol;
	const float *copy = sl_copy_behind(s);
	const uint32_t *index = s->index;
	for (; i + 2 <= count; i += 2) {
		sl_fetch(copy, index[i]);
		sl_fetch(copy, index[i + 1]);
		sl_refill(&k);
		out[i] = take_level(&k, table, &even);
		out[i + 1] = take_level(&k, table, &odd);
	}
	if (i < count) {
		sl_refill(&k);
		out[i] = take_level(&k, table, &even);
	}
	return even == 0 && odd == 0 && sl_left_over(&k) == 0;
}

/* Reads count, smallest magnitude, tables, and the bytes of both streams of gaps. */
static bool get_head(struct sl_symbols *s, struct sl_bit_reader *b, uint32_t *least, uint32_t bytes[2],
                     struct sl_gaps_scratch *scratch)
{
	struct sl_token_code gap;
	struct sl_tans level;
	s->count = sl_get_omega(b);
	*least = sl_get_omega(b);
	if (s->count == 0 || s->count > s->count_max || *least == 0 || *least > s->symbol_max ||
	    !sl_token_code_get(&gap, sl_token_of(s->domain - 1, SL_GAP_PRECISION), b) ||
	    !sl_tans_get(&level, sl_token_of(s->symbol_max - *least, SL_LEVEL_PRECISION), b))
		return false;
	sl_token_table(&gap, SL_GAP_PRECISION, scratch->gap);
	sl_tans_table(&level, SL_LEVEL_PRECISION, scratch->level);
	bytes[0] = half_of(s->count) ? sl_get_omega(b) : 1;
	bytes[1] = sl_get_omega(b);
	return bytes[0]-- && bytes[1]--;
}

bool sl_gaps_get(struct sl_symbols *s, struct sl_bit_reader *b, struct sl_gaps_scratch *scratch)
{
	struct sl_source gap[2], level;
	struct sl_reader rest;
	uint32_t least, bytes[2];
	if (!get_head(s, b, &least, bytes, scratch) || !sl_rest_of(b, &rest))
		return false;
	const uint8_t *sign = sl_read_bytes(&rest, (s->count + 7) / 8);
	if (!sl_cut(&rest, bytes[0], &gap[0]) || !sl_cut(&rest, bytes[1], &gap[1]) ||
	    !sl_cut(&rest, sl_reader_left(&rest), &level) ||
	    (s->count % 8 && (uint8_t)(sign[s->count / 8] << s->count % 8)))
		return false;
	return get_gaps(s->count, s->domain, gap, scratch->gap, s->index) &&
	       get_levels(s, &level, scratch->level) &&
	       make_symbols(s->count, least, sign, s->symbol) <= s->symbol_max;
}
