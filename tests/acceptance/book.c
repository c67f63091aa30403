/* By the book: the algorithms' equations written out once more, plainly, in double and for all peers at once,
 * with nothing shared but the compressor and the coins. Twelve rounds on small ridge problems must agree to
 * float32's accuracy: no coefficient, sign, order or state can differ unnoticed. */
#include "experiments.h"

#include "compress/pipeline.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 5, D = 7, ROWS = 12, ROUNDS = 12 };
static const double ETA = 0.02, GAMMA = 0.4, L2 = 0.1, L1 = 0.01, MU = 0.1;

typedef double field[N][D]; /* a vector of every peer */

static void make(struct trial *t, const char *algorithm, const char *pipeline)
{
	bool ring = pipeline[0] == '>';
	trial_standard(t, algorithm, ring ? "ring:5" : "complete:5", "ridge:0.1", pipeline + ring);
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

static void gradient(const struct trial *t, field x, field out)
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
static void compress(struct trial *t, uint32_t round, uint32_t channel, field v, field q)
{
	for (uint32_t i = 0; i < N; i++) {
		float whole[D];
		uint8_t room[1024];
		struct sl_update u;
		struct sl_writer w = sl_writer(room, sizeof room);
		for (int k = 0; k < D; k++)
			whole[k] = (float)v[i][k];
		struct sl_message m = { t->settings.seed,      i,     round + 1, channel,
			                &t->plan.model.layout, whole, NULL };
		sl_pipeline_encode(&t->plan.pipeline, &m, whole, &w, &u, t->scratch.workspace);
		memset(q[i], 0, sizeof q[i]);
		for (uint32_t k = 0; k < u.count; k++)
			q[i][u.index[k]] = (double)u.value[k];
	}
}

static void mean_of(field v, double out[D])
{
	for (int k = 0; k < D; k++) {
		out[k] = 0;
		for (int i = 0; i < N; i++)
			out[k] += v[i][k] / N;
	}
}

/* out_i = Σ_j w_ij v_j − v_i on the ring: all weights are a third. */
static void laplace(field v, field out)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			out[i][k] = (v[(i + 1) % N][k] + v[(i + N - 1) % N][k] - 2 * v[i][k]) / 3;
}

static double shrink(double v, double by)
{
	return copysign(fmax(fabs(v) - by, 0), v);
}

/* a ← a + c·b */
static void add(field a, double c, field b)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			a[i][k] += c * b[i][k];
}

/* a ← b + c·e */
static void set(field a, field b, double c, field e)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			a[i][k] = b[i][k] + c * e[i][k];
}

/* x ← prox(x − step·direction), the same at all peers. */
static void server_step(field x, double step, const double direction[D], double penalty)
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			x[i][k] = shrink(x[i][k] - step * direction[k], penalty * L1);
}

/* State of a book: what it needs of these, zero at the start. */
struct book {
	struct trial *t;
	uint32_t round;
	field x, g, a, b, c, d, e, q, r, s;
	double m[D], h[D];
};

static void ef14(struct book *b)
{
	gradient(b->t, b->x, b->g);
	set(b->a, b->e, ETA, b->g);
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->e, b->a, -1, b->q);
	mean_of(b->q, b->m);
	server_step(b->x, 1, b->m, 1);
}

static void perturbed(struct book *b) /* r = 0: error feedback before the step size */
{
	gradient(b->t, b->x, b->g);
	set(b->a, b->e, 1, b->g);
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->e, b->a, -1, b->q);
	mean_of(b->q, b->m);
	server_step(b->x, ETA, b->m, ETA);
}

static void ef21_from(struct book *b, field v)
{
	set(b->a, v, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	add(b->c, 1, b->q);
	mean_of(b->c, b->m);
	server_step(b->x, ETA, b->m, ETA);
}

static void ef21(struct book *b)
{
	gradient(b->t, b->x, b->g);
	ef21_from(b, b->g);
}

static void ef21_sgdm(struct book *b) /* weight 0.3 */
{
	double w = b->round ? 0.3 : 1;
	gradient(b->t, b->x, b->g);
	set(b->r, b->g, -1, b->d);
	add(b->d, w, b->r);
	ef21_from(b, b->d);
}

static void ef21_sgd2m(struct book *b) /* weight 0.3 */
{
	double w = b->round ? 0.3 : 1;
	gradient(b->t, b->x, b->g);
	set(b->r, b->g, -1, b->d);
	add(b->d, w, b->r);
	set(b->r, b->d, -1, b->e);
	add(b->e, w, b->r);
	ef21_from(b, b->e);
}

/* Q(v − h), and h ← h + αQ; the mean of h + Q goes to m. α = 3/7. */
static void shifted(struct book *b, field v)
{
	set(b->a, v, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->r, b->c, 1, b->q);
	mean_of(b->r, b->m);
	add(b->c, 3.0 / 7, b->q);
}

static void diana(struct book *b)
{
	gradient(b->t, b->x, b->g);
	shifted(b, b->g);
	server_step(b->x, ETA, b->m, ETA);
}

static void dcgd(struct book *b)
{
	gradient(b->t, b->x, b->g);
	compress(b->t, b->round, 0, b->g, b->q);
	mean_of(b->q, b->m);
	server_step(b->x, ETA, b->m, ETA);
}

static void rand_diana(struct book *b) /* p = 0.4 */
{
	gradient(b->t, b->x, b->g);
	set(b->a, b->g, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	add(b->q, 1, b->c);
	mean_of(b->q, b->m);
	server_step(b->x, ETA, b->m, ETA);
	for (uint32_t i = 0; i < N; i++)
		if (sl_part_coin(&b->t->plan, "rand-diana", i, b->round + 1, 0.4))
			memcpy(b->c[i], b->g[i], sizeof b->c[i]);
}

static void relax(struct book *b) /* r = 0.3 */
{
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->x[i][k] = 0.7 * b->x[i][k] + 0.3 * b->m[k];
}

static void gdci(struct book *b)
{
	gradient(b->t, b->x, b->g);
	set(b->a, b->x, -ETA, b->g);
	compress(b->t, b->round, 0, b->a, b->q);
	mean_of(b->q, b->m);
	relax(b);
}

static void vr_gdci(struct book *b)
{
	gradient(b->t, b->x, b->g);
	set(b->d, b->x, -ETA, b->g);
	shifted(b, b->d);
	relax(b);
}

/* x: y of the method; a: x; c: z; d: w; e: the error; r: ∇f_i(w). θ₁ 0.2, θ₂ 0.5, p 0.4. */
static void eclk(struct book *b)
{
	const double step = 1 / (3 * 0.2), sigma = MU * ETA / 2, below = 1 + step * sigma;
	if (b->round == 0 || sl_part_coin(&b->t->plan, "eclk", UINT32_MAX, b->round, 0.4))
		gradient(b->t, b->d, b->r);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = 0.2 * b->c[i][k] + 0.5 * b->d[i][k] + 0.3 * b->x[i][k];
	gradient(b->t, b->a, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->b[i][k] = b->e[i][k] + step * ETA * (b->g[i][k] - b->r[i][k]);
	compress(b->t, b->round, 0, b->b, b->q);
	set(b->e, b->b, -1, b->q);
	mean_of(b->q, b->m);
	mean_of(b->r, b->h);
	if (sl_part_coin(&b->t->plan, "eclk", UINT32_MAX, b->round + 1, 0.4))
		memcpy(b->d, b->x, sizeof b->d);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			double z =
			    (step * sigma * b->a[i][k] + b->c[i][k] - b->m[k] - step * ETA * b->h[k]) / below;
			z = shrink(z, step * ETA / below * L1);
			b->x[i][k] = b->a[i][k] + 0.2 * (z - b->c[i][k]);
			b->c[i][k] = z;
		}
}

static void ec_lsvrg(struct book *b) /* p = 0.4; d: w, r: ∇f_i(w) */
{
	if (b->round == 0 || sl_part_coin(&b->t->plan, "ec-lsvrg", UINT32_MAX, b->round, 0.4)) {
		memcpy(b->d, b->x, sizeof b->d);
		gradient(b->t, b->d, b->r);
	}
	gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = b->e[i][k] + ETA * (b->g[i][k] - b->r[i][k]);
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->e, b->a, -1, b->q);
	add(b->q, ETA, b->r);
	mean_of(b->q, b->m);
	server_step(b->x, 1, b->m, ETA);
}

static void ec_sgd_diana(struct book *b) /* α = 0.6; c: h */
{
	gradient(b->t, b->x, b->g);
	mean_of(b->c, b->h);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			b->a[i][k] = b->e[i][k] + ETA * (b->g[i][k] - b->c[i][k] + b->h[k]);
			b->b[i][k] = b->g[i][k] - b->c[i][k];
		}
	compress(b->t, b->round, 0, b->a, b->q);
	compress(b->t, b->round, 1, b->b, b->r);
	set(b->e, b->a, -1, b->q);
	add(b->c, 0.6, b->r);
	mean_of(b->q, b->m);
	server_step(b->x, 1, b->m, ETA);
}

/* x: y; a: x; c: z; d: w; e: h. α 0.5, p 0.4, θ₁ 0.2, θ₂ 0.3. */
static void adiana(struct book *b)
{
	const double gamma = ETA / (2 * (0.2 + ETA * MU)), beta = 1 - gamma * MU;
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = 0.2 * b->c[i][k] + 0.3 * b->d[i][k] + 0.5 * b->x[i][k];
	gradient(b->t, b->a, b->g);
	set(b->b, b->g, -1, b->e);
	compress(b->t, b->round, 0, b->b, b->q);
	add(b->q, 1, b->e);
	mean_of(b->q, b->m);
	gradient(b->t, b->d, b->g);
	set(b->b, b->g, -1, b->e);
	compress(b->t, b->round, 1, b->b, b->r);
	add(b->e, 0.5, b->r);
	if (sl_part_coin(&b->t->plan, "adiana", UINT32_MAX, b->round, 0.4))
		memcpy(b->d, b->x, sizeof b->d);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			b->x[i][k] = shrink(b->a[i][k] - ETA * b->m[k], ETA * L1);
			b->c[i][k] = beta * b->c[i][k] + (1 - beta) * b->a[i][k] +
			             gamma / ETA * (b->x[i][k] - b->a[i][k]);
		}
}

/* x += γ Σ w_ij (copy_j − copy_i) */
static void gossip(struct book *b, field copy, field x)
{
	laplace(copy, b->s);
	add(x, GAMMA, b->s);
}

static void choco(struct book *b) /* c: x̂ */
{
	gradient(b->t, b->x, b->g);
	add(b->x, -ETA, b->g);
	set(b->a, b->x, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	add(b->c, 1, b->q);
	gossip(b, b->c, b->x);
}

static void malcom(struct book *b)
{
	static const double zero[D];
	choco(b);
	server_step(b->x, 0, zero, ETA);
}

static void quasi_global(struct book *b) /* β 0.8, μ 0.2; d: m̂, e: the start */
{
	static const double zero[D];
	memcpy(b->e, b->x, sizeof b->e);
	gradient(b->t, b->x, b->g);
	add(b->x, -ETA, b->g);
	add(b->x, -ETA * 0.8, b->d);
	set(b->a, b->x, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	add(b->c, 1, b->q);
	gossip(b, b->c, b->x);
	server_step(b->x, 0, zero, ETA);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->d[i][k] = 0.8 * b->d[i][k] + 0.2 / ETA * (b->e[i][k] - b->x[i][k]);
}

static void deepsqueeze(struct book *b)
{
	gradient(b->t, b->x, b->g);
	add(b->x, -ETA, b->g);
	set(b->a, b->x, 1, b->e);
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->e, b->a, -1, b->q);
	gossip(b, b->q, b->x);
}

/* x⁺ = x + γΔh − ηv; h⁺ = h + C(x⁺ − h); v⁺ = v + γΔĝ + change; ĝ⁺ = ĝ + C(v⁺ − ĝ). The model shown at the
 * end of a round is x + γΔh, to which −ηv is still to come. c: h, d: ĝ, e: v, r: what is tracked. */
static void tracked(struct book *b, double weight)
{
	if (b->round == 0) {
		gradient(b->t, b->x, b->e);
		memcpy(b->r, b->e, sizeof b->r);
	}
	add(b->x, -ETA, b->e);
	gradient(b->t, b->x, b->g);
	set(b->a, b->g, -1, b->r);
	add(b->e, weight, b->a);
	add(b->r, weight, b->a);
	set(b->a, b->x, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	add(b->c, 1, b->q);
	set(b->a, b->e, -1, b->d);
	compress(b->t, b->round, 1, b->a, b->q);
	add(b->d, 1, b->q);
	gossip(b, b->c, b->x);
	gossip(b, b->d, b->e);
}

static void beer(struct book *b)
{
	tracked(b, 1);
}

static void motef(struct book *b)
{
	tracked(b, 0.3);
}

/* d: D; c: h. α 0.6 */
static void lead_with(struct book *b, double penalty)
{
	gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			b->b[i][k] = b->x[i][k] - ETA * b->g[i][k] - ETA * b->d[i][k];
			b->a[i][k] = b->b[i][k] - b->c[i][k];
		}
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->r, b->c, 1, b->q);
	add(b->c, 0.6, b->q);
	laplace(b->r, b->s);
	add(b->d, -GAMMA / (2 * ETA), b->s);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->x[i][k] = shrink(b->x[i][k] - ETA * b->g[i][k] - ETA * b->d[i][k], penalty);
}

static void lead(struct book *b)
{
	lead_with(b, 0);
}

static void prox_lead(struct book *b)
{
	lead_with(b, ETA * L1);
}

static void cedas(struct book *b) /* x⁺ = y − (γ/2)(ŷ − ŷ_w), d⁺ = d + (γ/2)(ŷ − ŷ_w) */
{
	gradient(b->t, b->x, b->g);
	set(b->b, b->x, -ETA, b->g);
	add(b->b, -1, b->d);
	set(b->a, b->b, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	set(b->r, b->c, 1, b->q);
	add(b->c, 3.0 / 7, b->q);
	laplace(b->r, b->s);
	add(b->d, -GAMMA / 2, b->s);
	set(b->x, b->b, GAMMA / 2, b->s);
}

static void c_led(struct book *b) /* θ 0.2; d: y, c: x̂ */
{
	gradient(b->t, b->x, b->g);
	add(b->x, -ETA, b->g);
	add(b->x, -ETA, b->d);
	set(b->a, b->x, -1, b->c);
	compress(b->t, b->round, 0, b->a, b->q);
	add(b->c, 1, b->q);
	laplace(b->c, b->s);
	add(b->x, GAMMA, b->s);
	add(b->d, -0.2 * GAMMA / ETA, b->s);
}

static void dpsgd(struct book *b)
{
	static const double zero[D];
	gradient(b->t, b->x, b->g);
	add(b->x, -ETA, b->g);
	laplace(b->x, b->s);
	add(b->x, 1, b->s);
	server_step(b->x, 0, zero, ETA);
}

static void dsgt(struct book *b) /* e: v, r: the last gradient */
{
	gradient(b->t, b->x, b->g);
	add(b->e, 1, b->g);
	add(b->e, -1, b->r);
	memcpy(b->r, b->g, sizeof b->r);
	add(b->x, -ETA, b->e);
	laplace(b->x, b->s);
	add(b->x, 1, b->s);
	laplace(b->e, b->s);
	add(b->e, 1, b->s);
}

static void d2_with(struct book *b, double mixing) /* c: x⁻, d: g⁻ */
{
	gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			double now = b->x[i][k];
			b->a[i][k] = b->round == 0 ? now - ETA * b->g[i][k]
			                           : 2 * now - b->c[i][k] - ETA * (b->g[i][k] - b->d[i][k]);
			b->c[i][k] = now;
			b->d[i][k] = b->g[i][k];
		}
	laplace(b->a, b->s);
	set(b->x, b->a, mixing, b->s);
}

static void d2(struct book *b)
{
	d2_with(b, 1);
}

static void exact_diffusion(struct book *b)
{
	d2_with(b, 0.5);
}

static const struct {
	const char *algorithm, *pipeline; /* '>' before it: on the ring */
	void (*round)(struct book *);
} books[] = {
#define TOP  "topk:3 | float32 | raw"
#define RAND "randk:3 | float32 | raw"
	{ "ef14", TOP, ef14 },
	{ "perturbed:0", TOP, perturbed },
	{ "ef21", TOP, ef21 },
	{ "ef21-sgdm:0.3", TOP, ef21_sgdm },
	{ "ef21-sgd2m:0.3", TOP, ef21_sgd2m },
	{ "dcgd", RAND, dcgd },
	{ "diana", RAND, diana },
	{ "rand-diana:0.4", RAND, rand_diana },
	{ "gdci:0.3", RAND, gdci },
	{ "vr-gdci:0.3", RAND, vr_gdci },
	{ "eclk:0.2,0.5,0.4", TOP, eclk },
	{ "ec-lsvrg:0.4", TOP, ec_lsvrg },
	{ "ec-sgd-diana:0.6", TOP, ec_sgd_diana },
	{ "adiana:0.5,0.4,0.2,0.3", RAND, adiana },
	{ "choco", ">" TOP, choco },
	{ "malcom", ">" TOP, malcom },
	{ "quasi-global:0.8,0.2", ">" TOP, quasi_global },
	{ "deepsqueeze", ">" TOP, deepsqueeze },
	{ "beer", ">" TOP, beer },
	{ "motef:0.3", ">" TOP, motef },
	{ "lead:0.6", ">" RAND, lead },
	{ "prox-lead:0.6", ">" RAND, prox_lead },
	{ "cedas", ">" RAND, cedas },
	{ "c-led:0.2", ">" TOP, c_led },
	{ "dpsgd", ">" TOP, dpsgd },
	{ "dsgt", ">" TOP, dsgt },
	{ "d2", ">" TOP, d2 },
	{ "exact-diffusion", ">" TOP, exact_diffusion },
};

void experiment_book(void)
{
	for (size_t a = 0; a < sizeof books / sizeof *books; a++) {
		struct trial t;
		struct book b = { .t = &t };
		double worst = 0, size = 0;
		char what[96];
		make(&t, books[a].algorithm, books[a].pipeline);
		for (; b.round < ROUNDS; b.round++) {
			books[a].round(&b);
			trial_round(&t);
			for (uint32_t i = 0; i < N; i++)
				for (int k = 0; k < D; k++) {
					worst = fmax(worst, fabs((double)trial_model(&t, i)[k] - b.x[i][k]));
					size = fmax(size, fabs(b.x[i][k]));
				}
		}
		snprintf(what, sizeof what, "%s: largest difference to the book, relative",
		         books[a].algorithm);
		figure(what, worst / size, -(double)INFINITY, 2e-6, "float32's accuracy");
		trial_close(&t);
	}
}
