#include "compress/bits.h"

uint64_t sl_peek_tail(const struct sl_bit_reader *b)
{
	uint64_t window = 0;
	for (size_t i = 0, byte = b->position / 8; i < 8; i++)
		window = window << 8 | (byte + i < b->length ? b->bytes[byte + i] : 0);
	return window;
}

bool sl_bits_done(const struct sl_bit_reader *b)
{
	if (b->length != (b->position + 7) / 8)
		return false;
	return b->position % 8 == 0 || (uint8_t)(b->bytes[b->length - 1] << b->position % 8) == 0;
}

/* Builds the code from its end: a zero; before it n in binary; before that the length of n minus 1 in binary; and
 * so on until the length is 1. */
static uint64_t omega_code(uint32_t n, unsigned *length)
{
	uint64_t code = 0;
	*length = 1;
	while (n > 1) {
		code |= (uint64_t)n << *length;
		*length += sl_bit_length(n);
		n = sl_bit_length(n) - 1;
	}
	return code;
}

unsigned sl_omega_length(uint32_t n)
{
	unsigned length;
	omega_code(n, &length);
	return length;
}

void sl_put_omega(struct sl_bit_writer *b, uint32_t n)
{
	unsigned length; /* at most 1 + 32 + 5 + 3 + 2 */
	uint64_t code = omega_code(n, &length);
	sl_put_bits(b, code, length);
}

uint32_t sl_get_omega(struct sl_bit_reader *b)
{
	uint64_t window = sl_peek_bits(b), n = 1;
	while (window >> 63) {
		if (n > 31)
			return 0;
		unsigned group = (unsigned)n + 1;
		n = window >> (64 - group);
		window <<= group;
		b->position += group;
	}
	b->position++;
	return (uint32_t)n;
}
