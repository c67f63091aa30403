/* The form of golomb for many nonzeros: its bytes read by a second, naive implementation, and damaged ones. */
#include "compress/pairs.h"

#include "tests/support/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/damage.h"

static uint32_t naive_unary(struct naive *n)
{
	uint32_t zeros = 0;
	while (!bit(n))
		zeros++;
	return zeros;
}

/* The number with `rank` others below it, 1 being the first, none of them one of the three. */
static uint32_t naive_magnitude(const uint32_t level[3], uint32_t rank)
{
	for (uint32_t v = 1;; v++)
		if (v != level[0] && v != level[1] && v != level[2] && rank-- == 0)
			return v;
}

static void naive_zeros(const struct naive *n, size_t end)
{
	struct naive rest = *n;
	while (rest.at < end)
		assert_int_equal(bit(&rest), 0);
}

static uint32_t naive_read(const uint8_t *bytes, size_t length, uint32_t *index, int32_t *symbol)
{
	struct naive n = { .bytes = bytes }, sign, rest;
	struct place place[512];
	uint32_t level[3], state[4], next = 0;
	assert_int_equal(bits(&n, 2), 2);
	uint32_t count = omega(&n), low = bits(&n, 4);
	for (int i = 0; i < 3; i++)
		level[i] = omega(&n);
	read_shares(&n, place);
	size_t more = omega(&n) - 1;
	naive_zeros(&n, (n.at + 7) / 8 * 8);
	sign = (struct naive){ bytes, (n.at + 7) / 8 * 8 };
	const uint8_t *lows = bytes + sign.at / 8 + (count + 7) / 8;
	rest = (struct naive){ bytes, (size_t)(lows - bytes) * 8 +
		                          (count / 8 * low + (count % 8 * low + 7) / 8) * 8 };
	n.at = rest.at + 8 * more;
	size_t end = n.at;
	while (!bit(&n))
		;
	assert_true(n.at - end <= 8);
	for (int i = 0; i < 4; i++)
		state[i] = bits(&n, 9);
	for (uint32_t i = 0; i < count; i++) {
		struct place p = place[state[i % 4]];
		uint32_t gap = 0, magnitude = level[p.token % 4 % 3];
		state[i % 4] = p.next + bits(&n, p.bits);
		for (uint32_t k = 0; k < low; k++) { /* from the lowest bit of each byte up */
			size_t at = (size_t)(i / 8) * 8 * low + i % 8 * low + k;
			gap |= (uint32_t)(lows[at / 8] >> at % 8 & 1) << k;
		}
		gap += p.token / 4 << low;
		if (p.token / 4 == 3)
			gap += naive_unary(&rest) << low;
		if (p.token % 4 == 3)
			magnitude = naive_magnitude(level, naive_unary(&rest));
		next += gap;
		index[i] = next++;
		symbol[i] = bit(&sign) ? -(int32_t)magnitude : (int32_t)magnitude;
	}
	naive_zeros(&sign, (size_t)(lows - bytes) * 8);
	naive_zeros(&rest, end);
	assert_true(end - rest.at < 8);
	assert_int_equal(state[0] + state[1] + state[2] + state[3], 0);
	assert_int_equal(n.at, 8 * length);
	return count;
}

/* ---- messages ---- */

enum { DOMAIN_MAX = 300000, MOST = 60000 };
struct message {
	uint32_t index[MOST], back_index[MOST];
	int32_t symbol[MOST], back_symbol[MOST];
	uint8_t room[8 * MOST], body[8 * MOST];
	struct sl_symbols s;
	struct sl_pairs_scratch scratch;
	size_t length;
};

/* Of any density that this form is for; magnitudes from all the same to any. */
static void message_draw(struct message *m, struct sl_random *g, unsigned trial)
{
	float density = trial % 5 == 0 ? 0.5F + 0.5F * sl_random_unit(g) : 0.01F + 0.2F * sl_random_unit(g);
	uint32_t domain = (uint32_t)(2500 / density) + sl_random_below(g, 20000);
	uint32_t largest = 1 + sl_random_below(g, 31), some = 1 + sl_random_below(g, largest);
	domain = domain < DOMAIN_MAX ? domain : DOMAIN_MAX;
	m->s = (struct sl_symbols){ .domain = domain, .count_max = MOST, .symbol_max = largest };
	m->s.count_max = domain < MOST ? domain : MOST;
	m->s.index = m->index;
	m->s.symbol = m->symbol;
	for (uint32_t i = 0; i < domain && m->s.count < MOST; i++) {
		if (sl_random_unit(g) >= density)
			continue;
		uint32_t range = trial % 3 ? 1 + sl_random_below(g, some) : some;
		uint32_t magnitude = 1 + sl_random_below(g, trial % 7 ? range : 1);
		m->index[m->s.count] = i;
		m->symbol[m->s.count++] = sl_random_unit(g) < 0.5F ? -(int32_t)magnitude : (int32_t)magnitude;
	}
}

static bool message_put(struct message *m)
{
	struct sl_pairs_plan p;
	if (!sl_pairs_plan(&m->s, m->room, &p))
		return false;
	sl_pairs_code(&m->s, &p);
	struct sl_writer w = sl_writer(m->body, sizeof m->body);
	struct sl_bit_writer b = sl_bit_writer(&w);
	sl_put_bits(&b, 2, 2);
	sl_pairs_put(&m->s, &p, &b);
	sl_bits_finish(&b, &w);
	m->length = sl_writer_length(&w);
	assert_int_equal(8 * m->length, p.bits);
	return true;
}

static bool message_get(void *message, const uint8_t *body, size_t length, struct sl_symbols *back)
{
	struct message *m = message;
	*back = m->s;
	back->index = m->back_index;
	back->symbol = m->back_symbol;
	struct sl_bit_reader r = sl_bit_reader(sl_reader(body, length));
	if (sl_get_bits(&r, 2) != 2)
		return false;
	return sl_pairs_get(back, sl_get_omega(&r), &r, &m->scratch);
}

static void test_two_readers(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(5, 0, "readers", 0);
	struct sl_symbols back;
	unsigned taken = 0, trials = 150;
	for (unsigned trial = 0; trial < trials; trial++) {
		message_draw(m, &g, trial);
		if (!message_put(m))
			continue;
		taken++;
		assert_true(message_get(m, m->body, m->length, &back));
		assert_int_equal(back.count, m->s.count);
		assert_memory_equal(back.index, m->index, m->s.count * sizeof *m->index);
		assert_memory_equal(back.symbol, m->symbol, m->s.count * sizeof *m->symbol);
		memset(m->back_index, 0, sizeof m->back_index);
		assert_int_equal(naive_read(m->body, m->length, m->back_index, m->back_symbol), m->s.count);
		assert_memory_equal(m->back_index, m->index, m->s.count * sizeof *m->index);
		assert_memory_equal(m->back_symbol, m->symbol, m->s.count * sizeof *m->symbol);
	}
	assert_true(taken > trials / 5);
	free(m);
}

static void test_damage(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(6, 0, "damage", 0);
	for (unsigned trial = 0; trial < 60; trial++) {
		message_draw(m, &g, trial);
		if (message_put(m))
			damage_check(&g, m->body, m->length, message_get, m);
	}
	free(m);
}

/* A padding that is not zero is another message with the same meaning: each bit of it is refused. */
static void test_padding(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(7, 0, "padding", 0);
	struct sl_symbols back;
	unsigned same = 0;
	do
		message_draw(m, &g, 1);
	while (m->s.count % 8 == 0 || m->s.count % 64 == 63 || !message_put(m));
	for (size_t at = 2; at < 8 * m->length; at++) {
		m->body[at / 8] ^= (uint8_t)(0x80 >> at % 8);
		bool good = message_get(m, m->body, m->length, &back);
		same += good && back.count == m->s.count &&
		        memcmp(back.index, m->index, back.count * sizeof *m->index) == 0 &&
		        memcmp(back.symbol, m->symbol, back.count * sizeof *m->symbol) == 0;
		m->body[at / 8] ^= (uint8_t)(0x80 >> at % 8);
	}
	assert_int_equal(same, 0);
	free(m);
}

/* A magnitude above the largest is refused, whether it has a class of its own or not. */
static void test_range(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_random g = sl_random_stream(8, 0, "range", 0);
	struct sl_symbols back;
	for (unsigned trial = 0; trial < 60; trial++) {
		int32_t most = 0;
		message_draw(m, &g, trial);
		if (!message_put(m))
			continue;
		for (uint32_t i = 0; i < m->s.count; i++)
			most = abs(m->symbol[i]) > most ? abs(m->symbol[i]) : most;
		m->s.symbol_max = (uint32_t)most;
		assert_true(message_get(m, m->body, m->length, &back));
		m->s.symbol_max = (uint32_t)most - 1;
		assert_false(message_get(m, m->body, m->length, &back));
	}
	free(m);
}

/* What it is not for. */
static void test_no_plan(void **state)
{
	(void)state;
	struct message *m = calloc(1, sizeof *m);
	struct sl_pairs_plan p;
	m->s = (struct sl_symbols){ .domain = 100000, .count_max = MOST, .symbol_max = 16 };
	m->s.index = m->index;
	m->s.symbol = m->symbol;
	for (uint32_t i = 0; i < 5000; i++) {
		m->index[i] = 7 * i; /* gaps that are all the same cost a prefix code nothing */
		m->symbol[i] = 1;
	}
	m->s.count = 5000;
	assert_false(sl_pairs_plan(&m->s, m->room, &p));
	m->s.count = SL_PAIRS_LEAST - 1;
	assert_false(sl_pairs_plan(&m->s, m->room, &p));
	m->s.count = 5000;
	m->s.symbol_max = SL_PAIRS_LEVEL_MOST + 1;
	assert_false(sl_pairs_plan(&m->s, m->room, &p));
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_readers), cmocka_unit_test(test_damage),
		cmocka_unit_test(test_padding),     cmocka_unit_test(test_range),
		cmocka_unit_test(test_no_plan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
