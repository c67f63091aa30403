/* trial.h — an algorithm on an experiment's data, round by round: the same learners, pipeline and absorb
 * rules as a peer's, without frames. In lockstep every holder's copy of a peer is bit-equal to the peer's
 * own, so one copy serves all, and a round of n peers costs n messages instead of n². test_algorithms shows
 * for every algorithm that the models are those of the simulator, bit for bit. */
#ifndef SL_TESTS_TRIAL_H
#define SL_TESTS_TRIAL_H

#include "gossip/algorithm.h"
#include "topology/topology.h"

enum { TRIAL_PEERS_MAX = 128 };

struct trial {
	/* edit between trial_standard and trial_open */
	struct sl_settings settings;
	char topology_spec[SL_TEXT_MAX]; /* or the text of a file: "peers 3\narc …" */
	uint32_t features, classes;
	struct sl_dataset shard[TRIAL_PEERS_MAX];
	bool
	    may_diverge; /* the watch on divergence may raise its alarm; else trial_close panics where it has */
	bool shared_seed; /* all peers draw the same random coordinates: a mistake to show */

	struct sl_topology topology;
	struct sl_spectrum spectrum;
	struct sl_plan plan;
	struct sl_scratch scratch;
	struct sl_peer *peer[TRIAL_PEERS_MAX];
	void *block[TRIAL_PEERS_MAX], *scratch_block, *owned[4 * TRIAL_PEERS_MAX];
	uint8_t *body;
	uint32_t peers, round, blocks;
	uint32_t alarms; /* how often a peer found that the run diverges, and what the first said */
	char alarm[SL_TEXT_MAX];
	bool diverged;    /* something was no longer finite: rounds do nothing any more */
	uint64_t bytes;   /* of bodies sent so far, each once */
	uint64_t unicast; /* of bodies, once for every neighbour that takes them in their round */
	size_t body_bytes[TRIAL_PEERS_MAX];
	uint64_t coordinates; /* that the messages held */
	double error;         /* Σ over messages of channel 0 of |v − C(v)|², where that is asked for */
	bool measure_error;
};

/* Full gradients, constant step size, no penalty, lockstep, dense float32 messages. */
void trial_standard(struct trial *, const char *algorithm, const char *topology, const char *model,
                    const char *pipeline);
/* Zeroed memory that trial_close frees. */
void *trial_room(struct trial *, size_t count, size_t size);
/* A shard of `samples` dense rows for that peer; returns the rows to fill. Labels where classes ≥ 2, else
 * targets. */
float *trial_shard(struct trial *, uint32_t peer, uint32_t samples);
/* False: the plan was refused; the sentence is in *error. */
bool trial_plan(struct trial *, struct sl_error *error);
/* Panics with the sentence if the plan is refused. */
void trial_open(struct trial *);
void trial_close(struct trial *);
void trial_round(struct trial *);
void trial_run(struct trial *, uint32_t rounds);
const float *trial_model(const struct trial *, uint32_t peer);
struct sl_learner *trial_learner(const struct trial *, uint32_t peer);
/* (1/n) Σ x_i, in double. */
void trial_mean(const struct trial *, double *out);
/* Mean over the peers of ‖x_i − target‖², and the same as a share of `count` floats from vector v of a
 * learner. */
double trial_distance(const struct trial *, const double *target);
/* (1/n) Σ ‖x_i − x̄‖² */
double trial_consensus(const struct trial *);

#endif
