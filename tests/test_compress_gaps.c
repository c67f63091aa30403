/* The third form of golomb: its codes for tokens, and its bytes read by a second, naive implementation. */
#include "compress/gaps.h"

#include "tests/support/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/damage.h"

/* Histograms from flat to steeper than any limit of code lengths allows for. */
static void histogram(struct sl_random *g, uint32_t count[SL_TOKENS])
{
	uint32_t used = 1 + sl_random_below(g, SL_TOKENS), steep = sl_random_below(g, 24);
	memset(count, 0, SL_TOKENS * sizeof *count);
	for (uint32_t i = 0; i < used; i++) {
		uint32_t least = steep ? (uint32_t)(UINT64_C(1) << (i * steep / used)) : 1;
		count[sl_random_below(g, SL_TOKENS)] += 1 + sl_random_below(g, least);
	}
}

static void test_tokens(void **state)
{
	(void)state;
	for (unsigned m = 0; m < 4; m++) {
		uint32_t next = 0;
		for (uint32_t v = 0; v < 100000; v++) {
			uint32_t t = sl_token_of(v, m), low = sl_token_extra(t, m);
			assert_int_equal(low, sl_token_extra_of(v, m));
			assert_int_equal(sl_token_base(t, m) + (v & ((1u << low) - 1)), v);
			assert_true(t == next || t + 1 == next);
			next = t + 1;
		}
	}
	assert_true(sl_token_of((1u << 28) - 1, SL_GAP_PRECISION) < SL_TOKENS);
	assert_true(sl_token_of(32767, SL_LEVEL_PRECISION) < SL_TOKENS);
}

static void test_codes(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(1, 0, "codes", 0);
	for (int trial = 0; trial < 3000; trial++) {
		uint32_t count[SL_TOKENS], last = SL_TOKENS - 1;
		uint8_t bytes[512];
		histogram(&g, count);
		struct sl_token_code c, back;
		struct sl_tans a, again;
		sl_token_code_make(&c, count);
		sl_tans_make(&a, count);
		struct sl_writer w = sl_writer(bytes, sizeof bytes);
		struct sl_bit_writer b = sl_bit_writer(&w);
		sl_token_code_put(&c, &b);
		sl_tans_put(&a, &b);
		sl_bits_finish(&b, &w);
		assert_int_equal(sl_writer_length(&w), (sl_token_code_bits(&c) + sl_tans_bits(&a) + 7) / 8);
		struct sl_bit_reader r = sl_bit_reader(sl_reader(bytes, sl_writer_length(&w)));
		assert_true(sl_token_code_get(&back, last, &r) && sl_tans_get(&again, last, &r));
		assert_true(sl_bits_done(&r));
		assert_memory_equal(back.length, c.length, sizeof c.length);
		assert_memory_equal(back.code, c.code, sizeof c.code);
		assert_memory_equal(again.share, a.share, sizeof a.share);
		uint32_t filled = 0, shares = 0;
		for (uint32_t t = 0; t < SL_TOKENS; t++) {
			assert_int_equal(count[t] > 0, c.length[t] > 0 || c.only == t);
			assert_int_equal(count[t] > 0, a.share[t] > 0);
			filled += c.length[t] ? 1u << (SL_TOKEN_LIMIT - c.length[t]) : 0;
			shares += a.share[t];
			for (uint32_t u = 0; u < SL_TOKENS; u++) /* who comes more often is not longer */
				assert_true(!count[u] || count[t] <= count[u] || c.length[t] <= c.length[u]);
		}
		assert_true(filled == 1u << SL_TOKEN_LIMIT || (c.only < SL_TOKENS && filled == 0));
		assert_int_equal(shares, SL_TANS_STATES);
		/* a token too many for whoever knows the largest number */
		r = sl_bit_reader(sl_reader(bytes, sl_writer_length(&w)));
		uint32_t highest = c.only < SL_TOKENS ? c.only : c.tokens - 1;
		assert_true(highest == 0 || !sl_token_code_get(&back, highest - 1, &r));
	}
}

/* Lengths that leave code space over, or want more than there is, and shares of a token that cannot be. */
static void test_no_codes(void **state)
{
	(void)state;
	static const struct {
		const char *lengths;
		unsigned tokens;
	} wrong[] = { { "00", 2 },
		      { "1110001"
		        "1110010",
		        2 },
		      { "1110001"
		        "00",
		        3 },
		      { "1110001"
		        "0"
		        "0"
		        "0"
		        "0",
		        5 },
		      { "1110001"
		        "1110001"
		        "110",
		        3 },
		      { "1111111"
		        "1110001",
		        2 },
		      { "0000000000000000"
		        "0",
		        17 } };
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		uint8_t bytes[32] = { 0 };
		struct sl_writer w = sl_writer(bytes, sizeof bytes);
		struct sl_bit_writer b = sl_bit_writer(&w);
		sl_put_omega(&b, wrong[i].tokens);
		for (const char *c = wrong[i].lengths; *c; c++)
			sl_put_bits(&b, *c == '1', 1);
		sl_bits_finish(&b, &w);
		struct sl_bit_reader r = sl_bit_reader(sl_reader(bytes, sizeof bytes));
		struct sl_token_code c;
		assert_false(sl_token_code_get(&c, SL_TOKENS - 1, &r));
	}
	struct sl_tans a = { .tokens = 5, .share = { 1, 2, 3, 4, 502 } }, back;
	uint8_t bytes[32] = { 0 };
	struct sl_writer w = sl_writer(bytes, sizeof bytes);
	struct sl_bit_writer b = sl_bit_writer(&w);
	sl_tans_put(&a, &b);
	for (uint32_t last = 3; last < 5; last++) {
		struct sl_bit_reader r = sl_bit_reader(sl_reader(bytes, sizeof bytes));
		assert_int_equal(sl_tans_get(&back, last, &r), last == 4);
	}
	/* More states than there are, and then what would be left of 2^32. */
	w = sl_writer(bytes, sizeof bytes);
	b = sl_bit_writer(&w);
	sl_put_bits(&b, SL_TANS_STATES + 1, 10);
	sl_put_bits(&b, UINT32_MAX, 32);
	sl_bits_finish(&b, &w);
	struct sl_bit_reader r = sl_bit_reader(sl_reader(bytes, sizeof bytes));
	assert_false(sl_tans_get(&back, SL_TOKENS - 1, &r));
}

/* ---- a reader from the description ---- */

static unsigned low_bits(uint32_t token, unsigned m)
{
	return token < 2u << m ? 0 : (token >> m) - 1;
}

static uint32_t number(struct naive *n, uint32_t token, unsigned m)
{
	unsigned e = low_bits(token, m);
	return ((token - (e << m)) << e) + bits(n, e);
}

static void read_lengths(struct naive *n, unsigned length[SL_TOKENS], uint32_t *tokens, uint32_t *only)
{
	unsigned last = 4;
	*tokens = omega(n);
	*only = *tokens == 1 ? omega(n) - 1 : UINT32_MAX;
	for (uint32_t t = 0; *tokens > 1 && t < *tokens; t++) {
		length[t] = last;
		if (bit(n)) {
			uint32_t two = bits(n, 2);
			length[t] = two == 0 ? last + 1 : two == 1 ? last - 1 : two == 2 ? 0 : bits(n, 4);
		}
		last = length[t] ? length[t] : last;
	}
}

static uint32_t read_token(struct naive *n, const unsigned length[SL_TOKENS], uint32_t tokens, uint32_t only)
{
	if (only != UINT32_MAX)
		return only;
	uint32_t code = 0, first = 0;
	for (unsigned l = 1;; l++) {
		code = code << 1 | bit(n);
		first <<= 1;
		for (uint32_t t = 0; t < tokens; t++)
			if (length[t] == l && first++ == code)
				return t;
		assert_true(l < 10);
	}
}

static void read_gaps(struct naive *n, uint32_t count, const unsigned *length, uint32_t tokens, uint32_t only,
                      uint32_t *next, uint32_t *index)
{
	for (uint32_t i = 0; i < count; i++) {
		*next += number(n, read_token(n, length, tokens, only), 2);
		index[i] = (*next)++;
	}
	for (; n->at % 8; n->at++)
		assert_int_equal(n->bytes[n->at / 8] >> (7 - n->at % 8) & 1, 0);
}

static uint32_t naive_read(const uint8_t *bytes, size_t length, uint32_t *index, int32_t *symbol)
{
	struct naive n = { .bytes = bytes };
	unsigned lengths[SL_TOKENS] = { 0 };
	uint32_t tokens, only, next = 0;
	struct place place[512];
	assert_int_equal(bits(&n, 2), 3);
	uint32_t count = omega(&n), least = omega(&n), half = count < 2048 ? 0 : count / 2;
	read_lengths(&n, lengths, &tokens, &only);
	read_shares(&n, place);
	size_t lower = count < 2048 ? 0 : omega(&n) - 1, upper = omega(&n) - 1;
	n.at = (n.at + 7) / 8 * 8;
	struct naive sign = n;
	n.at += (count + 7) / 8 * 8;
	size_t start = n.at;
	read_gaps(&n, half, lengths, tokens, only, &next, index);
	assert_int_equal(n.at - start, 8 * lower);
	read_gaps(&n, count - half, lengths, tokens, only, &next, index + half);
	assert_int_equal(n.at - start, 8 * (lower + upper));
	while (!bit(&n))
		;
	assert_true(n.at - start - 8 * (lower + upper) <= 8);
	uint32_t two[2] = { bits(&n, 9), 0 };
	two[1] = bits(&n, 9);
	for (uint32_t i = 0; i < count; i++) {
		struct place p = place[two[i % 2]];
		two[i % 2] = p.next + bits(&n, p.bits);
		uint32_t magnitude = least + number(&n, p.token, 3);
		symbol[i] = bit(&sign) ? -(int32_t)magnitude : (int32_t)magnitude;
	}
	assert_int_equal(two[0] + two[1], 0);
	assert_int_equal(n.at, 8 * length);
	return count;
}

/* ---- messages ---- */

enum { DOMAIN_MAX = 30000 };
struct message {
	uint32_t index[DOMAIN_MAX], back_index[DOMAIN_MAX];
	int32_t symbol[DOMAIN_MAX], back_symbol[DOMAIN_MAX];
	uint8_t room[3 * DOMAIN_MAX + 64], body[8 * DOMAIN_MAX + 1024];
	struct sl_symbols s;
	struct sl_gaps_scratch scratch;
	size_t length;
};

static bool message_draw(struct message *m, struct sl_random *g, unsigned trial)
{
	uint32_t domain = 1 + sl_random_below(g, trial % 3 ? 400 : DOMAIN_MAX - 1);
	uint32_t largest = 1 + sl_random_below(g, trial % 4 ? 20 : 32767),
	         lowest = sl_random_below(g, largest);
	float density = trial % 7 ? sl_random_unit(g) : 1;
	m->s = (struct sl_symbols){ .domain = domain, .count_max = domain, .symbol_max = largest };
	m->s.index = m->index;
	m->s.symbol = m->symbol;
	for (uint32_t i = 0; i < domain; i++) {
		if (sl_random_unit(g) >= density)
			continue;
		uint32_t range = largest - lowest, some = sl_random_below(g, range + 1);
		uint32_t magnitude = 1 + lowest + (trial % 5 ? sl_random_below(g, some + 1) : some) % range;
		m->index[m->s.count] = i;
		m->symbol[m->s.count++] = sl_random_unit(g) < 0.5F ? -(int32_t)magnitude : (int32_t)magnitude;
	}
	return m->s.count > 0;
}

static void message_put(struct message *m)
{
	struct sl_gaps_plan p;
	sl_gaps_plan(&m->s, m->room, &p);
	struct sl_writer w = sl_writer(m->body, sizeof m->body);
	struct sl_bit_writer b = sl_bit_writer(&w);
	sl_put_bits(&b, 3, 2);
	sl_gaps_put(&m->s, &p, &b);
	sl_bits_finish(&b, &w);
	m->length = sl_writer_length(&w);
	assert_int_equal(8 * m->length, p.bits);
}

static bool message_get(void *message, const uint8_t *body, size_t length, struct sl_symbols *back)
{
	struct message *m = message;
	*back = m->s;
	back->index = m->back_index;
	back->symbol = m->back_symbol;
	struct sl_bit_reader r = sl_bit_reader(sl_reader(body, length));
	return sl_get_bits(&r, 2) == 3 && sl_gaps_get(back, &r, &m->scratch);
}

static void test_two_readers(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(2, 0, "readers", 0);
	struct sl_symbols back;
	for (unsigned trial = 0; trial < 400; trial++) {
		if (!message_draw(m, &g, trial))
			continue;
		message_put(m);
		assert_true(message_get(m, m->body, m->length, &back));
		assert_int_equal(back.count, m->s.count);
		assert_memory_equal(back.index, m->index, m->s.count * sizeof *m->index);
		assert_memory_equal(back.symbol, m->symbol, m->s.count * sizeof *m->symbol);
		memset(m->back_index, 0, sizeof m->back_index);
		assert_int_equal(naive_read(m->body, m->length, m->back_index, m->back_symbol), m->s.count);
		assert_memory_equal(m->back_index, m->index, m->s.count * sizeof *m->index);
		assert_memory_equal(m->back_symbol, m->symbol, m->s.count * sizeof *m->symbol);
	}
	free(m);
}

static void test_damage(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(3, 0, "damage", 0);
	for (unsigned trial = 0; trial < 300; trial++) {
		if (!message_draw(m, &g, trial))
			continue;
		message_put(m);
		damage_check(&g, m->body, m->length, message_get, m);
	}
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens),   cmocka_unit_test(test_codes),
		cmocka_unit_test(test_no_codes), cmocka_unit_test(test_two_readers),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
