/* acceptance.h — experiments that a correct implementation of an algorithm meets and a wrong one does not.
 * Each is a function that states figures; a figure has the range that passes and, as text, what the
 * literature or an independent simulation says. */
#ifndef SL_TESTS_ACCEPTANCE_H
#define SL_TESTS_ACCEPTANCE_H

#include "tests/support/most.h"
#include "tests/support/trial.h"

struct experiment {
	const char *name, *title;
	void (*run)(void);
};
extern const struct experiment experiments[]; /* ends with a NULL name */

/* One line of the table: `measured` must lie in [least, most]; NaN lies nowhere. */
void figure(const char *what, double measured, double least, double most, const char *reference);

/* Rounds until value(t) ≤ target, looking every `every` rounds; INFINITY where `most` do not suffice. */
double rounds_to(struct trial *t, double (*value)(struct trial *, const void *), const void *context,
                 double target, uint32_t every, uint32_t most);

/* x with Hx = b, for a symmetric positive definite H (d × d, destroyed). */
void reference_solve(uint32_t d, double *h, const double *b, double *x);
/* Smallest and largest eigenvalue of a symmetric H (destroyed). */
void reference_extremes(uint32_t d, double *h, double *least, double *most);
/* A random orthogonal matrix, rows orthonormal. */
void reference_rotation(uint32_t d, uint64_t seed, double *u);

/* The mean over the shards of the mean loss of their samples, plus (l2/2)|x|² + l1|x|₁: ridge where there are
 * targets, logistic where there are two classes. */
double reference_value(const struct trial *, double l2, double l1, const double *x);
/* Its minimiser to about 1e-12 (proximal Newton; coordinate descent inside); returns the minimum. */
double reference_minimum(const struct trial *, double l2, double l1, double *x);
/* Curvature of the logistic (¼) or ridge (1) loss over shard `peer`, or over all where it is UINT32_MAX: H =
 * share·AᵀA/m. */
void reference_curvature(const struct trial *, uint32_t peer, double share, double *h);

#endif
