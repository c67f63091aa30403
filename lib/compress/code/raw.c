/* raw — fixed-length fields, no statistics. Body: a byte 0, then every symbol of the domain; or a byte 1,
 * then omega(count), the positions, and the symbols; whichever is shorter (dense where they are equal).
 * Positions take ⌈log2 domain⌉ bits, symbols (zigzag) ⌈log2(2·largest + 1)⌉; arbitrary 32-bit patterns take
 * four bytes, little-endian in the dense form. */
#include "compress/stage.h"

#include "compress/bits.h"
#include "compress/whole.h"

static unsigned symbol_bits(uint32_t symbol_max)
{
	return symbol_max ? sl_bit_length(2 * (uint64_t)symbol_max) : 32;
}

static uint64_t dense_bits(uint32_t domain, uint32_t symbol_max)
{
	return (uint64_t)domain * symbol_bits(symbol_max);
}

static uint64_t sparse_bits(uint32_t domain, uint32_t count, uint32_t symbol_max)
{
	return sl_omega_length(count) +
	       (uint64_t)count * (sl_bit_length(domain - 1) + symbol_bits(symbol_max));
}

static size_t raw_bound(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options;
	if (count_max == 0)
		return SL_BITS_SLACK;
	uint64_t bits = sl_raw_is_dense(domain, count_max, symbol_max)
	                    ? dense_bits(domain, symbol_max)
	                    : sparse_bits(domain, count_max, symbol_max);
	return 2 + bits / 8 + SL_BITS_SLACK;
}

static uint32_t field_of(int32_t symbol, uint32_t symbol_max)
{
	return symbol_max ? sl_zigzag(symbol) : (uint32_t)symbol;
}

static void encode_patterns(const struct sl_symbols *s, struct sl_writer *writer)
{
	uint8_t *p = sl_write_room(writer, (size_t)s->domain * 4);
	if (s->count < s->domain)
		memset(p, 0, (size_t)s->domain * 4);
	for (uint32_t i = 0; i < s->count; i++)
		sl_store_u32(p + 4 * (size_t)s->index[i], (uint32_t)s->symbol[i]);
}

static void encode_dense(const struct sl_symbols *s, struct sl_bit_writer *b)
{
	unsigned bits = symbol_bits(s->symbol_max);
	uint32_t at = 0;
	for (uint32_t i = 0; i < s->count; i++, at++) {
		for (; at < s->index[i]; at++)
			sl_put_bits(b, 0, bits);
		sl_put_bits(b, field_of(s->symbol[i], s->symbol_max), bits);
	}
	for (; at < s->domain; at++)
		sl_put_bits(b, 0, bits);
}

static void raw_encode(const void *options, const struct sl_symbols *s, struct sl_writer *writer,
                       void *scratch)
{
	(void)options, (void)scratch;
	bool dense = sl_raw_is_dense(s->domain, s->count, s->symbol_max);
	sl_write_u8(writer, !dense);
	if (dense && !s->symbol_max) {
		encode_patterns(s, writer);
		return;
	}
	struct sl_bit_writer b = sl_bit_writer(writer);
	if (dense) {
		encode_dense(s, &b);
	} else {
		sl_put_omega(&b, s->count);
		for (uint32_t i = 0; i < s->count; i++)
			sl_put_bits(&b, s->index[i], sl_bit_length(s->domain - 1));
		for (uint32_t i = 0; i < s->count; i++)
			sl_put_bits(&b, field_of(s->symbol[i], s->symbol_max), symbol_bits(s->symbol_max));
	}
	sl_bits_finish(&b, writer);
}

/* Appends a symbol unless it is zero; false if there is no room. */
static bool append(struct sl_symbols *s, uint32_t position, uint32_t field)
{
	if (field == 0)
		return true;
	int32_t symbol = s->symbol_max ? sl_unzigzag(field) : (int32_t)field;
	if (s->count == s->count_max || (s->symbol_max && field > 2 * s->symbol_max))
		return false;
	s->index[s->count] = position;
	s->symbol[s->count++] = symbol;
	return true;
}

static bool decode_patterns(struct sl_symbols *s, struct sl_reader body)
{
	const uint8_t *p = sl_read_bytes(&body, (size_t)s->domain * 4);
	if (!p || !sl_reader_done(&body))
		return false;
	for (uint32_t at = 0; at < s->domain; at++) {
		uint32_t pattern = sl_load_u32(p + 4 * (size_t)at);
		if (s->count == s->count_max) {
			if (pattern)
				return false;
			continue;
		}
		s->index[s->count] = at;
		s->symbol[s->count] = (int32_t)pattern;
		s->count += pattern != 0;
	}
	return true;
}

static bool decode_sparse(struct sl_symbols *s, struct sl_bit_reader *b)
{
	uint32_t count = sl_get_omega(b);
	unsigned wide = sl_bit_length(s->domain - 1), bits = symbol_bits(s->symbol_max);
	if (count == 0 || count > s->count_max ||
	    b->position + (uint64_t)count * (wide + bits) > (uint64_t)b->length * 8)
		return false;
	uint64_t expected = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = (uint32_t)sl_get_bits(b, wide);
		if (at < expected || at >= s->domain)
			return false;
		expected = (uint64_t)at + 1;
		s->index[i] = at;
	}
	for (uint32_t i = 0; i < count; i++)
		if (!append(s, s->index[i], (uint32_t)sl_get_bits(b, bits)))
			return false;
	return s->count == count;
}

static bool raw_decode(const void *options, struct sl_symbols *s, struct sl_reader body, void *scratch)
{
	(void)options, (void)scratch;
	uint8_t sparse = sl_read_u8(&body);
	s->count = 0;
	if (body.failed || sparse > 1)
		return false;
	bool good;
	if (!sparse && !s->symbol_max) {
		good = decode_patterns(s, body);
	} else {
		struct sl_bit_reader b = sl_bit_reader(body);
		good = true;
		if (sparse)
			good = decode_sparse(s, &b);
		else if ((uint64_t)b.length * 8 < dense_bits(s->domain, s->symbol_max))
			good = false;
		for (uint32_t at = 0; good && !sparse && at < s->domain; at++)
			good = append(s, at, (uint32_t)sl_get_bits(&b, symbol_bits(s->symbol_max)));
		good = good && sl_bits_done(&b);
	}
	return good && s->count > 0 && sparse == !sl_raw_is_dense(s->domain, s->count, s->symbol_max);
}

const struct sl_code sl_code_raw = {
	.name = "raw",
	.doc = "fixed-length fields, dense or sparse, whichever is shorter; carries float32",
	.examples = "raw",
	.symbol_max = 0,
	.bound = raw_bound,
	.encode = raw_encode,
	.decode = raw_decode,
};
