/* Runs an algorithm on small ridge problems and prints all that another implementation needs to repeat it, as JSON:
 * weights, step sizes, data, the samples of each batch, and every peer's model after each round.
 *   trajectory ALGORITHM KEPT BATCH SEED      KEPT: coordinates that topk keeps, of 7; BATCH: of 12 samples */
#include "tests/support/trial.h"

#include "gossip/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEERS = 6, SAMPLES = 12, FEATURES = 7, ROUNDS = 40 };

static void print_array(const char *name, const float *v, size_t count)
{
	printf(",\n\"%s\": [", name);
	for (size_t k = 0; k < count; k++)
		printf("%s%.9g", k ? ", " : "", (double)v[k]);
	putchar(']');
}

static void print_weights(const struct trial *t)
{
	double w[PEERS][PEERS] = { { 0 } };
	const struct sl_topology *g = &t->topology;
	for (uint32_t i = 0; i < PEERS; i++) {
		struct sl_peer_neighbour neighbour[SL_DEGREE_MAX];
		uint32_t degree = sl_peer_neighbours(g, i, neighbour);
		w[i][i] = 1;
		for (uint32_t k = 0; k < degree; k++) {
			w[i][neighbour[k].peer] = neighbour[k].weight[0].value;
			w[i][i] -= neighbour[k].weight[0].value;
		}
	}
	fputs(",\n\"weights\": [", stdout);
	for (int k = 0; k < PEERS * PEERS; k++)
		printf("%s%.17g", k ? ", " : "", w[k / PEERS][k % PEERS]);
	putchar(']');
}

/* The batches of one round, before it is done. */
static void print_batches(struct trial *t)
{
	putchar('[');
	for (uint32_t i = 0; i < PEERS; i++) {
		struct sl_learner *l = trial_learner(t, i);
		l->scratch = &t->scratch;
		uint32_t count = sl_part_batch(l, 0);
		printf("%s[", i ? ", " : "");
		for (uint32_t k = 0; k < count; k++)
			printf("%s%u", k ? ", " : "", l->scratch->pick[k]);
		putchar(']');
	}
	putchar(']');
}

static void print_models(const struct trial *t)
{
	putchar('[');
	for (uint32_t k = 0; k < PEERS * FEATURES; k++)
		printf("%s%.9g", k ? ", " : "", (double)trial_model(t, k / FEATURES)[k % FEATURES]);
	putchar(']');
}

static void print_rounds(struct trial *t)
{
	fputs(",\n\"rounds\": [\n", stdout);
	for (int r = 0; r < ROUNDS; r++) {
		fputs("{\"batch\": ", stdout);
		print_batches(t);
		trial_round(t);
		fputs(", \"model\": ", stdout);
		print_models(t);
		printf("}%s\n", r + 1 < ROUNDS ? "," : "");
	}
	puts("]}");
}

int main(int argc, char **argv)
{
	static struct trial t;
	char pipeline[64];
	if (argc != 5)
		return 2;
	snprintf(pipeline, sizeof pipeline, "topk:%s | float32 | raw", argv[2]);
	trial_standard(&t, argv[1], "ring:6", "ridge:0.1", pipeline);
	t.features = FEATURES;
	t.settings.eta = 0.02;
	t.settings.gamma = 0.4;
	t.settings.batch = (uint32_t)atoi(argv[3]);
	t.settings.seed = (uint64_t)atoi(argv[4]);
	struct sl_random g = sl_random_stream(t.settings.seed, 0, "published", 0);
	float rows[PEERS * SAMPLES * FEATURES], targets[PEERS * SAMPLES];
	for (uint32_t i = 0; i < PEERS; i++) {
		float *row = trial_shard(&t, i, SAMPLES), *target = (float *)(uintptr_t)t.shard[i].target;
		for (uint32_t k = 0; k < SAMPLES * FEATURES; k++)
			row[k] = rows[i * SAMPLES * FEATURES + k] = (float)sl_random_normal(&g);
		for (uint32_t k = 0; k < SAMPLES; k++)
			target[k] = targets[i * SAMPLES + k] = (float)(i + sl_random_normal(&g));
	}
	trial_open(&t);
	printf(
	    "{\"peers\": %d, \"samples\": %d, \"features\": %d, \"kept\": %s, \"eta\": %.9g, \"gamma\": %.9g, \"l2\": 0.1",
	    PEERS, SAMPLES, FEATURES, argv[2], t.settings.eta, t.settings.gamma);
	print_weights(&t);
	print_array("rows", rows, sizeof rows / sizeof *rows);
	print_array("targets", targets, sizeof targets / sizeof *targets);
	print_array("start", trial_model(&t, 0), FEATURES);
	print_rounds(&t);
	trial_close(&t);
	return 0;
}
