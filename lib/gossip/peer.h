/* peer.h — the complete behaviour of a peer: events in, actions out. It uses no socket, clock, thread, file,
 * global or printf, and allocates nothing after the start. starlingd and `starling sim` are two drivers of
 * the same object file. */
#ifndef SL_GOSSIP_PEER_H
#define SL_GOSSIP_PEER_H

#include "base/row.h"
#include "gossip/frame.h"
#include "gossip/plan.h"

struct sl_peer; /* lives in an arena */

/* A weight w_ij, the same double at both ends, and the serial of the roster that set it. */
struct sl_weight {
	uint32_t since;
	double value;
};
enum { SL_EDGE_WEIGHTS = 8 };

/* Values of γ with the roster serial from which each applies, newest first. As with weights, both ends of a
 * step use the value for the lower serial of its two tags. count 0: the plan's γ under all rosters. */
struct sl_gammas {
	unsigned count;
	struct sl_weight of[SL_EDGE_WEIGHTS];
};

/* One neighbour, in ascending number. */
struct sl_peer_neighbour {
	uint32_t peer;
	/* Newest first; one entry is enough if weights never change. A peer may have missed a roster, and
	 * still needs the weights of the steps that its neighbour began under it. */
	unsigned weights;
	struct sl_weight weight[SL_EDGE_WEIGHTS];
	/* Serial of the roster that added the edge: an edge that is removed and added again is a new edge. */
	uint32_t added;
	/* borrowed; activities 0: the edge is active in every round with the same weight both ways */
	const struct sl_activity *activity;
	uint32_t activities;
};
/* Fills in the rounds of the period in which the neighbour at that row of t->neighbour is active; borrows
 * from t. */
void sl_peer_neighbour_schedule(const struct sl_topology *t, uint32_t row, struct sl_peer_neighbour *);
/* The neighbours of a peer (room for SL_DEGREE_MAX), which borrow from the topology; returns the number of
 * neighbours. */
uint32_t sl_peer_neighbours(const struct sl_topology *, uint32_t peer, struct sl_peer_neighbour *out);

struct sl_peer_setup {
	const struct sl_plan *plan;
	uint32_t peer;
	const struct sl_peer_neighbour *neighbours;
	uint32_t degree;
	const struct sl_dataset *data; /* the shard; borrowed */
	uint32_t serial;               /* of the roster that lists the neighbours */
	/* Most neighbours that later rosters may give this peer; 0: the degree. */
	uint32_t capacity;
	/* Added to a running run: without a checkpoint it starts from the mean of its neighbours' models, in
	 * their round. */
	bool joining;
	struct sl_gammas gammas;
	/* With [privacy] noise: SL_HASH_BYTES that no neighbour knows, from which its noise is drawn; NULL: of the
	 * seed, which protects nothing and is for simulations. Borrowed during sl_peer_make. */
	const uint8_t *secret;
};

/* A peer's part of a new roster. Neighbours in ascending number, at most `capacity` of them. */
struct sl_peer_roster {
	uint32_t serial; /* must exceed the serial in force, else ignored */
	const struct sl_peer_neighbour *neighbours;
	uint32_t degree;
	struct sl_gammas gammas;
};

/* A driver that sends over connections reports their state, and thereby guarantees for each edge that
 * messages sent after UP arrive in order until DOWN or FULL. A driver that reports nothing may lose, delay
 * and repeat any message. */
enum sl_link_change {
	SL_LINK_UP,    /* a new connection; messages in flight on an earlier one may be lost */
	SL_LINK_DOWN,  /* it has ended */
	SL_LINK_FULL,  /* a message sent since the last event was dropped for lack of room */
	SL_LINK_ROOM,  /* … and there is room again */
	SL_LINK_MOVES, /* bytes arrived or were acknowledged since the last event, but no whole message; or the
	                  transport has not tried often enough to tell */
	SL_LINK_BUSY,  /* what was sent SL_LINK_BUSY_US ago still waits for the link … */
	SL_LINK_IDLE,  /* … and no longer; with pace = free both are told before JOB_DONE */
	SL_LINK_CHANGES
};
enum { SL_LINK_BUSY_US = 100000 };

enum sl_event_kind {
	SL_EVENT_START,
	SL_EVENT_TIMER,        /* sl_peer_deadline has passed */
	SL_EVENT_RECEIVE,      /* one message from the neighbour at `edge`, decided by the proven key */
	SL_EVENT_JOB_DONE,     /* the job of SL_ACTION_JOB has run */
	SL_EVENT_CHECKPOINTED, /* the checkpoint of SL_ACTION_CHECKPOINT is durable (ok) or failed (!ok) */
	SL_EVENT_STOP,         /* stop requested: the current round is dropped, completed rounds are kept */
	SL_EVENT_ROSTER, /* members or weights have changed: edges are now those of `roster`, and `edge` is an
	                    index into it, also in the actions of this event */
	SL_EVENT_LINK,   /* state change (`link`) of the outgoing connection to the neighbour at `edge` */
	SL_EVENT_KINDS
};

struct sl_event {
	enum sl_event_kind kind;
	struct sl_time now;
	uint32_t edge;
	const uint8_t *bytes; /* RECEIVE: borrowed during the call */
	size_t length;
	bool ok;                             /* CHECKPOINTED */
	enum sl_link_change link;            /* LINK */
	const struct sl_peer_roster *roster; /* ROSTER: borrowed during the call */
};

enum sl_action_kind {
	SL_ACTION_SEND, /* header ‖ body to the neighbour at `edge`; dropping it is allowed at any time */
	SL_ACTION_JOB,  /* call sl_peer_run_job (any thread, not concurrently with anything else on its
	                   learner), then pass SL_EVENT_JOB_DONE; RECEIVE events may be passed while it runs;
	                   `job` is its kind */
	SL_ACTION_ROUND_ROW,
	SL_ACTION_LINK_ROW,
	SL_ACTION_SKETCH_ROW,
	SL_ACTION_EVENT_ROW,
	SL_ACTION_METRIC_ROW,
	SL_ACTION_MARK,       /* for timings: compression begins (mark 0) or ends (1), waiting begins (2) or
	                         ends (3) */
	SL_ACTION_CHECKPOINT, /* call sl_peer_save within this call, make the bytes durable, then pass
	                         SL_EVENT_CHECKPOINTED */
	SL_ACTION_QUARANTINE, /* the edge is closed (ok) or open again (!ok): drop its neighbour's messages
	                         while closed */
	SL_ACTION_FINISHED, /* all rounds are done; the peer serves its neighbours until SL_ACTION_HALT, which
	                       never precedes a durable last checkpoint */
	SL_ACTION_HALT,     /* the peer has ended; `ok`: successfully, else `detail` is the reason */
	SL_ACTION_KINDS
};

/* Kinds of job; their durations differ. */
enum sl_job_kind {
	SL_JOB_STEPS,      /* the local steps of a round */
	SL_JOB_EVALUATION, /* loss and accuracy on the test set */
	SL_JOB_KINDS
};

/* Everything an action points to is valid during the call only. */
struct sl_action {
	enum sl_action_kind kind;
	enum sl_job_kind job; /* JOB */
	uint32_t edge;
	const uint8_t *header; /* SEND: header_length bytes, SL_FRAME_HEADER at most */
	size_t header_length;
	const uint8_t *body;
	size_t body_length;
	const struct sl_frame *frame; /* SEND: the decoded header, without the body */
	unsigned mark;
	bool ok;
	const char *detail;
	union {
		struct sl_round_row *round; /* the driver fills in its fields in place */
		struct sl_link_row *link;
		struct sl_sketch_row *sketch;
		struct sl_event_row *event;
		struct sl_metric_row *metric;
	};
};

/* Performs an action. Called during sl_peer_step, never recursively; must not call back into the peer. */
typedef void sl_act(void *driver, const struct sl_action *);

/* Arena bytes that a peer needs. The part for lagging edges and snapshots is not touched before either
 * occurs. */
size_t sl_peer_size(const struct sl_peer_setup *);
/* Of these, the bytes at the front that hold the vectors used in every round. */
size_t sl_peer_busy(const struct sl_peer_setup *);
/* Lays a peer out in zeroed arena memory with x and all copies at the seeded start. The setup's pointers are
 * borrowed until the peer's end; the setup itself is not. */
struct sl_peer *sl_peer_make(const struct sl_peer_setup *, struct sl_arena *);

/* Restores what sl_peer_save wrote (before SL_EVENT_START), possibly with other settings of scope LATER. All
 * of it is validated before the peer changes: on failure the peer is unchanged. SL_MALFORMED: truncated or
 * damaged; SL_UNSUPPORTED: of another run, session, peer or format version; SL_OUT_OF_RANGE: it holds values
 * that are not finite, or over limits.value; SL_TOO_BIG: more neighbours than there is room for; SL_REFUSED:
 * saved under a later roster than the setup's, or in a round beyond run.rounds. */
enum sl_status sl_peer_load(struct sl_peer *, const uint8_t *bytes, size_t length, struct sl_error *error);
/* As sl_peer_load, without changing the peer. */
enum sl_status sl_peer_check(const struct sl_peer *, const uint8_t *bytes, size_t length,
                             struct sl_error *error);
/* Rounds between checkpoints for which a saved state was laid out, for sl_plan_make_room; 0: not a saved
 * state. */
uint32_t sl_peer_saved_for(const uint8_t *bytes, size_t length);
/* The state between two events, for a checkpoint. Returns its length; if out is not NULL, writes the state
 * and checks it as sl_peer_load will. Returns 0 and sets *error (error may be NULL) if the state could not be
 * loaded again, because a value is not finite or exceeds limits.value; discard the bytes then. */
size_t sl_peer_save(const struct sl_peer *, uint8_t *out, struct sl_error *error);

/* `scratch` belongs to the calling thread. */
void sl_peer_step(struct sl_peer *, const struct sl_event *, const struct sl_scratch *scratch, sl_act *act,
                  void *driver);
void sl_peer_run_job(struct sl_peer *, const struct sl_scratch *scratch);
/* Time of the next SL_EVENT_TIMER; SL_TIME_NEVER: none. */
struct sl_time sl_peer_deadline(const struct sl_peer *);

/* State for display. */
struct sl_peer_edge_status {
	uint32_t neighbour, step, behind; /* behind: rounds since the open tag was sent; 0: none is open */
	bool greeted, up, late, waited_for, finished;
	uint32_t their_round, their_roster; /* their_roster: its serial */
	struct sl_time heard_at;
	struct sl_link_row totals;
	uint32_t unknown; /* frames since the start whose headers referred to values unknown to this end */
	struct sl_time opened_at; /* when the open tag was sent; 0: none is open, or it was sent before a
	                             restart */
	const char *why;          /* reason why the edge waits, as text; empty: it does not */
	bool saves;               /* the neighbour is known to be writing a checkpoint before it continues */
	bool quarantined;
	struct sl_time quarantined_until;
	const char *cause; /* of the quarantine, one word */
	double anomaly;    /* score of the newest update that the detector checked; 0: none yet */
};
struct sl_peer_status {
	uint32_t round, rounds, degree, edges_up;
	/* "greeting", "recovering", "computing", "waiting", "evaluating", "serving", "halted"; "saving": it
	 * continues, or finishes, once a checkpoint is written */
	const char *phase;
	bool save_failed;                 /* the last attempted checkpoint failed */
	bool diverging;                   /* or has halted because of it */
	double gamma;                     /* under the roster in force */
	double train_loss, test_accuracy; /* NaN before the first */
	int64_t nonzero, payload_tx, payload_rx;
	double epsilon, delta, budget; /* of privacy; epsilon NaN: off; budget 0: none */
	bool spent;                    /* the budget is spent: it only mixes */
};
void sl_peer_status(const struct sl_peer *, struct sl_peer_status *out);
void sl_peer_edge_status(const struct sl_peer *, uint32_t edge, struct sl_peer_edge_status *out);

/* Local differential privacy, for a driver that keeps the count of gradients also outside of checkpoints: a peer that
 * goes on from one in a run that is not exact may compute other gradients for rounds that it has sent already. Not while
 * a job runs. */
struct sl_peer_private {
	bool on;
	uint64_t count, a_round; /* gradients so far; most that the next local steps may take */
};
void sl_peer_private(const struct sl_peer *, struct sl_peer_private *out);
/* Raises the count, before SL_EVENT_START. */
void sl_peer_private_raise(struct sl_peer *, uint64_t count);
/* While held, gradients are zero and not counted, as when a budget is spent. */
void sl_peer_private_hold(struct sl_peer *, bool held);

/* Edges are numbered from 0 in ascending order of neighbours, from one SL_EVENT_ROSTER to the next. The edge
 * to a neighbour; SL_NO_EDGE: not a neighbour. */
#define SL_NO_EDGE UINT32_MAX
uint32_t sl_peer_edge_to(const struct sl_peer *, uint32_t neighbour);
uint32_t sl_peer_edge_neighbour(const struct sl_peer *, uint32_t edge);

/* Read-only views for checks and digests. copies: channels × dimension floats. */
const float *sl_peer_model(const struct sl_peer *);
uint32_t sl_peer_round(const struct sl_peer *);
/* Serial of the roster in force. */
uint32_t sl_peer_serial(const struct sl_peer *);

#endif
