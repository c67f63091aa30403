#include "compress/rice.h"

enum { NONZEROS_MAX = 512 };

static uint32_t magnitude_of(int32_t v)
{
	return (uint32_t)(v < 0 ? -v : v);
}

static bool fits(uint32_t count, uint32_t domain)
{
	return count > 0 && count <= NONZEROS_MAX && count <= domain / 2;
}

bool sl_rice_plan(const struct sl_symbols *s, struct sl_rice_plan *p)
{
	uint64_t sum = 0, bits = 0;
	uint32_t n = s->count, next = 0;
	if (!fits(n, s->domain))
		return false;
	p->gap = sl_golomb_for(s->domain, n);
	p->least = UINT32_MAX;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t magnitude = magnitude_of(s->symbol[i]);
		p->least = magnitude < p->least ? magnitude : p->least;
		sum += magnitude;
		bits += sl_golomb_length(&p->gap, s->index[i] - next);
		next = s->index[i] + 1;
	}
	/* The best Golomb parameter is near 0.69 of the mean; Rice takes the power of two below. */
	p->k = sl_bit_length((45426 * (sum - (uint64_t)n * p->least) / n) >> 16);
	p->k = p->k > 0 ? p->k - 1 : 0;
	for (uint32_t i = 0; i < n; i++)
		bits += (magnitude_of(s->symbol[i]) - p->least) >> p->k;
	p->bits = bits + sl_omega_length(n) + sl_omega_length(p->least) + 4 + (uint64_t)n * (2 + p->k);
	return true;
}

/* Every remainder is below the cutoff: k bits. */
static struct sl_golomb rice(unsigned k)
{
	return (struct sl_golomb){ 1u << k, 1u << k, k + 1 };
}

void sl_rice_put(const struct sl_symbols *s, const struct sl_rice_plan *p, struct sl_bit_writer *b)
{
	struct sl_golomb level = rice(p->k);
	uint32_t next = 0;
	sl_put_omega(b, s->count);
	sl_put_omega(b, p->least);
	sl_put_bits(b, p->k, 4);
	for (uint32_t i = 0; i < s->count; i++) {
		sl_put_golomb(b, &p->gap, s->index[i] - next);
		next = s->index[i] + 1;
		sl_put_bits(b, s->symbol[i] < 0, 1);
		sl_put_golomb(b, &level, magnitude_of(s->symbol[i]) - p->least);
	}
}

bool sl_rice_get(struct sl_symbols *s, uint32_t count, struct sl_bit_reader *b)
{
	s->count = count;
	uint32_t least = sl_get_omega(b);
	unsigned k = (unsigned)sl_get_bits(b, 4);
	if (s->count > s->count_max || !fits(s->count, s->domain) || least == 0 || least > s->symbol_max)
		return false;
	struct sl_golomb gap = sl_golomb_for(s->domain, s->count), level = rice(k);
	uint64_t next = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		next += sl_get_golomb(b, &gap);
		bool negative = sl_get_bits(b, 1);
		uint64_t magnitude = (uint64_t)least + sl_get_golomb(b, &level);
		if (next >= s->domain || magnitude > s->symbol_max || sl_bits_overrun(b))
			return false;
		s->index[i] = (uint32_t)next++;
		s->symbol[i] = negative ? -(int32_t)magnitude : (int32_t)magnitude;
	}
	return sl_bits_done(b);
}
