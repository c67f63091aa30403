/* accountant.h — how much repeated noisy gradients tell about one sample: Rényi differential privacy of the Gaussian
 * mechanism on a Poisson sample (Mironov, Talwar & Zhang 2019), as (ε, δ).
 *
 * One release: each of n samples is taken with chance q, independently; the sum of their vectors, each of norm C at the
 * most, plus N(0, σ²C²) in every coordinate. Two data sets are neighbours if one has one sample more. Releases compose by
 * addition, also where each depends on the ones before. */
#ifndef SL_LEARN_ACCOUNTANT_H
#define SL_LEARN_ACCOUNTANT_H

#include <stdint.h>

/* Rényi divergence of order alpha > 1 between outputs of one release for neighbouring data: its Rényi ε. rate: q in
 * [0, 1]; noise: σ ≥ 0.1. */
double sl_rdp(double alpha, double rate, double noise);

enum { SL_RDP_ORDERS = 30 };

/* Of one release, at the orders that are tried. */
struct sl_accountant {
	double rdp[SL_RDP_ORDERS];
};
void sl_accountant_make(struct sl_accountant *, double rate, double noise);

/* The least ε for δ in (0, 1) that follows for that many releases; 0 for none. */
double sl_accountant_epsilon(const struct sl_accountant *, uint64_t releases, double delta);

/* How many releases have an ε of at most `epsilon`. */
uint64_t sl_accountant_most(const struct sl_accountant *, double epsilon, double delta);

/* The least σ, to three digits, with which that many releases have an ε of at most `epsilon`; INFINITY: none up to
 * 1000. */
double sl_accountant_noise(double rate, uint64_t releases, double epsilon, double delta);

#endif
