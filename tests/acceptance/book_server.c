/* Methods with a server, which every peer of a complete graph computes itself. */
#include "book.h"

#include <string.h>

void book_ef14(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->e, ETA, b->g);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->e, b->a, -1, b->q);
	book_mean(b->q, b->m);
	book_server_step(b->x, 1, b->m, ETA);
}

void book_sparseloco(struct book *b) /* β 0.8, α 0.7 */
{
	book_gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = 0.8 * b->e[i][k] + ETA * b->g[i][k];
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->e, b->a, -1, b->q);
	book_mean(b->q, b->m);
	book_server_step(b->x, 0.7, b->m, ETA);
}

void book_perturbed(
    struct book *b) /* r = 0: error feedback before the step size; every 5th error is sent whole */
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->e, 1, b->g);
	book_compress(b->t, b->round, 0, b->a, b->q);
	if ((b->round + 1) % 5 == 0)
		memcpy(b->q, b->a, sizeof b->q);
	book_set(b->e, b->a, -1, b->q);
	book_mean(b->q, b->m);
	book_server_step(b->x, ETA, b->m, ETA);
}

static void ef21_from(struct book *b, field v)
{
	book_set(b->a, v, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	book_mean(b->c, b->m);
	book_server_step(b->x, ETA, b->m, ETA);
}

void book_ef21(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	ef21_from(b, b->g);
}

void book_ef21_sgdm(struct book *b) /* weight 0.3 */
{
	double w = b->round ? 0.3 : 1;
	book_gradient(b->t, b->x, b->g);
	book_set(b->r, b->g, -1, b->d);
	book_add(b->d, w, b->r);
	ef21_from(b, b->d);
}

void book_ef21_sgd2m(struct book *b) /* weight 0.3 */
{
	double w = b->round ? 0.3 : 1;
	book_gradient(b->t, b->x, b->g);
	book_set(b->r, b->g, -1, b->d);
	book_add(b->d, w, b->r);
	book_set(b->r, b->d, -1, b->e);
	book_add(b->e, w, b->r);
	ef21_from(b, b->e);
}

/* Q(v − h), and h ← h + αQ; the mean of h + Q goes to m. α = 3/7. */
static void shifted(struct book *b, field v)
{
	book_set(b->a, v, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->r, b->c, 1, b->q);
	book_mean(b->r, b->m);
	book_add(b->c, 3.0 / 7, b->q);
}

void book_diana(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	shifted(b, b->g);
	book_server_step(b->x, ETA, b->m, ETA);
}

void book_dcgd(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	book_compress(b->t, b->round, 0, b->g, b->q);
	book_mean(b->q, b->m);
	book_server_step(b->x, ETA, b->m, ETA);
}

void book_rand_diana(struct book *b) /* p = 0.4 */
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->g, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->q, 1, b->c);
	book_mean(b->q, b->m);
	book_server_step(b->x, ETA, b->m, ETA);
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

void book_gdci(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->x, -ETA, b->g);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_mean(b->q, b->m);
	relax(b);
}

void book_vr_gdci(struct book *b)
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->d, b->x, -ETA, b->g);
	shifted(b, b->d);
	relax(b);
}

/* x: y of the method; a: x; c: z; d: w; e: the error; r: ∇f_i(w). θ₁ 0.2, θ₂ 0.5, p 0.4. */
void book_eclk(struct book *b)
{
	const double step = 1 / (3 * 0.2), sigma = MU * ETA / 2, below = 1 + step * sigma;
	if (b->round == 0 || sl_part_coin(&b->t->plan, "eclk", UINT32_MAX, b->round, 0.4))
		book_gradient(b->t, b->d, b->r);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = 0.2 * b->c[i][k] + 0.5 * b->d[i][k] + 0.3 * b->x[i][k];
	book_gradient(b->t, b->a, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->b[i][k] = b->e[i][k] + step * ETA * (b->g[i][k] - b->r[i][k]);
	book_compress(b->t, b->round, 0, b->b, b->q);
	book_set(b->e, b->b, -1, b->q);
	book_mean(b->q, b->m);
	book_mean(b->r, b->h);
	if (sl_part_coin(&b->t->plan, "eclk", UINT32_MAX, b->round + 1, 0.4))
		memcpy(b->d, b->x, sizeof b->d);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			double z =
			    (step * sigma * b->a[i][k] + b->c[i][k] - b->m[k] - step * ETA * b->h[k]) / below;
			z = book_shrink(z, step * ETA / below * L1);
			b->x[i][k] = b->a[i][k] + 0.2 * (z - b->c[i][k]);
			b->c[i][k] = z;
		}
}

void book_ec_lsvrg(struct book *b) /* p = 0.4; d: w, r: ∇f_i(w) */
{
	if (b->round == 0 || sl_part_coin(&b->t->plan, "ec-lsvrg", UINT32_MAX, b->round, 0.4)) {
		memcpy(b->d, b->x, sizeof b->d);
		book_gradient(b->t, b->d, b->r);
	}
	book_gradient(b->t, b->x, b->g);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = b->e[i][k] + ETA * (b->g[i][k] - b->r[i][k]);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->e, b->a, -1, b->q);
	book_add(b->q, ETA, b->r);
	book_mean(b->q, b->m);
	book_server_step(b->x, 1, b->m, ETA);
}

void book_ec_sgd_diana(struct book *b) /* α = 0.6; c: h */
{
	book_gradient(b->t, b->x, b->g);
	book_mean(b->c, b->h);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			b->a[i][k] = b->e[i][k] + ETA * (b->g[i][k] - b->c[i][k] + b->h[k]);
			b->b[i][k] = b->g[i][k] - b->c[i][k];
		}
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_compress(b->t, b->round, 1, b->b, b->r);
	book_set(b->e, b->a, -1, b->q);
	book_add(b->c, 0.6, b->r);
	book_mean(b->q, b->m);
	book_server_step(b->x, 1, b->m, ETA);
}

/* x: y; a: x; c: z; d: w; e: h. α 0.5, p 0.4, θ₁ 0.2, θ₂ 0.3. */
void book_adiana(struct book *b)
{
	const double gamma = ETA / (2 * (0.2 + ETA * MU)), beta = 1 - gamma * MU;
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++)
			b->a[i][k] = 0.2 * b->c[i][k] + 0.3 * b->d[i][k] + 0.5 * b->x[i][k];
	book_gradient(b->t, b->a, b->g);
	book_set(b->b, b->g, -1, b->e);
	book_compress(b->t, b->round, 0, b->b, b->q);
	book_add(b->q, 1, b->e);
	book_mean(b->q, b->m);
	book_gradient(b->t, b->d, b->g);
	book_set(b->b, b->g, -1, b->e);
	book_compress(b->t, b->round, 1, b->b, b->r);
	book_add(b->e, 0.5, b->r);
	if (sl_part_coin(&b->t->plan, "adiana", UINT32_MAX, b->round, 0.4))
		memcpy(b->d, b->x, sizeof b->d);
	for (int i = 0; i < N; i++)
		for (int k = 0; k < D; k++) {
			b->x[i][k] = book_shrink(b->a[i][k] - ETA * b->m[k], ETA * L1);
			b->c[i][k] = beta * b->c[i][k] + (1 - beta) * b->a[i][k] +
			             gamma / ETA * (b->x[i][k] - b->a[i][k]);
		}
}

void book_econtrol(struct book *b) /* weight 0.2; c: h, e: e */
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->g, -1, b->c); /* δ = g − h + ηe */
	book_add(b->a, 0.2, b->e);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_add(b->c, 1, b->q);
	book_add(b->e, 1, b->g);
	book_add(b->e, -1, b->c);
	book_mean(b->c, b->m);
	book_server_step(b->x, ETA, b->m, ETA);
}

void book_ef_bv(struct book *b) /* λ 0.5, ν 0.8; c: h */
{
	book_gradient(b->t, b->x, b->g);
	book_set(b->a, b->g, -1, b->c);
	book_compress(b->t, b->round, 0, b->a, b->q);
	book_set(b->r, b->c, 0.8, b->q);
	book_mean(b->r, b->m);
	book_add(b->c, 0.5, b->q);
	book_server_step(b->x, ETA, b->m, ETA);
}

/* c: the shifts, found in round `found` */
static void fixed(struct book *b, uint32_t found)
{
	book_gradient(b->t, b->x, b->g);
	memset(b->q, 0, sizeof b->q);
	if (b->round <= found) {
		memcpy(b->c, b->g, sizeof b->c);
	} else {
		book_set(b->a, b->g, -1, b->c);
		book_compress(b->t, b->round, 0, b->a, b->q);
	}
	book_set(b->r, b->c, 1, b->q);
	book_mean(b->r, b->m);
	book_server_step(b->x, ETA, b->m, ETA);
}

void book_fixed_shift(struct book *b)
{
	fixed(b, 0);
}

void book_dcgd_star(struct book *b) /* search 4; the model starts at zero */
{
	fixed(b, 4);
	if (b->round == 4)
		memset(b->x, 0, sizeof b->x);
}
