/* privacy.h — local differential privacy of one peer's samples ([privacy] noise): every gradient that its method sees is
 * the sum over a random part of its shard of sample gradients clipped to a norm, plus normal noise (Abadi et al. 2016),
 * divided by the batch size. All that the peer sends follows from such gradients. lib/learn/accountant.h says what they
 * tell together.
 *
 * Which samples are taken, and the noise, are functions of a secret, of the run, of the shard, of the round and step, and
 * of the point x where the gradient is taken. So a restarted peer that computes a round again from the same state sends
 * the same bytes, which tell nothing new; and from another state it draws other noise, so that the difference of the two
 * gradients does not uncover the data. */
#ifndef SL_GOSSIP_PRIVACY_H
#define SL_GOSSIP_PRIVACY_H

#include "base/hash.h"
#include "gossip/plan.h"
#include "learn/accountant.h"

struct sl_learner;

struct sl_privacy {
	bool on, held;                 /* held: gradients are zero */
	uint8_t secret[SL_HASH_BYTES]; /* as it was given */
	uint8_t key[SL_HASH_BYTES];    /* of this peer of this run, with this shard */
	double rate;                   /* chance of a sample to be taken: batch/samples, 1 at the most */
	struct sl_accountant of_one;
	uint64_t most; /* gradients that the budget allows; UINT64_MAX: there is no budget */
};

/* `secret`: SL_HASH_BYTES that no neighbour knows; NULL, for simulations: made of the seed and the peer's number. */
void sl_privacy_begin(struct sl_privacy *, const struct sl_plan *, uint32_t peer,
                      const struct sl_dataset *shard, const uint8_t *secret);

/* Gradients taken so far: a scalar of the learner, and so part of its checkpoints. */
uint64_t sl_private_releases(const struct sl_learner *);
/* Whether the budget allows no more: then gradients are 0, and the peer only mixes. */
bool sl_private_spent(const struct sl_learner *);
/* For a peer that has lost its state: counts `gradients` as taken. */
void sl_private_recovered(struct sl_learner *, uint64_t gradients);
/* ε so far, for δ of the settings. */
double sl_private_epsilon(const struct sl_learner *);

/* One such gradient at x into `out`, and it is counted; zeros if the budget is spent. Returns the mean loss of the samples
 * taken (NaN: none was), which is not noisy: it is for this host alone. */
double sl_private_gradient(struct sl_learner *, const float *x, uint32_t step, float *out);

#endif
