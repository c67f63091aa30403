/* algorithm.h — what makes a method: a local estimator, the vectors whose differences are exchanged, and a
 * mixing rule. An algorithm sees its peer as a struct sl_learner: vectors and numbers, no frames, links or
 * time. */
#ifndef SL_GOSSIP_ALGORITHM_H
#define SL_GOSSIP_ALGORITHM_H

#include "gossip/plan.h"

enum { SL_ALGORITHM_VECTORS = 12, SL_ALGORITHM_SCALARS = 8 };

/* The state of one peer as an algorithm sees it. x, vector[] and scalar[] are saved in checkpoints as they
 * are. */
struct sl_learner {
	const struct sl_plan *plan;
	const struct sl_dataset *data;    /* this peer's shard */
	const struct sl_scratch *scratch; /* of the thread that runs the current call */
	uint32_t peer, round, dimension;
	float *x;                            /* the model */
	float *vector[SL_ALGORITHM_VECTORS]; /* state, zero at the start; as many as the algorithm asks for */
	double scalar[SL_ALGORITHM_SCALARS]; /* state */
	const float *copy;                   /* own public copies, channels × dimension */
	double loss;                         /* out: mean training loss seen by `local` */
};

/* One completed step of an edge: the copies that both ends agreed on. */
struct sl_mixing {
	uint32_t neighbour;
	float coefficient;   /* c = (float)(γ·w_ij), the same float at both ends */
	double weight;       /* w_ij */
	const float *mine;   /* own copies at the tagged number, channels × dimension */
	const float *theirs; /* the neighbour's */
};

enum sl_absorb {
	SL_ABSORB_ADD,     /* copy += decoded */
	SL_ABSORB_REPLACE, /* copy = decoded (dense) */
};

struct sl_algorithm {
	const char *name, *doc;
	const char *paper;               /* authors, title, venue */
	const char *exchanges;           /* for `starling list algorithms` */
	const char *needs;               /* compressor class, graph */
	const struct sl_option *options; /* into plan->algorithm_options */
	unsigned channels, vectors;
	enum sl_absorb absorb;
	const char *pipeline; /* the only pipeline it takes ("all | float32 | raw"), or NULL for the user's */
	double gamma;         /* the only consensus step size it takes, or 0 for the user's */
	/* Combinations it must refuse, with a sentence; NULL: none. */
	enum sl_status (*check)(const struct sl_plan *, const struct sl_plan_graph *, struct sl_error *error);
	/* After x was seeded (or recovered): sets up vector[] and scalar[]. NULL: zeros are right. */
	void (*start)(struct sl_learner *);
	/* The work between two exchanges: a job, run where the driver likes, touching nothing but the learner
	 * and scratch. */
	void (*local)(struct sl_learner *);
	/* The vector whose difference to the public copy is sent on `channel`; dimension floats, valid until
	 * the next call. */
	const float *(*outgoing)(struct sl_learner *, unsigned channel);
	/* One edge's term; returns w_ij‖theirs − mine‖² of channel 0. Edges come in ascending number of the
	 * neighbour. */
	double (*mix)(struct sl_learner *, const struct sl_mixing *);
	/* The last operation of the round, after all edges: proximal step, shifts, duals. NULL: nothing. */
	void (*finish)(struct sl_learner *);
};
extern const struct sl_algorithm *const sl_algorithms[];

/* Parts that algorithms share (gossip/parts.c). */

/* The mini-batch of local step `step` of this round: random reshuffling, a function of (seed, peer, position)
 * alone. Fills scratch->pick and returns how many. */
uint32_t sl_part_batch(const struct sl_learner *, uint32_t step);
/* `local_steps` steps x ← x − η g with heavy-ball momentum in vector[0] where settings ask for it. */
void sl_part_local_sgd(struct sl_learner *);
/* x += c·(theirs − mine) on channel 0. */
double sl_part_mix(struct sl_learner *, const struct sl_mixing *);
/* x ← prox_{τ·η_k·λ·R}(x). */
void sl_part_prox(struct sl_learner *);

#endif
