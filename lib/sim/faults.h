/* faults.h — a random plan of faults, drawn from a seed, and its execution in a running simulation.
 *
 * Each fault starts at a given progress (rounds done, summed over the peers) or, if the run is stuck, after
 * some time, and ends after a while. The kinds that occur are drawn too, because many faults hide others.
 * When all have ended the network has no faults. */
#ifndef SL_SIM_FAULTS_H
#define SL_SIM_FAULTS_H

#include "base/random.h"
#include "sim/sim.h"

#define SL_FAULT_KINDS(X)                                                                                    \
	X(CUT, "a link cut both ways")                                                                       \
	X(CUT_ONE_WAY, "a link cut one way")                                                                 \
	X(ISOLATE, "all links of a peer cut")                                                                \
	X(PARTITION, "the peers cut into two halves")                                                        \
	X(CRASH, "kill -9 of some peers")                                                                    \
	X(CRASH_ALL, "kill -9 of all peers")                                                                 \
	X(PAUSE, "SIGSTOP of a peer")                                                                        \
	X(SLOW, "a slow peer")                                                                               \
	X(DISK_FULL, "checkpoints of a peer fail")                                                           \
	X(DISK_SLOW, "checkpoints of a peer take long")                                                      \
	X(STORM, "high rates of loss, repetition, reordering, delay; or slower links")                       \
	X(GARBAGE, "bytes that are no frame, or malformed behind a true header")                             \
	X(DISK_LOST, "kill -9 of a peer whose checkpoints are lost too")                                     \
	X(WEIGHTS, "a roster with other weights, or one edge more")                                          \
	X(MEMBERS, "a roster with a peer or an edge more or less")
#define X(id, text) SL_FAULT_##id,
enum sl_fault_kind { SL_FAULT_KINDS(X) SL_FAULT_COUNT };
#undef X
const char *sl_fault_text(enum sl_fault_kind);

struct sl_fault {
	enum sl_fault_kind kind;
	uint64_t progress; /* starts when this many rounds are done … */
	uint32_t events;   /* … and this many events later */
	int64_t lasts_us;
	uint64_t peers; /* one bit per peer */
	uint32_t peer, other;
	enum sl_sim_disk disk; /* the disk of a killed peer at its restart */
	bool synced;           /* the checkpoint being written had reached the disk */
	bool alone;            /* peers that have ended meanwhile are not started again for the killed ones */
	int64_t amount;        /* of SLOW, DISK_SLOW */
	double rate;           /* of STORM */

	/* execution */
	bool active;
	struct sl_time until;
	uint64_t killed;
};

enum { SL_FAULTS_MAX = 16 };

struct sl_faults {
	struct sl_fault fault[SL_FAULTS_MAX];
	uint32_t count, next;
	struct sl_random random; /* for contents: garbage, clocks */
	uint64_t run;            /* fingerprint, for true headers */
	const struct sl_topology *topology;
	struct sl_sim_network calm; /* the rates of the run; without loss once all faults have ended */
	struct sl_time last;        /* when the last fault started or ended */
	uint32_t events;            /* since the next fault's progress was reached */
	/* Called before a peer is killed, so that a driver can drop data that is not durable. May be NULL. */
	void (*killed)(void *context, uint32_t peer);
	void *context;
	struct sl_topology roster[SL_FAULTS_MAX + 1]; /* all so far, newest last */
	uint32_t rosters;
	uint64_t gone; /* members that were removed */
	bool keep;     /* no checkpoints: peers that have ended are not started again */
	uint64_t happened[SL_FAULT_COUNT];
	uint32_t resumed; /* times that ended peers had to be started again for the others */
};

/* Draws a plan whose faults start in the first `part` of `rounds` rounds. `allowed` has one bit per kind. At
 * most 64 peers. */
void sl_faults_draw(struct sl_faults *, uint64_t seed, const struct sl_topology *, double part,
                    uint32_t rounds, uint32_t allowed);
/* The roster at the start: a part of the topology if roster faults are allowed, then also the first of
 * `roster`. */
const struct sl_topology *sl_faults_first_roster(struct sl_faults *, uint32_t allowed);
void sl_faults_free(struct sl_faults *);
/* Call after every event. */
void sl_faults_step(struct sl_faults *, struct sl_sim *);
/* All faults have ended: the network has none from here on. */
bool sl_faults_over(const struct sl_faults *);
/* Call when the simulation has no pending event: ends or starts the next fault. False: there is none. */
bool sl_faults_skip(struct sl_faults *, struct sl_sim *);

#endif
