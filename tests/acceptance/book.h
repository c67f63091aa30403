/* book.h — what the books share: small problems, fields of all peers' vectors, and the compressor. */
#ifndef SL_TESTS_BOOK_H
#define SL_TESTS_BOOK_H

#include "acceptance.h"

enum { N = 5, D = 7 };
static const double ETA = 0.02, GAMMA = 0.4, L2 = 0.1, L1 = 0.01, MU = 0.1;

typedef double field[N][D]; /* a vector of every peer */

/* State of a book: what it needs of these, zero at the start. */
struct book {
	struct trial *t;
	uint32_t round;
	field x, g, a, b, c, d, e, q, r, s;
	double m[D], h[D], y[N];
};

void book_gradient(const struct trial *, field x, field out);
/* What a receiver makes of v sent as the frame of this round. */
void book_compress(struct trial *, uint32_t round, uint32_t channel, field v, field q);
void book_mean(field v, double out[D]);
/* out_i = Σ_j w_ij v_j − Σ_j w_ji v_i with the weights of this round. */
void book_laplace(const struct book *, field v, field out);
double book_shrink(double v, double by);
/* a ← a + c·b; a ← b + c·e */
void book_add(field a, double c, field b);
void book_set(field a, field b, double c, field e);
/* x ← prox(x − step·direction), the same at all peers. */
void book_server_step(field x, double step, const double direction[D], double penalty);

/* A round of each method. */
void book_ef14(struct book *);
void book_sparseloco(struct book *);
void book_perturbed(struct book *);
void book_ef21(struct book *);
void book_ef21_sgdm(struct book *);
void book_ef21_sgd2m(struct book *);
void book_diana(struct book *);
void book_dcgd(struct book *);
void book_rand_diana(struct book *);
void book_gdci(struct book *);
void book_vr_gdci(struct book *);
void book_eclk(struct book *);
void book_ec_lsvrg(struct book *);
void book_ec_sgd_diana(struct book *);
void book_adiana(struct book *);
void book_econtrol(struct book *);
void book_ef_bv(struct book *);
void book_fixed_shift(struct book *);
void book_dcgd_star(struct book *);
void book_choco(struct book *);
void book_malcom(struct book *);
void book_quasi_global(struct book *);
void book_deepsqueeze(struct book *);
void book_gasloc(struct book *);
void book_sparseloco_gossip(struct book *);
void book_beer(struct book *);
void book_beer_mixed(struct book *);
void book_motef(struct book *);
void book_cdproxsgt(struct book *);
void book_docom(struct book *);
void book_lead(struct book *);
void book_prox_lead(struct book *);
void book_cedas(struct book *);
void book_c_led(struct book *);
void book_ticopd(struct book *);
void book_dpsgd(struct book *);
void book_dsgt(struct book *);
void book_d2(struct book *);
void book_exact_diffusion(struct book *);
void book_push_sum(struct book *);

#endif
