/* rans — order-0 statistics of gaps and magnitudes in range asymmetric numeral systems (Duda 2009), two
 * interleaved states. The statistics adapt within a message and are kept from message to message, so no table is
 * sent.
 *
 * Body: a byte, 1 when what follows is coded by raw (which was shorter), else 0; the two final states, four
 * bytes each; 16-bit words. Encoding runs from the last operation to the first, decoding from the first to the
 * last; encoding starts with both states at 2^16, where decoding must end. Operations: a bit, 1 if there are as
 * many symbols as in the last message, else also the count (two times 14 bits); for each nonzero the gap + 1 as its
 * octave, the two bits below the leading one, and the other bits without a model; the sign without a model; the
 * magnitude − 1, from 15 on in Elias gamma. */
#include "compress/bits.h"
#include "compress/stage.h"

enum {
	LARGEST = 32767,
	SYMBOLS = 16,
	TOTAL_BITS = 15,
	TOTAL = 1 << TOTAL_BITS,
	LEAST = 8,       /* minimum probability of a symbol, of 2^15 */
	LOWER = 1 << 16, /* states are in LOWER … 2^32 − 1 */
	OPERATIONS = 8,  /* of one nonzero, at most */
	CLASS_FAST = 4,
	CLASS_SLOW = 7,
};

extern const struct sl_code sl_code_raw;

/* Cumulative probabilities of 16 symbols, of 2^15, and the number of updates. */
struct chances {
	uint16_t below[SYMBOLS + 1];
	uint16_t used;
};

struct tables {
	uint32_t ready, latest; /* symbols in the last message */
	struct chances octave, upper[SYMBOLS], magnitude;
};

struct operation {
	uint16_t start, size;
	uint8_t bits; /* of the total */
};

struct rans_scratch {
	struct tables tables;
	struct operation *operation;
	uint32_t operations;
	bool learnt;
};

static struct rans_scratch *scratch_layout(void *base, uint32_t count_max, size_t *size)
{
	struct sl_arena a = { .base = base, .capacity = SIZE_MAX };
	struct rans_scratch *s = sl_arena_take(&a, 1, sizeof *s);
	struct operation *operation =
	    sl_arena_take(&a, 3 + OPERATIONS * (size_t)count_max, sizeof *operation);
	*size = a.used;
	if (s)
		s->operation = operation;
	return s;
}

static size_t rans_scratch(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options, (void)domain, (void)symbol_max;
	size_t size;
	scratch_layout(NULL, count_max, &size);
	return size;
}

static size_t rans_memory(const void *options)
{
	(void)options;
	return sizeof(struct tables);
}

static size_t rans_bound(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options;
	return 1 + sl_code_raw.bound(NULL, domain, count_max, symbol_max);
}

static void even_chances(struct chances *c, uint32_t symbols)
{
	for (uint32_t i = 0; i <= SYMBOLS; i++)
		c->below[i] = (uint16_t)(i < symbols ? TOTAL * i / symbols : TOTAL);
	c->used = 0;
}

/* Octaves are coded with 16 symbols, the two bits below the leading one with 4 (2 in octave 1). */
static void take_tables(struct rans_scratch *s, const struct sl_message_context *m)
{
	memcpy(&s->tables, m->memory, sizeof s->tables);
	if (s->tables.ready)
		return;
	s->tables.ready = 1;
	even_chances(&s->tables.octave, SYMBOLS);
	even_chances(&s->tables.magnitude, SYMBOLS);
	for (uint32_t i = 0; i < SYMBOLS; i++)
		even_chances(&s->tables.upper[i], i < 2 ? 2 : 4);
}

/* Moves the probabilities towards the symbol; fast at first, then slowly. No symbol falls below LEAST. */
static void learn(struct chances *c, uint32_t symbol, uint32_t symbols)
{
	int rate = CLASS_FAST + (c->used > 16) + (c->used > 48) + (c->used > 112);
	for (uint32_t i = 1; i < symbols; i++) {
		int32_t goal = i > symbol ? (int32_t)(TOTAL - (symbols - i) * LEAST) : (int32_t)(i * LEAST);
		c->below[i] = (uint16_t)(c->below[i] + ((goal - c->below[i]) >> rate));
	}
	c->used = (uint16_t)(c->used + (c->used < 1000));
}

static void note(struct rans_scratch *s, uint32_t start, uint32_t size, unsigned bits)
{
	s->operation[s->operations++] = (struct operation){ (uint16_t)start, (uint16_t)size, (uint8_t)bits };
}

static void note_symbol(struct rans_scratch *s, struct chances *c, uint32_t symbol, uint32_t symbols)
{
	note(s, c->below[symbol], (uint32_t)c->below[symbol + 1] - c->below[symbol], TOTAL_BITS);
	learn(c, symbol, symbols);
}

/* The low `bits` of a value, at most 28 of them, without a model. */
static void note_plain(struct rans_scratch *s, uint32_t value, unsigned bits)
{
	if (bits > 14) {
		note(s, value >> 14 & ((1u << (bits - 14)) - 1), 1, bits - 14);
		bits = 14;
	}
	if (bits > 0)
		note(s, value & ((1u << bits) - 1), 1, bits);
}

static unsigned upper_bits(unsigned octave)
{
	return octave < 2 ? octave : 2;
}

static void note_gap(struct rans_scratch *s, uint32_t gap)
{
	unsigned octave = sl_bit_length((uint64_t)gap + 1) - 1,
	         class = octave < SYMBOLS - 1 ? octave : SYMBOLS - 1;
	note_symbol(s, &s->tables.octave, class, SYMBOLS);
	if (class == SYMBOLS - 1)
		note_plain(s, octave - class, 4);
	unsigned upper = upper_bits(octave), lower = octave - upper;
	if (upper)
		note_symbol(s, &s->tables.upper[class], (gap + 1) >> lower & ((1u << upper) - 1),
		            1u << upper);
	note_plain(s, gap + 1, lower);
}

static void note_value(struct rans_scratch *s, int32_t symbol)
{
	uint32_t size = (uint32_t)(symbol < 0 ? -symbol : symbol) - 1,
	         class = size < SYMBOLS - 1 ? size : SYMBOLS - 1;
	note_plain(s, symbol < 0, 1);
	note_symbol(s, &s->tables.magnitude, class, SYMBOLS);
	if (class == SYMBOLS - 1) {
		uint32_t rest = size - class + 1;
		unsigned length = sl_bit_length(rest) - 1;
		note_plain(s, length, 4);
		note_plain(s, rest, length);
	}
}

static void note_message(struct rans_scratch *s, const struct sl_symbols *from)
{
	s->operations = 0;
	bool known = from->count == s->tables.latest;
	note_plain(s, known, 1);
	if (!known)
		note_plain(s, from->count, 28);
	s->tables.latest = from->count;
	uint32_t next = 0;
	for (uint32_t i = 0; i < from->count; i++) {
		note_gap(s, from->index[i] - next);
		note_value(s, from->symbol[i]);
		next = from->index[i] + 1;
	}
}

/* Encodes the operations from last to first; writes words backwards from the end of the buffer. Returns their start,
 * or NULL if the buffer is too small. */
static uint8_t *put_operations(const struct rans_scratch *s, uint8_t *start, uint8_t *end, uint32_t state[2])
{
	state[0] = state[1] = LOWER;
	for (uint32_t i = s->operations; i-- > 0;) {
		const struct operation *o = &s->operation[i];
		uint32_t *x = &state[i & 1];
		if (*x >> (32 - o->bits) >= o->size) { /* else the state would exceed 2^32 − 1 */
			if (end - start < 2)
				return NULL;
			end -= 2;
			sl_store_u16(end, (uint16_t)*x);
			*x >>= 16;
		}
		*x = (*x / o->size << o->bits) + *x % o->size + o->start;
	}
	return end;
}

static void rans_encode(const void *options, const struct sl_symbols *s, struct sl_writer *writer,
                        void *scratch)
{
	size_t size, bound = rans_bound(options, s->domain, s->count_max, s->symbol_max);
	struct rans_scratch *r = scratch_layout(scratch, s->count_max, &size);
	take_tables(r, s->message);
	note_message(r, s);
	uint8_t *start = writer->at,
	        *end = writer->end - start > (ptrdiff_t)bound ? start + bound : writer->end;
	uint32_t state[2];
	uint8_t *words = end - start > 9 ? put_operations(r, start + 9, end, state) : NULL;
	r->learnt = words != NULL;
	sl_write_u8(writer, !words);
	if (!words) {
		sl_code_raw.encode(NULL, s, writer, NULL);
		return;
	}
	sl_write_u32(writer, state[0]);
	sl_write_u32(writer, state[1]);
	memmove(writer->at, words, (size_t)(end - words));
	writer->at += end - words;
}

/* Decodes. */
struct source {
	struct rans_scratch *s;
	struct sl_reader words;
	uint32_t state[2], operation;
};

static void advance(struct source *d, uint32_t start, uint32_t size, unsigned bits)
{
	uint32_t *x = &d->state[d->operation++ & 1];
	*x = size * (*x >> bits) + (*x & ((1u << bits) - 1)) - start;
	if (*x < LOWER)
		*x = *x << 16 | sl_read_u16(&d->words);
}

static uint32_t get_plain(struct source *d, unsigned bits)
{
	uint32_t value = 0;
	for (unsigned part; bits > 0; bits -= part) {
		part = bits > 14 ? bits - 14 : bits;
		uint32_t low = d->state[d->operation & 1] & ((1u << part) - 1);
		advance(d, low, 1, part);
		value = value << part | low;
	}
	return value;
}

static uint32_t get_symbol(struct source *d, struct chances *c, uint32_t symbols)
{
	uint32_t at = d->state[d->operation & 1] & (TOTAL - 1), symbol = 0;
	while (at >= c->below[symbol + 1])
		symbol++;
	advance(d, c->below[symbol], (uint32_t)c->below[symbol + 1] - c->below[symbol], TOTAL_BITS);
	learn(c, symbol, symbols);
	return symbol;
}

static uint32_t get_gap(struct source *d)
{
	struct tables *t = &d->s->tables;
	unsigned class = get_symbol(d, &t->octave, SYMBOLS), octave = class;
	if (class == SYMBOLS - 1)
		octave += get_plain(d, 4);
	unsigned upper = upper_bits(octave), lower = octave - upper;
	uint32_t value = 1;
	if (upper)
		value = value << upper | get_symbol(d, &t->upper[class], 1u << upper);
	return (value << lower | get_plain(d, lower)) - 1;
}

static int32_t get_value(struct source *d)
{
	bool negative = get_plain(d, 1);
	uint32_t size = get_symbol(d, &d->s->tables.magnitude, SYMBOLS);
	if (size == SYMBOLS - 1) {
		unsigned length = get_plain(d, 4);
		size += (1u << length | get_plain(d, length)) - 1;
	}
	return negative ? -(int32_t)(size + 1) : (int32_t)(size + 1);
}

static bool rans_decode(const void *options, struct sl_symbols *s, struct sl_reader body, void *scratch)
{
	(void)options;
	size_t size;
	struct rans_scratch *r = scratch_layout(scratch, s->count_max, &size);
	uint8_t form = sl_read_u8(&body);
	r->learnt = form == 0;
	if (form == 1)
		return sl_code_raw.decode(NULL, s, body, NULL);
	take_tables(r, s->message);
	struct source d = { .s = r };
	d.state[0] = sl_read_u32(&body);
	d.state[1] = sl_read_u32(&body);
	d.words = body;
	if (form > 1 || body.failed || d.state[0] < LOWER || d.state[1] < LOWER)
		return false;
	bool known = get_plain(&d, 1);
	s->count = known ? r->tables.latest : get_plain(&d, 28);
	if ((!known && s->count == r->tables.latest) || s->count == 0 || s->count > s->count_max)
		return false;
	uint64_t next = 0;
	r->tables.latest = s->count;
	for (uint32_t i = 0; i < s->count; i++) {
		next += get_gap(&d);
		int32_t symbol = get_value(&d);
		if (next >= s->domain || (uint32_t)(symbol < 0 ? -symbol : symbol) > s->symbol_max ||
		    d.words.failed)
			return false;
		s->index[i] = (uint32_t)next++;
		s->symbol[i] = symbol;
	}
	return sl_reader_done(&d.words) && d.state[0] == LOWER && d.state[1] == LOWER;
}

static void rans_commit(const void *options, const struct sl_symbols *s, void *scratch)
{
	(void)options;
	struct rans_scratch *r = scratch;
	if (r->learnt)
		memcpy(s->message->memory, &r->tables, sizeof r->tables);
}

const struct sl_code sl_code_rans = {
	.name = "rans",
	.doc = "gaps and magnitudes by their frequencies, in asymmetric numeral systems; stateful",
	.examples = "rans",
	.symbol_max = LARGEST,
	.bound = rans_bound,
	.scratch = rans_scratch,
	.memory = rans_memory,
	.encode = rans_encode,
	.decode = rans_decode,
	.commit = rans_commit,
};
