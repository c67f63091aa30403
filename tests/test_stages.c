/* The contracts of stages one by one, over the registries: which stages fit each other follows from their numbers
 * alone, a select picks what it may and something of every vector, a quantiser's symbols are within its bounds and
 * stand for something. What whole pipelines promise is in test_compress.c. */
#include "tests/support/compress.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { NORMAL = 9, MESSAGES = 20, MOST = 1009 };

/* A pipeline of the examples that does not parse where its numbers fit, or does where they do not. */
static void fits_or_says_why(const char *text, void *context)
{
	unsigned *count = context;
	for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++) {
		struct sl_error error = { 0 };
		struct sample s = sample_make(kind, 1);
		struct sl_pipeline p;
		bool parsed = sl_pipeline_parse(&p, text, &s.layout, &error) == SL_OK;
		if (parsed != stages_fit(text, &s.layout))
			fail_msg("%s, %s: %s", text, s.kind, parsed ? "not refused" : error.text);
		count[parsed]++;
		sample_free(&s);
	}
}

static void stages_fit_by_their_numbers(void **state)
{
	(void)state;
	unsigned count[2] = { 0 };
	for_each_pipeline(fits_or_says_why, count);
	assert_true(count[0] > 0 && count[1] > 4 * count[0]);
}

static struct sl_message_context message(const struct sample *s, uint32_t number, void *memory)
{
	return (struct sl_message_context){ .seed = 7,
		                            .peer = 3,
		                            .version = number,
		                            .layout = &s->layout,
		                            .copy = s->copy,
		                            .memory = memory };
}

static void check_selected(const struct sl_pipeline *p, const struct sample *s, const uint32_t *index,
                           uint32_t count)
{
	uint32_t d = s->layout.dimension;
	assert_true(count <= p->select->count_max(p->select_options, d) && count <= d);
	for (uint32_t i = 0; i < count; i++)
		assert_true(index[i] < d && (i == 0 || index[i - 1] < index[i]));
}

/* With the support shared the receiver, which has no vector, must pick the same. */
static void check_select(const char *text, unsigned kind)
{
	static uint32_t index[MOST], again[MOST];
	struct rig r;
	struct sample s = sample_make(kind, 6);
	uint32_t d = s.layout.dimension;
	assert_true(d <= MOST && rig_make(&r, text, &s.layout, NULL));
	const struct sl_select *select = r.pipeline.select;
	size_t room = select->scratch ? select->scratch(r.pipeline.select_options, d) : 0;
	void *scratch = aligned_alloc(64, (room + 127) & ~(size_t)63);
	double size = 0, kept = 0;
	uint32_t most = 0;
	for (uint32_t number = 0; number < MESSAGES; number++) {
		struct sl_message_context m = message(&s, number, r.memory[0]);
		uint32_t count = select->select(r.pipeline.select_options, &m, s.v, index, scratch);
		check_selected(&r.pipeline, &s, index, count);
		if (select->shared_support) {
			assert_int_equal(select->select(r.pipeline.select_options, &m, NULL, again, scratch),
			                 count);
			assert_memory_equal(again, index, count * sizeof *index);
		}
		for (uint32_t i = 0; i < count; i++)
			kept += (double)s.v[index[i]] * (double)s.v[index[i]];
		for (uint32_t i = 0; i < d; i++)
			size += (double)s.v[i] * (double)s.v[i];
		most = count > most ? count : most;
		if (select->commit)
			select->commit(r.pipeline.select_options, &m, count);
	}
	/* a hundredth of an ordinary vector is little for a select, and more than none */
	if (kind == NORMAL && !(kept > 0.01 * size))
		fail_msg("%s selects %g of |v|² = %g, %u coordinates at most", text, kept, size, most);
	free(scratch);
	rig_free(&r);
	sample_free(&s);
}

static void quantised(const char *text, void *context)
{
	(void)context;
	if (strstr(text, "| float32 | raw"))
		for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++)
			check_select(text, kind);
}

static void selects_pick_something_of_every_vector(void **state)
{
	(void)state;
	for_each_pipeline(quantised, NULL);
}

static void check_quantiser(const char *text, unsigned kind)
{
	static uint32_t index[MOST];
	static float value[MOST];
	static int32_t symbol[MOST];
	static uint8_t side[4 * MOST];
	struct rig r;
	struct sample s = sample_make(kind, 8);
	uint32_t d = s.layout.dimension, zeros = 0;
	assert_true(rig_make(&r, text, &s.layout, NULL));
	const struct sl_quantise *q = r.pipeline.quantise;
	uint32_t bound = q->symbol_max ? q->symbol_max(r.pipeline.quantise_options) : 0;
	assert_true(!q->side || q->side(r.pipeline.quantise_options) <= sizeof side);
	for (uint32_t i = 0; i < d; i++)
		index[i] = i;
	double along = 0;
	for (uint32_t number = 0; number < MESSAGES; number++) {
		struct sl_message_context m = message(&s, number, NULL);
		struct sl_values values = { &m, index, d };
		q->encode(r.pipeline.quantise_options, &values, s.v, symbol, side);
		assert_true(q->decode(r.pipeline.quantise_options, &values, symbol, side, value));
		for (uint32_t i = 0; i < d; i++) {
			assert_true(bound == 0 ||
			            (symbol[i] <= (int32_t)bound && symbol[i] >= -(int32_t)bound));
			along += (double)value[i] * (double)s.v[i];
			zeros += symbol[i] == 0;
		}
	}
	/* on the whole it points the way of the vector */
	if (kind == NORMAL && (!(along > 0) || zeros == MESSAGES * d))
		fail_msg("%s: <C(v), v> = %g, %u symbols of %u are zero", text, along, zeros, MESSAGES * d);
	rig_free(&r);
	sample_free(&s);
}

static void selected(const char *text, void *context)
{
	(void)context;
	size_t n = strlen(text);
	if (strncmp(text, "all |", 5) == 0 && strcmp(text + n - 5, "| raw") == 0)
		for (unsigned kind = 0; kind < SAMPLE_KINDS; kind++)
			check_quantiser(text, kind);
}

static void quantisers_stay_within_their_bounds(void **state)
{
	(void)state;
	for_each_pipeline(selected, NULL);
}

/* What a plug-in says of itself, and that its first example carries its name. */
static void stages_are_described(void **state)
{
	(void)state;
	unsigned count = 0;
	for (size_t i = 0; sl_selects[i]; i++, count++)
		assert_true(
		    sl_selects[i]->doc[0] && sl_selects[i]->formula[0] &&
		    strncmp(sl_selects[i]->examples, sl_selects[i]->name, strlen(sl_selects[i]->name)) == 0);
	for (size_t i = 0; sl_quantisers[i]; i++, count++)
		assert_true(sl_quantisers[i]->doc[0] && sl_quantisers[i]->formula[0] &&
		            sl_quantisers[i]->bytes[0] &&
		            strncmp(sl_quantisers[i]->examples, sl_quantisers[i]->name,
		                    strlen(sl_quantisers[i]->name)) == 0);
	for (size_t i = 0; sl_codes[i]; i++, count++)
		assert_true(sl_codes[i]->doc[0] && strncmp(sl_codes[i]->examples, sl_codes[i]->name,
		                                           strlen(sl_codes[i]->name)) == 0);
	assert_true(count >= 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stages_fit_by_their_numbers),
		cmocka_unit_test(selects_pick_something_of_every_vector),
		cmocka_unit_test(quantisers_stay_within_their_bounds),
		cmocka_unit_test(stages_are_described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
