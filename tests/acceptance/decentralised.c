/* Decentralised methods on a ring of eight: ridge problems whose minima lie apart. What tracks gradients or
 * carries a dual variable converges to the common minimum, linearly; what does not stops at a distance that
 * heterogeneity sets. */
#include "experiments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PEERS = 8, ROWS = 30, D = 20 };
static const double lambda = 0.1;

struct ridge {
	double solution[D], square;
};

/* Targets ⟨a, w_i⟩ + noise; the w_i are `apart` from a common w. */
static void make(struct trial *t, struct ridge *p, const char *algorithm, const char *pipeline, double apart,
                 uint64_t seed)
{
	struct sl_random g = sl_random_stream(seed, 0, "decentralised", 0);
	double w[D];
	trial_standard(t, algorithm, "ring:8", "ridge:0.1", pipeline);
	t->features = D;
	t->settings.seed = seed;
	t->settings.eta = 0.1;
	t->settings.gamma = 0.4;
	for (int k = 0; k < D; k++)
		w[k] = sl_random_normal(&g);
	for (uint32_t i = 0; i < PEERS; i++) {
		float *row = trial_shard(t, i, ROWS), *target = (float *)(uintptr_t)t->shard[i].target;
		double own[D];
		for (int k = 0; k < D; k++)
			own[k] = w[k] + apart * sl_random_normal(&g);
		for (int s = 0; s < ROWS; s++, row += D) {
			double y = 0.1 * sl_random_normal(&g);
			for (int k = 0; k < D; k++) {
				row[k] = (float)sl_random_normal(&g);
				y += (double)row[k] * own[k];
			}
			target[s] = (float)y;
		}
	}
	t->peers = PEERS;
	reference_minimum(t, lambda, 0, p->solution);
	p->square = 0;
	for (int k = 0; k < D; k++)
		p->square += p->solution[k] * p->solution[k];
}

static double error_of(struct trial *t, const void *context)
{
	const struct ridge *p = context;
	return trial_distance(t, p->solution) / p->square;
}

static const char top5[] = "topk:5 | float32 | raw", rand10[] = "randk:10 | float32 | raw",
                  dense[] = "all | float32 | raw";

struct arm {
	const char *algorithm, *pipeline;
	double eta, gamma;
	uint32_t steps;
};

static double error_after(const struct arm *a, uint32_t rounds, double apart, uint32_t batch,
                          uint32_t estimator, uint64_t seed)
{
	struct trial t;
	struct ridge p;
	make(&t, &p, a->algorithm, a->pipeline, apart, seed);
	t.settings.eta = a->eta;
	t.settings.gamma = a->gamma;
	t.settings.local_steps = a->steps ? a->steps : 1;
	t.settings.batch = batch;
	t.settings.estimator = estimator;
	trial_open(&t);
	trial_run(&t, rounds);
	double sum = 0;
	for (int k = 0; k < 50; k++) {
		trial_run(&t, 2);
		sum += error_of(&t, &p) / 50;
	}
	trial_close(&t);
	return sum;
}

enum { WHOLE = 1000000 };

/* Exact under heterogeneity, with the decades a round of the way there, against the floors of those that are
 * not. */
void experiment_tracking(void)
{
	static const struct arm exact[] = {
		{ "beer", top5, 0.1, 0.3, 0 },
		{ "motef:0.5", top5, 0.1, 0.3, 0 },
		{ "cdproxsgt", top5, 0.1, 0.3, 0 },
		{ "docom", top5, 0.1, 0.3, 0 },
		{ "lead", rand10, 0.2, 0.5, 0 },
		{ "prox-lead", rand10, 0.2, 0.5, 0 },
		{ "cedas", rand10, 0.2, 0.5, 0 },
		{ "c-led:0.3", top5, 0.05, 0.2, 2 },
		{ "ticopd:0.1", top5, 0.05, 0.1, 0 },
		{ "ticopd:0.3,0.8", top5, 0.05, 0.1, 0 },
		{ "dsgt", dense, 0.1, 1, 0 },
		{ "d2", dense, 0.2, 1, 0 },
		{ "exact-diffusion", dense, 0.2, 1, 0 },
	};
	static const struct arm biased[] = { { "choco", top5, 0.1, 0.3, 0 },
		                             { "deepsqueeze", "all | dither:64 | raw", 0.1, 0.3, 0 },
		                             { "dpsgd", dense, 0.1, 1, 0 },
		                             { "quasi-global", top5, 0.02, 0.3, 0 } };
	char what[96];
	for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
		double worst = 0;
		for (uint64_t seed = 1; seed <= 3; seed++)
			worst = most_of(worst, error_after(&exact[i], 3000, 1, WHOLE, 0, seed));
		snprintf(what, sizeof what, "%s: relative error at 3000, worst of 3 seeds",
		         exact[i].algorithm);
		figure(what, worst, -(double)INFINITY, 1e-10, "0 (exact)");
	}
	for (size_t i = 0; i < sizeof biased / sizeof *biased; i++) {
		double least = (double)INFINITY, most = 0;
		for (uint64_t seed = 1; seed <= 3; seed++) {
			double e = error_after(&biased[i], 3000, 1, WHOLE, 0, seed);
			least = least_of(least, e);
			most = most_of(most, e);
		}
		snprintf(what, sizeof what, "%s: relative error at 3000, least of 3 seeds",
		         biased[i].algorithm);
		figure(what, least, 1e-5, 10, "a plateau");
		snprintf(what, sizeof what, "%s: relative error at 3000, largest of 3 seeds",
		         biased[i].algorithm);
		figure(what, most, 1e-5, 10, "a plateau");
	}
}

/* f_i = ½xᵀHx − ⟨c_i, x⟩ with noise of a fixed size on the gradient, and c_i `apart` from each other:
 * heterogeneity alone changes. */
static double noisy_level(const struct arm *a, double apart, uint64_t seed)
{
	enum { SAMPLES = 3000, SMALL = 10 };
	struct trial t;
	double solution[SMALL] = { 0 }, error = 0;
	struct sl_random g = sl_random_stream(seed, 0, "noisy", 0);
	trial_standard(&t, a->algorithm, "ring:8", "quadratic", a->pipeline);
	t.features = SMALL + SMALL * SMALL;
	t.settings.seed = seed;
	t.settings.eta = a->eta;
	t.settings.gamma = a->gamma;
	t.settings.batch = 1;
	for (uint32_t i = 0; i < PEERS; i++) {
		float *row = trial_shard(&t, i, SAMPLES);
		double centre[SMALL];
		for (int k = 0; k < SMALL; k++) {
			centre[k] = 1 + apart * sl_random_normal(&g);
			solution[k] += centre[k] / (0.5 + 0.05 * k) / PEERS;
		}
		for (int s = 0; s < SAMPLES; s++, row += t.features)
			for (int k = 0; k < SMALL; k++) {
				row[k] = (float)(centre[k] + 0.5 * sl_random_normal(&g));
				row[SMALL + k * SMALL + k] = (float)(0.5 + 0.05 * k);
			}
	}
	trial_open(&t);
	trial_run(&t, 4000);
	for (int r = 0; r < 400; r++) {
		trial_run(&t, 5);
		error += trial_distance(&t, solution) / 400;
	}
	trial_close(&t);
	return error;
}

/* Single samples: MoTEF's level is the same whether the peers' minima coincide or lie far apart; CHOCO's is
 * not. */
void experiment_motef(void)
{
	static const struct arm motef = { "motef:0.05", "topk:3 | float32 | raw", 0.01, 0.3, 0 },
	                        beer = { "beer", "topk:3 | float32 | raw", 0.01, 0.3, 0 },
	                        choco = { "choco", "topk:3 | float32 | raw", 0.01, 0.3, 0 };
	double level[3][2] = { { 0 } };
	for (uint64_t seed = 1; seed <= 3; seed++)
		for (int far = 0; far < 2; far++) {
			level[0][far] += noisy_level(&motef, far ? 3 : 0, seed) / 3;
			level[1][far] += noisy_level(&beer, far ? 3 : 0, seed) / 3;
			level[2][far] += noisy_level(&choco, far ? 3 : 0, seed) / 3;
		}
	figure("MoTEF, B = 1: level, minima far apart to minima equal", level[0][1] / level[0][0], 0.5, 1.5,
	       "1: independent");
	figure("CHOCO, B = 1: level, minima far apart to minima equal", level[2][1] / level[2][0], 10,
	       (double)INFINITY, "grows");
	figure("MoTEF to BEER, B = 1, minima far apart", level[0][1] / level[1][1], 0, 0.85,
	       "momentum averages noise");
	figure("MoTEF to CHOCO, B = 1, minima far apart", level[0][1] / level[2][1], 0, 0.1, "");
	static const struct arm docom[] = { { "docom:0.05", "topk:3 | float32 | raw", 0.01, 0.3, 0 },
		                            { "docom:1", "topk:3 | float32 | raw", 0.01, 0.3, 0 } };
	double storm = 0, plain = 0;
	for (uint64_t seed = 1; seed <= 3; seed++) {
		storm += noisy_level(&docom[0], 3, seed) / 3;
		plain += noisy_level(&docom[1], 3, seed) / 3;
	}
	figure("DoCoM, B = 1, minima far apart: level with beta 0.05 to that with 1", storm / plain, 0.5,
	       0.85, "below 1");
}

/* CHOCO-GOSSIP: with next to no gradient, models that start apart come together linearly, and their mean
 * stays. */
static void gossip(const char *algorithm, const char *pipeline, uint32_t rounds)
{
	struct trial t;
	struct ridge p;
	char what[96];
	double before[D], after[D], moved = 0, start, mean_square = 0;
	make(&t, &p, algorithm, pipeline, 0, 1);
	t.settings.eta = 1e-9;
	t.settings.gamma = 0.3;
	trial_open(&t);
	struct sl_random g = sl_random_stream(2, 0, "apart", 0);
	for (uint32_t i = 0; i < PEERS; i++)
		for (int k = 0; k < D; k++)
			trial_learner(&t, i)->x[k] = (float)sl_random_normal(&g);
	trial_mean(&t, before);
	start = trial_consensus(&t);
	trial_run(&t, rounds);
	trial_mean(&t, after);
	for (int k = 0; k < D; k++) {
		moved += (after[k] - before[k]) * (after[k] - before[k]);
		mean_square += before[k] * before[k];
	}
	snprintf(what, sizeof what, "%s: consensus error to that at the start, round %u", algorithm, rounds);
	figure(what, trial_consensus(&t) / start, -(double)INFINITY, 1e-10, "0: linear");
	snprintf(what, sizeof what, "%s: the mean's relative movement, squared", algorithm);
	figure(what, moved / mean_square, -(double)INFINITY, 1e-9, "0");
	trial_close(&t);
}

void experiment_gossip(void)
{
	gossip("choco", top5, 600);
	gossip("malcom", "all | qsgd:16 | golomb", 600);
	gossip("dpsgd", dense, 150);
}

/* Momentum on heterogeneous data: that of how the models move together does less harm than that of the local
 * gradients. */
void experiment_quasi_global(void)
{
	struct trial t;
	struct ridge p;
	double found[2];
	for (int quasi = 0; quasi < 2; quasi++) {
		make(&t, &p, quasi ? "quasi-global" : "choco", top5, 1, 1);
		t.settings.momentum = quasi ? 0 : 0.9;
		t.settings.eta = 0.02;
		t.settings.gamma = 0.3;
		trial_open(&t);
		trial_run(&t, 2000);
		found[quasi] = error_of(&t, &p);
		trial_close(&t);
	}
	figure("quasi-global momentum: error to heavy-ball's", found[1] / found[0], 0, 0.3, "");
	figure("quasi-global momentum: error", found[1], 0, 0.05, "");
}

/* DeepSqueeze with a coarse quantiser ends where uncompressed gossip with the same step does; what it left
 * out is not lost. */
void experiment_deepsqueeze(void)
{
	static const struct arm coarse = { "deepsqueeze", "topk:10 | float32 | raw", 0.05, 0.1, 0 },
	                        whole = { "deepsqueeze", dense, 0.05, 0.1, 0 };
	double equal = error_after(&coarse, 3000, 0, WHOLE, 0, 1),
	       squeezed = error_after(&coarse, 3000, 1, WHOLE, 0, 1),
	       full = error_after(&whole, 3000, 1, WHOLE, 0, 1);
	figure("DeepSqueeze, top-10 of 20, equal peers: relative error", equal, 0, 1e-2, "");
	figure("DeepSqueeze, top-10 of 20, to uncompressed, far peers", squeezed / full, 0.8, 1.2, "1");
}

/* Batches of one with an estimator whose noise vanishes: Prox-LEAD converges exactly, without one it does
 * not; STORM's noise shrinks with its renewal. */
void experiment_estimators(void)
{
	static const struct arm lead = { "prox-lead", rand10, 0.005, 0.3, 0 };
	figure("prox-lead, B = 1, L-SVRG: relative error at 20000",
	       error_after(&lead, 20000, 1, 1, SL_ESTIMATOR_LSVRG, 1), -(double)INFINITY, 1e-9, "0 (exact)");
	figure("prox-lead, B = 1, SAGA: relative error at 20000",
	       error_after(&lead, 20000, 1, 1, SL_ESTIMATOR_SAGA, 1), -(double)INFINITY, 1e-9, "0 (exact)");
	double plain = error_after(&lead, 20000, 1, 1, SL_ESTIMATOR_BATCH, 1),
	       storm = error_after(&lead, 20000, 1, 1, SL_ESTIMATOR_STORM, 1);
	figure("prox-lead, B = 1, mini-batch: relative error at 20000", plain, 1e-5, 10, "a plateau");
	figure("prox-lead, B = 1, STORM, to mini-batch", storm / plain, 0, 0.5, "below 1");
}
