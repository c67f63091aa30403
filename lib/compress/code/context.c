/* context — an adaptive binary range coder. Its predictions use only what both ends know: when each coordinate was
 * last sent, with which sign and magnitude, how many symbols its row and column of the tensor have, and this
 * message so far. The model is in compress/context.h.
 *
 * Body: one byte; bit 7: the rest is coded by raw (the model would have needed more); bit 6: four bytes with the
 * number of symbols follow (else it equals that of the last message); bits 0–5: the mean magnitude, in quarter
 * octaves. Then the range coder's bytes. The vector is coded row by row, in stretches of a few columns. Each
 * stretch codes whether it contains another symbol, and if so where, by the intensities of its coordinates; then
 * sign and magnitude. */
#include "compress/bits.h"
#include "compress/context.h"
#include "compress/range.h"

enum { LARGEST = 32767, RAW = 0x80, COUNTED = 0x40, LEARN_SIGN = 50, LEARN_SIZE = 63 };

extern const struct sl_code sl_code_raw;

static enum sl_status context_prepare(void *options, const struct sl_layout *layout, struct sl_error *error)
{
	(void)error;
	sl_context_views(layout, NULL, options);
	return SL_OK;
}

static size_t context_memory(const void *options)
{
	return sl_context_memory(options);
}

static size_t context_scratch(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)count_max, (void)symbol_max;
	size_t size;
	sl_context_layout(NULL, options, domain, &size);
	return size;
}

static size_t context_bound(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options;
	return 1 + sl_code_raw.bound(NULL, domain, count_max, symbol_max);
}

/* One pass over a message, in either direction. */
struct pass {
	struct sl_context *c;
	struct sl_symbols *s;
	struct sl_range_encoder out;
	struct sl_range_decoder in;
	uint32_t next; /* symbols coded so far */
	uint32_t count, stretch;
	unsigned usual,
	    shift; /* of the mean magnitude: its class after the shift, and the number of low bits without a model */
	uint32_t row_factor, row_now, row_seen;
	uint64_t row_sum;
	bool counts; /* this row updates the rates */
};

/* The functions below encode and decode: `decoding` is a constant after inlining. */
#define BOTH static inline __attribute__((always_inline))

BOTH bool code_bit(struct pass *p, uint32_t chance, bool bit, const bool decoding)
{
	if (decoding)
		return sl_range_get_bit(&p->in, chance);
	sl_range_put_bit(&p->out, chance, bit);
	return bit;
}

/* `bits` ≤ 16 low bits, without a model. */
BOTH uint32_t code_plain(struct pass *p, uint32_t value, unsigned bits, const bool decoding)
{
	if (bits == 0)
		return 0;
	if (decoding) {
		value = sl_range_get_span(&p->in, 1u << bits);
		sl_range_take_span(&p->in, value, 1, 1u << bits);
	} else {
		sl_range_put_span(&p->out, value, 1, 1u << bits);
	}
	return value;
}

/* Codes whether a stretch of intensity x (2^-14 nats) contains no further symbol. The probability is interpolated
 * between adaptive ones at quarter octaves of x. */
BOTH bool code_quiet(struct pass *p, uint64_t x, bool after_symbol, bool quiet, const bool decoding)
{
	uint32_t v = x < 1 ? 1 : x >= 1u << 18 ? (1u << 18) - 1 : (uint32_t)x;
	unsigned octave = sl_bit_length(v) - 1, part = (unsigned)(((uint64_t)v << 8 >> octave) & 255);
	uint16_t *chance = p->c->tables.quiet[after_symbol] + 4 * octave + (part >> 6);
	uint32_t upper = part & 63, lower = 64 - upper;
	uint32_t at = (chance[0] * lower + chance[1] * upper) >> 6;
	quiet = code_bit(p, at < 32 ? 32 : at > 65504 ? 65504 : at, quiet, decoding);
	int32_t goal = quiet ? 65535 : 0;
	chance[0] = (uint16_t)(chance[0] + (goal - chance[0]) * (int32_t)lower / 8192);
	chance[1] = (uint16_t)(chance[1] + (goal - chance[1]) * (int32_t)upper / 8192);
	return quiet;
}

/* Codes a bit with mixed predictions. */
BOTH bool code_mixed(struct pass *p, int32_t *weight, sl_chance *const *chance, int n, uint32_t limit,
                     bool bit, const bool decoding)
{
	int32_t input[4];
	uint32_t at = sl_mix(&p->c->mixing, weight, chance, n, input);
	bit = code_bit(p, at, bit, decoding);
	sl_mix_learn(&p->c->mixing, weight, chance, n, input, at, bit, limit);
	return bit;
}

BOTH bool code_sign(struct pass *p, uint32_t column, unsigned state, unsigned past, bool negative,
                    const bool decoding)
{
	struct sl_context *c = p->c;
	struct sl_context_tables *t = &c->tables;
	unsigned age = state >> 6, size = state & 7, interval = state >> 3 & 7;
	unsigned signs =
	    size ? 1 + (past >> 6)
	         : 0; /* 0: none yet; else the last sign, and whether it differed from the one before */
	unsigned lean = (unsigned)(((c->lean[column] * 7 + 256) >> 9) + 7);
	sl_chance *const chance[4] = {
		&t->sign_own[(age * 8 + signs) * 8 + size],
		&t->sign_column[(lean * 8 + signs) * SL_CONTEXT_AGES + age],
		&t->sign_trail[c->trail[column]],
		&t->sign_interval[(interval * SL_CONTEXT_AGES + age) * 8 + signs],
	};
	return code_mixed(p, t->sign_weight[age], chance, 4, LEARN_SIGN, negative, decoding);
}

/* A magnitude above 15: Elias gamma of the rest, without a model. */
BOTH uint32_t code_long(struct pass *p, uint32_t rest, const bool decoding)
{
	unsigned length = sl_bit_length(rest + 1), bits = 1;
	while (bits < 16 && code_bit(p, 32768, length > bits, decoding))
		bits++;
	uint32_t low = code_plain(p, (rest + 1) & ((1u << (bits - 1)) - 1), bits - 1, decoding);
	return (1u << (bits - 1) | low) - 1;
}

/* The magnitude: unary in steps of 2^shift, then the low bits. */
BOTH uint32_t code_size(struct pass *p, uint32_t column, unsigned state, uint32_t magnitude,
                        const bool decoding)
{
	struct sl_context *c = p->c;
	struct sl_context_tables *t = &c->tables;
	uint32_t steps = (magnitude - 1) >> p->shift, u = 0, usual = c->usual[column] >> 3;
	usual = usual < 15 ? usual : 15;
	sl_chance *own = &t->size_own[((state >> 6) * 8 + (state & 7)) * SL_CONTEXT_STEPS];
	sl_chance *near = &t->size_usual[(p->usual * 16 + usual) * SL_CONTEXT_STEPS];
	for (; u < SL_CONTEXT_STEPS - 1; u++) {
		sl_chance *const chance[2] = { own + u, near + u };
		if (!code_mixed(p, t->size_weight[u], chance, 2, LEARN_SIZE, steps > u, decoding))
			break;
	}
	if (u == SL_CONTEXT_STEPS - 1)
		u += code_long(p, steps - u, decoding);
	uint32_t low = code_plain(p, (magnitude - 1) & ((1u << p->shift) - 1), p->shift, decoding);
	uint32_t size = 16 * (u + 1 < 64 ? u + 1 : 64);
	c->usual[column] =
	    (uint16_t)(c->usual[column] ? c->usual[column] + ((int32_t)size - c->usual[column]) / 4
	                                : (int32_t)size);
	return (u << p->shift | low) + 1;
}

/* Codes the column of the next symbol among start … end−1, by their intensities; returns it. *before: the summed
 * intensity of the columns before it. */
BOTH uint32_t code_place(struct pass *p, uint32_t start, uint32_t end, uint32_t column, uint32_t total,
                         uint32_t *before, const bool decoding)
{
	const uint32_t *intensity = p->c->intensity;
	uint32_t sum = 0, at = start;
	if (decoding) {
		uint32_t target = end - start > 1 ? sl_range_get_span(&p->in, total) : 0;
		for (; at < end - 1 && sum + intensity[at] <= target; at++)
			sum += intensity[at];
		if (end - start > 1)
			sl_range_take_span(&p->in, sum, intensity[at], total);
	} else {
		for (; at < column; at++)
			sum += intensity[at];
		if (end - start > 1)
			sl_range_put_span(&p->out, sum, intensity[at], total);
	}
	*before = sum;
	return at;
}

/* Codes the symbol at a column, sign and magnitude, and updates the statistics. False if it is invalid. */
BOTH bool code_symbol(struct pass *p, uint32_t base, uint32_t column, const bool decoding)
{
	struct sl_context *c = p->c;
	uint32_t position = base + column;
	unsigned state = c->state[position];
	unsigned past = c->past[c->coordinate ? c->coordinate[position] : position];
	int32_t symbol = decoding ? 0 : p->s->symbol[p->next];
	bool negative = code_sign(p, column, state, past, symbol < 0, decoding);
	uint32_t magnitude = decoding ? 1 : (uint32_t)(symbol < 0 ? -symbol : symbol);
	magnitude = code_size(p, column, state, magnitude, decoding);
	if (decoding) {
		if (magnitude > p->s->symbol_max)
			return false;
		p->s->index[p->next] = position;
		p->s->symbol[p->next] = negative ? -(int32_t)magnitude : (int32_t)magnitude;
	}
	p->next++;
	c->lean[column] = (int16_t)(c->lean[column] - c->lean[column] / 8 + (negative ? -64 : 64));
	c->trail[column] = (uint8_t)((c->trail[column] << 2 | (negative ? 1 : 2)) & 63);
	c->seen[state] += p->counts;
	c->column_seen[column]++;
	p->row_seen++;
	return true;
}

/* Updates the row's factor within the row: expected symbols lower it, a symbol raises it. */
static inline void row_expects(struct pass *p, uint64_t x, uint64_t plain)
{
	uint64_t less = p->row_factor * x >> (SL_RATE_BITS + p->c->tables.row_haste);
	p->row_now -= less < p->row_now / 2 ? (uint32_t)less : p->row_now / 2;
	p->c->row_excess += (int64_t)x - (int64_t)(plain * p->row_factor >> SL_FACTOR_BITS);
}

static inline void row_and_column_rise(struct pass *p, uint32_t column, uint32_t column_factor)
{
	struct sl_context *c = p->c;
	uint32_t *now = &c->column_now[column];
	c->row_gain += sl_log2_fixed(p->row_now) - sl_log2_fixed(p->row_factor);
	c->column_gain += sl_log2_fixed(*now + 1) - sl_log2_fixed(column_factor + 1);
	uint32_t row = p->row_now + (p->row_factor >> c->tables.row_haste);
	p->row_now = row < SL_FACTOR_MAX ? row : SL_FACTOR_MAX;
	uint32_t column_now = *now + (column_factor >> c->tables.column_haste);
	*now = column_now < SL_FACTOR_MAX ? column_now : SL_FACTOR_MAX;
}

BOTH bool code_stretch(struct pass *p, const struct sl_context_view *v, uint32_t base, uint32_t start,
                       uint32_t end, const bool decoding)
{
	const uint32_t *intensity = p->c->intensity;
	uint32_t total = 0;
	for (uint32_t k = start; k < end; k++)
		total += intensity[k];
	p->row_sum += total;
	for (bool after = false; start < end; after = true) {
		uint64_t x = (uint64_t)total * p->row_now >> SL_FACTOR_BITS;
		uint32_t column = decoding || p->next == p->count ? UINT32_MAX : p->s->index[p->next] - base;
		if (code_quiet(p, x, after, column >= end, decoding)) {
			row_expects(p, x, total);
			return true;
		}
		if (decoding && p->next == p->count)
			return false;
		uint32_t before;
		column = code_place(p, start, end, column, total, &before, decoding);
		before += intensity[column];
		row_expects(p, (uint64_t)before * p->row_now >> SL_FACTOR_BITS, before);
		if (!code_symbol(p, base, column, decoding))
			return false;
		row_and_column_rise(p, column, p->c->column_factor[v->column_factor + column]);
		total -= before;
		start = column + 1;
	}
	return true;
}

BOTH bool code_row(struct pass *p, const struct sl_context_view *v, uint32_t row, const bool decoding)
{
	uint32_t base = v->offset + row * v->columns;
	sl_context_row(p->c, v, row);
	p->row_factor = p->row_now = p->c->alone ? SL_FACTOR_ONE : p->c->row_factor[v->row_factor + row];
	p->row_seen = 0;
	p->row_sum = 0;
	p->counts = sl_context_counts(p->c, v, row);
	for (uint32_t start = 0; start < v->columns; start += p->stretch) {
		uint32_t end = v->columns - start > p->stretch ? start + p->stretch : v->columns;
		if (!code_stretch(p, v, base, start, end, decoding))
			return false;
	}
	sl_context_end_row(p->c, v, row, p->row_seen, p->row_sum);
	return true;
}

/* Columns of a stretch: few enough that two symbols in one are rare. */
static uint32_t stretch_for(uint32_t sparseness)
{
	static const struct {
		uint32_t sparseness, columns;
	} steps[] = { { 40, 32 }, { 30, 16 }, { 22, 8 }, { 3, 2 }, { 0, 1 } };
	size_t i = 0;
	while (sparseness < steps[i].sparseness)
		i++;
	return steps[i].columns;
}

/* The whole vector. */
BOTH bool code_message(struct pass *p, const bool decoding)
{
	struct sl_context *c = p->c;
	p->stretch = stretch_for(p->s->domain / p->count);
	for (uint32_t i = 0; i < c->views; i++) {
		const struct sl_context_view *v = &c->view[i];
		sl_context_begin_view(c, v);
		for (uint32_t row = 0; row < v->rows; row++)
			if (!code_row(p, v, row, decoding))
				return false;
		sl_context_end_view(c, v);
	}
	sl_context_end(c, p->count);
	return p->next == p->count;
}

static bool encode_pass(struct pass *p)
{
	return code_message(p, false);
}

static bool decode_pass(struct pass *p)
{
	return code_message(p, true);
}

/* The mean magnitude in quarter octaves; 0 stands for 1. */
static unsigned mean_class(const struct sl_symbols *s)
{
	uint64_t sum = 0;
	SL_CHECK(s->count > 0);
	for (uint32_t i = 0; i < s->count; i++)
		sum += (uint32_t)(s->symbol[i] < 0 ? -s->symbol[i] : s->symbol[i]);
	uint64_t mean = 16 * sum / s->count; /* at least 16, below 2^19 */
	SL_CHECK(mean >= 16);
	unsigned octave = sl_bit_length(mean) - 5;
	return 4 * octave + (unsigned)(mean >> (octave + 2) & 3);
}

/* Number of low bits of magnitudes that are coded without a model: none up to a mean of 16. */
static unsigned low_bits(unsigned mean)
{
	return mean / 4 > 3 ? mean / 4 - 3 : 0;
}

static void begin(struct pass *p, struct sl_context *c, struct sl_symbols *s, uint32_t count, unsigned mean)
{
	p->c = c;
	p->s = s;
	p->count = count;
	p->shift = low_bits(mean);
	p->usual = mean - 4 * p->shift;
	c->learnt = false;
	sl_context_begin(c, s, count);
}

static void context_encode(const void *options, const struct sl_symbols *s, struct sl_writer *writer,
                           void *scratch)
{
	size_t size;
	struct sl_context *c = sl_context_layout(scratch, options, s->domain, &size);
	struct sl_symbols symbols = *s;
	struct pass p = { 0 };
	unsigned mean = mean_class(s);
	begin(&p, c, &symbols, s->count, mean);
	struct sl_context_tables before = { 0 };
	memcpy(&before.messages, s->message->memory, 2 * sizeof(uint32_t));
	bool counted = before.messages == 0 || before.latest != s->count;
	uint8_t *start = writer->at;
	sl_write_u8(writer, (uint8_t)(mean | (counted ? COUNTED : 0)));
	if (counted)
		sl_write_u32(writer, s->count);
	size_t room = (size_t)(writer->end - writer->at),
	       bound = context_bound(options, s->domain, s->count_max, s->symbol_max);
	p.out = sl_range_encoder(writer->at, room < bound - 5 ? room : bound - 5);
	SL_CHECK(encode_pass(&p));
	sl_range_finish(&p.out);
	writer->at = p.out.at;
	if (p.out.overflow) {
		c->learnt = false;
		writer->at = start;
		sl_write_u8(writer, RAW);
		sl_code_raw.encode(NULL, s, writer, NULL);
	}
}

static bool context_decode(const void *options, struct sl_symbols *s, struct sl_reader body, void *scratch)
{
	size_t size;
	struct sl_context *c = sl_context_layout(scratch, options, s->domain, &size);
	uint8_t head = sl_read_u8(&body);
	unsigned mean = head & 63;
	uint32_t known[2]; /* messages, symbols of the last */
	memcpy(known, s->message->memory, sizeof known);
	struct pass p = { 0 };
	if (head & RAW) {
		begin(&p, c, s, 1, 0);
		return head == RAW && sl_code_raw.decode(NULL, s, body, NULL);
	}
	uint32_t count = head & COUNTED ? sl_read_u32(&body) : known[1];
	bool needed = known[0] == 0 || count != known[1];
	if (body.failed || needed != !!(head & COUNTED) || count == 0 || count > s->count_max ||
	    mean > 4 * 15 + 3)
		return false;
	begin(&p, c, s, count, mean);
	p.in = sl_range_decoder(body.at, sl_reader_left(&body));
	s->count = count;
	return decode_pass(&p) && sl_range_ended(&p.in) && mean == mean_class(s);
}

static void context_commit(const void *options, const struct sl_symbols *s, void *scratch)
{
	(void)options;
	unsigned mean = mean_class(s);
	sl_context_store(scratch, s, low_bits(mean));
}

const struct sl_code sl_code_context = {
	.name = "context",
	.doc =
	    "adaptive range coder: predicts positions, signs and magnitudes from data that both ends hold; stateful",
	.examples = "context",
	.symbol_max = LARGEST,
	.prepare = context_prepare,
	.bound = context_bound,
	.scratch = context_scratch,
	.memory = context_memory,
	.encode = context_encode,
	.decode = context_decode,
	.commit = context_commit,
};
