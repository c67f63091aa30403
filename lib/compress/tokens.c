#include "compress/tokens.h"

enum { FIRST_LENGTH = 4 };

/* Lengths of a Huffman code from ascending counts, in place (Moffat & Katajainen 1995): w holds the counts, then the
 * parents of inner nodes, then depths. */
static void huffman_lengths(uint32_t *w, uint32_t n)
{
	uint32_t leaf = 0, root = 0;
	for (uint32_t next = 0; next + 1 < n; next++) {
		uint32_t sum = 0;
		for (int child = 0; child < 2; child++) {
			if (leaf >= n || (root < next && w[root] < w[leaf])) {
				sum += w[root];
				w[root++] = next;
			} else {
				sum += w[leaf++];
			}
		}
		w[next] = sum;
	}
	w[n - 2] = 0;
	for (uint32_t next = n - 2; next-- > 0;)
		w[next] = w[w[next]] + 1;
	uint32_t available = 1, depth = 0, at = n, inner = n - 1;
	while (available > 0) {
		uint32_t used = 0;
		while (inner > 0 && w[inner - 1] == depth) {
			used++;
			inner--;
		}
		for (; available > used; available--)
			w[--at] = depth;
		available = 2 * used;
		depth++;
	}
}

/* Limits all lengths: the excess code space is taken from the rarest tokens whose codes can still grow, and what is
 * left over is given to the most frequent ones. length[] is descending. */
static void limit_lengths(uint32_t *length, uint32_t n)
{
	const int32_t whole = 1 << SL_TOKEN_LIMIT;
	int32_t used = 0;
	for (uint32_t i = 0; i < n; i++) {
		length[i] = length[i] > SL_TOKEN_LIMIT ? SL_TOKEN_LIMIT : length[i];
		used += whole >> length[i];
	}
	for (uint32_t i = 0; i < n && used > whole; i++)
		for (; length[i] < SL_TOKEN_LIMIT && used > whole; length[i]++)
			used -= whole >> (length[i] + 1);
	for (uint32_t i = n; i-- > 0 && used < whole;)
		for (; length[i] > 1 && used + (whole >> length[i]) <= whole; length[i]--)
			used += whole >> length[i];
	SL_CHECK(used == whole);
}

/* Canonical codes from lengths; false if they do not fill the code space. */
static bool assign(struct sl_token_code *c)
{
	uint32_t of_length[SL_TOKEN_LIMIT + 2] = { 0 }, next = 0;
	for (uint32_t t = 0; t < c->tokens; t++)
		of_length[c->length[t]]++;
	of_length[0] = 0;
	uint16_t first[SL_TOKEN_LIMIT + 1];
	for (unsigned l = 1; l <= SL_TOKEN_LIMIT; l++) {
		next = (next + of_length[l - 1]) << 1;
		first[l] = (uint16_t)next;
	}
	for (uint32_t t = 0; t < c->tokens; t++)
		if (c->length[t])
			c->code[t] = first[c->length[t]]++;
	return next + of_length[SL_TOKEN_LIMIT] == 1 << SL_TOKEN_LIMIT;
}

void sl_token_code_make(struct sl_token_code *c, const uint32_t count[static SL_TOKENS])
{
	uint32_t token[SL_TOKENS] = { 0 }, weight[SL_TOKENS] = { 0 }, n = 0;
	memset(c, 0, sizeof *c);
	c->only = SL_TOKENS;
	for (uint32_t t = 0; t < SL_TOKENS; t++) {
		if (!count[t])
			continue;
		uint32_t at = n++;
		for (; at > 0 && weight[at - 1] > count[t]; at--) {
			weight[at] = weight[at - 1];
			token[at] = token[at - 1];
		}
		weight[at] = count[t];
		token[at] = t;
		c->tokens = t + 1;
	}
	if (n == 1) {
		c->only = token[0];
		return;
	}
	huffman_lengths(weight, n);
	limit_lengths(weight, n);
	for (uint32_t i = 0; i < n; i++)
		c->length[token[i]] = (uint8_t)weight[i];
	SL_CHECK(assign(c));
}

/* Code for a length relative to the previous one: its bits, and their number. */
static unsigned length_code(unsigned length, unsigned previous, unsigned *code)
{
	*code = 0;
	if (length == 0 || length == previous + 1 || length + 1 == previous) {
		*code = length == 0 ? 6 : length > previous ? 4 : 5;
		return 3;
	}
	if (length == previous)
		return 1;
	*code = 7 << 4 | length;
	return 7;
}

unsigned sl_token_code_bits(const struct sl_token_code *c)
{
	unsigned code, previous = FIRST_LENGTH;
	if (c->only < SL_TOKENS)
		return sl_omega_length(1) + sl_omega_length(c->only + 1);
	unsigned bits = sl_omega_length(c->tokens);
	for (uint32_t t = 0; t < c->tokens; t++) {
		bits += length_code(c->length[t], previous, &code);
		previous = c->length[t] ? c->length[t] : previous;
	}
	return bits;
}

void sl_token_code_put(const struct sl_token_code *c, struct sl_bit_writer *b)
{
	unsigned code, previous = FIRST_LENGTH;
	sl_put_omega(b, c->only < SL_TOKENS ? 1 : c->tokens);
	if (c->only < SL_TOKENS) {
		sl_put_omega(b, c->only + 1);
		return;
	}
	for (uint32_t t = 0; t < c->tokens; t++) {
		unsigned n = length_code(c->length[t], previous, &code);
		sl_put_bits(b, code, n);
		previous = c->length[t] ? c->length[t] : previous;
	}
}

static unsigned get_length(struct sl_bit_reader *b, unsigned previous)
{
	unsigned window = (unsigned)(sl_peek_bits(b) >> 57);
	b->position += window < 64 ? 1 : window < 112 ? 3 : 7;
	switch (window >> 4) {
	case 4:
		return previous + 1;
	case 5:
		return previous - 1;
	case 6:
		return 0;
	case 7:
		return window & 15;
	default:
		return previous;
	}
}

bool sl_token_code_get(struct sl_token_code *c, uint32_t last, struct sl_bit_reader *b)
{
	memset(c, 0, sizeof *c);
	c->only = SL_TOKENS;
	c->tokens = sl_get_omega(b);
	if (c->tokens == 1) {
		c->only = sl_get_omega(b) - 1;
		c->tokens = c->only + 1;
		return c->only <= last;
	}
	if (c->tokens == 0 || c->tokens > last + 1)
		return false;
	unsigned previous = FIRST_LENGTH;
	for (uint32_t t = 0; t < c->tokens; t++) {
		unsigned length = get_length(b, previous);
		if (length > SL_TOKEN_LIMIT)
			return false;
		c->length[t] = (uint8_t)length;
		previous = length ? length : previous;
	}
	return c->length[c->tokens - 1] && !sl_bits_overrun(b) && assign(c);
}

void sl_token_table(const struct sl_token_code *c, unsigned m,
                    struct sl_token_entry table[static 1 << SL_TOKEN_LIMIT])
{
	for (uint32_t t = 0; t < c->tokens; t++) {
		unsigned length = c->length[t], low = sl_token_extra(t, m);
		if (length == 0 && t != c->only)
			continue;
		struct sl_token_entry entry = { sl_token_base(t, m), (uint8_t)length, (uint8_t)(length + low),
			                        (uint8_t)(63 - low) };
		struct sl_token_entry *at = table + ((uint32_t)c->code[t] << (SL_TOKEN_LIMIT - length));
		for (uint32_t i = 0; i < UINT32_C(1) << (SL_TOKEN_LIMIT - length); i++)
			at[i] = entry;
	}
}
