/* swarm.h — a small simulated run for tests: Gaussian classes, a softmax or mlp, any topology, faults by
 * hand. */
#ifndef SL_TESTS_SWARM_H
#define SL_TESTS_SWARM_H

#include "sim/sim.h"

enum { SWARM_PEERS_MAX = 72, SWARM_EVENTS_MAX = 4096 };

struct swarm {
	struct sl_settings settings; /* edit between swarm_standard and swarm_open */
	struct sl_sim_network network;
	char topology_spec[SL_TEXT_MAX];
	uint32_t samples, features, classes;
	bool unchecked; /* no invariants: it begins in the middle */
	uint32_t room;  /* for states that were saved with that many rounds between checkpoints */

	struct sl_topology topology;
	struct sl_plan plan;
	float *probe; /* set by swarm_probe */
	struct sl_dataset shard[SWARM_PEERS_MAX], test;
	float *numbers;
	uint16_t *labels;
	struct sl_sim *sim;
	/* The members at the start; NULL: the whole topology. Called between the two, may choose it. */
	const struct sl_topology *roster;
	void (*choose)(struct swarm *);

	/* what the rows said */
	uint32_t rows, exact_rows;
	double last_accuracy[SWARM_PEERS_MAX], last_exact, last_penalty[SWARM_PEERS_MAX];
	int64_t payload_tx[SWARM_PEERS_MAX];
	struct sl_link_row link[SWARM_PEERS_MAX]; /* the last one of each peer, to its highest neighbour */
	struct sl_event_row event[SWARM_EVENTS_MAX];
	uint32_t events;
};

/* ring:8, 40 rounds, softmax, top-k with dithering, lockstep without timeout, 100 µs latency. */
void swarm_standard(struct swarm *);
void swarm_open(struct swarm *);
/* The same at η = 0 with models moved apart and a probe in the plan, for sl_sim_mean_probe. */
void swarm_open_probed(struct swarm *);
void swarm_close(struct swarm *);
/* Runs to the end; fails the test with the simulator's words if it does not end well. */
void swarm_run(struct swarm *, uint64_t events_most);
/* Runs until peer i has done `round` rounds. */
void swarm_run_to(struct swarm *, uint32_t peer, uint32_t round);
uint64_t swarm_digest(const struct swarm *, uint32_t peer);
uint32_t swarm_count(const struct swarm *, const char *kind);

#endif
