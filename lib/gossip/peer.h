/* peer.h — the whole behaviour of a peer: events in, actions out. No socket, clock, thread, file, allocation
 * after the start, global or printf is behind it. starlingd and `starling sim` are two drivers of the same
 * object file. */
#ifndef SL_GOSSIP_PEER_H
#define SL_GOSSIP_PEER_H

#include "base/row.h"
#include "gossip/frame.h"
#include "gossip/plan.h"

struct sl_peer; /* lives in an arena */

/* A weight w_ij, the same double at both ends, and the serial of the roster that brought it. */
struct sl_weight {
	uint32_t since;
	double value;
};
enum { SL_EDGE_WEIGHTS = 8 };

/* γ by the serial from which on it holds, newest first: as weights, all ends of a step use that of the lower
 * serial of its two tags. count 0: the plan's, under all rosters. */
struct sl_gammas {
	unsigned count;
	struct sl_weight of[SL_EDGE_WEIGHTS];
};

/* One neighbour, in ascending number. */
struct sl_peer_neighbour {
	uint32_t peer;
	/* Newest first; one is enough where weights never change. A peer that was not told of a roster in
	 * between still has to know what the steps were worth that its neighbour began under it. */
	unsigned weights;
	struct sl_weight weight[SL_EDGE_WEIGHTS];
	/* Serial of the roster that brought the edge: one that was removed and came back is another. */
	uint32_t added;
	/* borrowed; where the edge is not always there and the same both ways */
	const struct sl_activity *activity;
	uint32_t activities;
};
/* In which rounds of the period the neighbour in that row of t->neighbour takes part; borrows from t. */
void sl_peer_neighbour_schedule(const struct sl_topology *t, uint32_t row, struct sl_peer_neighbour *);
/* The neighbours of a peer (room for SL_DEGREE_MAX), which borrow from the topology; returns how many. */
uint32_t sl_peer_neighbours(const struct sl_topology *, uint32_t peer, struct sl_peer_neighbour *out);

struct sl_peer_setup {
	const struct sl_plan *plan;
	uint32_t peer;
	const struct sl_peer_neighbour *neighbours;
	uint32_t degree;
	const struct sl_dataset *data; /* the shard; borrowed */
	uint32_t serial;               /* of the roster that lists the neighbours */
	/* Room for so many neighbours, which a roster may bring while the run goes on; 0: the degree. */
	uint32_t capacity;
	/* Added to a run under way: without a checkpoint it starts from its neighbours' mean, in their round.
	 */
	bool joining;
	struct sl_gammas gammas;
};

/* What a new roster says of a peer. Neighbours in ascending number, at most `capacity` of them. */
struct sl_peer_roster {
	uint32_t serial; /* above that of the one in force, or nothing happens */
	const struct sl_peer_neighbour *neighbours;
	uint32_t degree;
	struct sl_gammas gammas;
};

/* A driver whose messages leave by connections reports what becomes of them, and may then say of each edge:
 * whatever is sent after UP arrives in order, until DOWN or FULL. A driver that reports nothing may lose,
 * delay and repeat any message. */
enum sl_link_change {
	SL_LINK_UP,   /* a new connection; what an earlier one still carried may be lost */
	SL_LINK_DOWN, /* it has ended */
	SL_LINK_FULL, /* something of what was sent since the last event was dropped: there was no room */
	SL_LINK_ROOM, /* … and there is room again */
	SL_LINK_MOVES /* bytes arrived or were acknowledged since the last event, but no whole message */
};

enum sl_event_kind {
	SL_EVENT_START,
	SL_EVENT_TIMER,        /* sl_peer_deadline has passed */
	SL_EVENT_RECEIVE,      /* one message from the neighbour at `edge`, decided by the proven key */
	SL_EVENT_JOB_DONE,     /* the job of SL_ACTION_JOB has run */
	SL_EVENT_CHECKPOINTED, /* the checkpoint of SL_ACTION_CHECKPOINT is durable (ok) or failed (!ok) */
	SL_EVENT_STOP,         /* asked to stop: the round in hand is dropped, what is done is kept */
	SL_EVENT_ROSTER, /* the run's members or weights have changed: edges are now as `roster` says, and
	                    `edge` counts in its order, also in the actions of this very event */
	SL_EVENT_LINK, /* the connection by which messages leave for the neighbour at `edge`, as `link` says */
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
	                   learner), then feed SL_EVENT_JOB_DONE; receives may be fed meanwhile; `job` says
	                   which it is */
	SL_ACTION_ROUND_ROW,
	SL_ACTION_LINK_ROW,
	SL_ACTION_SKETCH_ROW,
	SL_ACTION_EVENT_ROW,
	SL_ACTION_MARK,       /* compression begins (mark 0) or ends (1), waiting begins (2) or ends (3): for
	                         timings */
	SL_ACTION_CHECKPOINT, /* call sl_peer_save within this call, make it durable, feed
	                         SL_EVENT_CHECKPOINTED later */
	SL_ACTION_QUARANTINE, /* the edge is closed (ok) or open again (!ok): what its neighbour sends is not
	                         wanted */
	SL_ACTION_FINISHED, /* all rounds are done; goes on serving its neighbours until SL_ACTION_HALT, which
	                       does not come before the last checkpoint is durable */
	SL_ACTION_HALT,     /* nothing more to do; `ok` says whether it ended well, `detail` why not */
	SL_ACTION_KINDS
};

/* How long a job takes depends on which it is. */
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
	const struct sl_frame *frame; /* SEND: what the header stands for, without the body */
	unsigned mark;
	bool ok;
	const char *detail;
	union {
		struct sl_round_row *round; /* the driver fills in its fields in place */
		struct sl_link_row *link;
		struct sl_sketch_row *sketch;
		struct sl_event_row *event;
	};
};

/* How a peer acts. Called during sl_peer_step, never recursively; must not call back into the peer. */
typedef void sl_act(void *driver, const struct sl_action *);

/* Bytes of arena that a peer needs; its untouched part stays untouched until an edge lags or a snapshot is
 * made. */
size_t sl_peer_size(const struct sl_peer_setup *);
/* How many of them, at the front, hold the vectors that every round goes through. */
size_t sl_peer_busy(const struct sl_peer_setup *);
/* Lays a peer out in zeroed arena memory with x and all copies at the seeded start. The setup's pointers are
 * borrowed for its life; the setup itself is not. */
struct sl_peer *sl_peer_make(const struct sl_peer_setup *, struct sl_arena *);

/* Restores what sl_peer_save wrote (before SL_EVENT_START), maybe with other settings of scope LATER.
 * Validated whole before anything is taken over: on failure the peer is as it was. SL_MALFORMED: cut short or
 * damaged; SL_UNSUPPORTED: of another run, session, peer or format version; SL_OUT_OF_RANGE: it holds values
 * that are not finite, or over limits.value; SL_TOO_BIG: more neighbours than there is room for; SL_REFUSED:
 * of a later roster than the setup's, or of a later round than the run is to have. */
enum sl_status sl_peer_load(struct sl_peer *, const uint8_t *bytes, size_t length, struct sl_error *error);
/* Whether sl_peer_load would take it; changes nothing. */
enum sl_status sl_peer_check(const struct sl_peer *, const uint8_t *bytes, size_t length,
                             struct sl_error *error);
/* Rounds between checkpoints that a saved state was laid out for, for sl_plan_make_room; 0: it is none. */
uint32_t sl_peer_saved_for(const uint8_t *bytes, size_t length);
/* The state between two events, for a checkpoint: returns its length; writes it when out is not NULL, and
 * checks what was written as sl_peer_load will. 0 with an error (which may be NULL): it could not be loaded
 * again, because a value is no longer finite or over limits.value; the bytes are of no use then. */
size_t sl_peer_save(const struct sl_peer *, uint8_t *out, struct sl_error *error);

/* `scratch` belongs to the calling thread. */
void sl_peer_step(struct sl_peer *, const struct sl_event *, const struct sl_scratch *scratch, sl_act *act,
                  void *driver);
void sl_peer_run_job(struct sl_peer *, const struct sl_scratch *scratch);
/* When it next wants SL_EVENT_TIMER; SL_TIME_NEVER: not at all. */
struct sl_time sl_peer_deadline(const struct sl_peer *);

/* What a person asks about. */
struct sl_peer_edge_status {
	uint32_t neighbour, step,
	    behind; /* behind: rounds since the open tag was sent; 0 when it is in step */
	bool greeted, up, late, waited_for, finished;
	uint32_t their_round, their_roster; /* their_roster: its serial */
	struct sl_time heard_at;
	struct sl_link_row totals;
	uint32_t unknown; /* frames in this life whose headers referred to what this end does not know */
	struct sl_time opened_at; /* when the open tag was sent; 0: none is, or it was in a former life */
	const char *why;          /* what the edge lacks, in words; empty: nothing */
	bool saves;               /* it is known to write a checkpoint before it goes on */
	bool quarantined;
	struct sl_time quarantined_until;
	const char *cause; /* of the quarantine, in a word */
	double anomaly;    /* score of its newest update that was looked at; 0: none was */
};
struct sl_peer_status {
	uint32_t round, rounds, degree, edges_up;
	/* "greeting", "recovering", "computing", "waiting", "evaluating", "serving", "halted"; "saving": it
	 * goes on, or has finished, once a checkpoint is written */
	const char *phase;
	bool save_failed;                 /* the last checkpoint that was tried */
	bool diverging;                   /* or has halted of it */
	double gamma;                     /* under the roster in force */
	double train_loss, test_accuracy; /* NaN before the first */
	int64_t nonzero, payload_tx, payload_rx;
};
void sl_peer_status(const struct sl_peer *, struct sl_peer_status *out);
void sl_peer_edge_status(const struct sl_peer *, uint32_t edge, struct sl_peer_edge_status *out);

/* Edges are numbered from 0 in ascending order of neighbours, from one SL_EVENT_ROSTER to the next. Which edge leads
 * to a neighbour; SL_NO_EDGE: it is none. */
#define SL_NO_EDGE UINT32_MAX
uint32_t sl_peer_edge_to(const struct sl_peer *, uint32_t neighbour);
uint32_t sl_peer_edge_neighbour(const struct sl_peer *, uint32_t edge);

/* Read-only views for checks and digests. copies: channels × dimension floats. */
const float *sl_peer_model(const struct sl_peer *);
uint32_t sl_peer_round(const struct sl_peer *);
/* Serial of the roster in force. */
uint32_t sl_peer_serial(const struct sl_peer *);

#endif
