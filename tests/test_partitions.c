#include "learn/dataset.h"
#include "tests/support/samples.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { SAMPLES = 4000, CLASSES = 10, PEERS = 16 };

static enum sl_status assign(const char *spec, const struct sl_dataset *data, uint32_t peers, uint64_t seed,
                             uint32_t *owner, struct sl_error *error)
{
	char name[SL_TEXT_MAX];
	const char *arguments = sl_spec_name(spec, name, sizeof name);
	for (const struct sl_partition *const *p = sl_partitions; *p; p++)
		if (strcmp((*p)->name, name) == 0) {
			uint64_t options[32] = { 0 };
			assert_true((*p)->options_size <= sizeof options);
			enum sl_status status =
			    sl_spec_arguments((*p)->options, options, name, arguments, error);
			return status == SL_OK ? (*p)->assign(options, data, peers, seed, owner, error)
			                       : status;
		}
	fail_msg("no partition %s", name);
	return SL_NOT_FOUND;
}

/* table[p][c]: samples of class c that peer p owns. */
struct table {
	uint32_t count[PEERS][CLASSES], size[PEERS], class_size[CLASSES];
};

static struct table deal(const char *spec, const struct sl_dataset *data, uint64_t seed)
{
	static uint32_t owner[SAMPLES];
	struct table t = { 0 };
	struct sl_error error;
	if (assign(spec, data, PEERS, seed, owner, &error) != SL_OK)
		fail_msg("%s", error.text);
	for (uint32_t s = 0; s < data->samples; s++) {
		assert_true(owner[s] < PEERS);
		t.count[owner[s]][data->label[s]]++;
		t.size[owner[s]]++;
		t.class_size[data->label[s]]++;
	}
	return t;
}

/* Mean over the peers of the total variation between a peer's mixture of classes and the whole's: 0 even,
 * towards 1. */
static double skew(const struct table *t)
{
	double sum = 0;
	for (int p = 0; p < PEERS; p++)
		for (int c = 0; c < CLASSES; c++)
			sum +=
			    fabs((double)t->count[p][c] / t->size[p] - (double)t->class_size[c] / SAMPLES) /
			    2;
	return sum / PEERS;
}

static uint32_t least(const struct table *t)
{
	uint32_t least = UINT32_MAX;
	for (int p = 0; p < PEERS; p++)
		least = t->size[p] < least ? t->size[p] : least;
	return least;
}

static uint32_t most(const struct table *t)
{
	uint32_t most = 0;
	for (int p = 0; p < PEERS; p++)
		most = t->size[p] > most ? t->size[p] : most;
	return most;
}

/* Whatever the partition: owners exist, nobody goes without, the seed decides. Also with as many peers as
 * samples. */
static void every_partition_keeps_its_promises(void **state)
{
	(void)state;
	enum { MOST = 200 };
	for (uint32_t peers = 1; peers <= MOST; peers = peers * 3 + 1) {
		for (const struct sl_partition *const *p = sl_partitions; *p; p++) {
			struct samples s =
			    samples_make(SL_FEATURES_BYTE, MOST + 33 * (peers % 2), 2, 7, peers);
			uint32_t a[MOST + 33], b[MOST + 33], have[MOST] = { 0 };
			char spec[64];
			snprintf(spec, sizeof spec, "%s%s", (*p)->name,
			         strcmp((*p)->name, "shards") == 0 ? ":1" : "");
			if (!(*p)->assign)
				goto next;
			assert_int_equal(assign(spec, &s.data, peers, 1, a, NULL), SL_OK);
			assert_int_equal(assign(spec, &s.data, peers, 1, b, NULL), SL_OK);
			assert_memory_equal(a, b, s.data.samples * sizeof *a);
			for (uint32_t i = 0; i < s.data.samples; i++) {
				assert_true(a[i] < peers);
				have[a[i]]++;
			}
			bool even = strcmp((*p)->name, "dirichlet") != 0;
			for (uint32_t i = 0; i < peers; i++)
				assert_true(have[i] > 0 && (!even || have[i] - s.data.samples / peers <= 1));
			assert_int_equal(assign(spec, &s.data, peers, 2, b, NULL), SL_OK);
			assert_true(peers == 1 || memcmp(a, b, s.data.samples * sizeof *a) != 0);
			assert_int_not_equal(assign(spec, &s.data, s.data.samples + 1, 1, b, NULL), SL_OK);
		next:
			samples_free(&s);
		}
	}
}

static void as_many_peers_as_samples(void **state)
{
	(void)state;
	struct samples s = samples_make(SL_FEATURES_BYTE, 500, 2, 3, 1);
	static const char *const specs[] = { "iid", "shards:1", "dirichlet:0.01", "dirichlet:100" };
	for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		uint32_t owner[500], have[500] = { 0 };
		assert_int_equal(assign(specs[i], &s.data, 500, 3, owner, NULL), SL_OK);
		for (uint32_t k = 0; k < 500; k++)
			assert_int_equal(have[owner[k]]++, 0);
	}
	samples_free(&s);
}

static void iid_is_balanced_and_mixed(void **state)
{
	struct samples *s = *state;
	struct table t = deal("iid", &s->data, 1);
	assert_true(most(&t) - least(&t) <= 1);
	assert_true(skew(&t) < 0.1);
}

static void shards_see_few_classes(void **state)
{
	struct samples *s = *state;
	for (int shards = 1; shards <= 4; shards++) {
		char spec[32];
		snprintf(spec, sizeof spec, "shards:%d", shards);
		struct table t = deal(spec, &s->data, 1);
		assert_true(most(&t) - least(&t) <= (uint32_t)shards);
		for (int p = 0; p < PEERS; p++) {
			int seen = 0;
			for (int c = 0; c < CLASSES; c++)
				seen += t.count[p][c] > 0;
			assert_true(seen <=
			            2 * shards); /* a shard that is smaller than a class meets at most two */
		}
	}
	struct table even = deal("shards:250", &s->data, 1);
	assert_true(skew(&even) < 0.1);
}

static void dirichlet_goes_from_skewed_to_even(void **state)
{
	struct samples *s = *state;
	static const char *const spec[] = { "dirichlet:0.001", "dirichlet:0.1", "dirichlet:1",
		                            "dirichlet:1e6" };
	double found[4];
	for (int i = 0; i < 4; i++) {
		struct table t = deal(spec[i], &s->data, 1);
		found[i] = skew(&t);
		assert_true(least(&t) >= 1);
	}
	assert_true(found[0] > 0.8 && found[0] > found[1] && found[1] > 0.5);
	assert_true(found[1] > found[2] && found[2] > found[3] && found[3] < 0.01);
}

/* The proportions of one class are Dirichlet(a): over many seeds, a peer's share has mean 1/n and variance
 * (n − 1)/(n²(na + 1)). */
static void dirichlet_has_its_moments(void **state)
{
	struct samples *s = *state;
	static const double alphas[] = { 0.3, 1, 5 };
	enum { SEEDS = 60 };
	for (int i = 0; i < 3; i++) {
		char spec[32];
		snprintf(spec, sizeof spec, "dirichlet:%g", alphas[i]);
		double square = 0, n = PEERS;
		for (uint64_t seed = 0; seed < SEEDS; seed++) {
			struct table t = deal(spec, &s->data, seed);
			for (int p = 0; p < PEERS; p++)
				for (int c = 0; c < CLASSES; c++) {
					double off = (double)t.count[p][c] / t.class_size[c] - 1 / n;
					square += off * off / (SEEDS * PEERS * CLASSES);
				}
		}
		double expected = (n - 1) / (n * n * (n * alphas[i] + 1));
		if (!(fabs(square / expected - 1) <= 0.1))
			fail_msg("dirichlet:%g: variance %g, must be %g", alphas[i], square, expected);
	}
}

/* Pinned owners: the same on every machine and in every release. */
static void owners_are_pinned(void **state)
{
	struct samples *s = *state;
	static const struct {
		const char *spec;
		uint64_t hash;
	} pinned[] = { { "iid", UINT64_C(0x505d6f3a51baaac2) },
		       { "shards:2", UINT64_C(0x23b388c47acd28f8) },
		       { "dirichlet:0.5", UINT64_C(0x24a0ad7454719e58) },
		       { "dirichlet:3", UINT64_C(0xb63ea3148f228fd1) } };
	static uint32_t owner[SAMPLES];
	for (size_t i = 0; i < sizeof pinned / sizeof *pinned; i++) {
		uint64_t hash = 0;
		assert_int_equal(assign(pinned[i].spec, &s->data, PEERS, 7, owner, NULL), SL_OK);
		for (uint32_t k = 0; k < SAMPLES; k++)
			hash = hash * UINT64_C(0x100000001b3) + owner[k];
		if (hash != pinned[i].hash)
			fail_msg("%s: 0x%llx", pinned[i].spec, (unsigned long long)hash);
	}
}

static void impossible_wishes_are_explained(void **state)
{
	(void)state;
	struct samples s = samples_make(SL_FEATURES_BYTE, 10, 2, 3, 1),
	               real = samples_make(SL_FEATURES_FLOAT, 10, 2, 0, 1);
	uint32_t owner[10];
	struct sl_error error;
	assert_int_not_equal(assign("iid", &s.data, 11, 1, owner, &error), SL_OK);
	assert_string_equal(error.text, "iid: 10 samples for 11 peers, each needs at least one");
	assert_int_not_equal(assign("shards:6", &s.data, 2, 1, owner, &error), SL_OK);
	assert_string_equal(error.text, "shards: 12 shards for 10 samples; at most 5 per peer");
	assert_int_not_equal(assign("dirichlet:0", &s.data, 2, 1, owner, &error), SL_OK);
	assert_int_not_equal(assign("dirichlet:x", &s.data, 2, 1, owner, &error), SL_OK);
	assert_int_not_equal(assign("dirichlet", &real.data, 2, 1, owner, &error), SL_OK);
	assert_int_not_equal(assign("shards", &real.data, 2, 1, owner, &error), SL_OK);
	assert_int_equal(assign("iid", &real.data, 2, 1, owner, &error), SL_OK);
	samples_free(&s);
	samples_free(&real);
}

int main(void)
{
	struct samples s = samples_make(SL_FEATURES_BYTE, SAMPLES, 2, CLASSES, 4);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_partition_keeps_its_promises),
		cmocka_unit_test(as_many_peers_as_samples),
		cmocka_unit_test_prestate(iid_is_balanced_and_mixed, &s),
		cmocka_unit_test_prestate(shards_see_few_classes, &s),
		cmocka_unit_test_prestate(dirichlet_goes_from_skewed_to_even, &s),
		cmocka_unit_test_prestate(dirichlet_has_its_moments, &s),
		cmocka_unit_test_prestate(owners_are_pinned, &s),
		cmocka_unit_test(impossible_wishes_are_explained),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	samples_free(&s);
	return failed;
}
