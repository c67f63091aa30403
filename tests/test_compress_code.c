/* Coders: bit streams, the golomb stream against a second, naive implementation, and lengths against the
 * entropy. */
#include "tests/support/compress.h"

#include "compress/bits.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

extern const struct sl_code sl_code_golomb, sl_code_elias;

/* A message of symbols, and the bytes of a coder. */
struct message {
	uint32_t domain, largest;
	int32_t *dense; /* domain symbols */
	struct sl_symbols sparse;
	uint8_t *body;
	size_t length;
};

static struct message message_make(uint32_t domain, uint32_t largest)
{
	struct message m = { .domain = domain, .largest = largest };
	m.dense = calloc(domain, sizeof *m.dense);
	m.sparse = (struct sl_symbols){ .domain = domain,
		                        .count_max = domain,
		                        .symbol_max = largest,
		                        .index = malloc(domain * sizeof(uint32_t)),
		                        .symbol = malloc(domain * sizeof(int32_t)) };
	return m;
}

static void message_free(struct message *m)
{
	free(m->dense);
	free(m->sparse.index);
	free(m->sparse.symbol);
	free(m->body);
}

static void *coder_scratch(const struct sl_code *code, const struct sl_symbols *s)
{
	size_t size = code->scratch
	                  ? (code->scratch(NULL, s->domain, s->count_max, s->symbol_max) + 63) & ~(size_t)63
	                  : 64;
	return memset(aligned_alloc(64, size), 0, size);
}

/* Encodes m->dense, decodes it again, and compares; false when there is nothing to encode. */
static bool through(const struct sl_code *code, struct message *m)
{
	struct sl_symbols *s = &m->sparse;
	s->count = 0;
	for (uint32_t i = 0; i < m->domain; i++)
		if (m->dense[i]) {
			s->index[s->count] = i;
			s->symbol[s->count++] = m->dense[i];
		}
	if (s->count == 0)
		return false;
	size_t bound = code->bound(NULL, s->domain, s->count_max, s->symbol_max);
	free(m->body);
	m->body = malloc(bound);
	struct sl_writer w = sl_writer(m->body, bound);
	void *scratch = coder_scratch(code, s);
	code->encode(NULL, s, &w, scratch);
	m->length = sl_writer_length(&w);
	struct sl_symbols back = *s;
	back.index = malloc(m->domain * sizeof(uint32_t));
	back.symbol = malloc(m->domain * sizeof(int32_t));
	assert_true(code->decode(NULL, &back, sl_reader(m->body, m->length), scratch));
	assert_int_equal(back.count, s->count);
	assert_memory_equal(back.index, s->index, s->count * sizeof *s->index);
	assert_memory_equal(back.symbol, s->symbol, s->count * sizeof *s->symbol);
	free(back.index);
	free(back.symbol);
	free(scratch);
	return true;
}

/* A message of more symbols than the receiver has room for is refused, by every coder that needs neither layout nor memory. */
static void more_than_there_is_room_for(void **state)
{
	(void)state;
	for (size_t c = 0; sl_codes[c]; c++) {
		struct message m = message_make(64, 1);
		for (unsigned k = 0; k < 40; k++)
			m.dense[3 * k / 2] = k % 3 ? 1 : -1;
		struct sl_symbols *s = &m.sparse;
		if (sl_codes[c]->prepare || sl_codes[c]->memory || !through(sl_codes[c], &m)) {
			message_free(&m);
			continue;
		}
		struct sl_symbols small = *s;
		uint32_t count = s->count;
		small.count_max = count - 1;
		small.index = malloc(count * sizeof *small.index); /* one more than it may use */
		small.symbol = malloc(count * sizeof *small.symbol);
		void *scratch = coder_scratch(sl_codes[c], s);
		assert_false(sl_codes[c]->decode(NULL, &small, sl_reader(m.body, m.length), scratch));
		free(scratch);
		free(small.index);
		free(small.symbol);
		message_free(&m);
	}
}

static void test_bits(void **state)
{
	(void)state;
	static uint8_t bytes[1 << 16];
	struct sl_random g = sl_random_stream(1, 0, "bits", 0);
	struct sl_writer w = sl_writer(bytes, sizeof bytes);
	struct sl_bit_writer b = sl_bit_writer(&w);
	struct sl_random again = g;
	for (int pass = 0; pass < 2; pass++) {
		struct sl_bit_reader r = sl_bit_reader(sl_reader(bytes, pass ? sl_writer_length(&w) : 0));
		struct sl_random *h = pass ? &again : &g;
		for (int i = 0; i < 2000; i++) {
			unsigned n = sl_random_below(h, 57);
			uint64_t v = sl_random_u64(h) & ((UINT64_C(1) << n) - 1);
			uint32_t omega = (uint32_t)(sl_random_u64(h) >> 32 >> sl_random_below(h, 32)) | 1;
			uint32_t domain = 2 + sl_random_below(h, 1 << 20),
			         count = 1 + sl_random_below(h, domain / 2);
			struct sl_golomb code = sl_golomb_for(domain, count);
			uint32_t run = sl_random_below(h, i % 50 ? 3 * code.m : 60 * code.m);
			if (!pass) {
				sl_put_bits(&b, v, n);
				sl_put_omega(&b, omega);
				sl_put_golomb(&b, &code, run);
			} else {
				assert_true(sl_get_bits(&r, n) == v);
				uint64_t at = r.position;
				assert_int_equal(sl_get_omega(&r), omega);
				assert_int_equal(r.position - at, sl_omega_length(omega));
				at = r.position;
				assert_int_equal(sl_get_golomb(&r, &code), run);
				assert_int_equal(r.position - at, sl_golomb_length(&code, run));
			}
		}
		if (!pass)
			sl_bits_finish(&b, &w);
		else
			assert_true(sl_bits_done(&r));
	}
}

/* Elias (1975), table: omega of 1, 2, 3, 4, 8, 16, 100. */
static void test_omega(void **state)
{
	(void)state;
	static const struct {
		uint32_t n;
		const char *code;
	} known[] = { { 1, "0" },
		      { 2, "100" },
		      { 3, "110" },
		      { 4, "101000" },
		      { 8, "1110000" },
		      { 16, "10100100000" },
		      { 100, "1011011001000" } };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint8_t bytes[16] = { 0 };
		struct sl_writer w = sl_writer(bytes, sizeof bytes);
		struct sl_bit_writer b = sl_bit_writer(&w);
		sl_put_omega(&b, known[i].n);
		sl_bits_finish(&b, &w);
		assert_int_equal(sl_omega_length(known[i].n), strlen(known[i].code));
		for (size_t k = 0; known[i].code[k]; k++)
			assert_int_equal(bytes[k / 8] >> (7 - k % 8) & 1, known[i].code[k] - '0');
	}
	assert_int_equal(sl_omega_length(UINT32_MAX), 43);
	static const uint8_t ones[16] = { 255, 255, 255, 255, 255, 255, 255, 255,
		                          255, 255, 255, 255, 255, 255, 255, 255 };
	struct sl_bit_reader r = sl_bit_reader(sl_reader(ones, sizeof ones));
	assert_int_equal(sl_get_omega(&r), 0); /* no 32-bit integer */
}

/* The first form as its specification reads, one position at a time. */
static size_t naive_golomb(const struct message *m, uint8_t *bytes, size_t size)
{
	struct sl_writer w = sl_writer(bytes, size);
	struct sl_bit_writer b = sl_bit_writer(&w);
	uint32_t symbols = 2 * m->largest + 1, left = m->domain, distinct = 0;
	uint32_t *count = calloc(symbols, sizeof *count), *table = malloc(symbols * sizeof *table);
	int32_t *list = malloc(m->domain * sizeof *list);
	memcpy(list, m->dense, m->domain * sizeof *list);
	for (uint32_t i = 0; i < m->domain; i++)
		count[sl_zigzag(m->dense[i])]++;
	for (uint32_t z = 0; z < symbols; z++)
		if (count[z]) {
			uint32_t at = distinct++;
			for (; at > 0 && count[table[at - 1]] < count[z]; at--)
				table[at] = table[at - 1];
			table[at] = z;
		}
	sl_put_bits(&b, 0, 1);
	sl_put_omega(&b, distinct + 1);
	for (uint32_t i = 0; i < distinct; i++) {
		sl_put_omega(&b, table[i] + 1);
		sl_put_omega(&b, count[table[i]] + 1);
	}
	for (uint32_t i = distinct - 1; i > 0; i--) {
		struct sl_golomb code = sl_golomb_for(left, count[table[i]]);
		uint32_t run = 0, kept = 0;
		for (uint32_t k = 0; k < left; k++) {
			if (sl_zigzag(list[k]) == table[i]) {
				sl_put_golomb(&b, &code, run);
				run = 0;
			} else {
				list[kept++] = list[k];
				run++;
			}
		}
		left = kept;
	}
	sl_bits_finish(&b, &w);
	free(count);
	free(table);
	free(list);
	return sl_writer_length(&w);
}

static void check_golomb(struct message *m)
{
	static uint8_t naive[1 << 18];
	if (!through(&sl_code_golomb, m))
		return;
	size_t length = naive_golomb(m, naive, sizeof naive);
	if (m->body[0] & 0x80) { /* the second form: only when it is shorter */
		assert_true(m->length <= length);
		return;
	}
	assert_int_equal(m->length, length);
	assert_memory_equal(m->body, naive, length);
}

static void test_golomb_is_e2(void **state)
{
	(void)state;
	struct sl_random g = sl_random_stream(2, 0, "golomb", 0);
	for (unsigned trial = 0; trial < 1000; trial++) {
		uint32_t domain = trial < 40 ? trial / 4 + 1 : 1 + sl_random_below(&g, 600);
		uint32_t largest = 1 + sl_random_below(&g, trial % 7 ? 20 : 3000);
		struct message m = message_make(domain, largest);
		float density = trial % 5 == 0 ? 1 : sl_random_unit(&g), spread = sl_random_unit(&g);
		int32_t constant = (int32_t)(sl_random_below(&g, 2 * largest + 1)) - (int32_t)largest;
		for (uint32_t i = 0; i < domain; i++) {
			float v = (float)sl_random_normal(&g) * spread * (float)largest;
			int32_t symbol = v > (float)largest    ? (int32_t)largest
			                 : v < -(float)largest ? -(int32_t)largest
			                                       : (int32_t)v;
			m.dense[i] = sl_random_unit(&g) < density ? (trial % 11 ? symbol : constant) : 0;
		}
		check_golomb(&m);
		message_free(&m);
	}
}

static double order0_bits(const struct message *m)
{
	uint32_t *count = calloc(2 * (size_t)m->largest + 1, sizeof *count);
	double bits = 0;
	for (uint32_t i = 0; i < m->domain; i++)
		count[sl_zigzag(m->dense[i])]++;
	for (uint32_t z = 0; z <= 2 * m->largest; z++)
		if (count[z])
			bits -= count[z] * log2((double)count[z] / m->domain);
	free(count);
	return bits;
}

/* Draws of unit scale. */
static double source(int kind, struct sl_random *g)
{
	double normal = sl_random_normal(g), u = sl_random_unit_double(g);
	switch (kind) {
	case 0:
		return normal;
	case 1: /* Laplace */
		return (normal < 0 ? -1 : 1) * -log(1 - u);
	case 2: { /* Student, three degrees of freedom */
		double a = sl_random_normal(g), b = sl_random_normal(g), c = sl_random_normal(g);
		return normal / sqrt((a * a + b * b + c * c) / 3);
	}
	default: /* one in fifty */
		return u < 0.02 ? normal : 0;
	}
}

/* d = 20 000, QSGD's levels (s to the Euclidean norm): golomb within 3 % of the order-0 entropy (10 % and
 * sixteen bytes on the sparse source, whose table weighs), and well below Elias. */
static void test_golomb_and_the_entropy(void **state)
{
	(void)state;
	enum { D = 20000 };
	static double v[D];
	for (int kind = 0; kind < 4; kind++)
		for (uint32_t s = 16; s <= 256; s *= 4) {
			struct sl_random g = sl_random_stream(3, 0, "source", (uint64_t)kind);
			struct message m = message_make(D, s);
			double norm = 0;
			for (int i = 0; i < D; i++) {
				v[i] = source(kind, &g);
				norm += v[i] * v[i];
			}
			for (int i = 0; i < D; i++)
				m.dense[i] = (int32_t)(copysign(
				    floor(fabs(v[i]) * s / sqrt(norm) + sl_random_unit_double(&g)), v[i]));
			assert_true(through(&sl_code_golomb, &m));
			double entropy = order0_bits(&m), golomb = 8.0 * (double)m.length;
			assert_true(through(&sl_code_elias, &m));
			double elias = 8.0 * (double)m.length;
			if (kind < 3) {
				assert_true(golomb <= 1.03 * entropy);
				assert_true(golomb <= 0.88 * elias);
			} else {
				assert_true(golomb <= 1.1 * entropy + 128);
			}
			message_free(&m);
		}
}

/* From half of the coordinates down to one in a thousand: within 3 % and sixteen bytes. */
static void test_golomb_at_every_density(void **state)
{
	(void)state;
	enum { D = 100000 };
	static const double densities[] = { 0.5, 0.2, 0.05, 0.02, 0.01, 0.005, 0.001 };
	for (size_t k = 0; k < sizeof densities / sizeof *densities; k++) {
		struct sl_random g = sl_random_stream(4, 0, "density", k);
		struct message m = message_make(D, 16);
		for (int i = 0; i < D; i++) {
			double magnitude =
			    2 - 3 * log(1 - sl_random_unit_double(&g)); /* what top-k leaves: a tail */
			int32_t level = magnitude > 16 ? 16 : (int32_t)magnitude;
			if (sl_random_unit_double(&g) < densities[k])
				m.dense[i] = sl_random_unit(&g) < 0.5F ? -level : level;
		}
		assert_true(through(&sl_code_golomb, &m));
		assert_true(8.0 * (double)m.length <= 1.03 * order0_bits(&m) + 128);
		message_free(&m);
	}
}

/* A stream of messages through a coder that remembers, with equal memory at both ends; returns its bits. */
struct stream {
	struct sl_layout layout;
	struct rig rig;
};

static void stream_open(struct stream *t, const char *code, uint32_t rows, uint32_t columns)
{
	char text[64];
	memset(t, 0, sizeof *t);
	t->layout = (struct sl_layout){ .dimension = rows * columns, .tensors = 1 };
	t->layout.own[0] = (struct sl_tensor){ .rows = rows, .columns = columns };
	snprintf(text, sizeof text, "all | dither:16 | %s", code);
	assert_true(rig_make(&t->rig, text, &t->layout, NULL));
}

static void stream_close(struct stream *t)
{
	rig_free(&t->rig);
}

/* The value 16 at the first coordinate makes dither's step 1: symbols are the values, as long as they are
 * integers. */
static double stream_bits(struct stream *t, const int32_t *dense, uint32_t number)
{
	uint32_t d = t->layout.dimension;
	struct sample s = { .layout = t->layout,
		            .v = malloc(d * sizeof(float)),
		            .copy = calloc(d, sizeof(float)) };
	for (uint32_t i = 0; i < d; i++)
		s.v[i] = i ? (float)dense[i] : 16;
	size_t length = rig_encode(&t->rig, &s, number);
	struct sl_update u;
	assert_true(rig_decode(&t->rig, &s, number, t->rig.body, length, &u));
	assert_int_equal(u.count, t->rig.count);
	assert_memory_equal(u.value, t->rig.value, u.count * sizeof *u.value);
	assert_memory_equal(t->rig.memory[0], t->rig.memory[1], t->rig.remembered);
	sample_free(&s);
	return 8.0 * (double)length;
}

static int32_t tail_level(struct sl_random *g)
{
	double magnitude = 2 - 3 * log(1 - sl_random_unit_double(g));
	int32_t level = magnitude > 15 ? 15 : (int32_t)magnitude;
	return sl_random_unit(g) < 0.5F ? -level : level;
}

/* Where there is nothing to know, coders that adapt stay within 1 % and sixteen bytes a message of the
 * entropy. */
static void test_learning_costs_little(void **state)
{
	(void)state;
	static const char *const codes[] = { "context", "rans" };
	static const double densities[] = { 0.5, 0.05, 0.01 };
	for (int c = 0; c < 2; c++)
		for (int k = 0; k < 3; k++) {
			struct stream t;
			stream_open(&t, codes[c], 200, 100);
			struct message m = message_make(t.layout.dimension, 16);
			struct sl_random g = sl_random_stream(6, 0, "nothing", (uint64_t)k);
			double bits = 0, entropy = 0;
			for (uint32_t number = 0; number < 40; number++) {
				for (uint32_t i = 0; i < m.domain; i++)
					m.dense[i] =
					    sl_random_unit_double(&g) < densities[k] ? tail_level(&g) : 0;
				m.dense[0] = 16;
				bits += stream_bits(&t, m.dense, number);
				entropy += order0_bits(&m) + 128;
			}
			if (!(bits <= (c ? 1.015 : 1.01) * entropy))
				fail_msg("%s at %g: %g of the entropy", codes[c], densities[k],
				         bits / entropy);
			message_free(&m);
			stream_close(&t);
		}
}

/* Busy rows and columns, and coordinates that come again after a while with the same sign, are found. */
static void test_context_finds_structure(void **state)
{
	(void)state;
	struct stream t;
	stream_open(&t, "context", 200, 100);
	struct message m = message_make(t.layout.dimension, 16);
	struct sl_random g = sl_random_stream(7, 0, "structure", 0);
	int *due = calloc(m.domain, sizeof *due);
	double bits = 0, entropy = 0;
	for (uint32_t number = 0; number < 60; number++) {
		for (uint32_t i = 0; i < m.domain; i++) {
			double rate = 0.05 * (i / 100 % 4) * (i % 5);
			due[i] += sl_random_unit_double(&g) < rate;
			int32_t level = tail_level(&g);
			m.dense[i] = due[i] > 4 ? (i % 3 ? abs(level) : -abs(level)) : 0;
			due[i] = due[i] > 4 ? 0 : due[i];
		}
		m.dense[0] = 16;
		double now = stream_bits(&t, m.dense, number);
		bits += number < 20 ? 0 : now;
		entropy += number < 20 ? 0 : order0_bits(&m);
	}
	if (!(bits <= 0.86 * entropy))
		fail_msg("%g of the entropy", bits / entropy);
	free(due);
	message_free(&m);
	stream_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_there_is_room_for),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_omega),
		cmocka_unit_test(test_golomb_is_e2),
		cmocka_unit_test(test_golomb_and_the_entropy),
		cmocka_unit_test(test_golomb_at_every_density),
		cmocka_unit_test(test_learning_costs_little),
		cmocka_unit_test(test_context_finds_structure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
