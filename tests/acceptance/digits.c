/* Handwritten digits (8 × 8 grey values, UCI; from Debian's python3-sklearn where that is installed) sorted
 * by label over a ring of eight: what entropy coding saves, what a penalty does, and that tracking learns
 * where plain gossip does not. */
#include "experiments.h"

#include "linalg/vector.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { ALL = 1797, PIXELS = 64, PEERS = 8, SHARD = 180, TEST = ALL - PEERS * SHARD };
static const char path[] = "/usr/lib/python3/dist-packages/sklearn/datasets/data/digits.csv.gz";

struct digits {
	float pixel[ALL][PIXELS];
	uint16_t label[ALL];
	float test_pixel[TEST][PIXELS];
	uint16_t test_label[TEST];
	struct sl_dataset test;
};

static bool load(struct digits *d)
{
	gzFile file = gzopen(path, "rb");
	char line[512];
	int s = 0;
	for (; file && s < ALL && gzgets(file, line, sizeof line); s++) {
		char *at = line;
		for (int k = 0; k < PIXELS; k++, at++)
			d->pixel[s][k] = strtof(at, &at) / 16;
		d->label[s] = (uint16_t)strtoul(at, NULL, 10);
	}
	if (file)
		gzclose(file);
	return s == ALL;
}

/* A shuffled fifth is the test set; the rest, sorted by label, is cut into shards. */
static void deal(struct trial *t, struct digits *d)
{
	uint32_t at = 0, order[ALL];
	for (uint32_t s = 0; s < ALL; s++)
		order[s] = sl_random_permutation(9, ALL, s);
	for (uint32_t s = 0; s < TEST; s++) {
		memcpy(d->test_pixel[s], d->pixel[order[s]], sizeof d->test_pixel[s]);
		d->test_label[s] = d->label[order[s]];
	}
	d->test = (struct sl_dataset){ .kind = SL_FEATURES_FLOAT,
		                       .samples = TEST,
		                       .features = PIXELS,
		                       .classes = 10,
		                       .scale = 1,
		                       .dense = &d->test_pixel[0][0],
		                       .label = d->test_label };
	float *row[PEERS];
	for (uint32_t i = 0; i < PEERS; i++)
		row[i] = trial_shard(t, i, SHARD);
	for (uint16_t digit = 0; digit < 10; digit++)
		for (uint32_t s = TEST; s < ALL; s++) {
			if (d->label[order[s]] != digit)
				continue;
			memcpy(row[at / SHARD] + at % SHARD * PIXELS, d->pixel[order[s]], sizeof d->pixel[0]);
			((uint16_t *)(uintptr_t)t->shard[at / SHARD].label)[at % SHARD] = digit;
			at++;
		}
}

static void make(struct trial *t, struct digits *d, const char *algorithm, const char *pipeline,
                 uint64_t seed)
{
	trial_standard(t, algorithm, "ring:8", "mlp:32", pipeline);
	t->features = PIXELS;
	t->classes = 10;
	t->settings.batch = 32;
	t->settings.eta = 0.1;
	t->settings.gamma = 0.5;
	t->settings.seed = seed;
	deal(t, d);
}

/* Mean accuracy of the peers' own models. */
static double accuracy(struct trial *t, const struct digits *d)
{
	double sum = 0, own;
	for (uint32_t i = 0; i < PEERS; i++) {
		sl_model_evaluate_all(&t->plan.model, &d->test, trial_model(t, i), &own, t->scratch.learn);
		sum += own / PEERS;
	}
	return sum;
}

static double error_rate(struct trial *t, const void *context)
{
	return 1 - accuracy(t, context);
}

static void coding(struct digits *d)
{
	double bits[2] = { 0 }, rounds[2] = { 0 };
	for (int coder = 0; coder < 2; coder++) {
		struct trial t;
		make(&t, d, coder ? "malcom" : "choco", coder ? "all|qsgd:16|golomb" : "all|qsgd:16|elias",
		     1);
		t.settings.lambda = coder ? 1e-5 : 0;
		trial_open(&t);
		rounds[coder] = rounds_to(&t, error_rate, d, 0.2, 10, 2500);
		bits[coder] = 8 * (double)t.bytes / PEERS;
		trial_close(&t);
	}
	double fixed = rounds[0] * (6 * 2410 + 32); /* sign and five bits a coordinate, and the norm */
	figure("CHOCO, qsgd:16 at fixed length: Mb a peer to 80 %", fixed / 1e6, 0, 40, "11.0");
	figure("CHOCO, Elias: Mb a peer to 80 %", bits[0] / 1e6, 0, 10, "2.47");
	figure("MALCOM, Golomb: Mb a peer to 80 %", bits[1] / 1e6, 0, 8, "1.98");
	figure("MALCOM's rounds to CHOCO's", rounds[1] / rounds[0], 0.9, 1.1, "1");
	figure("MALCOM's bits to those at fixed length", bits[1] / fixed, 0, 0.25, "0.18");
	figure("MALCOM's bits to those of Elias", bits[1] / bits[0], 0, 0.9, "0.80");
}

static void penalty(struct digits *d)
{
	double zeros[2], bytes[2];
	for (int strong = 0; strong < 2; strong++) {
		struct trial t;
		make(&t, d, "malcom", "all|qsgd:16|golomb", 1);
		t.settings.lambda = strong ? 1e-2 : 0;
		trial_open(&t);
		trial_run(&t, 400);
		uint64_t before = t.bytes;
		trial_run(&t, 100);
		bytes[strong] = (double)(t.bytes - before);
		zeros[strong] = 0;
		for (uint32_t i = 0; i < PEERS; i++)
			zeros[strong] += 1 - (double)sl_vector_nonzero(t.plan.dimension, trial_model(&t, i)) /
			                         t.plan.dimension / PEERS;
		zeros[strong] -= PEERS - 1;
		trial_close(&t);
	}
	figure("MALCOM, l1 weight 0.01: share of exact zeros", zeros[1], 0.5, 1, "> 0.5");
	figure("MALCOM, no penalty: share of exact zeros", zeros[0], 0, 1e-3, "0; but a dead unit's bias");
	figure("MALCOM, l1 weight 0.01: bytes to those without", bytes[1] / bytes[0], 0, 0.95, "drops");
}

void experiment_malcom(void)
{
	struct digits *d = calloc(1, sizeof *d);
	if (d && load(d)) {
		coding(d);
		penalty(d);
	} else {
		printf("  not measured: needs %s (apt-get install python3-sklearn)\n", path);
	}
	free(d);
}

void experiment_digits(void)
{
	struct digits *d = calloc(1, sizeof *d);
	static const char *const runs[][3] = { { "beer", "0.3", "0.98 (93 % at 1.4 Mb)" },
		                               { "motef:0.2", "0.3", "0.98 (93 % at 1.4 Mb)" },
		                               { "choco", "0.5", "0.80 ... 0.85" } };
	if (!d || !load(d)) {
		printf("  not measured: needs %s (apt-get install python3-sklearn)\n", path);
		free(d);
		return;
	}
	for (int i = 0; i < 3; i++) {
		struct trial t;
		char what[96];
		uint32_t rounds = i < 2 ? 400 : 800;
		make(&t, d, runs[i][0], "all | qsgd:16 | golomb", 1);
		t.settings.gamma = atof(runs[i][1]);
		trial_open(&t);
		trial_run(&t, rounds);
		snprintf(what, sizeof what, "%s: accuracy of the peers' own models at %u", runs[i][0],
		         rounds);
		figure(what, accuracy(&t, d), i < 2 ? 0.93 : 0.3, i < 2 ? 1 : 0.85, runs[i][2]);
		trial_close(&t);
	}
	free(d);
}
