#include "compress/fit.h"

#include <float.h>

#include "linalg/blocks.h"
#include "linalg/mask.h"
#include "linalg/variants.h"
#include "linalg/vector.h"

struct sl_workspace {
	uint32_t *support;  /* selected coordinates */
	uint32_t *position; /* of nonzero symbols, in the coder's domain */
	int32_t *symbol;
	uint32_t *index; /* of the update */
	float *value;
	uint64_t *mask;      /* bit per symbol: not zero */
	void *select, *code; /* scratch of the stages */
	float *held;         /* with a budget: the values before they are quantised */
	void *fit;
	struct sl_symbols symbols; /* of the last message */
};

static uint32_t most_symbols(const struct sl_pipeline *p)
{
	return p->select->count_max(p->select_options, p->dimension);
}

static uint32_t code_domain(const struct sl_pipeline *p)
{
	return p->select->shared_support ? most_symbols(p) : p->dimension;
}

static uint32_t largest_symbol(const struct sl_pipeline *p)
{
	return p->quantise->symbol_max ? p->quantise->symbol_max(p->quantise_options) : 0;
}

size_t sl_pipeline_side(const struct sl_pipeline *p)
{
	return p->quantise->side ? p->quantise->side(p->quantise_options) : 0;
}

size_t sl_pipeline_bound(const struct sl_pipeline *p)
{
	return sl_pipeline_side(p) +
	       p->code->bound(p->code_options, code_domain(p), most_symbols(p), largest_symbol(p));
}

/* Memory of a stream: first the code's, then the select's. */
static size_t code_memory(const struct sl_pipeline *p)
{
	return p->code->memory ? (p->code->memory(p->code_options) + 7) / 8 * 8 : 0;
}

size_t sl_pipeline_memory(const struct sl_pipeline *p)
{
	return code_memory(p) + (p->select->memory ? p->select->memory(p->select_options) : 0);
}

static struct sl_message_context message_to_select(const struct sl_pipeline *p,
                                                   const struct sl_message_context *m)
{
	struct sl_message_context own = *m;
	own.memory = p->select->memory ? (uint8_t *)m->memory + code_memory(p) : NULL;
	return own;
}

static void commit_select(const struct sl_pipeline *p, const struct sl_message_context *m, uint32_t count)
{
	struct sl_message_context own = message_to_select(p, m);
	if (p->select->commit)
		p->select->commit(p->select_options, &own, count);
}

struct sl_workspace *sl_workspace_make(const struct sl_pipeline *p, struct sl_arena *arena)
{
	uint32_t count_max = most_symbols(p);
	struct sl_workspace *w = sl_arena_take(arena, 1, sizeof *w);
	struct sl_workspace made = {
		.support = sl_arena_take(arena, count_max, sizeof *made.support),
		.position = sl_arena_take(arena, (size_t)count_max + 4, sizeof *made.position),
		.symbol = sl_arena_take(arena, count_max, sizeof *made.symbol),
		.index = sl_arena_take(arena, (size_t)count_max + 4, sizeof *made.index),
		.value = sl_arena_take(arena, count_max, sizeof *made.value),
		.mask = sl_arena_take(arena, ((size_t)count_max + 63) / 64, sizeof *made.mask),
	};
	if (p->select->scratch)
		made.select = sl_arena_take(arena, 1, p->select->scratch(p->select_options, p->dimension));
	if (p->code->scratch)
		made.code = sl_arena_take(
		    arena, 1,
		    p->code->scratch(p->code_options, code_domain(p), count_max, largest_symbol(p)));
	if (p->budget) {
		made.held = sl_arena_take(arena, count_max, sizeof *made.held);
		made.fit = sl_arena_take(arena, 1, sl_fit_scratch(p, count_max));
	}
	if (w)
		*w = made;
	return w;
}

static void gather(uint32_t count, const uint32_t *index, const float *v, double scale, float *value)
{
	for (uint32_t i = 0; i < count; i++)
		value[i] = v[index[i]];
	if (scale != 1)
		for (uint32_t i = 0; i < count; i++)
			value[i] = (float)fmax(
			    -(double)FLT_MAX,
			    fmin((double)FLT_MAX, (double)value[i] * scale)); /* finite values stay finite */
}

/* Removes zero symbols: writes w->position and w->symbol of the others; returns their number. */
static uint32_t drop_zero_symbols(uint32_t count, bool by_coordinate, struct sl_workspace *w)
{
	sl_mask_reach(count, w->symbol, 1, w->mask);
	if (by_coordinate && sl_mask_count(((size_t)count + 63) / 64, w->mask) == count) {
		memcpy(w->position, w->support, count * sizeof *w->position);
		return count;
	}
	uint32_t kept = sl_mask_positions(((size_t)count + 63) / 64, w->mask, w->position);
	for (uint32_t i = 0; kept < count && i < kept; i++)
		w->symbol[i] = w->symbol[w->position[i]];
	for (uint32_t i = 0; by_coordinate && i < kept; i++)
		w->position[i] = w->support[w->position[i]];
	return kept;
}

SL_VARIANTS static bool all_finite_and_nonzero(uint32_t count, const float *value, bool *finite)
{
	uint32_t zero = 0, bad = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t bits = sl_float_bits(value[i]);
		bad |= (bits & UINT32_C(0x7f800000)) == UINT32_C(0x7f800000);
		zero |= bits << 1 == 0;
	}
	*finite = !bad;
	return !bad && !zero;
}

/* The receiver's part, which also computes the sender's own update: values from symbols, without zeros; false if a
 * value is not finite. */
static bool values_of_symbols(const struct sl_pipeline *p, const struct sl_message_context *m, uint32_t count,
                              const uint8_t *side, struct sl_update *update, struct sl_workspace *w)
{
	uint32_t *index = w->position;
	if (p->select->shared_support) {
		for (uint32_t i = 0; i < count; i++)
			w->index[i] = w->support[w->position[i]];
		index = w->index;
	}
	struct sl_values values = { .message = m, .index = index, .count = count };
	if (!p->quantise->decode(p->quantise_options, &values, w->symbol, side, w->value))
		return false;
	bool finite;
	*update = (struct sl_update){ .count = count, .index = index, .value = w->value };
	if (all_finite_and_nonzero(count, w->value, &finite))
		return true;
	update->index = w->index;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < count; i++) {
		w->index[kept] = index[i];
		w->value[kept] = w->value[i];
		kept += w->value[i] != 0;
	}
	update->count = kept;
	return finite;
}

static struct sl_symbols symbols_of(const struct sl_pipeline *p, const struct sl_message_context *m,
                                    uint32_t domain, struct sl_workspace *w)
{
	bool shared = p->select->shared_support;
	return (struct sl_symbols){
		.message = m,
		.domain = domain,
		.count_max = most_symbols(p) < domain ? most_symbols(p) : domain,
		.symbol_max = largest_symbol(p),
		.coordinate = shared ? w->support : NULL,
		.index = w->position,
		.symbol = w->symbol,
	};
}

/* Nothing to send: the body is empty. */
static void nothing_left(const struct sl_pipeline *p, const struct sl_message_context *m,
                         struct sl_update *update, struct sl_workspace *w)
{
	*update = (struct sl_update){ .index = w->index, .value = w->value };
	w->symbols = symbols_of(p, m, p->dimension, w);
	commit_select(p, m, 0);
}

/* Codes the symbols in w->position and w->symbol after the side information. */
static struct sl_symbols write_code(const struct sl_pipeline *p, const struct sl_message_context *m,
                                    uint32_t domain, uint32_t count, struct sl_writer *writer,
                                    struct sl_workspace *w)
{
	struct sl_symbols symbols = symbols_of(p, m, domain, w);
	symbols.count = count;
	p->code->encode(p->code_options, &symbols, writer, w->code);
	return symbols;
}

/* The message is final: memories follow it. */
static void commit(const struct sl_pipeline *p, const struct sl_message_context *m, struct sl_symbols symbols,
                   uint32_t count, struct sl_workspace *w)
{
	if (p->code->commit)
		p->code->commit(p->code_options, &symbols, w->code);
	commit_select(p, m, count);
	w->symbols = symbols;
}

/* Quantises and codes w->support and w->value; false where nothing is left to send. */
static bool encode_once(const struct sl_pipeline *p, const struct sl_message_context *m, uint32_t selected,
                        struct sl_writer *writer, struct sl_update *update, struct sl_symbols *symbols,
                        struct sl_workspace *w)
{
	struct sl_values values = { .message = m, .index = w->support, .count = selected };
	uint8_t *side = sl_write_room(writer, sl_pipeline_side(p));
	p->quantise->encode(p->quantise_options, &values, w->value, w->symbol, side);
	bool shared = p->select->shared_support;
	uint32_t count = drop_zero_symbols(selected, !shared, w);
	if (count == 0) {
		writer->at = side;
		return false;
	}
	SL_CHECK(values_of_symbols(p, m, count, side, update, w));
	*symbols = write_code(p, m, shared ? selected : p->dimension, count, writer, w);
	return true;
}

static void encode_selected(const struct sl_pipeline *p, const struct sl_message_context *m,
                            uint32_t selected, struct sl_writer *writer, struct sl_update *update,
                            struct sl_workspace *w)
{
	uint8_t *start = writer->at;
	struct sl_symbols symbols;
	if (p->budget && selected)
		memcpy(w->held, w->value, selected * sizeof *w->held);
	while (encode_once(p, m, selected, writer, update, &symbols, w)) {
		size_t bytes = (size_t)(writer->at - start);
		if (p->budget == 0 || bytes <= p->budget || selected <= p->least) {
			commit(p, m, symbols, symbols.count, w);
			return;
		}
		writer->at = start;
		selected = sl_fit_fewer(p, selected, bytes, w->support, w->held, w->index, w->fit);
		memcpy(w->value, w->held, selected * sizeof *w->value);
	}
	nothing_left(p, m, update, w);
}

void sl_pipeline_encode(const struct sl_pipeline *p, const struct sl_message_context *m, const float *v,
                        struct sl_writer *writer, struct sl_update *update, struct sl_workspace *w)
{
	struct sl_message_context own = message_to_select(p, m);
	uint32_t selected = p->select->select(p->select_options, &own, v, w->support, w->select);
	double scale = p->select->scale ? p->select->scale(p->select_options, p->dimension) : 1;
	gather(selected, w->support, v, scale, w->value);
	encode_selected(p, m, selected, writer, update, w);
}

bool sl_pipeline_encode_difference(const struct sl_pipeline *p, const struct sl_message_context *m,
                                   const float *x, float *room, struct sl_writer *writer,
                                   struct sl_update *update, struct sl_workspace *w)
{
	struct sl_message_context own = message_to_select(p, m);
	uint32_t selected;
	if (!p->select->difference) {
		if (!sl_blocks_difference(m->parallel, p->dimension, x, m->copy, room))
			return false;
		sl_pipeline_encode(p, m, room, writer, update, w);
		return true;
	}
	if (!p->select->difference(p->select_options, &own, x, w->support, w->value, &selected, w->select))
		return false;
	encode_selected(p, m, selected, writer, update, w);
	return true;
}

const struct sl_symbols *sl_workspace_symbols(const struct sl_workspace *w)
{
	return &w->symbols;
}

/* Whether positions ascend within the domain and symbols are within their range. */
static bool symbols_sound(const struct sl_symbols *s, const uint32_t *position, const int32_t *symbol,
                          uint32_t count)
{
	bool good = count <= s->count_max;
	for (uint32_t i = 0; good && i < count; i++) {
		int64_t size = symbol[i] < 0 ? -(int64_t)symbol[i] : symbol[i];
		good = position[i] < s->domain && (i == 0 || position[i - 1] < position[i]) &&
		       symbol[i] != 0 && (s->symbol_max == 0 || size <= s->symbol_max);
	}
	return good;
}

bool sl_pipeline_encode_symbols(const struct sl_pipeline *p, const struct sl_message_context *m,
                                uint32_t count, const uint32_t *position, const int32_t *symbol,
                                const uint8_t *side, struct sl_writer *writer, struct sl_update *update,
                                struct sl_workspace *w)
{
	if (count == 0) {
		nothing_left(p, m, update, w);
		return true;
	}
	uint32_t domain = p->dimension;
	struct sl_message_context own = message_to_select(p, m);
	if (p->select->shared_support)
		domain = p->select->select(p->select_options, &own, NULL, w->support, w->select);
	struct sl_symbols symbols = symbols_of(p, m, domain, w);
	if (!symbols_sound(&symbols, position, symbol, count))
		return false;
	memcpy(w->position, position, count * sizeof *position);
	memcpy(w->symbol, symbol, count * sizeof *symbol);
	if (!values_of_symbols(p, m, count, side, update, w))
		return false;
	if (sl_pipeline_side(p))
		sl_write_bytes(writer, side, sl_pipeline_side(p));
	commit(p, m, write_code(p, m, domain, count, writer, w), count, w);
	return true;
}

bool sl_pipeline_decode(const struct sl_pipeline *p, const struct sl_message_context *m,
                        struct sl_reader body, struct sl_update *update, struct sl_workspace *w)
{
	*update = (struct sl_update){ .index = w->index, .value = w->value };
	if (sl_reader_done(&body)) {
		nothing_left(p, m, update, w);
		return true;
	}
	const uint8_t *side = sl_read_bytes(&body, sl_pipeline_side(p));
	if (body.failed)
		return false;
	uint32_t domain = p->dimension;
	struct sl_message_context own = message_to_select(p, m);
	if (p->select->shared_support)
		domain = p->select->select(p->select_options, &own, NULL, w->support, w->select);
	struct sl_symbols symbols = symbols_of(p, m, domain, w);
	if (domain == 0 || !p->code->decode(p->code_options, &symbols, body, w->code))
		return false;
	SL_CHECK(symbols.count >= 1 && symbols.count <= symbols.count_max);
	if (!values_of_symbols(p, m, symbols.count, side, update, w)) {
		update->count = 0;
		return false;
	}
	if (p->code->commit)
		p->code->commit(p->code_options, &symbols, w->code);
	commit_select(p, m, symbols.count);
	w->symbols = symbols;
	return true;
}
