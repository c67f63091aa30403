/* What compressors promise against what algorithms need: over both registries, the wrong class is refused in
 * words that say what to use, the right one is taken; and what ordinary vectors lose is what it is said to
 * be. */
#include "support/compress.h"

#include "gossip/algorithm.h"
#include "gossip/reads.h"
#include "linalg/vector.h"
#include "topology/topology.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 784, CLASSES = 10 };

static enum sl_status plan_for(const struct sl_algorithm *a, const char *pipeline, char *note,
                               struct sl_error *error)
{
	struct sl_run_settings s;
	struct sl_topology t;
	struct sl_spectrum spectrum;
	struct sl_plan *plan = malloc(sizeof *plan);
	sl_run_settings_standard(&s);
	snprintf(s.method.algorithm, sizeof s.method.algorithm, "%s", a->name);
	if (pipeline)
		snprintf(s.method.pipeline, sizeof s.method.pipeline, "%s", pipeline);
	snprintf(s.method.model, sizeof s.method.model, "softmax");
	s.method.gamma = pipeline ? 0.05 : 0; /* given: auto has classes of its own that it refuses */
	s.method.lambda = 0;
	s.method.convexity = 0.1;
	s.method.smoothness = 4;
	s.method.round_timeout_us = INT64_MAX;
	sl_settings_drop_unread(&s.method);
	assert_int_equal(sl_run_settings_check(&s, error), SL_OK);
	assert_int_equal(sl_topology_make(&t, a->aggregate ? "complete:6" : "ring:6", 1, error), SL_OK);
	sl_topology_spectrum(&t, &spectrum);
	struct sl_plan_graph graph = { t.peers, 5, spectrum.beta, spectrum.gap, a->aggregate != NULL };
	enum sl_status status = sl_plan_make(plan, &s, &graph, FEATURES, CLASSES, NULL, note, error);
	sl_topology_free(&t);
	free(plan);
	return status;
}

static bool feeds_back(const struct sl_algorithm *a)
{
	return a->takes == SL_TAKES_CONTRACTIVE ||
	       (a->takes == SL_TAKES_ANY && a->absorb == SL_ABSORB_ADD && !a->rule && !a->aggregate);
}

/* With 7850 parameters: what each is, whatever its arguments are called. */
static const struct {
	const char *pipeline;
	bool unbiased, contracts, expands; /* expands: ordinary vectors too */
} kinds[] = {
	{ "all | float32 | raw", true, true, false },
	{ "all | natural | golomb", true, true, false },
	{ "all | dither:16 | golomb", true, false, false },
	{ "all | ternary | golomb", true, false, true },
	{ "randk:0.1 | float32 | raw", true, false, true },
	{ "bernoulli:0.5 | dither:16 | golomb", true, false, true },
	{ "all | ternary:tensor,contractive | golomb", false, true, false },
	{ "randk:0.1,one | float32 | raw", false, true, false },
	{ "randk:0.1,one | sign:whole | golomb", false, true, false },
	{ "topk:0.1 | float32 | raw", false, true, false },
	{ "topk:0.1 | natural | golomb", false, true, false },
	{ "topk:0.05 | dither:16 | golomb", false, false, false },
	{ "topk:0.05 | dither:1 | golomb", false, false, true },
	{ "all | qsgd:16 | golomb", false, true, false },
	{ "all | qsgd:16,scale=one | golomb", true, false, false },
};

static void check_one(const struct sl_algorithm *a, size_t k)
{
	char note[SL_TEXT_MAX];
	struct sl_error error = { 0 };
	const char *text = kinds[k].pipeline;
	bool refused = plan_for(a, text, note, &error) != SL_OK, strict = a->takes == SL_TAKES_CONTRACTIVE;
	if (a->takes == SL_TAKES_UNBIASED && refused == kinds[k].unbiased)
		fail_msg("%s with %s: %s", a->name, text, refused ? error.text : "not refused");
	if (refused && a->takes == SL_TAKES_UNBIASED && !strstr(error.text, "is not unbiased"))
		fail_msg("%s with %s: %s", a->name, text, error.text);
	if (!feeds_back(a))
		return;
	bool wrong = kinds[k].expands || (strict && kinds[k].unbiased && !kinds[k].contracts);
	if (refused && strict && !kinds[k].contracts && strstr(error.text, "contractive"))
		return; /* its own rules need delta */
	if (refused != wrong)
		fail_msg("%s with %s: %s", a->name, text, refused ? error.text : "not refused");
	if (refused && !strstr(error.text, "scale = contractive"))
		fail_msg("%s with %s: %s", a->name, text, error.text);
	if (!refused && strict && !kinds[k].contracts && !strstr(note, "not proved contractive"))
		fail_msg("%s with %s: the note is '%s'", a->name, text, note);
}

static void test_algorithms_and_classes(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		for (size_t k = 0; k < sizeof kinds / sizeof *kinds && !(*a)->pipeline; k++)
			check_one(*a, k);
}

static void test_promised(void **state)
{
	(void)state;
	struct sl_layout layout;
	struct sl_pipeline p;
	struct sl_error error;
	layout_fill(&layout, 7850, 784);
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		assert_int_equal(sl_pipeline_parse(&p, kinds[k].pipeline, &layout, &error), SL_OK);
		struct sl_guarantee q = sl_pipeline_guarantee(&p);
		bool exact = q.kind == SL_CLASS_IDENTITY, small = q.kind == SL_CLASS_UNBIASED && q.omega < 1;
		assert_int_equal(kinds[k].unbiased, exact || q.kind == SL_CLASS_UNBIASED);
		assert_int_equal(kinds[k].contracts, exact || small || q.kind == SL_CLASS_CONTRACTIVE);
		assert_int_equal(kinds[k].expands, sl_pipeline_gain(&p, &layout) <= 0);
	}
}

/* Defaults go without a note, whatever the compressor: gamma follows from it. */
static void test_notes(void **state)
{
	(void)state;
	char note[SL_TEXT_MAX];
	struct sl_error error;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		if (strcmp((*a)->name, "malcom") == 0 || strcmp((*a)->name, "choco") == 0) {
			assert_int_equal(plan_for(*a, NULL, note, &error), SL_OK);
			assert_string_equal(note, "");
			assert_int_equal(plan_for(*a, "topk:0.01 | float32 | raw", note, &error), SL_OK);
			assert_string_equal(note, "");
		}
}

/* The gain is about what a vector of independent normal numbers keeps. */
static void test_gains(void **state)
{
	(void)state;
	static const char *const pipelines[] = {
		"topk:0.05 | dither:16 | raw",      "topk:0.02 | sign:whole | raw",
		"all | sign:whole | raw",           "all | natural | raw",
		"randk:0.1 | float32 | raw",        "topk:0.05 | rounding:3 | raw",
		"randk:0.05,one | sign:whole | raw"
	};
	struct sample s;
	layout_fill(&s.layout, 20000, 100);
	s.v = malloc(20000 * sizeof *s.v);
	s.copy = s.v;
	struct sl_random g = sl_random_stream(2, 0, "normal", 0);
	for (int i = 0; i < 20000; i++)
		s.v[i] = (float)sl_random_normal(&g);
	double square = sl_vector_square(20000, s.v);
	for (size_t k = 0; k < sizeof pipelines / sizeof *pipelines; k++) {
		struct rig r;
		struct sl_error error;
		assert_true(rig_make(&r, pipelines[k], &s.layout, &error));
		double lost = 0, gain = sl_pipeline_gain(&r.pipeline, &s.layout);
		for (uint32_t n = 0; n < 4; n++) {
			rig_encode(&r, &s, n);
			lost += square / 4;
			for (uint32_t i = 0; i < r.count; i++) {
				double v = (double)s.v[r.index[i]], off = (double)r.value[i] - v;
				lost += (off * off - v * v) / 4;
			}
		}
		if (!(fabs(1 - lost / square - gain) < 0.02 + 0.02 * fabs(gain)))
			fail_msg("%s: %g, said to be %g", pipelines[k], 1 - lost / square, gain);
		rig_free(&r);
	}
	free(s.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms_and_classes),
		cmocka_unit_test(test_promised),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_gains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
