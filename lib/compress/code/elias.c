/* elias — the coder of QSGD (Alistarh et al., NeurIPS 2017, section 3.1): for each nonzero the gap to the one
 * before, the sign, and the magnitude, integers in Elias omega. Body: omega(count), then omega(gap) sign
 * omega(|symbol|). */
#include "compress/stage.h"

#include "compress/bits.h"

static size_t elias_bound(const void *options, uint32_t domain, uint32_t count_max, uint32_t symbol_max)
{
	(void)options;
	if (count_max == 0)
		return SL_BITS_SLACK;
	/* omega(n) takes at most 1 + 2.5·log2(n) bits, which is concave: equal gaps are the worst. */
	uint64_t gap = 1 + (5 * (uint64_t)sl_bit_length((domain + count_max - 1) / count_max) + 1) / 2;
	uint64_t bits = sl_omega_length(UINT32_MAX) + count_max * (gap + 1 + sl_omega_length(symbol_max));
	return bits / 8 + 1 + SL_BITS_SLACK;
}

static void elias_encode(const void *options, const struct sl_symbols *s, struct sl_writer *writer,
                         void *scratch)
{
	(void)options, (void)scratch;
	struct sl_bit_writer b = sl_bit_writer(writer);
	sl_put_omega(&b, s->count);
	uint32_t expected = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		int32_t v = s->symbol[i];
		sl_put_omega(&b, s->index[i] - expected + 1);
		sl_put_bits(&b, v < 0, 1);
		sl_put_omega(&b, (uint32_t)(v < 0 ? -v : v));
		expected = s->index[i] + 1;
	}
	sl_bits_finish(&b, writer);
}

static bool elias_decode(const void *options, struct sl_symbols *s, struct sl_reader body, void *scratch)
{
	(void)options, (void)scratch;
	struct sl_bit_reader b = sl_bit_reader(body);
	s->count = sl_get_omega(&b);
	if (s->count == 0 || s->count > s->count_max)
		return false;
	uint64_t expected = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t gap = sl_get_omega(&b);
		bool negative = sl_get_bits(&b, 1);
		uint32_t magnitude = sl_get_omega(&b);
		expected += gap;
		if (gap == 0 || expected > s->domain || magnitude == 0 || magnitude > s->symbol_max ||
		    sl_bits_overrun(&b))
			return false;
		s->index[i] = (uint32_t)expected - 1;
		s->symbol[i] = negative ? -(int32_t)magnitude : (int32_t)magnitude;
	}
	return sl_bits_done(&b);
}

const struct sl_code sl_code_elias = {
	.name = "elias",
	.doc = "gaps and magnitudes in Elias omega (QSGD)",
	.examples = "elias",
	.symbol_max = 32767,
	.bound = elias_bound,
	.encode = elias_encode,
	.decode = elias_decode,
};
