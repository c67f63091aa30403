/* algorithm.h — the interface of a method: a local estimator, the vectors whose differences are exchanged,
 * and a mixing rule. An algorithm sees its peer as a struct sl_learner: vectors and numbers, no frames, links
 * or time. */
#ifndef SL_GOSSIP_ALGORITHM_H
#define SL_GOSSIP_ALGORITHM_H

#include "gossip/gamma.h"
#include "gossip/plan.h"
#include "gossip/privacy.h"

enum { SL_ALGORITHM_VECTORS = 12, SL_ALGORITHM_SCALARS = 8, SL_FORMER_RATES = 4 };

/* The state of one peer as an algorithm sees it. x, vector[], table and scalar[] are saved in checkpoints
 * verbatim. */
struct sl_learner {
	const struct sl_plan *plan;
	const struct sl_dataset *data; /* this peer's shard */
	double share; /* factor of all its gradients: with weigh = samples, its samples over their mean */
	const struct sl_scratch *scratch; /* of the thread that runs the current call */
	uint32_t peer, round, dimension;
	float *x;                            /* the model */
	float *vector[SL_ALGORITHM_VECTORS]; /* state, zero at the start; `vectors` of the algorithm are
	                                        set */
	float *table; /* of the gradient estimator: sl_part_table_size floats; or NULL */
	double scalar[SL_ALGORITHM_SCALARS]; /* state; the last belongs to the gradient estimator, or to
	                                        privacy: gradients so far */
	/* Step sizes of rounds before `until`, ascending: settings have changed since, but recomputed rounds
	 * must use the former values. */
	struct sl_former_rates {
		uint32_t until;
		struct sl_rates rates;
	} former[SL_FORMER_RATES];
	uint32_t formers;
	struct sl_privacy privacy; /* off: gradients as they are */
	const float *copy;         /* own public copies, channels × dimension */
	double loss;               /* out: mean training loss seen by `local` */
};

/* One completed step of an edge: the copies that both ends agreed on. */
struct sl_mixing {
	uint32_t neighbour;
	float coefficient; /* c = (float)(γ·w_ij), the same float at both ends */
	float given;   /* (float)(γ·w_ji): the neighbour's coefficient for mine; differs from c on directed
	                edges only */
	double weight; /* w_ij */
	const float *mine;   /* own copies at the tagged number, channels × dimension, then scalars */
	const float *theirs; /* the neighbour's */
};

/* How a message changes the public copy of its channel. Both ends apply the same rule to the same bytes, so
 * it may depend only on values that both know beforehand: plan, sender, version of the frame, channel. A
 * random choice comes from an addressed stream of the run's seed and costs no bits. */
enum sl_absorb {
	SL_ABSORB_ADD,     /* copy += factor·q, q being the decoded difference between vector and copy */
	SL_ABSORB_REPLACE, /* copy = q, the compressed vector itself: a channel without memory */
	SL_ABSORB_REFRESH, /* copy = the uncompressed vector, for every pipeline: 4 bytes per coordinate */
	SL_ABSORB_SILENT,  /* nothing is sent; the copy stays */
	/* Nothing is sent: copy = (channel 0 before this frame) + (channel 0's q). If channel 0 is a shift
	 * that adds only a part of q (factor below 1), this is the message's estimate of the vector
	 * itself. */
	SL_ABSORB_SUM,
};

struct sl_absorb_rule {
	enum sl_absorb kind;
	float factor; /* of ADD */
};

/* The copies of one peer in a complete graph, after the frame of this round. */
struct sl_contribution {
	uint32_t peer;
	const float *copy; /* channels × dimension */
};

/* Graphs that a gossip method accepts besides static undirected ones. */
enum {
	SL_GRAPHS_CHANGING = 1, /* edges active only in some rounds */
	SL_GRAPHS_BALANCED = 2, /* directed, with each peer's incoming and outgoing weights of equal sum */
	SL_GRAPHS_DIRECTED = 4, /* any directed graph */
};

/* Keys of run.conf that a method reads besides those that all methods read. Whether it reads gamma and the
 * pipeline follows from its fields `gamma`, `pipeline` and `aggregate` (reads.h). */
enum {
	SL_READS_LOCAL_STEPS = 1,
	SL_READS_MOMENTUM = 2,
	SL_READS_LAMBDA = 4,
	SL_READS_ESTIMATOR = 8, /* and its parameters: refresh, renewal */
	SL_READS_GAMMA = 16,
	SL_READS_PIPELINE = 32,
};

/* Class of compressor that a method needs. */
enum sl_takes {
	SL_TAKES_ANY,
	SL_TAKES_UNBIASED,    /* E C(v) = v */
	SL_TAKES_CONTRACTIVE, /* E|C(v) − v|² < |v|² */
};

struct sl_algorithm {
	const char *name, *doc;
	const char *paper;     /* authors, title, venue */
	const char *exchanges; /* for `starling list algorithms` */
	const char *needs;     /* compressor class, graph */
	const char *steps;     /* the paper's rule for step sizes, as text; NULL: no computable rule */
	const struct sl_option *options; /* into plan->algorithm_options */
	unsigned channels, vectors;
	unsigned scalars;      /* scalar[0 …] that every frame carries as float32 beside the channels */
	unsigned graphs;       /* SL_GRAPHS_… */
	unsigned reads;        /* SL_READS_… */
	const char *lambda;    /* its default of lambda, if it reads lambda; NULL: 0 */
	enum sl_absorb absorb; /* for all channels, with factor 1, unless `rule` is set */
	struct sl_absorb_rule (*rule)(const struct sl_plan *, uint32_t peer, uint32_t version,
	                              unsigned channel);
	bool
	    outside_steps; /* its local part is `local_steps` steps from x, which a trainer may make itself */
	bool from_zero;    /* the copy of channel 0 starts at zero instead of the seeded model; others always
	                 do */
	enum sl_takes takes;
	/* A peer that lost its disk cannot recover from its neighbours' copies: a gradient is exchanged, or
	 * dual variables must sum to zero over all peers. */
	bool irrecoverable;
	/* It takes gradients of the whole shard, or several of one batch: not with [privacy] noise. */
	bool repeats_batches;
	const char *pipeline;      /* fixed pipeline ("all | float32 | raw"), or NULL for the user's */
	double gamma;              /* fixed consensus step size, or 0 for the user's */
	sl_gamma_rule *gamma_rule; /* computes the stable range of the user's; NULL if `gamma` is fixed */
	/* Completes plan->algorithm_options; fails with an error for an unsupported combination. NULL:
	 * nothing to do. */
	enum sl_status (*prepare)(struct sl_plan *, const struct sl_plan_graph *, struct sl_error *error);
	/* The paper's step size for eta = theory, from smoothness L, strong convexity μ, the compressor and
	 * the number of peers; called after prepare. */
	double (*theory)(const struct sl_plan *, double smoothness, double convexity);
	/* Called once x is seeded (or recovered): sets up vector[] and scalar[]. NULL: they start at zero. */
	void (*start)(struct sl_learner *);
	/* The work between two exchanges. A job: the driver chooses the thread; touches only the learner and
	 * scratch. */
	void (*local)(struct sl_learner *);
	/* The vector whose difference to the public copy is sent on `channel`; dimension floats, valid until
	 * the next call. */
	const float *(*outgoing)(struct sl_learner *, unsigned channel);
	/* One edge's term; returns w_ij‖theirs − mine‖² of channel 0. Edges come in ascending number of the
	 * neighbour. */
	double (*mix)(struct sl_learner *, const struct sl_mixing *);
	/* Instead of mix, for methods with a server: every peer computes the server's average itself. Called
	 * once per round, on a complete graph in lockstep, with all peers in ascending number including this
	 * one, so that the result is bit-equal at all peers. */
	void (*aggregate)(struct sl_learner *, const struct sl_contribution *, uint32_t count);
	/* The last operation of the round, after all edges: proximal step, shifts, duals. NULL: nothing. */
	void (*finish)(struct sl_learner *);
};
extern const struct sl_algorithm *const sl_algorithms[];

/* Parts that algorithms share (gossip/methods/). */

/* The mini-batch of local step `step` of this round: random reshuffling, a function of (seed, peer, position)
 * alone. Fills scratch->pick and returns the batch size. */
uint32_t sl_part_batch(const struct sl_learner *, uint32_t step);
/* A stochastic gradient at x by the estimator of the settings (mini-batch, L-SVRG, SAGA, STORM; a batch as
 * large as the shard is the full gradient) into `out`, which may not be scratch->spare; returns the loss.
 * Call once per local step. */
double sl_part_gradient(struct sl_learner *, const float *x, uint32_t step, float *out);
/* The mini-batch estimator, regardless of the settings. */
double sl_part_batch_gradient(struct sl_learner *, const float *x, uint32_t step, float *out);
/* x ← x − η·sl_part_gradient; returns the loss. */
double sl_part_step(struct sl_learner *, float eta, uint32_t step);
/* The gradient over the whole shard. */
double sl_part_full_gradient(const struct sl_learner *, const float *x, float *out);
/* out ← ∇f_B(x) − ∇f_B(w) over this round's batch; w_gradient is ∇f(w) over the whole shard. Returns the loss
 * at x. */
double sl_part_change(struct sl_learner *, const float *x, const float *w, const float *w_gradient,
                      float *out);
/* Floats of state that the settings' estimator keeps. */
size_t sl_part_table_size(const struct sl_plan *, const struct sl_dataset *);
/* x ← what the trainer's own optimiser makes of it in `local_steps` steps; sets l->loss. */
void sl_part_outside_steps(struct sl_learner *, float *x);
/* `local_steps` steps x ← x − η g with heavy-ball momentum in vector[0] if the settings have it. */
void sl_part_local_sgd(struct sl_learner *);
/* vector[0] ← a stochastic gradient at x. */
void sl_part_local_gradient(struct sl_learner *);
/* vector[0] ← ψ = x − ηg; x ← ψ + x − the last ψ, which is x the first time: then a step of D-PSGD. */
void sl_part_local_diffusion(struct sl_learner *);
/* The same if a proximal step followed: `mixed` is x before that step. */
void sl_part_diffuse(struct sl_learner *, const float *mixed);
/* outgoing: x; vector[0] on every channel. */
const float *sl_part_send_model(struct sl_learner *, unsigned channel);
const float *sl_part_send_first(struct sl_learner *, unsigned channel);
/* to += c·(theirs − mine) on a channel, or c·theirs − given·mine on a directed edge; returns w_ij‖theirs −
 * mine‖². */
double sl_part_mix_into(struct sl_learner *, const struct sl_mixing *, unsigned channel, float *to);
/* x += c·(theirs − mine) on channel 0. */
double sl_part_mix(struct sl_learner *, const struct sl_mixing *);
/* The same for several edges, up to SL_MIX_TERMS (linalg/vector.h), in one pass and bit-equal;
 * disagreement[e] ← the value that sl_part_mix returns for edge e. */
void sl_part_mix_all(struct sl_learner *, const struct sl_mixing *, unsigned edges, double *disagreement);
/* What a round leaves behind. */
struct sl_part_census {
	size_t nonzero; /* of x */
	double penalty; /* λ·R(x); 0 where λ = 0 */
};
/* sl_part_mix_all of these edges, of which there may be none, then sl_part_prox if `prox`, then the census: one after the
 * other on parts of x that fit into the cache, with the same bits. Of a model above SL_BLOCK each is a pass that threads may share. */
void sl_part_close(struct sl_learner *, const struct sl_mixing *, unsigned edges, bool prox,
                   double *disagreement, struct sl_part_census *);
/* x ← prox_{t·λ·R}(x); sl_part_prox: t = τ·η_k. */
void sl_part_prox_by(struct sl_learner *, double t);
void sl_part_prox(struct sl_learner *);
/* x ← prox_{ηλR}(x − η·direction): the step of a method with a server. */
void sl_part_descend(struct sl_learner *, double eta, const float *direction);
/* out ← a + c·b */
void sl_part_combine(uint32_t n, const float *a, float c, const float *b, float *out);
/* η_k of this round. */
double sl_part_eta(const struct sl_learner *);
/* out ← (1/n) Σ_j copy_j of a channel, in double and ascending order. */
void sl_part_average(const struct sl_learner *, const struct sl_contribution *, uint32_t count,
                     unsigned channel, float *out);
/* ω of the run's compressor (0: exact; NaN: not unbiased), and its δ of contraction (of an unbiased one
 * 1/(1+ω), as if divided by 1+ω). */
double sl_part_omega(const struct sl_plan *);
double sl_part_delta(const struct sl_plan *);
/* The step α of a shift: `asked`, or if that is 0: 1/(1+ω) for unbiased compressors, else `otherwise`. */
double sl_part_shift(const struct sl_plan *, double asked, double otherwise);
/* The rule of a shift and the message's estimate: channel 0: copy += α·q; channel 1: copy + q. */
struct sl_absorb_rule sl_part_shift_rule(double alpha, unsigned channel);
/* A shared coin: true with probability p, a function of (purpose, peer, version) and the run's seed, equal at
 * all peers. */
bool sl_part_coin(const struct sl_plan *, const char *purpose, uint32_t peer, uint32_t version, double p);

#endif
