/* state.h — what is inside a peer, for the files that together are its state machine. Nobody else includes it:
 * gossip/inspect.h shows what checks need.
 *
 * Calls between these files run one way: a file calls only files of the lines above it.
 *   out, absorb, schedule     actions and event rows; what a frame does to a copy; weights and active rounds
 *   detect, differ, robust    anomalies; settings that differ; robust mixing
 *   edge, durable, guard      one end of an edge; what checkpoints need; what a neighbour may cost
 *   stream                    connections: what is on its way
 *   terms                     what headers leave out
 *   lag, send                 edges that are behind; frames
 *   hello                     sends and parses greetings
 *   request, epoch, checkpoint, membership
 *   watch                     divergence
 *   copy, join, rates         the copy of a neighbour; late joiners; changed step sizes
 *   greeting, recovery, step, save
 *   resend, round
 *   receive                   validates a frame and passes it on
 *   peer                      dispatches events, and begins a round where others set round_wished
 *   inspect                   what checks see, and planted faults
 */
#ifndef SL_GOSSIP_PEER_STATE_H
#define SL_GOSSIP_PEER_STATE_H

#include "gossip/algorithm.h"
#include "gossip/brief.h"
#include "gossip/peer/guard.h"
#include "gossip/inspect.h"
#include "gossip/journal.h"

/* Bytes held back, frames in order: u32 length, then a fixed header and the body. */
struct sl_held {
	uint8_t *bytes;
	size_t used;
	uint32_t last; /* number of the newest frame in it */
	bool overflow; /* something had to be left out: ask again once it drains */
};

/* What the watch on divergence follows of one value. */
struct sl_watched {
	double sum;                    /* of the look in hand, over `seen` rounds */
	uint32_t seen, looks, growing; /* growing: looks on end in which it did */
	double first, least, last;     /* means of looks; least: where `known` */
	bool known;
};
struct sl_watch {
	struct sl_watched loss, apart;
	uint32_t rounds, halvings; /* rounds of the look in hand; how often gamma was halved here */
	bool diverging;
};

/* What a peer says of itself until it says something else. */
struct sl_terms {
	uint32_t durable, serial;
};

/* The connection to a neighbour, where the driver reports connections (stream.c). What is on its way is not
 * requested: the neighbour's requests count what they have received, so that this end knows. */
struct sl_stream {
	uint32_t number; /* each connection has one of its own, rising; 0: the driver reports none */
	bool up, full;
	uint32_t handed; /* messages that were handed to it */
	uint32_t asked;  /* how many of them the neighbour's newest request counts; 0: it asked for nothing */
	/* rings by version and by step: `handed` when it was last sent; 0: not by this connection */
	uint32_t *frame, *tag;
	uint32_t piece;       /* the same for the last piece of a snapshot */
	uint32_t piece_asked; /* offset in the request that it answers */
	/* of a snapshot, sent at once: no more than the link carries in about a quarter of a second, so that
	 * frames do not wait for it */
	uint32_t piece_bytes;
	struct sl_time piece_at;
	/* frames wait until the neighbour, which is still finding out where it stands, takes them */
	bool unsettled, waits, said_unsettled; /* said_unsettled: this end is the one that does */
	bool ask_soon; /* a request was due too soon after the last one: it follows */
	/* the neighbour's: its number as its greeting says, and messages received since */
	uint32_t their_number, received;
	int64_t wait_us, spread_us; /* from my tag to the neighbour's: smoothed, and its mean deviation */
};

/* One end of an edge. A "block" is one copy: channels × dimension floats, then the coder's memory of that
 * stream. */
struct sl_edge {
	uint32_t neighbour, since; /* since: serial of the roster that brought it */
	/* w_ij by the roster's serial from which on it holds, newest first: a step uses the weight of the
	 * lower serial of its two tags */
	unsigned weights;
	struct sl_weight weight[SL_EDGE_WEIGHTS];
	const struct sl_activity
	    *activity; /* the phases in which it is active; none: every round, both ways */
	uint32_t activities;
	bool tx_off,
	    rx_off; /* directed: the neighbour takes nothing of mine and gets no frames; I take nothing of it */
	int64_t owed; /* payload bytes of frames that it gets once the edge is active again */

	/* what I hold of the neighbour's journal */
	uint8_t *theirs; /* block at their_number */
	uint32_t their_epoch, their_version;
	uint32_t known_epoch; /* the newest that they have told of; above their_epoch until a snapshot of it
	                         is here */
	uint64_t their_digest;
	bool diverged;          /* my copy is not what they have: only a snapshot helps */
	unsigned misfits;       /* frames of the next number that did not fit, one after another */
	struct sl_held rx_held; /* their frames beyond an uncompleted tag */

	/* the steps of this edge */
	uint32_t step;      /* completed */
	bool mine_open;     /* I have tagged step + 1 */
	bool theirs_open;   /* I hold their tag of step + 1; `theirs` is at its number */
	uint32_t limit;     /* number of my last tag: what was sent goes so far */
	uint32_t opened_in; /* my round then */
	struct sl_time opened_at;
	uint32_t *tag;          /* ring: number that I tagged for step s at s & (plan->tags − 1) */
	uint64_t *tag_digest;   /* … and the digest of my copy there */
	uint32_t *tag_serial;   /* … and the serial of the roster that the step is for, as far as I know */
	uint32_t their_serial;  /* of the tag of theirs_open */
	uint32_t tagged;        /* my last tagged step: step + 1 while mine_open */
	bool mine_saved;        /* my copy at `limit` is kept in `mine`, since the public copy moved on */
	uint8_t *mine;          /* block */
	struct sl_held tx_kept; /* my frames (acknowledged, limit] of a saved tag */
	double term_probe;      /* <probe, last term added here> */

	/* what the neighbour is known to hold of mine */
	uint32_t acknowledged;
	uint32_t seen_version,
	    seen_step;       /* what its present life has said: whatever says less was overtaken */
	uint32_t taken_over; /* having lost its counter it took over mine here: that step's copy it need not
	                        hold */
	uint32_t durable;    /* in its older checkpoint; UINT32_MAX: it makes none */
	uint32_t sent;       /* newest number ever sent on this edge */

	/* what my checkpoints hold of theirs */
	uint32_t checkpoint_pending, checkpoint_newest, checkpoint_older;
	bool wants; /* it has no room for many more frames of its own before a newer checkpoint of mine */
	bool lost;  /* of what its older checkpoint needs something is gone, and that was said */

	/* what the headers of tags and differences need not say again: terms.c */
	struct sl_terms said, agreed; /* mine, the neighbour's */
	uint32_t terms_from,
	    near_from;      /* the first step whose frames leave out mine; … say less than whole numbers */
	uint32_t told_step; /* the last step that its present life has greeted with */
	bool agrees;        /* it has said its terms */
	uint32_t agreed_step; /* in frames of this step, or later ones */
	unsigned unknown;     /* frames that referred to what this end does not know, one after another */
	uint32_t unknown_all; /* … and all of them */
	uint8_t wire_version; /* of its last frame of another version */

	/* acquaintance */
	bool reset;                    /* the step counter is lost: take over the neighbour's */
	bool greeted;                  /* both ends know each other's present life */
	uint64_t incarnation;          /* of the neighbour */
	bool refused;                  /* another session or shape: said so once */
	bool added;                    /* by a roster while the run goes on, and not heard yet */
	bool up, late;                 /* heard within link_timeout; not waited for until heard again */
	bool late_again;               /* heard since, and again without the tag of step late_for */
	uint32_t late_for;             /* the step that it was given up for last */
	bool finished, knows_finished; /* it has done its rounds; it knows that I have */
	uint32_t their_round, their_roster;
	uint32_t their_rounds;     /* its run.rounds; 0: not heard yet */
	uint64_t differs;          /* shared keys that it was started with another value of */
	bool compared;             /* a greeting said so */
	struct sl_time differs_at; /* when that may be said again */
	bool behind;               /* and said so */
	struct sl_time behind_since;
	uint32_t oldest;                           /* of the frames in its journal */
	uint32_t knows_me_epoch;                   /* the newest of mine that it has heard of */
	uint32_t holds_me_epoch, holds_me_version; /* its copy of me, as its greeting said */
	uint64_t holds_me_digest;
	struct sl_time news_at; /* when a frame of its journal last counted */
	struct sl_time heard_at, asked_at, ask_at, asked_hello_at;
	int64_t ask_every_us;
	struct sl_stream stream;
	struct sl_guard guard;
	struct sl_detector detector;

	struct sl_link_row totals;
	int64_t early;        /* of totals.payload_rx: frames of rounds after the one in hand … */
	uint32_t early_round; /* … which belong to this one */
};

struct sl_peer {
	const struct sl_plan *plan;
	uint32_t id, degree;
	uint32_t capacity; /* of edge[]; those from `degree` on have room, and nothing else */
	uint32_t serial;   /* of the roster in force */
	struct sl_gammas gammas;
	bool joining; /* added to a run under way: starts from the neighbours' mean */
	struct sl_edge *edge;
	struct sl_learner learner;

	/* the public copy */
	uint8_t *copy_state;
	uint64_t digest,
	    first_digest; /* of the copy at this number; at number 0, for edges that stay there */
	uint32_t epoch, version;
	struct sl_journal journal;

	/* one snapshot at a time is received */
	uint8_t *staging;
	struct sl_edge *staging_edge;                        /* NULL: free */
	uint32_t staging_epoch, staging_version, staging_at; /* bytes received */
	bool staging_self;                                   /* it is the neighbour's copy of me */
	struct sl_time staging_until;

	enum sl_phase phase;
	enum sl_job_kind job; /* of the job that is out: another thread may be reading it */
	uint32_t round;       /* the round in hand = rounds done */
	uint64_t incarnation;
	bool resumed;       /* from a checkpoint */
	bool recovered;     /* from a neighbour's copy, in this start */
	bool was_free;      /* … that was made in a pace that does not recompute */
	bool rates_changed; /* … and with other step sizes: from which round on these hold is not settled */
	uint32_t rounds_most; /* the most that this run was ever meant to have */
	uint32_t recover_tries;
	struct sl_time phase_since, greet_until, recover_at;
	double disagreement, train_loss, test_loss, test_accuracy, last_accuracy;
	int64_t nonzero, payload_tx, payload_rx;
	double clip_at; /* robust mixing: longest difference of two copies that counts in full */
	uint32_t edges_up;
	struct sl_watch watch;

	/* own checkpoints, by their round: both generations, and the one that is being written */
	bool checkpointing;
	uint32_t saved_newest, saved_older, saving_round;
	bool checkpoint_due; /* one fell due while another was being written */
	bool save_failed;    /* the last attempt */
	bool hold_said, final_given_up;
	bool saving_settled,
	    saved_settled;      /* … that all neighbours have finished, and know it of this peer */
	bool was_final;         /* restarted from a checkpoint of the last round */
	struct sl_time save_at; /* where rounds wait for it: not before */
	int64_t save_every_us;
	char halt_detail[160];

	/* of the step in hand */
	bool
	    round_wished; /* the next round can begin: peer.c begins it when the call that found it returns */
	struct sl_time now;
	const struct sl_scratch *scratch;
	sl_act *act;
	void *driver;
};

static inline float *sl_copy_state_floats(uint8_t *copy_state)
{
	return (float *)(void *)copy_state;
}

static inline void *sl_copy_state_memory(const struct sl_peer *p, uint8_t *copy_state, unsigned channel)
{
	size_t one = p->plan->copy_memory / p->plan->channels;
	return one ? copy_state + 4 * p->plan->copy_floats + channel * one : NULL;
}

/* An exact run: nobody goes on without anybody, and all rounds are everyone's. */
static inline bool sl_waits_forever(const struct sl_peer *p)
{
	return p->plan->settings.pace == SL_PACE_LOCKSTEP && p->plan->settings.round_timeout_us == INT64_MAX;
}

/* out.c: actions and event rows */
void sl_peer_note(struct sl_peer *, enum sl_level, const char *kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void sl_peer_mark(struct sl_peer *, unsigned mark);
void sl_peer_emit(struct sl_peer *, struct sl_action *);
void sl_peer_halt(struct sl_peer *, bool ok, const char *detail);

/* terms.c */
/* Writes the header of a frame to the neighbour; returns its length. */
size_t sl_terms_header(const struct sl_peer *, struct sl_edge *, const struct sl_frame *, uint32_t length,
                       uint8_t out[static SL_FRAME_HEADER]);
/* … leaving nothing out, and changing nothing. */
size_t sl_terms_whole(const struct sl_peer *, const struct sl_edge *, const struct sl_frame *,
                      uint32_t length, uint8_t out[static SL_FRAME_HEADER]);
/* Reads a brief header as the neighbour's; it counts, by sl_terms_learn, once the frame is known to be sound. */
enum sl_brief sl_terms_read(const struct sl_peer *, const struct sl_edge *, const uint8_t *bytes,
                            size_t length, struct sl_frame *out);
void sl_terms_learn(struct sl_edge *, const struct sl_frame *);
/* The neighbour may not know what was said to it: all is said again. */
void sl_terms_repeat(struct sl_edge *);
/* What it has said counts no longer. */
void sl_terms_drop(struct sl_edge *);

/* send.c */
/* Whether this peer knows where its edges stand, and so takes frames. */
bool sl_peer_is_settled(const struct sl_peer *, const struct sl_edge *);
/* A frame header with everything that does not depend on the occasion. */
struct sl_frame sl_peer_frame(const struct sl_peer *, const struct sl_edge *, enum sl_frame_kind);
/* False: it cannot leave now, because the connection is down or full. */
bool sl_peer_send(struct sl_peer *, struct sl_edge *, const struct sl_frame *, const uint8_t *body,
                  size_t length);
/* The tag of a step alone; nothing where it is not known any more. */
void sl_send_tag(struct sl_peer *, struct sl_edge *, uint32_t step);

/* stream.c: what is on its way, and how long to wait for it */
/* A connection's state has changed. True: the neighbour has to be greeted. */
bool sl_stream_change(struct sl_peer *, struct sl_edge *, enum sl_link_change);
/* A message was handed over. */
void sl_stream_handed(const struct sl_peer *, struct sl_edge *, const struct sl_frame *);
/* A message of the neighbour came, whatever it is. */
void sl_stream_received(struct sl_edge *);
/* The neighbour's greeting names the connection it came by. True: a new one. */
bool sl_stream_greeted(struct sl_edge *, uint32_t number, bool new_incarnation);
/* Whether a request that was made after `received` messages of connection `number` has to wait: what it may
 * want is on its way, or the greeting of the present connection is. */
bool sl_stream_premature(const struct sl_edge *, uint32_t number);
/* Whether frame `version`, the tag of `step`, or the last piece of a snapshot is still on its way to a
 * neighbour that has received so many messages. */
bool sl_stream_has_frame(const struct sl_peer *, const struct sl_edge *, uint32_t version, uint32_t received);
bool sl_stream_has_tag(const struct sl_peer *, const struct sl_edge *, uint32_t step, uint32_t received);
bool sl_stream_has_piece(const struct sl_edge *, uint32_t received);
/* Bytes that the next piece of a snapshot may have: as the time that the last one took suggests. */
uint32_t sl_stream_piece_bytes(const struct sl_peer *, struct sl_edge *);
/* The neighbour's tag of a step that this end has tagged is here. */
void sl_stream_waited(const struct sl_peer *, struct sl_edge *);
/* How long to wait for what is expected before the first request, and between requests at most. */
int64_t sl_stream_patience_us(const struct sl_edge *);
int64_t sl_stream_patience_most_us(const struct sl_edge *);
/* `least_us`, or what a slow connection makes of it. */
int64_t sl_stream_patient_us(const struct sl_edge *, int64_t least_us);

/* hello.c: the greeting as bytes */
struct sl_hello {
	uint64_t session, incarnation, echo, held_digest;
	uint32_t dimension, sender, receiver, flags, held_epoch, held_version, step, oldest, known_epoch,
	    rounds, stream;
	uint64_t differs; /* shared keys with another digest than mine */
};
enum {
	SL_HELLO_ANSWER = 1, /* answer it */
	SL_HELLO_RESET = 2,
	SL_HELLO_FINISHED = 4,
	SL_HELLO_KNOWS_FINISHED = 8,
	SL_HELLO_CANNOT = 16,
	SL_HELLO_NOTHING = 32,
	SL_HELLO_UNSETTLED = 64, /* it takes no frames yet */
	SL_HELLO_FLAGS = 127
};
/* False: malformed. */
bool sl_hello_parse(const struct sl_plan *, struct sl_hello *, struct sl_reader);
void sl_hello_send(struct sl_peer *, struct sl_edge *, unsigned flags);
void sl_greet(struct sl_peer *, struct sl_edge *, bool answer);
/* … and tells it that what it asked for is gone: its only way on is a new epoch. */
void sl_greet_cannot(struct sl_peer *, struct sl_edge *);
/* The answer to a request when there is nothing for it yet: "I am here, do not ask at once". */
void sl_greet_nothing(struct sl_peer *, struct sl_edge *);
void sl_greet_all(struct sl_peer *, bool answer);

/* greeting.c */
void sl_receive_hello(struct sl_peer *, struct sl_edge *, const struct sl_frame *);
/* A greeting of another run: learns which settings differ, and takes nothing else from it. */
void sl_receive_stranger(struct sl_peer *, struct sl_edge *, const struct sl_frame *);

/* recovery.c */
/* Goes on once every neighbour has answered, or had its time. */
void sl_greeting_check(struct sl_peer *);
void sl_recovery_check(struct sl_peer *);

/* epoch.c */
/* The newest epoch of this peer that anybody has heard of, and `least` at least. */
uint32_t sl_epoch_newest(const struct sl_peer *, uint32_t least);
/* So far ahead that this peer cannot have had it. */
bool sl_epoch_is_made_up(const struct sl_peer *, uint32_t epoch);
/* An epoch after `least` and all that neighbours have heard of: its upper 24 bits count, the lower 8 tell
 * lives of a peer apart that did not know of each other. */
void sl_start_epoch(struct sl_peer *, uint32_t least, const char *why);

/* edge.c */
/* Nothing but its room, and the state of an edge whose steps are not known. */
void sl_edge_clear(const struct sl_peer *, struct sl_edge *);
/* An edge as it is before anything was said on it. */
void sl_edge_begin(struct sl_peer *, struct sl_edge *, const struct sl_peer_neighbour *);
/* NULL: no neighbour. */
struct sl_edge *sl_peer_edge(struct sl_peer *, uint32_t neighbour);
/* The number tagged for `step`, if the ring still knows; false otherwise. */
bool sl_edge_tag_version(const struct sl_peer *, const struct sl_edge *, uint32_t step, uint32_t *version);
/* The copy of mine that the last tag stands for. */
const uint8_t *sl_edge_mine(const struct sl_peer *, const struct sl_edge *);
/* The neighbour holds my journal up to `version`. */
void sl_edge_acknowledge(struct sl_peer *, struct sl_edge *, uint32_t version);

/* membership.c */
/* Edges as of a roster; those that are new know nothing yet, also of their steps where `reset`. */
void sl_membership_set(struct sl_peer *, const struct sl_peer_roster *, bool reset);
/* False: it is no newer than the one in force. */
bool sl_membership_change(struct sl_peer *, const struct sl_peer_roster *);

/* join.c */
/* Begins to fetch the neighbours' copies, of which a late joiner starts from the mean; false: nobody is
 * ahead. */
bool sl_join_begin(struct sl_peer *);
void sl_join_check(struct sl_peer *);

/* Settings that the neighbour was started with, as its greeting says; event rows. */
void sl_edge_compare(struct sl_peer *, struct sl_edge *, uint32_t rounds, uint64_t differs);
void sl_edge_note_stranger(struct sl_peer *, const struct sl_edge *, const char *sent);
/* No step of this edge is left: it ends with the lower run.rounds of its two ends. */
bool sl_edge_is_over(const struct sl_peer *, const struct sl_edge *);
/* The largest round, step or number that a frame of that neighbour may name. */
uint32_t sl_edge_rounds_most(const struct sl_peer *, const struct sl_edge *);
/* rates.c: behind a checkpoint that was made with those step sizes in force; before the first round. */
void sl_rates_resume(struct sl_peer *, const struct sl_rates *saved);
void sl_rates_settle(struct sl_peer *);

/* lag.c: rounds since the open tag was sent; what the edge lacks, in words, empty where nothing; event rows.
 */
uint32_t sl_edge_lag(const struct sl_peer *, const struct sl_edge *);
const char *sl_edge_why(const struct sl_peer *, const struct sl_edge *);
void sl_edge_watch_lag(struct sl_peer *, struct sl_edge *);

/* receive.c */
void sl_receive(struct sl_peer *, struct sl_edge *, const uint8_t *bytes, size_t length);

/* copy.c */
void sl_edge_believe(struct sl_edge *, const struct sl_frame *);
/* A DIFFERENCE or a TAG. */
void sl_receive_journal(struct sl_peer *, struct sl_edge *, const struct sl_frame *);
void sl_edge_drain(struct sl_peer *, struct sl_edge *);

/* absorb.c: how a copy takes in a difference. One decoded body: an update a channel. */
struct sl_absorption {
	struct sl_absorb_rule rule[SL_CHANNELS_MAX];
	struct sl_update update[SL_CHANNELS_MAX];
	float scalar[SL_ALGORITHM_SCALARS]; /* what came beside the channels */
	uint64_t digest;                    /* of the copy after it */
	bool beyond;                        /* a value over limits.value */
};
/* What the algorithm's plug-in says of a channel of frame `version` of a peer. */
struct sl_absorb_rule sl_absorb_rule(const struct sl_plan *, uint32_t peer, uint32_t version,
                                     unsigned channel);
/* Decodes a body against a block without touching it. False: malformed, or a value would not stay within
 * limits.value. */
bool sl_absorb_decode(const struct sl_peer *, uint32_t sender, uint32_t version, struct sl_reader body,
                      uint8_t *copy_state, uint64_t digest, struct sl_absorption *out);
/* Encodes what the algorithm sends now as the body of frame p->number + 1. False: the model is no longer
 * finite. */
bool sl_absorb_encode(struct sl_peer *, struct sl_writer *, struct sl_absorption *out);
/* Applies what was decoded just before (the coder's memory included). */
void sl_absorb_apply(const struct sl_peer *, const struct sl_absorption *, uint8_t *copy_state, bool decoded);
/* The digest after an update; false if a value would not stay within limits.value. */
bool sl_absorb_digest(const struct sl_peer *, const uint8_t *copy_state, uint64_t digest,
                      struct sl_absorption *);

/* durable.c: what is kept for the checkpoints of neighbours, and what own ones hold */
/* What own tags on the edge say: this end soon has no room for what the neighbour's older checkpoint needs.
 */
bool sl_edge_wants_checkpoint(const struct sl_peer *, const struct sl_edge *);
/* Forgets frames that nobody can ask for any more: held live by all neighbours, and by the older checkpoint
 * of those that make checkpoints. */
void sl_durable_trim(struct sl_peer *);
/* Room for the next frame. Says so where a frame has to go that a neighbour's checkpoint needs. */
uint8_t *sl_durable_room(struct sl_peer *);
/* What stood for that number has to go: says so where it is needed. */
void sl_durable_lost(struct sl_peer *, struct sl_edge *, uint32_t version);
/* The number of the neighbour's journal from which on this end needs its frames after a restart. */
uint32_t sl_edge_durable(const struct sl_peer *, const struct sl_edge *);
/* All rounds are done and durable, which is what neighbours are told. */
bool sl_is_final(const struct sl_peer *);

/* checkpoint.c: own checkpoints */
void sl_checkpoint_now(struct sl_peer *);
/* What was being written is the newest checkpoint now, and that one the older. */
void sl_edge_checkpointed(struct sl_edge *);
/* Between two rounds: begins a checkpoint where one is due. */
void sl_checkpoint_if_due(struct sl_peer *);
/* Between two rounds: whether the next has to wait for checkpoints, which are then begun. */
bool sl_checkpoint_holds(struct sl_peer *);
void sl_checkpointed(struct sl_peer *, bool ok);
void sl_checkpoint_check(struct sl_peer *);
struct sl_time sl_checkpoint_deadline(const struct sl_peer *);
/* All rounds are done: begins the last checkpoints. */
void sl_checkpoint_final(struct sl_peer *);
/* The last state is durable, and so is, where it is so, that all neighbours have finished too and know that
 * this peer has: started again, it leaves at once. */
bool sl_may_leave(const struct sl_peer *);

/* request.c */
enum { SL_WANT_FRAMES, SL_WANT_SNAPSHOT, SL_WANT_SELF, SL_WANTS };
void sl_request(struct sl_peer *, struct sl_edge *, uint8_t what, uint32_t version, uint32_t offset);
/* Asks for what the edge lacks; not again at once. */
void sl_edge_ask(struct sl_peer *, struct sl_edge *);
/* When a request follows that sl_edge_ask put off; SL_TIME_NEVER: none was. */
struct sl_time sl_edge_asks_soon(const struct sl_edge *);
void sl_ask_self(struct sl_peer *, struct sl_edge *);
/* Whether the snapshot that is being received is another edge's. */
bool sl_staging_taken(struct sl_peer *, const struct sl_edge *);

/* resend.c */
/* The neighbour takes frames: sends what waited for that. */
void sl_edge_settled(struct sl_peer *, struct sl_edge *);
void sl_receive_request(struct sl_peer *, struct sl_edge *, const struct sl_frame *);
void sl_receive_snapshot(struct sl_peer *, struct sl_edge *, const struct sl_frame *);

/* step.c: the edge's own counter */
/* Opens step + 1 at the present number if that may be, and sends what it needs. */
void sl_edge_open(struct sl_peer *, struct sl_edge *);
/* Called before the public copy moves on: keeps what open tags still need. */
void sl_edges_keep(struct sl_peer *);
/* Both tags held: adds the term, once. */
void sl_edge_complete(struct sl_peer *, struct sl_edge *);
/* … on every edge where that can be. */
void sl_edges_complete(struct sl_peer *);
bool sl_edge_can_complete(const struct sl_edge *);

/* schedule.c */
/* The weight that a step under that serial has; the oldest that is known where it was before all of them. */
double sl_edge_weight(const struct sl_edge *, uint32_t serial);
/* The same of γ. */
double sl_peer_gamma(const struct sl_peer *, uint32_t serial);
void sl_peer_set_gammas(struct sl_peer *, const struct sl_gammas *);
/* c = (float)(γ·w_ij), the same at both ends. */
float sl_edge_coefficient(const struct sl_peer *, const struct sl_edge *, uint32_t serial);
void sl_edge_set_weights(struct sl_edge *, const struct sl_peer_neighbour *);
void sl_edge_schedule(struct sl_edge *, const struct sl_peer_neighbour *);
/* Whether the edge takes part in the round in hand. */
bool sl_edge_active(const struct sl_peer *, const struct sl_edge *);
/* The round that a step stands for, where all is in step. */
uint32_t sl_edge_round_of(const struct sl_peer *, const struct sl_edge *, uint32_t step);
/* Neighbour and weights of a step, without the copies. */
struct sl_mixing sl_edge_mixing(const struct sl_peer *, const struct sl_edge *, uint32_t step,
                                uint32_t serial);
void sl_count_payload(struct sl_peer *, size_t bytes);

/* watch.c */
/* A round is done: looks at its loss and disagreement; event rows, and what run.on_divergence says. */
void sl_watch_round(struct sl_peer *);
/* The model is of no use any more. */
void sl_watch_broken(struct sl_peer *);

/* round.c */
/* For peer.c; others set round_wished. */
void sl_round_begin(struct sl_peer *);
void sl_round_exchange(struct sl_peer *);
void sl_round_check(struct sl_peer *);
void sl_round_evaluated(struct sl_peer *);
bool sl_edge_awaited(const struct sl_peer *, const struct sl_edge *);
void sl_serve(struct sl_peer *, struct sl_edge *);
void sl_serve_check(struct sl_peer *);

#endif
