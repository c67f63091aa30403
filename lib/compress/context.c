#include "compress/context.h"

#include "linalg/variants.h"

enum { FADE = 4, PRIOR = 1024 /* four symbols, in 2^-8 */, HASTE_MOST = 3, HASTE_LEAST = 7 };

void sl_context_views(const struct sl_layout *layout, struct sl_context_view *view,
                      struct sl_context_shape *shape)
{
	uint32_t offset = 0;
	*shape = (struct sl_context_shape){ .dimension = layout->dimension, .views = layout->tensors };
	for (uint32_t t = 0; t < layout->tensors; t++) {
		const struct sl_tensor *from = sl_layout_tensor(layout, t);
		bool tall = from->columns == 1;
		struct sl_context_view made = {
			.offset = offset,
			.rows = tall ? 1 : from->rows,
			.columns = tall ? from->rows : from->columns,
			.row_factor = shape->row_factors,
			.column_factor = shape->column_factors,
		};
		uint64_t size = (uint64_t)from->rows * from->columns;
		if (from->offset != offset || size == 0 || size > layout->dimension - offset)
			break;
		offset += (uint32_t)size;
		shape->row_factors += made.rows;
		shape->column_factors += made.columns;
		if (view)
			view[t] = made;
	}
	if (offset != layout->dimension) {
		if (view)
			view[0] = (struct sl_context_view){ .rows = 1, .columns = layout->dimension };
		shape->views = shape->row_factors = 1;
		shape->column_factors = layout->dimension;
	}
}

/* Memory of a stream: tables, row and column factors, age and history per coordinate. */
size_t sl_context_memory(const struct sl_context_shape *s)
{
	return sizeof(struct sl_context_tables) + 2 * ((size_t)s->row_factors + s->column_factors) +
	       2 * (size_t)s->dimension;
}

struct sl_context *sl_context_layout(void *base, const struct sl_context_shape *shape, uint32_t domain,
                                     size_t *size)
{
	struct sl_arena a = { .base = base, .capacity = SIZE_MAX };
	struct sl_context *c = sl_arena_take(&a, 1, sizeof *c);
	uint16_t *state = sl_arena_take(&a, domain, sizeof *state),
	         *rate = sl_arena_take(&a, domain, sizeof *rate);
	uint16_t *row_factor = sl_arena_take(&a, shape->row_factors, sizeof *row_factor);
	uint16_t *column_factor =
	    sl_arena_take(&a, shape->column_factors + (size_t)domain, sizeof *column_factor);
	uint32_t *words[4];
	for (int i = 0; i < 4; i++)
		words[i] = sl_arena_take(&a, domain, sizeof *words[i]);
	int16_t *lean = sl_arena_take(&a, domain, sizeof *lean);
	uint8_t *trail = sl_arena_take(&a, domain, sizeof *trail);
	uint16_t *usual = sl_arena_take(&a, domain, sizeof *usual);
	struct sl_context_view *view = sl_arena_take(&a, shape->views, sizeof *view);
	*size = a.used;
	if (c) {
		c->view = view;
		c->shape = *shape;
		c->state = state;
		c->rate = rate;
		c->row_factor = row_factor;
		c->column_factor = column_factor;
		c->column_now = words[0];
		c->column_expected = words[1];
		c->intensity = words[2];
		c->column_seen = words[3];
		c->lean = lean;
		c->trail = trail;
		c->usual = usual;
	}
	return c;
}

/* 65536·e^-x for x = 2^(b/4 rounded down)·(1 + (b mod 4)/4) in units of 2^-14. */
static const uint16_t quiet_at_first[SL_CONTEXT_BINS] = {
	65504, 65504, 65504, 65504, 65504, 65504, 65504, 65504, 65504, 65504, 65504, 65504, 65504,
	65496, 65488, 65480, 65472, 65456, 65440, 65424, 65408, 65376, 65344, 65312, 65280, 65217,
	65153, 65090, 65026, 64899, 64772, 64646, 64520, 64268, 64018, 63768, 63520, 63025, 62535,
	62048, 61565, 60611, 59671, 58746, 57835, 56056, 54331, 52660, 51039, 47947, 45042, 42313,
	39750, 35079, 30957, 27319, 24109, 18776, 14623, 11388, 8869,  5380,  3263,  1979,  1200,
	442,   162,   60,    32,    32,    32,    32,    32,    32,    32,    32,
};

static void set_chances(sl_chance *chance, size_t count)
{
	for (size_t i = 0; i < count; i++)
		chance[i] = SL_CHANCE_EVEN;
}

/* Initial tables, given the number of symbols of the first message. */
static void fresh_tables(struct sl_context *c, uint32_t domain, uint32_t count)
{
	struct sl_context_tables *t = &c->tables;
	uint64_t rate = ((uint64_t)count << SL_RATE_BITS) / domain;
	t->first = count;
	t->column_haste = t->row_haste = HASTE_MOST;
	for (int i = 0; i < SL_CONTEXT_STATES; i++)
		t->rate[i] = rate < 1 ? 1 : rate > UINT16_MAX ? UINT16_MAX : (uint16_t)rate;
	memcpy(t->quiet[0], quiet_at_first, sizeof quiet_at_first);
	memcpy(t->quiet[1], quiet_at_first, sizeof quiet_at_first);
	set_chances(t->sign_own, sizeof t->sign_own / sizeof *t->sign_own);
	set_chances(t->sign_column, sizeof t->sign_column / sizeof *t->sign_column);
	set_chances(t->sign_trail, sizeof t->sign_trail / sizeof *t->sign_trail);
	set_chances(t->sign_interval, sizeof t->sign_interval / sizeof *t->sign_interval);
	set_chances(t->size_own, sizeof t->size_own / sizeof *t->size_own);
	set_chances(t->size_usual, sizeof t->size_usual / sizeof *t->size_usual);
	for (int i = 0; i < SL_CONTEXT_AGES; i++)
		for (int k = 0; k < 4; k++)
			t->sign_weight[i][k] = 23000; /* 0.35 */
	for (int i = 0; i < SL_CONTEXT_STEPS; i++)
		for (int k = 0; k < 2; k++)
			t->size_weight[i][k] = 36000; /* 0.55 */
	for (uint32_t i = 0; i < c->shape.row_factors; i++)
		c->row_factor[i] = SL_FACTOR_ONE;
	for (uint32_t i = 0; i < c->shape.column_factors; i++)
		c->column_factor[i] = SL_FACTOR_ONE;
}

/* Scales the rates to a number of symbols other than that of the first message. */
static void scale_rates(struct sl_context *c, uint32_t count)
{
	uint64_t scale = ((uint64_t)count << 12) / c->tables.first;
	for (int i = 0; i < SL_CONTEXT_STATES; i++) {
		uint64_t rate = c->tables.rate[i] * scale >> 12;
		c->scaled[i] = rate < 1 ? 1 : rate > UINT16_MAX ? UINT16_MAX : (uint16_t)rate;
	}
}

/* `youth` is 255 right after a symbol and falls by one with each message; 0: long ago, or never. Ages are in the
 * classes 0, 1, 2–3, … 14–15, 16–23, 24–31, 32–63, 64–127, 128–254, 255. */
SL_VARIANTS static void states_of(uint32_t n, const uint8_t *restrict youth, const uint8_t *restrict past,
                                  uint16_t *restrict state)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t y = youth[i];
		uint8_t age = (uint8_t)((y <= 254) + (y <= 253) + (y <= 251) + (y <= 249) + (y <= 247) +
		                        (y <= 245) + (y <= 243) + (y <= 241) + (y <= 239) + (y <= 231) +
		                        (y <= 223) + (y <= 191) + (y <= 127) + (y == 0));
		state[i] = (uint16_t)(age << 6 | (past[i] & 63));
	}
}

void sl_context_begin(struct sl_context *c, const struct sl_symbols *s, uint32_t count)
{
	const uint8_t *memory = s->message->memory;
	sl_mixer_make(&c->mixing);
	memcpy(&c->tables, memory, sizeof c->tables);
	memory += sizeof c->tables;
	memcpy(c->row_factor, memory, 2 * (size_t)c->shape.row_factors);
	memory += 2 * (size_t)c->shape.row_factors;
	memcpy(c->column_factor, memory, 2 * (size_t)c->shape.column_factors);
	memory += 2 * (size_t)c->shape.column_factors;
	c->youth = memory;
	c->past = memory + c->shape.dimension;
	c->coordinate = s->coordinate;
	c->alone = s->coordinate != NULL;
	struct sl_context_shape shape;
	sl_context_views(s->message->layout, c->view, &shape);
	c->views = shape.views;
	if (c->tables.messages == 0)
		fresh_tables(c, s->domain, count);
	scale_rates(c, count);
	c->skipped = s->domain / count < 32 ? 1 : 3;
	if (c->alone) { /* one row; its factors, after the others, are not stored */
		c->view[0] = (struct sl_context_view){ .rows = 1,
			                               .columns = s->domain,
			                               .column_factor = c->shape.column_factors };
		c->views = 1;
		SL_CHECK(s->coordinate);
		for (uint32_t i = 0; i < s->domain; i++) {
			uint32_t k = s->coordinate[i];
			states_of(1, c->youth + k, c->past + k, c->state + i);
			c->column_factor[c->shape.column_factors + i] = SL_FACTOR_ONE;
		}
	} else {
		states_of(s->domain, c->youth, c->past, c->state);
	}
	for (uint32_t i = 0; i < s->domain; i++)
		c->rate[i] = c->scaled[c->state[i]];
	c->column_gain = c->row_gain = c->column_excess = c->row_excess = 0;
	memset(c->seen, 0, sizeof c->seen);
	memset(c->expected, 0, sizeof c->expected);
}

void sl_context_begin_view(struct sl_context *c, const struct sl_context_view *v)
{
	for (uint32_t k = 0; k < v->columns; k++)
		c->column_now[k] = c->column_factor[v->column_factor + k];
	memset(c->column_expected, 0, v->columns * sizeof *c->column_expected);
	memset(c->column_seen, 0, v->columns * sizeof *c->column_seen);
	memset(c->lean, 0, v->columns * sizeof *c->lean);
	memset(c->trail, 0, v->columns * sizeof *c->trail);
	memset(c->usual, 0, v->columns * sizeof *c->usual);
}

/* Computes intensities with the present column factors, and sums what the stored factors alone would expect. The
 * present factors are lowered by 2^-haste of what they expect; a symbol raises them by the same share of the
 * stored factor. */
SL_VARIANTS static void row_intensities(uint32_t n, const uint16_t *restrict rate,
                                        const uint16_t *restrict factor, uint32_t row, unsigned haste,
                                        uint32_t *restrict now, uint32_t *restrict expected,
                                        uint32_t *restrict intensity)
{
	for (uint32_t k = 0; k < n; k++) {
		uint32_t plain = rate[k] * (uint32_t)factor[k] >> SL_FACTOR_BITS;
		uint32_t here = rate[k] * now[k] >> SL_FACTOR_BITS;
		plain = plain > UINT16_MAX ? UINT16_MAX : plain;
		here = here > UINT16_MAX ? UINT16_MAX : here;
		expected[k] += plain * row >> SL_FACTOR_BITS;
		intensity[k] = here + (here == 0);
		uint32_t hope = here * row >> SL_FACTOR_BITS;
		hope = hope > UINT16_MAX ? UINT16_MAX : hope;
		uint32_t less = hope * factor[k] >> (SL_RATE_BITS + haste);
		now[k] -= less < now[k] / 2 ? less : now[k] / 2;
	}
}

void sl_context_row(struct sl_context *c, const struct sl_context_view *v, uint32_t row)
{
	const uint16_t *rate = c->rate + v->offset + (size_t)row * v->columns;
	uint32_t factor = c->alone ? SL_FACTOR_ONE : c->row_factor[v->row_factor + row];
	row_intensities(v->columns, rate, c->column_factor + v->column_factor, factor, c->tables.column_haste,
	                c->column_now, c->column_expected, c->intensity);
}

/* Updates a factor after `seen` symbols where `expected` (in units of 2^-14) were expected: three tenths of the way to
 * their ratio, with four symbols added to both as a prior. */
static uint16_t refit(uint16_t factor, uint32_t seen, uint64_t expected)
{
	int64_t off = ((int64_t)seen << SL_RATE_BITS) - (int64_t)expected;
	int64_t all = (int64_t)expected + (4 << SL_RATE_BITS);
	int64_t f = factor + factor * off * 3 / (all * 10);
	return f < SL_FACTOR_MIN ? SL_FACTOR_MIN : f > SL_FACTOR_MAX ? SL_FACTOR_MAX : (uint16_t)f;
}

void sl_context_end_row(struct sl_context *c, const struct sl_context_view *v, uint32_t row, uint32_t seen,
                        uint64_t sum)
{
	uint32_t factor = c->alone ? SL_FACTOR_ONE : c->row_factor[v->row_factor + row];
	if (!c->alone)
		c->row_factor[v->row_factor + row] =
		    refit((uint16_t)factor, seen, sum * factor >> SL_FACTOR_BITS);
	c->column_excess += (int64_t)(sum * factor >> SL_FACTOR_BITS);
	if (!sl_context_counts(c, v, row))
		return;
	const uint16_t *state = c->state + v->offset + (size_t)row * v->columns;
	for (uint32_t k = 0; k < v->columns; k++)
		c->expected[state[k]] += c->intensity[k] * (uint64_t)factor >> SL_FACTOR_BITS;
}

void sl_context_end_view(struct sl_context *c, const struct sl_context_view *v)
{
	uint16_t *factor = c->column_factor + v->column_factor;
	for (uint32_t k = 0; k < v->columns; k++)
		c->column_excess -= c->column_expected[k];
	for (uint32_t k = 0; k < v->columns; k++)
		factor[k] = refit(factor[k], c->column_seen[k], c->column_expected[k]);
}

/* Factors whose updates saved bits adapt faster from now on, others more slowly. */
static uint8_t next_haste(uint8_t haste, int64_t gain, int64_t excess)
{
	int64_t bits = gain - excess * 369 / (1 << SL_RATE_BITS); /* 256/ln 2 */
	if (bits > 0)
		return haste > HASTE_MOST ? haste - 1 : haste;
	return haste < HASTE_LEAST ? haste + 1 : haste;
}

/* The rate of a state is symbols seen divided by coordinates in that state. Both counts decay by a quarter per message,
 * because rates fall with the step size: a longer memory costs bits. Four symbols at the previous rate are added
 * to both as a prior. */
void sl_context_end(struct sl_context *c, uint32_t count)
{
	struct sl_context_tables *t = &c->tables;
	for (int i = 0; i < SL_CONTEXT_STATES; i++) {
		if (c->expected[i] == 0)
			continue;
		uint64_t room = t->room[i] - t->room[i] / FADE + (c->expected[i] << 4) / t->rate[i];
		t->room[i] = room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
		t->seen[i] += (c->seen[i] << 8) - t->seen[i] / FADE;
		uint64_t rate = (((uint64_t)t->seen[i] + PRIOR) << (SL_RATE_BITS - 4)) /
		                (t->room[i] + ((uint64_t)PRIOR << (SL_RATE_BITS - 4)) / t->rate[i]);
		t->rate[i] = rate < 1 ? 1 : rate > UINT16_MAX ? UINT16_MAX : (uint16_t)rate;
	}
	t->column_haste = next_haste(t->column_haste, c->column_gain, c->column_excess);
	t->row_haste = next_haste(t->row_haste, c->row_gain, c->row_excess);
	t->latest = count;
	t->messages++;
	c->learnt = true;
}

SL_VARIANTS static void grow_older(uint32_t n, uint8_t *youth)
{
	for (uint32_t i = 0; i < n; i++)
		youth[i] = (uint8_t)(youth[i] - (youth[i] > 0));
}

/* Classes of the interval between two symbols: below 4, 8, 16, 32, 64, 128, 255 messages; longer, or none. */
static unsigned interval_class(unsigned youth)
{
	unsigned age = 255 - youth;
	return age < 4 ? 0 : age < 255 ? 30 - (unsigned)__builtin_clz(age) : 7;
}

void sl_context_store(struct sl_context *c, const struct sl_symbols *s, unsigned shift)
{
	uint8_t *memory = s->message->memory;
	if (c->learnt) {
		memcpy(memory, &c->tables, sizeof c->tables);
		size_t rows = 2 * (size_t)c->shape.row_factors, columns = 2 * (size_t)c->shape.column_factors;
		memcpy(memory + sizeof c->tables, c->row_factor, rows);
		memcpy(memory + sizeof c->tables + rows, c->column_factor, columns);
	}
	uint8_t *youth = memory + (c->youth - memory), *past = memory + (c->past - memory);
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t k = s->coordinate ? s->coordinate[s->index[i]] : s->index[i];
		int32_t symbol = s->symbol[i];
		uint32_t size = (((uint32_t)(symbol < 0 ? -symbol : symbol) - 1) >> shift) + 1;
		unsigned negative = symbol < 0, before = past[k] >> 6 & 1, first = (past[k] & 7) == 0;
		unsigned turned = !first && negative != before;
		past[k] = (uint8_t)(turned << 7 | negative << 6 | interval_class(youth[k]) << 3 |
		                    (size < 7 ? size : 7));
	}
	grow_older(c->shape.dimension, youth);
	for (uint32_t i = 0; i < s->count; i++)
		youth[s->coordinate ? s->coordinate[s->index[i]] : s->index[i]] = 255;
}
