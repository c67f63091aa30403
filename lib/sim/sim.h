/* sim.h — many peers in one process over a virtual network and clock: the second driver of the same peer.
 *
 * Events are ordered by time, source and the source's own count: no ties, no addresses, no wall clock, so a run repeats
 * exactly, step by step or in windows, on any number of threads. The invariants (check.c) are checked after every event,
 * or at the end of every window; a broken one ends the run as trouble, with the time.
 *
 * A window is no longer than the least latency. Within it peers cannot hear of each other, and threads serve them
 * independently (conservative parallel simulation: Chandy & Misra 1979; windows: Lubachevsky 1989). */
#ifndef SL_SIM_SIM_H
#define SL_SIM_SIM_H

#include "base/parallel.h"
#include "gossip/peer.h"
#include "topology/topology.h"

/* EXACT: also that rounds recomputed after a crash equal the original ones, and that neighbours keep the
 * frames that this needs. */
enum sl_sim_check { SL_SIM_CHECK_NONE, SL_SIM_CHECK_COPIES, SL_SIM_CHECK_EXACT, SL_SIM_CHECK_CHOICES };

/* Without a rate links carry datagrams: any message may be lost, repeated, or delayed past later ones, with these
 * probabilities, and no peer hears of it. With a rate they are connections (links.c), whose ups and downs the peers are
 * told of (SL_EVENT_LINK): what is sent arrives once and in order, unless the connection ends or the queue is full. */
struct sl_sim_network {
	int64_t latency_us, jitter_us;   /* jitter: of datagrams */
	double loss, duplicate, reorder; /* of datagrams */
	int64_t compute_us;              /* virtual time of a job */
	uint64_t rate;  /* bits per second of the wire by which all that a peer sends leaves */
	uint64_t queue; /* bytes that a link holds; four messages always have room, as a daemon counts them */
	bool bottleneck; /* all peers share one wire of that rate */
};

struct sl_sim_rows {
	void *context;
	void (*round)(void *, const struct sl_round_row *);
	void (*link)(void *, const struct sl_link_row *);
	void (*sketch)(void *, const struct sl_sketch_row *);
	void (*event)(void *, const struct sl_event_row *);
	void (*metric)(void *, const struct sl_metric_row *);
	/* (1/n) Σ_i ‖x_i − x̄‖² of a round that all peers have completed. */
	void (*exact)(void *, uint32_t round, double error);
};

struct sl_sim_setup {
	const struct sl_plan *plan;
	const struct sl_topology *topology; /* all links that ever exist */
	const struct sl_dataset *shards;    /* one per peer */
	struct sl_sim_network network;
	enum sl_sim_check check;
	struct sl_sim_rows rows;               /* any may be NULL */
	const struct sl_capture_hook *capture; /* called for every message that a peer encodes; may be NULL */
	/* The roster at the start: the same number of peers, with edges from `topology`; a peer without an
	 * edge is not yet a member. NULL: all of `topology`. Borrowed. */
	const struct sl_topology *roster;
	/* One for each peer, as in struct sl_peer_setup; NULL, or none for a peer: of the seed. Borrowed. */
	const uint8_t *const *secrets;
	/* For windows. Threads share out the peers only where links have a latency and no wire in common, nobody poisons,
	 * and nothing captures or watches; results are the same anyway. */
	struct sl_parallel threads;
	/* Called before each peer is made, with its number and the context of the rows; may be NULL. */
	void (*opening)(void *context, uint32_t peer);
};

struct sl_sim;

/* NULL with an error when memory runs out. The setup's pointers are borrowed. */
struct sl_sim *sl_sim_open(const struct sl_sim_setup *, struct sl_error *error);
void sl_sim_close(struct sl_sim *);

/* Processes exactly one event; false: none is pending. */
bool sl_sim_step(struct sl_sim *);
/* Processes the events of one window, none of them at `until` or later; false: none is pending before that. Faults
 * may come between two windows as between two steps. */
bool sl_sim_window(struct sl_sim *, struct sl_time until);
/* Steps until all peers have halted, at most `events_most` times; false on failure: see sl_sim_trouble. */
bool sl_sim_run(struct sl_sim *, uint64_t events_most);
/* Why a run failed, or NULL. */
const char *sl_sim_trouble(const struct sl_sim *);

struct sl_sim_totals {
	uint64_t events, messages, lost, repeated, wire_bytes, bytes_a_peer;
	struct sl_time now;
	uint32_t halted;
};
void sl_sim_totals(const struct sl_sim *, struct sl_sim_totals *out);
struct sl_peer *sl_sim_peer(struct sl_sim *, uint32_t peer);

/* Faults, for tests and plans. A killed peer loses everything but its checkpoints; messages to it are lost.
 * Revived, it resumes from a checkpoint, or starts without state. A cut link loses every message in that
 * direction. */
enum sl_sim_disk {
	SL_SIM_DISK_LOST,
	SL_SIM_DISK_NEWEST, /* intact: the newest checkpoint, or the older one if that is refused */
	SL_SIM_DISK_OLDER,  /* the newest is truncated: the peer loads the older one, if any */
};
void sl_sim_kill(struct sl_sim *, uint32_t peer);
/* Kills it after the checkpoint being written reached the disk, before the peer is notified. */
void sl_sim_kill_synced(struct sl_sim *, uint32_t peer);
void sl_sim_revive(struct sl_sim *, uint32_t peer, enum sl_sim_disk);
void sl_sim_cut(struct sl_sim *, uint32_t from, uint32_t to, bool cut);
bool sl_sim_alive(const struct sl_sim *, uint32_t peer);
bool sl_sim_halted(const struct sl_sim *, uint32_t peer);
/* Rounds that the peer's newest durable checkpoint holds: rows of earlier rounds are in its history. */
uint32_t sl_sim_durable_rounds(const struct sl_sim *, uint32_t peer);
/* SIGSTOP for `us`: messages and timers wait. */
void sl_sim_pause(struct sl_sim *, uint32_t peer, int64_t us);
/* Its jobs take `times` (≥ 1) times longer. */
void sl_sim_slow(struct sl_sim *, uint32_t peer, int64_t times);
/* Its checkpoints take `us` longer, or fail. */
void sl_sim_disk(struct sl_sim *, uint32_t peer, bool fails, int64_t us);
/* A slow disk: all its checkpoints take `us` longer. */
void sl_sim_disk_speed(struct sl_sim *, uint32_t peer, int64_t us);
/* Offset of its clock from the simulator's, from its next start on. */
void sl_sim_skew(struct sl_sim *, uint32_t peer, int64_t us);
/* Excludes the peer from all checks: it may send anything. */
void sl_sim_distrust(struct sl_sim *, uint32_t peer);
/* Fate of a message, in addition to the network's own rates. */
enum sl_sim_fate { SL_SIM_PASS, SL_SIM_LOSE, SL_SIM_DELAY };
struct sl_sim_message {
	uint64_t number; /* from 1 */
	uint32_t from, to;
	const struct sl_action *send;
	int64_t delay_us; /* SL_SIM_DELAY: additional delay; later messages overtake it */
};
enum sl_sim_step_kind {
	SL_SIM_STARTS,
	SL_SIM_TIMER,
	SL_SIM_RECEIVES,
	SL_SIM_JOB_DONE,
	SL_SIM_SAVED,
	SL_SIM_SAVE_FAILED,
	SL_SIM_HEARS_ROSTER,
	SL_SIM_HEARS_LINK
};
/* One event of a peer. */
struct sl_sim_step {
	enum sl_sim_step_kind kind;
	uint32_t peer, from;      /* from: RECEIVES; HEARS_LINK: the other end */
	enum sl_link_change link; /* HEARS_LINK */
	uint64_t message;         /* RECEIVES: its number; 0: it was injected */
};
/* Observer of a run. Each callback may be NULL, and may inspect peers (gossip/inspect.h); `sent` is called
 * during its sender's step. */
struct sl_sim_watch {
	void *context;
	/* Decides the fate of every message sent. */
	enum sl_sim_fate (*sent)(void *, struct sl_sim_message *);
	/* Before and after a peer processes an event. */
	void (*before)(void *, const struct sl_sim_step *);
	void (*after)(void *, const struct sl_sim_step *);
};
void sl_sim_watch(struct sl_sim *, const struct sl_sim_watch *);
/* Delivers a message to a peer as if `from` had sent it. */
void sl_sim_inject(struct sl_sim *, uint32_t from, uint32_t to, const uint8_t *bytes, size_t length);
/* A roster for a peer, `us` from now: the peer gets it then, or at its next start. A roster without an edge
 * of the peer removes it permanently; the first roster with one adds it. */
void sl_sim_roster(struct sl_sim *, uint32_t peer, const struct sl_topology *, uint32_t serial, int64_t us);
bool sl_sim_absent(const struct sl_sim *, uint32_t peer);
/* The incarnation16 of the peer's present frames. */
uint16_t sl_sim_incarnation16(const struct sl_sim *, uint32_t peer);
/* Writes a header for such a frame to a neighbour; returns its length. `length`: of the body. */
size_t sl_sim_header(const struct sl_sim *, uint32_t from, uint32_t to, const struct sl_frame *,
                     uint32_t length, uint8_t out[static SL_FRAME_HEADER]);
/* The network's rates, which may change at any time. */
struct sl_sim_network *sl_sim_network(struct sl_sim *);
struct sl_time sl_sim_now(const struct sl_sim *);
/* Advances the clock when no event is pending before that time. */
void sl_sim_wait(struct sl_sim *, int64_t us);

/* A poisoner: a peer that follows the protocol but replaces its model after its local steps, from a given
 * round on. x̄ and σ are mean and standard deviation of the models of all peers but poisoners, per coordinate. */
#define SL_SIM_POISONS(X)                                                                                    \
	X(NONE, "none", 0)       /* x */                                                                     \
	X(FLIP, "flip", 1)       /* −a·x̄ */                                                             \
	X(DRIFT, "drift", 0.1)   /* x̄ + a·(rounds so far)·u, u a fixed direction of signs */             \
	X(NOISE, "noise", 1)     /* x̄ + a·N(0, 1) */                                                      \
	X(LITTLE, "little", 1.5) /* x̄ − a·σ: Baruch, Baruch & Goldberg 2019, A Little Is Enough */
#define X(id, name, amount) SL_SIM_POISON_##id,
enum sl_sim_poison { SL_SIM_POISONS(X) SL_SIM_POISON_COUNT };
#undef X
struct sl_sim_poisoner {
	uint32_t peer, from; /* from: first round of the attack */
	enum sl_sim_poison kind;
	double amount; /* a */
};
/* "3:flip", "3:drift:0.05", "3:little:1.5:100": PEER:KIND[:AMOUNT[:FROM]]. */
enum sl_status sl_sim_poisoner_parse(struct sl_sim_poisoner *, const char *text, uint32_t peers,
                                     struct sl_error *error);
void sl_sim_poison(struct sl_sim *, const struct sl_sim_poisoner *);
bool sl_sim_honest(const struct sl_sim *, uint32_t peer);

/* With a probe r (plan->probe): Σ_i <r, x_i> minus the terms added so far at one end only. Constant if η =
 * 0. */
double sl_sim_mean_probe(const struct sl_sim *);

#endif
