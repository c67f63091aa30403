/* By the book: the algorithms' equations written out once more, plainly, in double and for all peers at once,
 * with nothing shared but the compressor and the coins. Twelve rounds on small ridge problems must agree to
 * float32's accuracy: no coefficient, sign, order or state can differ unnoticed. */
#include "book.h"
#include "experiments.h"

#include "compress/pipeline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 12, ROUNDS = 12 };

/* 0 and 1 are fed by several, 3 by one; nobody takes as much as it gives. */
static const char lopsided[] =
    "peers 5\narc 0 1\narc 1 2\narc 2 0\narc 0 3\narc 3 4\narc 4 0\narc 4 1\narc 2 1\n";

/* An edge has other weights in other rounds, and one way only in some. */
static const char restless[] =
    "peers 5\narc 0 1 .5 0\narc 1 0 .25 1\narc 1 2 .5 0\narc 2 1 .3 2\narc 2 3 .4 1\narc 3 2 .2 1\narc 3 2 .4 2\n"
    "arc 3 4 .5 0\narc 4 0 .6 2\n";

static void make(struct trial *t, const char *algorithm, const char *graph, const char *pipeline)
{
	trial_standard(t, algorithm, graph, "ridge:0.1", pipeline);
	t->features = D;
	t->settings.eta = ETA;
	t->settings.gamma = GAMMA;
	t->settings.convexity = MU;
	t->settings.lambda = L1;
	struct sl_random g = sl_random_stream(17, 0, "book", 0);
	for (uint32_t i = 0; i < N; i++) {
		float *rows = trial_shard(t, i, ROWS), *target = (float *)(uintptr_t)t->shard[i].target;
		for (int k = 0; k < ROWS * D; k++)
			rows[k] = (float)sl_random_normal(&g);
		for (int k = 0; k < ROWS; k++)
			target[k] = (float)(i + sl_random_normal(&g));
	}
	trial_open(t);
}

void book_gradient(const struct trial *t, field x, field out)
{
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < D; k++)
			out[i][k] = L2 * x[i][k];
		for (int s = 0; s < ROWS; s++) {
			const float *row = t->shard[i].dense + s * D;
			double residual = -(double)t->shard[i].target[s];
			for (int k = 0; k < D; k++)
				residual += (double)row[k] * x[i][k];
			for (int k = 0; k < D; k++)
				out[i][k] += residual * (double)row[k] / ROWS;
		}
	}
}

/* What a receiver makes of v sent as the frame of this round. */
void book_compress(struct trial *t, uint32_t round, uint32_t channel, field v, field q)
{
	for (uint32_t i = 0; i < N; i++) {
		float whole[D];
		uint8_t room[1024];
		struct sl_update u;
		struct sl_writer w = sl_writer(room, sizeof room);
		for (int k = 0; k < D; k++)
			whole[k] = (float)v[i][k];
		struct sl_message_context m = { t->settings.seed,      i,     round + 1, channel,
			                        &t->plan.model.layout, whole, NULL };
		sl_pipeline_encode(&t->plan.pipeline, &m, whole, &w, &u, t->scratch.workspace);
		memset(q[i], 0, sizeof q[i]);
		for (uint32_t k = 0; k < u.count; k++)
			q[i][u.index[k]] = (double)u.value[k];
	}
}

void book_mean(field v, double out[D])
{
	for (int k = 0; k < D; k++) {
		out[k] = 0;
		for (int i = 0; i < N; i++)
			out[k] += v[i][k] / N;
	}
}

struct sum {
	uint32_t phase;
	double (*v)[D], (*out)[D];
};

static void take_arc(void *context, struct sl_arc a)
{
	const struct sum *s = context;
	for (int k = 0; k < D && a.phase == s->phase; k++) {
		s->out[a.to][k] += a.weight * s->v[a.from][k];
		s->out[a.from][k] -= a.weight * s->v[a.from][k];
	}
}

void book_laplace(const struct book *b, field v, field out)
{
	const struct sl_topology *t = &b->t->topology;
	memset(out, 0, sizeof(field));
	for (int i = 0; i < N && !t->activity; i++) /* the ring: all weights are a third */
		for (int k = 0; k < D; k++)
			out[i][k] = (v[(i + 1) % N][k] + v[(i + N - 1) % N][k] - 2 * v[i][k]) / 3;
	struct sum s = { b->round % t->period, v, out };
	if (t->activity)
		sl_topology_each_arc(t, take_arc, &s);
}

double book_shrink(double v, double by)
{
	return copysign(fmax(fabs(v) - by, 0), v);
}

/* a ← a + c·b */
void book_add(field a, double c, field b)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			a[i][k] += c * b[i][k];
}

/* a ← b + c·e */
void book_set(field a, field b, double c, field e)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			a[i][k] = b[i][k] + c * e[i][k];
}

/* x ← prox(x − step·direction), the same at all peers. */
void book_server_step(field x, double step, const double direction[D], double penalty)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			x[i][k] = book_shrink(x[i][k] - step * direction[k], penalty * L1);
}

static const struct {
	const char *algorithm, *graph, *pipeline;
	void (*round)(struct book *);
} books[] = {
#define TOP  "topk:3 | float32 | raw"
#define RAND "randk:3 | float32 | raw"
	{ "ef14", "complete:5", TOP, book_ef14 },
	{ "sparseloco:0.8,0.7", "complete:5", TOP, book_sparseloco },
	{ "perturbed:0,5", "complete:5", TOP, book_perturbed },
	{ "ef21", "complete:5", TOP, book_ef21 },
	{ "ef21-sgdm:0.3", "complete:5", TOP, book_ef21_sgdm },
	{ "ef21-sgd2m:0.3", "complete:5", TOP, book_ef21_sgd2m },
	{ "dcgd", "complete:5", RAND, book_dcgd },
	{ "diana", "complete:5", RAND, book_diana },
	{ "rand-diana:0.4", "complete:5", RAND, book_rand_diana },
	{ "gdci:0.3", "complete:5", RAND, book_gdci },
	{ "vr-gdci:0.3", "complete:5", RAND, book_vr_gdci },
	{ "eclk:0.2,0.5,0.4", "complete:5", TOP, book_eclk },
	{ "ec-lsvrg:0.4", "complete:5", TOP, book_ec_lsvrg },
	{ "ec-sgd-diana:0.6", "complete:5", TOP, book_ec_sgd_diana },
	{ "adiana:0.5,0.4,0.2,0.3", "complete:5", RAND, book_adiana },
	{ "econtrol:0.2", "complete:5", TOP, book_econtrol },
	{ "ef-bv:0.5,0.8", "complete:5", RAND, book_ef_bv },
	{ "ef-bv:0.5,0.8", "complete:5", TOP, book_ef_bv },
	{ "fixed-shift", "complete:5", RAND, book_fixed_shift },
	{ "dcgd-star:4", "complete:5", RAND, book_dcgd_star },
	{ "choco", "ring:5", TOP, book_choco },
	{ "malcom", "ring:5", TOP, book_malcom },
	{ "quasi-global:0.8,0.2", "ring:5", TOP, book_quasi_global },
	{ "deepsqueeze", "ring:5", TOP, book_deepsqueeze },
	{ "gasloc:0.4", "ring:5", TOP, book_gasloc },
	{ "sparseloco-gossip:0.8", "ring:5", TOP, book_sparseloco_gossip },
	{ "beer", "ring:5", TOP, book_beer },
	{ "beer:mixed", "ring:5", TOP, book_beer_mixed },
	{ "motef:0.3", "ring:5", TOP, book_motef },
	{ "cdproxsgt", "ring:5", TOP, book_cdproxsgt },
	{ "docom:0.3", "ring:5", TOP, book_docom },
	{ "lead:0.6", "ring:5", RAND, book_lead },
	{ "prox-lead:0.6", "ring:5", RAND, book_prox_lead },
	{ "cedas", "ring:5", RAND, book_cedas },
	{ "c-led:0.2", "ring:5", TOP, book_c_led },
	{ "ticopd:0.3,0.9", "ring:5", TOP, book_ticopd },
	{ "dpsgd", "ring:5", TOP, book_dpsgd },
	{ "dsgt", "ring:5", TOP, book_dsgt },
	{ "d2", "ring:5", TOP, book_d2 },
	{ "exact-diffusion", "ring:5", TOP, book_exact_diffusion },
	{ "choco", "base:5,2", TOP, book_choco },
	{ "dsgt", "base:5,2", TOP, book_dsgt },
	{ "beer", "one-peer-exponential:5", TOP, book_beer },
	{ "deepsqueeze", "directed-ring:5", TOP, book_deepsqueeze },
	{ "dpsgd", "one-peer-exponential:5", TOP, book_dpsgd },
	{ "push-sum", "ring:5", TOP, book_push_sum },
	{ "push-sum", lopsided, TOP, book_push_sum },
	{ "push-sum", restless, TOP, book_push_sum },
};

void experiment_book(void)
{
	for (size_t a = 0; a < sizeof books / sizeof *books; a++) {
		struct trial t;
		struct book b = { .t = &t };
		double worst = 0, size = 0;
		char what[96];
		make(&t, books[a].algorithm, books[a].graph, books[a].pipeline);
		for (; b.round < ROUNDS; b.round++) {
			books[a].round(&b);
			trial_round(&t);
			for (uint32_t i = 0; i < N; i++)
				for (int k = 0; k < D; k++) {
					worst =
					    most_of(worst, fabs((double)trial_model(&t, i)[k] - b.x[i][k]));
					size = most_of(size, fabs(b.x[i][k]));
				}
		}
		const char *graph = books[a].graph == lopsided ? "a lopsided graph" : books[a].graph;
		graph = books[a].graph == restless ? "a restless graph" : graph;
		snprintf(what, sizeof what, "%s%s%s: difference to the book, relative", books[a].algorithm,
		         t.topology.activity ? " on " : "", t.topology.activity ? graph : "");
		figure(what, worst / size, -(double)INFINITY, 2e-6, "float32's accuracy");
		trial_close(&t);
	}
}
