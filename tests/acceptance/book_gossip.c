/* Methods that gossip. */
#include "book.h"

#include <string.h>

/* x += γ Σ w_ij (copy_j − copy_i) */
static void gossip(struct book *b, field copy, field x)
{
	book_laplace(b, copy, b->s);
	book_add(x, GAMMA, b->s);
}

void book_choco(struct book *b) /* c: x̂ */
{
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	book_set(b->a, b->x, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	gossip(b, b->c, b->x);
}

void book_malcom(struct book *b)
{
	static const double zero[D];
	book_choco(b);
	book_server_step(b->x, 0, zero, ETA);
}

void book_quasi_global(struct book *b) /* β 0.8, μ 0.2; d: m̂, e: the start */
{
	static const double zero[D];
	memcpy(b->e, b->x, sizeof b->e);
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	book_add(b->x, -ETA * 0.8, b->d);
	book_set(b->a, b->x, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	gossip(b, b->c, b->x);
	book_server_step(b->x, 0, zero, ETA);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->d[i][k] = 0.8 * b->d[i][k] + 0.2 / ETA * (b->e[i][k] - b->x[i][k]);
}

void book_deepsqueeze(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	book_set(b->a, b->x, 1, b->e);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->e, b->a, -1, b->q);
	gossip(b, b->q, b->x);
}

void book_gasloc(struct book *b) /* μ 0.4; c: û, d: u_prev */
{
	static const double zero[D];
	if (b->round == 0)
		memcpy(b->d, b->x, sizeof b->d);
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	memcpy(b->r, b->x, sizeof b->r);
	book_set(b->a, b->x, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	gossip(b, b->c, b->x);
	book_add(b->x, 0.4, b->r);
	book_add(b->x, -0.4, b->d);
	memcpy(b->d, b->r, sizeof b->d);
	book_server_step(b->x, 0, zero, ETA);
}

void book_sparseloco_gossip(struct book *b) /* β 0.8; c: x̂, e: the error */
{
	static const double zero[D];
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	book_set(b->a, b->x, -1, b->c);
	book_add(b->a, 0.8, b->e);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->e, b->a, -1, b->q);
	book_add(b->c, 1, b->q);
	memcpy(b->x, b->c, sizeof b->x);
	gossip(b, b->c, b->x);
	book_server_step(b->x, 0, zero, ETA);
}

/* Zhao et al. 2022, Algorithm 1, lines 3 to 6, from X⁰, V⁰ = ∇F(X⁰), H⁰ = X⁰, G⁰ = 0; with weight < 1 and M
 * for the gradients Islamov et al. 2025, Algorithm 1. x: X, c: H, d: G, e: V, r: the gradient or M at X. The
 * model shown after round t is X^{t+1} + γH^{t+1}(W − I), which −ηV^{t+1} turns into X^{t+2}. */
static void tracked(struct book *b, double weight, bool mixed)
{
	static field x, h_mixed, g_mixed; /* H(W − I) and G(W − I), with the W of the round that sent them */
	if (b->round == 0) {
		book_gradient(b->t, b->x, b->e);
		memcpy(b->r, b->e, sizeof b->r);
		memcpy(x, b->x, sizeof x);
		memset(h_mixed, 0, sizeof h_mixed); /* all start from one model */
		memset(g_mixed, 0, sizeof g_mixed);
	}
	book_add(x, GAMMA, h_mixed); /* X⁺ = X + γH(W − I) − ηV */
	book_add(x, -ETA, b->e);
	book_add(x, mixed ? -ETA * GAMMA : 0, g_mixed);
	book_set(b->a, x, -1, b->c); /* H⁺ = H + C(X⁺ − H) */
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	book_add(b->e, GAMMA, g_mixed); /* V⁺ = V + γG(W − I) + ∇F(X⁺) − ∇F(X) */
	book_gradient(b->t, x, b->g);
	book_set(b->a, b->g, -1, b->r);
	book_add(b->e, weight, b->a);
	book_add(b->r, weight, b->a);
	book_set(b->a, b->e, -1, b->d); /* G⁺ = G + C(V⁺ − G) */
	book_compress(b->t, b->round, 1, b->a, b->q);
	book_add(b->d, 1, b->q);
	book_laplace(b, b->c, h_mixed);
	book_laplace(b, b->d, g_mixed);
	book_set(b->x, x, GAMMA, h_mixed);
}

void book_beer(struct book *b)
{
	tracked(b, 1, false);
}

void book_beer_mixed(struct book *b) /* not the paper's: along V + γG(W − I) */
{
	tracked(b, 1, true);
}

void book_motef(struct book *b)
{
	tracked(b, 0.3, false);
}

/* d: D; c: h. α 0.6 */
static void lead_with(struct book *b, double penalty)
{
	book_gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			b->b[i][k] = b->x[i][k] - ETA * b->g[i][k] - ETA * b->d[i][k];
			b->a[i][k] = b->b[i][k] - b->c[i][k];
		}
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->r, b->c, 1, b->q);
	book_add(b->c, 0.6, b->q);
	book_laplace(b, b->r, b->s);
	book_add(b->d, -GAMMA / (2 * ETA), b->s);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->x[i][k] = book_shrink(b->x[i][k] - ETA * b->g[i][k] - ETA * b->d[i][k], penalty);
}

void book_lead(struct book *b)
{
	lead_with(b, 0);
}

void book_prox_lead(struct book *b)
{
	lead_with(b, ETA * L1);
}

void book_cedas(struct book *b) /* x⁺ = y − (γ/2)(ŷ − ŷ_w), d⁺ = d + (γ/2)(ŷ − ŷ_w) */
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->b, b->x, -ETA, b->g);
	book_add(b->b, -1, b->d);
	book_set(b->a, b->b, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->r, b->c, 1, b->q);
	book_add(b->c, 3.0 / 7, b->q);
	book_laplace(b, b->r, b->s);
	book_add(b->d, -GAMMA / 2, b->s);
	book_set(b->x, b->b, GAMMA / 2, b->s);
}

void book_c_led(struct book *b) /* θ 0.2; d: y, c: x̂ */
{
	static const double zero[D];
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	book_add(b->x, -ETA, b->d);
	book_set(b->a, b->x, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	book_laplace(b, b->c, b->s);
	book_add(b->x, GAMMA, b->s);
	book_add(b->d, -0.2 * GAMMA / ETA, b->s);
	book_server_step(b->x, 0, zero, ETA);
}

/* Liu, Yau & Wai 2025, in the order of their program: the primal step, the dual step, the copies. β 0.9; αθ = γ, αη = 0.3γ;
 * c: x̂, which begins at x⁰ as all peers know it; d: αλ */
void book_ticopd(struct book *b)
{
	book_set(b->a, b->x, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_gradient(b->t, b->x, b->g);
	book_laplace(b, b->c, b->s); /* −L x̂ */
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->x[i][k] = 0.9 * b->x[i][k] + 0.1 * b->c[i][k] - ETA * b->g[i][k] - b->d[i][k] +
			             GAMMA * b->s[i][k];
	book_add(b->d, -0.3 * GAMMA, b->s);
	book_add(b->c, 1, b->q);
}

void book_dpsgd(struct book *b)
{
	static const double zero[D];
	book_gradient(b->t, b->x, b->g);
	book_add(b->x, -ETA, b->g);
	book_laplace(b, b->x, b->s);
	book_add(b->x, 1, b->s);
	book_server_step(b->x, 0, zero, ETA);
}

void book_dsgt(struct book *b) /* e: v, r: the last gradient */
{
	book_gradient(b->t, b->x, b->g);
	book_add(b->e, 1, b->g);
	book_add(b->e, -1, b->r);
	memcpy(b->r, b->g, sizeof b->r);
	book_add(b->x, -ETA, b->e);
	book_laplace(b, b->x, b->s);
	book_add(b->x, 1, b->s);
	book_laplace(b, b->e, b->s);
	book_add(b->e, 1, b->s);
}

void book_d2(struct book *b) /* c: x⁻, d: g⁻ */
{
	book_gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			double now = b->x[i][k];
			b->a[i][k] = b->round == 0 ? now - ETA * b->g[i][k]
			                           : 2 * now - b->c[i][k] - ETA * (b->g[i][k] - b->d[i][k]);
			b->c[i][k] = now;
			b->d[i][k] = b->g[i][k];
		}
	book_laplace(b, b->a, b->s);
	book_set(b->x, b->a, 1, b->s);
}

/* Alghunaim et al. 2021, Prox-ED: z = u⁻ + ψ − ψ⁻ with ψ = x − ηg; u = ((I + W)/2)z; x = prox(u). d: ψ, e: u */
void book_exact_diffusion(struct book *b)
{
	static const double zero[D];
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->x, -ETA, b->g);
	book_set(b->b, b->e, -1, b->d);
	for (int i = 0; i < N && b->round == 0; i++)
		memset(b->b[i], 0, sizeof b->b[i]);
	book_add(b->b, 1, b->a);
	memcpy(b->d, b->a, sizeof b->d);
	book_laplace(b, b->b, b->s);
	book_set(b->e, b->b, 0.5, b->s);
	memcpy(b->x, b->e, sizeof b->x);
	book_server_step(b->x, 0, zero, ETA);
}

/* a: u, c: û; y and what is known of it are the same. */
void book_push_sum(struct book *b)
{
	field y = { { 0 } }, change;
	if (b->round == 0) {
		memcpy(b->a, b->x, sizeof b->a);
		for (int i = 0; i < N; i++)
			b->y[i] = 1;
	}
	book_gradient(b->t, b->x, b->g);
	book_add(b->a, -ETA, b->g);
	book_set(b->b, b->a, -1, b->c);
	book_compress(b->t, b->round, 0, b->b, b->q);
	book_add(b->c, 1, b->q);
	gossip(b, b->c, b->a);
	for (int i = 0; i < N; i++)
		y[i][0] = b->y[i];
	book_laplace(b, y, change);
	for (int i = 0; i < N; i++) {
		b->y[i] += GAMMA * change[i][0];
		for (int k = 0; k < D; k++)
			b->x[i][k] = b->a[i][k] / b->y[i];
	}
}

/* A line of Yan et al. 2023, Algorithm 2, in each round. c: x̂, d: ŷ, e: y, r: the last gradient */
void book_cdproxsgt(struct book *b)
{
	static const double zero[D];
	bool model = b->round % 2;
	if (model) {
		book_add(b->x, -ETA, b->e);
		book_server_step(b->x, 0, zero, ETA);
		book_set(b->a, b->x, -1, b->c);
	} else {
		book_gradient(b->t, b->x, b->g);
		book_add(b->e, 1, b->g);
		book_add(b->e, -1, b->r);
		memcpy(b->r, b->g, sizeof b->r);
		book_set(b->a, b->e, -1, b->d);
	}
	book_compress(b->t, b->round, model ? 0 : 1, b->a, b->q);
	book_add(model ? b->c : b->d, 1, b->q);
	gossip(b, model ? b->c : b->d, model ? b->x : b->e);
}

/* Yau & Wai 2023, Algorithm 1, half an iteration a round, whole gradients, β = 0.3. c: x̂, d: ĝ, e: g, r: v,
 * b: the last gradient */
void book_docom(struct book *b)
{
	bool model = b->round % 2 == 0;
	if (b->round == 0) {
		book_gradient(b->t, b->x, b->b);
		memcpy(b->e, b->b, sizeof b->e);
		memcpy(b->r, b->b, sizeof b->r);
	}
	if (model) {
		book_add(b->x, -ETA, b->e);
		book_set(b->a, b->x, -1, b->c);
	} else {
		book_gradient(b->t, b->x, b->g);
		book_add(b->e, -1, b->r);
		for (int i = 0; i < N; i++)
			for (int k = 0; k < D; k++)
				b->r[i][k] = b->g[i][k] + 0.7 * (b->r[i][k] - b->b[i][k]);
		book_add(b->e, 1, b->r);
		memcpy(b->b, b->g, sizeof b->b);
		book_set(b->a, b->e, -1, b->d);
	}
	book_compress(b->t, b->round, model ? 0 : 1, b->a, b->q);
	book_add(model ? b->c : b->d, 1, b->q);
	gossip(b, model ? b->c : b->d, model ? b->x : b->e);
}
