/* No key is ignored in silence: for every algorithm, each method key that it does not read is refused when it is set,
 * and each one that it reads changes the bits of a run. */
#include "support/trial.h"

#include "gossip/reads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 12, FEATURES = 7, PEERS = 5, ROUNDS = 8 };

/* Another value of every method key, and the keys that switch it on. */
static const struct {
	const char *section, *key, *value, *with[2];
} others[] = {
	{ "algorithm", "eta", "0.03", { NULL } },
	{ "algorithm", "eta_end", "0.001", { "eta_schedule=falling" } },
	{ "algorithm", "eta_rule", "theory", { "smoothness=40" } },
	{ "algorithm", "smoothness", "50", { "eta_rule=theory", "smoothness=40" } },
	{ "algorithm", "convexity", "0.3", { "eta_rule=theory", "smoothness=40" } },
	{ "algorithm", "eta_schedule", "sqrt", { NULL } },
	{ "algorithm", "lambda", "0.25", { NULL } },
	{ "algorithm", "gamma", "0.125", { NULL } },
	{ "algorithm", "robust", "clip-at:0.01", { NULL } },
	{ "algorithm", "momentum", "0.5", { NULL } },
	{ "algorithm", "local_steps", "3", { NULL } },
	{ "algorithm", "batch", "3", { NULL } },
	{ "algorithm", "estimator", "saga", { NULL } },
	{ "algorithm", "refresh", "0.9", { "estimator=lsvrg" } },
	{ "algorithm", "renewal", "0.9", { "estimator=storm" } },
	{ "algorithm", "weigh", "samples", { "mean_samples=5" } },
	{ "algorithm", "mean_samples", "7", { "weigh=samples", "mean_samples=5" } },
	{ "compress", "pipeline", "randk:2 | float32 | raw", { NULL } },
	{ "compress", "budget", "2kB", { NULL } },
};
enum { OTHERS = sizeof others / sizeof *others };

static void set(struct sl_settings *s, const char *section, const char *key, const char *value)
{
	struct sl_error error = { 0 };
	struct sl_run_settings all = sl_run_settings_of(s);
	if (sl_run_settings_set(&all, section, key, value, &error) != SL_OK)
		fail_msg("%s", error.text);
	*s = all.method;
}

static void print(const struct sl_settings *s, char *text, size_t size)
{
	struct sl_run_settings all = sl_run_settings_of(s);
	sl_run_settings_print(&all, SL_SCOPES_ALL, text, size);
}

static void set_text(struct sl_settings *s, const char *text)
{
	char key[64];
	snprintf(key, sizeof key, "%.*s", (int)strcspn(text, "="), text);
	set(s, "algorithm", key, strchr(text, '=') + 1);
}

static void every_method_key_is_tried(void **state)
{
	(void)state;
	for (const struct sl_settings_section *s = sl_settings_sections; s->name; s++)
		for (const struct sl_option *o = s->options; o->name; o++) {
			bool found = false;
			for (int i = 0; i < OTHERS; i++)
				found = found || (strcmp(others[i].section, s->name) == 0 &&
				                  strcmp(others[i].key, o->name) == 0);
			if (found != sl_settings_of_method(s->name, o))
				fail_msg("[%s] %s: %s", s->name, o->name,
				         found ? "is no method key" : "has no other value here");
		}
}

/* As a person would: a name, a key. */
static enum sl_status try(const char *algorithm, int i, bool with, struct sl_error *error)
{
	struct sl_settings s;
	sl_settings_standard(&s);
	set(&s, "algorithm", "name", algorithm);
	for (int k = 0; k < 2 && with; k++)
		if (others[i].with[k])
			set_text(&s, others[i].with[k]);
	set(&s, others[i].section, others[i].key, others[i].value);
	*error = (struct sl_error){ 0 };
	return sl_settings_check(&s, error);
}

static void unread_keys_are_refused(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		for (int i = 0; i < OTHERS; i++) {
			struct sl_error error;
			char start[256];
			bool with =
			    sl_algorithm_reads(*a, others[i].key); /* else what switches it on is refused */
			snprintf(start, sizeof start, "[%s] %s = %s: ", others[i].section, others[i].key,
			         others[i].value);
			enum sl_status status = try((*a)->name, i, with, &error);
			if ((status == SL_OK) != sl_algorithm_reads(*a, others[i].key))
				fail_msg("%s: %s%s", (*a)->name, start, error.text);
			if (status != SL_OK && (strncmp(error.text, start, strlen(start)) != 0 ||
			                        !strstr(error.text, "; remove it")))
				fail_msg("%s: %s", (*a)->name, error.text);
		}
}

/* Keys that nothing switches on are refused too, whatever the algorithm. */
static void keys_without_effect_are_refused(void **state)
{
	(void)state;
	static const char *const off[] = { "refresh", "renewal" };
	struct sl_error error;
	for (size_t n = 0; n < sizeof off / sizeof *off; n++)
		for (int i = 0; i < OTHERS; i++)
			if (strcmp(others[i].key, off[n]) == 0) {
				assert_int_equal(try("malcom", i, false, &error), SL_UNSUPPORTED);
				assert_non_null(strstr(error.text, " it; remove it"));
			}
	struct sl_settings s;
	sl_settings_standard(&s);
	set_text(&s, "eta_end=0.001");
	set_text(&s, "eta_schedule=sqrt");
	assert_int_equal(sl_settings_check(&s, &error), SL_UNSUPPORTED);
	assert_string_equal(
	    error.text,
	    "[algorithm] eta_end = 0.001: it is the last step size of eta_schedule = falling; remove it");
}

/* What holds without a key may be said. */
static void true_values_pass(void **state)
{
	(void)state;
	static const char *const said[][2] = {
		{ "beer", "local_steps=1" },    { "beer", "momentum=0" },
		{ "choco", "lambda=0" },        { "dpsgd", "gamma=1" },
		{ "docom", "estimator=batch" }, { "exact-diffusion", "gamma=0.5" },
	};
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		struct sl_settings s;
		struct sl_error error = { 0 };
		sl_settings_standard(&s);
		set(&s, "algorithm", "name", said[i][0]);
		set_text(&s, said[i][1]);
		if (sl_settings_check(&s, &error) != SL_OK)
			fail_msg("%s", error.text);
	}
	for (int k = 0; k < 2; k++) { /* with eta = theory the step size is constant */
		struct sl_settings s;
		struct sl_error error = { 0 };
		sl_settings_standard(&s);
		set(&s, "algorithm", "name", "diana");
		set(&s, "compress", "pipeline", "randk:2 | float32 | raw");
		set_text(&s, "eta_rule=theory");
		set_text(&s, "smoothness=40");
		set_text(&s, k ? "eta_schedule=sqrt" : "eta_schedule=constant");
		enum sl_status status = sl_settings_check(&s, &error);
		if (status != (k ? SL_UNSUPPORTED : SL_OK))
			fail_msg("%d: %s", k, error.text);
	}
}

/* The default of a table is refused as well where it was set: the settings know that it was. */
static void sentences(void **state)
{
	(void)state;
	static const char *const wrong[][3] = {
		{ "beer", "local_steps=4",
		  "[algorithm] local_steps = 4: beer does one gradient step per round; remove it, or use c-led, choco, deepsqueeze, dpsgd, gasloc, …" },
		{ "choco", "lambda=1e-05",
		  "[algorithm] lambda = 1e-05: choco has no proximal step; remove it, or use " },
		{ "d2", "gamma=0.25",
		  "[algorithm] gamma = 0.25: d2 always mixes with 1; remove it, or use beer, " },
		{ "diana", "gamma=0.25",
		  "[algorithm] gamma = 0.25: diana averages over all peers and has no consensus step size; remove it" },
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct sl_settings s;
		struct sl_error error = { 0 };
		sl_settings_standard(&s);
		set(&s, "algorithm", "name", wrong[i][0]);
		set_text(&s, wrong[i][1]);
		assert_int_equal(sl_settings_check(&s, &error), SL_UNSUPPORTED);
		if (strncmp(error.text, wrong[i][2], strlen(wrong[i][2])) != 0)
			fail_msg("%s", error.text);
	}
}

/* Defaults are the method's own, and what is printed parses back to itself. */
static void own_defaults(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++) {
		struct sl_settings s;
		struct sl_error error = { 0 };
		char text[2][8192];
		sl_settings_standard(&s);
		set(&s, "algorithm", "name", (*a)->name);
		assert_int_equal(sl_settings_check(&s, &error), SL_OK);
		assert_true(((*a)->reads & SL_READS_LOCAL_STEPS) ? s.local_steps == 4 : s.local_steps == 1);
		assert_true(s.lambda == ((*a)->lambda ? 1e-5 : 0));
		if ((*a)->pipeline)
			assert_string_equal(s.pipeline, (*a)->pipeline);
		print(&s, text[0], sizeof text[0]);
		assert_int_equal(!strstr(text[0], "\nlocal_steps = "), !((*a)->reads & SL_READS_LOCAL_STEPS));
		assert_int_equal(sl_settings_check(&s, &error), SL_OK); /* and again: nothing moves */
		print(&s, text[1], sizeof text[1]);
		assert_string_equal(text[0], text[1]);
	}
}

/* ---- what is read matters ---- */

static bool needs_convexity(const struct sl_algorithm *a)
{
	return strcmp(a->name, "adiana") == 0 || strcmp(a->name, "eclk") == 0;
}

static bool random_pipeline(const struct sl_algorithm *a)
{
	return a->takes == SL_TAKES_UNBIASED || (a->takes == SL_TAKES_ANY && a->aggregate);
}

static void make_problem(struct trial *t, const struct sl_algorithm *a)
{
	bool star =
	    strcmp(a->name, "dcgd-star") == 0; /* a short search: what follows it is what is tried here */
	trial_standard(t, star ? "dcgd-star:2" : a->name, a->aggregate ? "complete:5" : "ring:5", "ridge:0.1",
	               random_pipeline(a) ? "randk:4 | float32 | raw" : "topk:4 | float32 | raw");
	t->features = FEATURES;
	t->settings.eta = 0.02;
	t->settings.batch = 4;
	t->settings.rounds = ROUNDS;
	t->settings.gamma = 0.25; /* auto refuses what a few rounds may do */
	if (needs_convexity(a))
		set_text(&t->settings, "convexity=0.1");
	struct sl_random g = sl_random_stream(11, 0, "problem", 0);
	for (uint32_t i = 0; i < PEERS; i++) {
		float *rows = trial_shard(t, i, SAMPLES), *target = (float *)(uintptr_t)t->shard[i].target;
		for (uint32_t k = 0; k < SAMPLES * FEATURES; k++)
			rows[k] = (float)sl_random_normal(&g);
		for (uint32_t k = 0; k < SAMPLES; k++)
			target[k] = (float)(i + sl_random_normal(&g));
	}
}

/* The models after a few rounds; NULL: the plan was refused, with *error. */
static float *models(const struct sl_algorithm *a, int i, bool change, struct sl_error *error)
{
	struct trial *t = calloc(1, sizeof *t);
	make_problem(t, a);
	for (int k = 0; k < 2; k++)
		if (others[i].with[k])
			set_text(&t->settings, others[i].with[k]);
	const char *value = others[i].value;
	if (strcmp(others[i].key, "pipeline") == 0 && !random_pipeline(a))
		value = "topk:2 | float32 | raw";
	if (change)
		set(&t->settings, others[i].section, others[i].key, value);
	float *out = NULL;
	if (trial_plan(t, error)) {
		trial_open(t);
		trial_run(t, ROUNDS);
		out = calloc(PEERS, FEATURES * sizeof *out);
		for (uint32_t p = 0; p < PEERS; p++)
			memcpy(out + (size_t)p * FEATURES, trial_model(t, p), FEATURES * sizeof *out);
		trial_close(t);
	}
	free(t);
	return out;
}

/* Whether the method has this at all: some refuse robust mixing, or have no rule for eta. */
static bool applies(const struct sl_algorithm *a, const char *key)
{
	if (strcmp(key, "robust") == 0 || strcmp(key, "budget") == 0)
		return false; /* the peer's, not the method's: test_robust; the pipeline's: test_budget */
	if (strcmp(key, "eta_rule") == 0 || strcmp(key, "smoothness") == 0)
		return a->theory;
	if (strcmp(key, "convexity") == 0)
		return needs_convexity(a);
	return sl_algorithm_reads(a, key);
}

static void read_keys_matter(void **state)
{
	(void)state;
	for (const struct sl_algorithm *const *a = sl_algorithms; *a; a++)
		for (int i = 0; i < OTHERS; i++) {
			struct sl_error error = { 0 };
			if (!applies(*a, others[i].key))
				continue;
			float *with = models(*a, i, true, &error), *without = models(*a, i, false, &error);
			if (!with || !without)
				fail_msg("%s: %s", (*a)->name, error.text);
			const uint8_t *bits = (const uint8_t *)with, *others_bits = (const uint8_t *)without;
			if (memcmp(bits, others_bits, (size_t)PEERS * FEATURES * sizeof *with) == 0)
				fail_msg("%s does not read %s", (*a)->name, others[i].key);
			free(with);
			free(without);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_key_is_tried),
		cmocka_unit_test(unread_keys_are_refused),
		cmocka_unit_test(keys_without_effect_are_refused),
		cmocka_unit_test(true_values_pass),
		cmocka_unit_test(sentences),
		cmocka_unit_test(own_defaults),
		cmocka_unit_test(read_keys_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
