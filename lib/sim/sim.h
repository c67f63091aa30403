/* sim.h — many peers in one process over a virtual network and clock: the second driver of the same peer.
 *
 * Order is (time, number of issue): no ties, no addresses, no wall clock, so a run repeats exactly. After
 * every event the invariants are checked (check.c); a broken one ends the run as trouble, with the event's
 * number. */
#ifndef SL_SIM_SIM_H
#define SL_SIM_SIM_H

#include "gossip/peer.h"
#include "topology/topology.h"

/* EXACT: also that what a peer computes again after a crash is what it computed before, and that its
 * neighbours keep what it needs for that. */
enum sl_sim_check { SL_SIM_CHECK_NONE, SL_SIM_CHECK_COPIES, SL_SIM_CHECK_EXACT, SL_SIM_CHECK_CHOICES };

/* Without a rate links carry datagrams: any message may be lost, repeated, or delayed past later ones, with these
 * probabilities, and no peer hears of it. With a rate they are connections (links.c), whose ups and downs the peers are
 * told of (SL_EVENT_LINK): what is sent arrives once and in order, unless the connection ends or the queue is full. */
struct sl_sim_network {
	int64_t latency_us, jitter_us;   /* jitter: of datagrams */
	double loss, duplicate, reorder; /* of datagrams */
	int64_t compute_us;              /* virtual time of a job */
	uint64_t rate;   /* bits per second of the wire by which all that a peer sends leaves */
	uint64_t queue;  /* bytes that a link holds; a message alone always has room */
	bool bottleneck; /* all peers share one wire of that rate */
};

struct sl_sim_rows {
	void *context;
	void (*round)(void *, const struct sl_round_row *);
	void (*link)(void *, const struct sl_link_row *);
	void (*sketch)(void *, const struct sl_sketch_row *);
	void (*event)(void *, const struct sl_event_row *);
	/* (1/n) Σ_i ‖x_i − x̄‖² of a round that all peers have done. */
	void (*exact)(void *, uint32_t round, double error);
};

struct sl_sim_setup {
	const struct sl_plan *plan;
	const struct sl_topology *topology; /* every link that there ever is */
	const struct sl_dataset *shards;    /* one a peer */
	struct sl_sim_network network;
	enum sl_sim_check check;
	struct sl_sim_rows rows;               /* any may be NULL */
	const struct sl_capture_hook *capture; /* told of every message that a peer encodes; may be NULL */
	/* The roster at the start, of as many peers, its edges among those of `topology`; a peer without an
	 * edge is none yet. NULL: all of `topology`. Borrowed. */
	const struct sl_topology *roster;
};

struct sl_sim;

/* NULL with an error when memory runs out. The setup's pointers are borrowed. */
struct sl_sim *sl_sim_open(const struct sl_sim_setup *, struct sl_error *error);
void sl_sim_close(struct sl_sim *);

/* Exactly one event; false: nothing is left to happen. */
bool sl_sim_step(struct sl_sim *);
/* Steps until all peers have halted; false if something stopped them: see sl_sim_trouble. `events_most`
 * bounds it. */
bool sl_sim_run(struct sl_sim *, uint64_t events_most);
/* Why a run did not end well, or NULL. */
const char *sl_sim_trouble(const struct sl_sim *);

struct sl_sim_totals {
	uint64_t events, messages, lost, repeated, wire_bytes, bytes_a_peer;
	struct sl_time now;
	uint32_t halted;
};
void sl_sim_totals(const struct sl_sim *, struct sl_sim_totals *out);
struct sl_peer *sl_sim_peer(struct sl_sim *, uint32_t peer);

/* Faults, for tests and plans. A killed peer loses everything but its checkpoints; messages to it vanish.
 * Revived, it goes on from a checkpoint, or from nothing. A cut link loses every message in that direction.
 */
enum sl_sim_disk {
	SL_SIM_DISK_LOST,
	SL_SIM_DISK_NEWEST, /* whole: the newest checkpoint, or the older one if that is refused */
	SL_SIM_DISK_OLDER,  /* the newest was cut: the peer does not take it, but the older one, if any */
};
void sl_sim_kill(struct sl_sim *, uint32_t peer);
/* Killed when the checkpoint being written had reached the disk already, but the peer had not heard so. */
void sl_sim_kill_synced(struct sl_sim *, uint32_t peer);
void sl_sim_revive(struct sl_sim *, uint32_t peer, enum sl_sim_disk);
void sl_sim_cut(struct sl_sim *, uint32_t from, uint32_t to, bool cut);
bool sl_sim_alive(const struct sl_sim *, uint32_t peer);
bool sl_sim_halted(const struct sl_sim *, uint32_t peer);
/* Rounds that the peer's newest durable checkpoint holds: rows of earlier rounds are in its history. */
uint32_t sl_sim_durable_rounds(const struct sl_sim *, uint32_t peer);
/* SIGSTOP: nothing happens at the peer until then; messages and timers wait. */
void sl_sim_pause(struct sl_sim *, uint32_t peer, int64_t us);
/* Its jobs take `times` (≥ 1) times longer. */
void sl_sim_slow(struct sl_sim *, uint32_t peer, int64_t times);
/* Its checkpoints take `us` longer, or fail. */
void sl_sim_disk(struct sl_sim *, uint32_t peer, bool fails, int64_t us);
/* … and so much longer always: a slow disk. */
void sl_sim_disk_speed(struct sl_sim *, uint32_t peer, int64_t us);
/* Its clock from its next life on, less the simulator's. */
void sl_sim_skew(struct sl_sim *, uint32_t peer, int64_t us);
/* Nothing is asked of that peer any more: it may say what it likes. */
void sl_sim_distrust(struct sl_sim *, uint32_t peer);
/* What becomes of a message, beside the network's own rates. */
enum sl_sim_fate { SL_SIM_PASS, SL_SIM_LOSE, SL_SIM_DELAY };
struct sl_sim_message {
	uint64_t number; /* from 1 */
	uint32_t from, to;
	const struct sl_action *send;
	int64_t delay_us; /* SL_SIM_DELAY: so much longer, past later messages */
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
/* Follows a run. Any may be NULL; all may look at peers (gossip/inspect.h), `sent` in the middle of its sender's step. */
struct sl_sim_watch {
	void *context;
	/* Asked about every message that is sent. */
	enum sl_sim_fate (*sent)(void *, struct sl_sim_message *);
	/* Before and after a peer sees an event. */
	void (*before)(void *, const struct sl_sim_step *);
	void (*after)(void *, const struct sl_sim_step *);
};
void sl_sim_watch(struct sl_sim *, const struct sl_sim_watch *);
/* Hands a peer a message as if `from` had sent it. */
void sl_sim_inject(struct sl_sim *, uint32_t from, uint32_t to, const uint8_t *bytes, size_t length);
/* A roster for a peer, `us` from now: the peer is told of it then, or finds it when it is started next. One
 * that lists no edge of a peer removes it for good; one that is the first to do so adds it. */
void sl_sim_roster(struct sl_sim *, uint32_t peer, const struct sl_topology *, uint32_t serial, int64_t us);
bool sl_sim_absent(const struct sl_sim *, uint32_t peer);
/* The life that the frames of a peer carry now. */
uint16_t sl_sim_incarnation16(const struct sl_sim *, uint32_t peer);
/* … and the header that such a frame to a neighbour may have: its length. `length`: of the body. */
size_t sl_sim_header(const struct sl_sim *, uint32_t from, uint32_t to, const struct sl_frame *,
                     uint32_t length, uint8_t out[static SL_FRAME_HEADER]);
/* The network's rates, which may change at any time. */
struct sl_sim_network *sl_sim_network(struct sl_sim *);
struct sl_time sl_sim_now(const struct sl_sim *);
/* Lets time pass in which nothing happens, when sl_sim_step said that nothing is left. */
void sl_sim_wait(struct sl_sim *, int64_t us);

/* A peer that keeps to the protocol and lies about its model: after its local steps it is replaced, from a
 * round on. x̄ and σ are mean and standard deviation of the honest peers' models, coordinate by coordinate. */
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
	uint32_t peer, from; /* from: the round it begins in */
	enum sl_sim_poison kind;
	double amount; /* a */
};
/* "3:flip", "3:drift:0.05", "3:little:1.5:100": PEER:KIND[:AMOUNT[:FROM]]. */
enum sl_status sl_sim_poisoner_parse(struct sl_sim_poisoner *, const char *text, uint32_t peers,
                                     struct sl_error *error);
void sl_sim_poison(struct sl_sim *, const struct sl_sim_poisoner *);
bool sl_sim_honest(const struct sl_sim *, uint32_t peer);

/* With a probe r (plan->probe): Σ_i <r, x_i> less the terms so far added at one end only. At η = 0 it never
 * moves. */
double sl_sim_mean_probe(const struct sl_sim *);

#endif
