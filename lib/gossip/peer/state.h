/* state.h — the state of a peer, shared by the files of its state machine only. Checks use gossip/inspect.h.
 *
 * Calls between these files run one way: a file calls only files of the lines above it.
 *   out, absorb, schedule     actions and event rows; how a frame changes a copy; weights and active rounds
 *   privacy                   counts and reports noisy gradients
 *   detect, differ, robust    anomalies; settings that differ; robust mixing
 *   edge, durable, guard      one end of an edge; frames kept for checkpoints; limits on a neighbour
 *   window                    how long the last waits took
 *   stream                    connections: frames in flight; deadlines
 *   terms                     values omitted from headers
 *   lag, send                 lagging edges; frames
 *   hello                     sends and parses greetings
 *   request, epoch, checkpoint, membership
 *   watch                     divergence
 *   copy, join, rates         the copy of a neighbour; late joiners; changed step sizes
 *   greeting, recovery, step, save
 *   resend, round
 *   receive                   validates a frame and passes it on
 *   peer                      dispatches events, and begins a round if round_wished is set
 *   inspect                   views for checks, and fault injection
 */
#ifndef SL_GOSSIP_PEER_STATE_H
#define SL_GOSSIP_PEER_STATE_H

#include "base/hash.h"
#include "compress/whole.h"
#include "gossip/algorithm.h"
#include "gossip/brief.h"
#include "gossip/budget.h"
#include "gossip/peer/guard.h"
#include "gossip/peer/window.h"
#include "gossip/inspect.h"
#include "gossip/journal.h"

/* Bytes held back, frames in order: u32 length, then a fixed header and the body. */
struct sl_held {
	uint8_t *bytes;
	size_t used;
	uint32_t last; /* version of the newest frame in it */
	bool overflow; /* a frame did not fit: request again once it drains */
};

/* One value that the divergence check follows. */
struct sl_watched {
	double sum;                    /* of the current window, over `seen` rounds */
	uint32_t seen, looks, growing; /* looks: windows so far; growing: consecutive windows in which the
	                                  value grew */
	double first, least, last;     /* means of windows; least: valid if `known` */
	bool known;
};
struct sl_watch {
	struct sl_watched loss, apart;
	uint32_t rounds, halvings; /* rounds of the current window; times that gamma was halved here */
	bool diverging;
};

/* Values that hold until a header carries new ones. */
struct sl_terms {
	uint32_t durable, serial;
};

/* The connection to a neighbour, if the driver reports connections (stream.c). Frames in flight are not
 * requested: a neighbour's request carries the number of messages it has received, from which this end
 * derives them. */
struct sl_stream {
	uint32_t number; /* unique per connection, ascending; 0: the driver reports no connections */
	bool up, full;
	enum sl_again began; /* what ended the stream before it: the connection, or a drop */
	uint32_t handed;     /* messages handed to it */
	uint32_t asked;      /* number of them counted in the neighbour's newest request; 0: no request */
	/* rings by version and by step: `handed` when it was last sent; 0: not sent on this connection */
	uint32_t *frame, *tag;
	uint32_t piece;       /* the same for the last piece of a snapshot */
	uint32_t piece_asked; /* offset in the request answered */
	/* bytes of a snapshot sent at once: at most what the link carries in about a quarter of a second, so
	 * that frames do not wait for it */
	uint32_t piece_bytes;
	struct sl_time piece_at;
	/* frames wait until the neighbour has determined its state and accepts them */
	bool unsettled, waits, said_unsettled; /* said_unsettled: this end told the neighbour to wait */
	bool ask_soon;                         /* a request was rate-limited and is sent later */
	bool ask_settled;                      /* … or when this end takes frames */
	/* the neighbour's connection: its number from the greeting, and messages received since */
	uint32_t their_number, received;
	int64_t wait_us, spread_us; /* time from this end's tag to the neighbour's: smoothed, and its mean
	                               deviation */
	uint32_t opened_on; /* number of the connection on which this end tagged its step; 0: none was up */
	struct sl_window waits_of; /* the last of them */
	/* where a link is slower than rounds: frames that may go out with a step, which follows from whether it was
	 * busy since the last one */
	bool busy, was_busy;
	uint32_t burst;  /* 0: as 1 */
	unsigned probes; /* greetings to a silent neighbour since its last message, less the first */
};

/* A snapshot that is being received. It lies in rx_held.bytes, where no frames are held meanwhile. */
struct sl_staging {
	bool open, self; /* self: it is the neighbour's copy of this peer */
	bool whole;      /* … and is complete: it waits for those of the others */
	bool failed; /* the neighbour did not send its copy of this peer, or another one than it had said */
	uint32_t epoch, version, at; /* at: bytes received */
	unsigned tries;              /* requests for its copy of this peer since the last piece of it */
	struct sl_time ends;         /* deadline for the whole */
};
enum { SL_PIECE_LEAST = 1 << 10 }; /* no sender makes smaller pieces, but for the last one */

/* How long a byte budget may delay the messages of a round, and how many edges away (pace.c); ms 0: none. */
struct sl_delay {
	uint32_t ms;
	uint8_t hops;
};

/* One end of an edge. A "block" is one copy: channels × dimension floats, then the coder's memory of that
 * stream. */
struct sl_edge {
	uint32_t neighbour, since; /* since: serial of the roster that added it */
	/* w_ij with the roster serial from which it applies, newest first: a step uses the weight for the
	 * lower serial of its two tags */
	unsigned weights;
	struct sl_weight weight[SL_EDGE_WEIGHTS];
	const struct sl_activity *activity; /* phases in which it is active; none: every round, both ways */
	uint32_t activities;
	bool tx_off,
	    rx_off; /* directed: the neighbour mixes nothing of this peer and gets no frames; this peer mixes
	               nothing of it */
	int64_t owed; /* payload bytes of frames to send once the edge is active again */

	/* the neighbour's journal, as held here */
	uint8_t *theirs; /* block at their_number */
	uint32_t their_epoch, their_version;
	uint32_t known_epoch; /* the newest epoch the neighbour has announced; above their_epoch until a
	                         snapshot of it has arrived */
	uint64_t their_digest;
	bool diverged;          /* the copy differs from the neighbour's: only a snapshot helps */
	unsigned misfits;       /* consecutive frames of the next version whose digest did not match */
	struct sl_held rx_held; /* their frames beyond an uncompleted tag */
	struct sl_staging staging;

	/* the steps of this edge */
	uint32_t step;      /* completed */
	bool mine_open;     /* this end has tagged step + 1 */
	bool theirs_open;   /* the neighbour's tag of step + 1 is here; `theirs` is at its version */
	uint32_t limit;     /* version in this end's last tag; frames up to it were sent */
	uint32_t opened_in; /* own round at that time */
	struct sl_time opened_at;
	bool is_full;       /* another frame would leave the neighbour with a snapshot */
	uint32_t full_step; /* the first in which that was so since … */
	struct sl_time full_at;
	uint32_t *tag;          /* ring: version tagged for step s, at s & (plan->tags − 1) */
	uint64_t *tag_digest;   /* … the digest of the own copy there */
	uint32_t *tag_serial;   /* … and the serial of the step's roster, as far as known here */
	uint32_t their_serial;  /* of the tag of theirs_open */
	uint32_t tagged;        /* last step tagged here: step + 1 while mine_open */
	bool mine_saved;        /* the own copy at `limit` is kept in `mine`, since the public copy has
	                           advanced */
	uint8_t *mine;          /* block */
	struct sl_held tx_kept; /* own frames (acknowledged, limit] of a saved tag */
	double term_probe;      /* <probe, last term added here> */

	/* this peer's journal, as the neighbour is known to hold it */
	uint32_t acknowledged;
	uint32_t seen_version,
	    seen_step;       /* highest values received since its last start: frames with lower ones were
	                        overtaken */
	uint32_t taken_over; /* step at which it adopted this end's counter after losing its own: it need not
	                        hold that step's copy */
	uint32_t durable;    /* in its older checkpoint; UINT32_MAX: it writes no checkpoints */
	uint32_t sent;       /* newest version ever sent on this edge */

	/* versions of the neighbour's journal in own checkpoints */
	uint32_t checkpoint_pending, checkpoint_newest, checkpoint_older;
	bool wants; /* its journal is almost full until this peer writes a newer checkpoint */
	bool lost;  /* a frame that its older checkpoint needs was dropped, and that was reported */

	/* values that headers of tags and differences can omit: terms.c */
	struct sl_terms said, agreed; /* this end's, the neighbour's */
	uint32_t terms_from,
	    near_from;        /* first step whose frames omit this end's terms; … whose frames have only low
	                       bytes */
	uint32_t told_step;   /* step in the last greeting since its last start */
	uint32_t asked_step;  /* step before which it was asked what it holds */
	bool agrees;          /* it has sent its terms */
	uint32_t agreed_step; /* in frames of this step, or later ones */
	unsigned unknown;     /* consecutive frames that referred to values unknown here */
	uint32_t unknown_all; /* … and all of them */
	uint8_t wire_version; /* of its last frame of another version */

	/* greeting and liveness */
	bool reset;                    /* the step counter is lost: adopt the neighbour's */
	bool greeted;                  /* both ends know each other's present incarnation */
	uint64_t incarnation;          /* of the neighbour */
	bool refused;                  /* another session or shape; reported once */
	bool added;                    /* by a later roster, and no message received yet */
	bool up, late;                 /* up: message within link_timeout; late: not waited for until the next
	                                  message */
	bool late_again;               /* a message came since, and again without the tag of step late_for */
	uint32_t late_for;             /* the last step at which waiting for it was given up */
	bool finished, knows_finished; /* it has completed its rounds; it knows that this peer has */
	uint32_t their_round, their_roster;
	uint32_t their_rounds;      /* its run.rounds; 0: not known yet */
	uint64_t differs;           /* shared keys for which it has another value */
	unsigned tensor;            /* the first that differs (sl_tensors_differ) */
	bool compared;              /* from a greeting */
	struct sl_time differs_at;  /* when that may be reported again */
	uint32_t objected;          /* the highest serial of theirs that was reported */
	struct sl_time ahead_since; /* … since then their roster is newer than this peer's */
	bool behind;                /* lagging, and reported */
	struct sl_time behind_since;
	uint32_t oldest;                           /* of the frames in its journal */
	uint32_t knows_me_epoch;                   /* newest epoch of this peer that it knows */
	uint32_t holds_me_epoch, holds_me_version; /* its copy of this peer, from its greeting */
	uint64_t holds_me_digest;
	uint8_t holds_me_hash[SL_HASH_BYTES];
	bool wants_hash; /* it asked for the hash of this end's copy of it */
	bool hashed;     /* `hash` is that of `theirs` at these: */
	uint32_t hashed_epoch, hashed_version;
	uint64_t hashed_digest;
	uint8_t hash[SL_HASH_BYTES];
	/* what it held of this peer's epoch when it first greeted this start of it: only frames of a former
	 * start can differ from those computed now */
	bool met;
	uint32_t former_epoch, former_version;
	uint64_t former_digest;
	struct sl_time news_at; /* when a frame of its journal was last accepted */
	struct sl_time heard_at, asked_at, ask_at, asked_hello_at;
	int64_t ask_every_us;
	struct sl_stream stream;
	struct sl_delay pace, said_pace; /* as the neighbour announced it, and as this end did */
	struct sl_time pace_news_at;     /* limits greetings that only say another one */
	struct sl_guard guard;
	struct sl_detector detector;

	struct sl_link_row totals;
	int64_t early;        /* of totals.payload_rx: frames of rounds after the current one … */
	uint32_t early_round; /* … which belong to this one */
};

struct sl_peer {
	const struct sl_plan *plan;
	uint32_t id, degree;
	uint32_t capacity; /* of edge[]; entries from `degree` on are unused */
	uint32_t serial;   /* of the roster in force */
	struct sl_gammas gammas;
	bool joining; /* added to a running run: starts from the neighbours' mean */
	struct sl_edge *edge;
	struct sl_learner learner;

	/* the public copy */
	uint8_t *copy_state;
	uint64_t digest,
	    first_digest; /* of the copy at this version; at version 0, for edges that stay there */
	uint32_t epoch, version;
	struct sl_journal journal;

	enum sl_phase phase;
	enum sl_job_kind job; /* of the running job: another thread may read it */
	uint32_t round;       /* current round = completed rounds */
	uint64_t incarnation;
	bool resumed;       /* from a checkpoint */
	bool recovered;     /* from a neighbour's copy, in this start */
	bool holds_frames;  /* this round has none: some neighbour is to catch up first */
	bool was_free;      /* … written with a pace that does not recompute rounds */
	bool rates_changed; /* … and with other step sizes: the round from which they apply is not determined
	                       yet */
	uint32_t rounds_most; /* largest run.rounds that this run has had */
	bool undecided; /* too few neighbours have greeted to know how it goes on: greet_until was put off */
	struct sl_time phase_since, greet_until, recover_at;
	double disagreement, train_loss, test_loss, test_accuracy, last_accuracy;
	int64_t nonzero, payload_tx, payload_rx;
	double penalty; /* λR(x) at the end of the round, for its row */
	double clip_at; /* robust mixing: largest norm of a difference that is not clipped */
	uint32_t edges_up;
	struct sl_budget pacing; /* of the frames of pace = free */
	struct sl_watch watch;
	double epsilon; /* of privacy, after the last local steps */
	bool spent;     /* its budget; that was reported in this start */
	uint32_t alone; /* rounds in which nobody was heard, the one in hand included; 0: somebody is */

	/* own checkpoints, by their round: both generations, and the one being written */
	bool checkpointing;
	uint32_t saved_newest, saved_older, saving_round;
	bool checkpoint_due; /* one fell due while another was being written */
	bool save_failed;    /* the last attempt */
	bool hold_said, final_given_up;
	bool saving_settled,
	    saved_settled;      /* … in which all neighbours have finished, and know that this peer has */
	bool was_final;         /* restarted from a checkpoint of the last round */
	struct sl_time save_at; /* if rounds wait for it: earliest time of the next attempt */
	int64_t save_every_us;
	char halt_detail[160];

	/* of the current sl_peer_step */
	bool round_wished; /* the next round can begin: peer.c begins it when the present call returns */
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

/* An exact run: peers wait for all neighbours without limit, and all take part in all rounds. */
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

/* privacy.c */
/* After local steps: ε so far; an event in the round in which they have used up the budget. */
void sl_count_private(struct sl_peer *);
/* The rows of ε and δ. */
void sl_emit_private(struct sl_peer *);
/* Lost its state and knows its round: counts the gradients of all rounds until here. */
void sl_recover_private(struct sl_peer *);

/* terms.c */
/* Writes the header of a frame to the neighbour; returns its length. */
size_t sl_terms_header(const struct sl_peer *, struct sl_edge *, const struct sl_frame *, uint32_t length,
                       uint8_t out[static SL_FRAME_HEADER]);
/* … leaving nothing out, and changing nothing. */
size_t sl_terms_whole(const struct sl_peer *, const struct sl_edge *, const struct sl_frame *,
                      uint32_t length, uint8_t out[static SL_FRAME_HEADER]);
/* Reads a brief header as the neighbour's; call sl_terms_learn once the frame is accepted. */
enum sl_brief sl_terms_read(const struct sl_peer *, const struct sl_edge *, const uint8_t *bytes,
                            size_t length, struct sl_frame *out);
void sl_terms_learn(struct sl_edge *, const struct sl_frame *);
/* The neighbour may have missed values sent earlier: send all of them again. */
void sl_terms_repeat(struct sl_edge *);
/* Forgets the neighbour's terms. */
void sl_terms_drop(struct sl_edge *);

/* send.c */
/* Whether this peer has determined the state of its edges, and so accepts frames. */
bool sl_peer_is_settled(const struct sl_peer *, const struct sl_edge *);
/* A frame header with all fields that are the same for every frame to this neighbour now. */
struct sl_frame sl_peer_frame(const struct sl_peer *, const struct sl_edge *, enum sl_frame_kind);
/* False: it cannot leave now, because the connection is down or full. */
bool sl_peer_send(struct sl_peer *, struct sl_edge *, const struct sl_frame *, const uint8_t *body,
                  size_t length);
/* Sends the tag of a step alone; nothing if the tag is no longer known. */
void sl_send_tag(struct sl_peer *, struct sl_edge *, uint32_t step);

/* pace.c: byte budgets, of this peer and of those that it waits for */
void sl_pace_start(struct sl_peer *);
/* What a greeting to that neighbour announces, and what one from it has announced. */
struct sl_delay sl_pace_announced(const struct sl_peer *, const struct sl_edge *to);
void sl_pace_heard(struct sl_edge *, struct sl_delay);
/* Whether that neighbour has to be greeted because this end would announce something else now. */
bool sl_pace_is_news(const struct sl_peer *, struct sl_edge *to);
/* The longest that any of them may delay the messages of a round. */
int64_t sl_pace_us(const struct sl_peer *);
/* run.round_timeout and run.link_timeout, with twice that. */
int64_t sl_round_timeout_us(const struct sl_peer *);
int64_t sl_link_timeout_us(const struct sl_peer *);
/* A frame was encoded. */
void sl_pace_encoded(struct sl_peer *, size_t body);

/* stream.c: frames in flight, and how long to wait for them */
/* A connection's state has changed. True: the neighbour has to be greeted. */
bool sl_stream_change(struct sl_peer *, struct sl_edge *, enum sl_link_change);
/* A message was handed over. */
void sl_stream_handed(const struct sl_peer *, struct sl_edge *, const struct sl_frame *);
/* A message of any kind was received from the neighbour. */
void sl_stream_received(struct sl_edge *);
/* The neighbour's greeting gives the number of its connection. True: a new connection. */
bool sl_stream_greeted(struct sl_edge *, uint32_t number, bool new_incarnation);
/* Whether a request that was made after `received` messages of connection `number` has to wait: the requested
 * data, or the greeting of the present connection, are in flight. */
bool sl_stream_premature(const struct sl_edge *, uint32_t number);
/* Whether frame `version`, the tag of `step`, or the last piece of a snapshot is still in flight to a
 * neighbour that has received `received` messages. */
bool sl_stream_has_frame(const struct sl_peer *, const struct sl_edge *, uint32_t version, uint32_t received);
bool sl_stream_has_tag(const struct sl_peer *, const struct sl_edge *, uint32_t step, uint32_t received);
bool sl_stream_has_piece(const struct sl_edge *, uint32_t received);
/* Whether one more frame, for a step that can be tagged now (`opens`) or for a later one, would leave soon. */
bool sl_stream_takes(const struct sl_peer *, const struct sl_edge *, bool opens);
/* A step was completed: sets how many frames may go out with the next one. */
void sl_stream_completed(struct sl_edge *);
/* Why frame `version`, which is not in flight, has to be sent again. */
enum sl_again sl_stream_again(const struct sl_peer *, const struct sl_edge *, uint32_t version);
/* Largest next piece of a snapshot, in bytes, from the time that the last one took. */
uint32_t sl_stream_piece_bytes(const struct sl_peer *, struct sl_edge *);
/* Call when the neighbour's tag of a step tagged here arrives. */
void sl_stream_waited(const struct sl_peer *, struct sl_edge *);
/* Time to wait for expected frames before the first request, and longest time between requests. */
int64_t sl_stream_patience_us(const struct sl_edge *);
int64_t sl_stream_patience_most_us(const struct sl_edge *);
/* Time without a message and without a byte that moves after which the neighbour counts as down, and after which
 * a round no longer waits for it: they follow its own times, up to link_timeout and round_timeout. */
int64_t sl_stream_silence_us(const struct sl_peer *, const struct sl_edge *);
int64_t sl_stream_round_us(const struct sl_peer *, const struct sl_edge *);
/* When the round in hand stops waiting for it: at round_timeout, or before, if nothing moves. */
struct sl_time sl_stream_round_ends(const struct sl_peer *, const struct sl_edge *);
/* `least_us`, increased for a slow connection. */
int64_t sl_stream_patient_us(const struct sl_edge *, int64_t least_us);

/* hello.c: the greeting as bytes */
struct sl_hello {
	uint64_t session, incarnation, echo, held_digest;
	uint8_t held_hash[SL_HASH_BYTES]; /* zeros: it was not asked */
	uint32_t dimension, sender, receiver, flags, held_epoch, held_version, step, oldest, known_epoch,
	    rounds, stream;
	struct sl_delay pace;
	uint64_t differs; /* shared keys with another digest than mine */
	unsigned tensor;  /* the first one that differs, as sl_tensors_differ gives it */
};
enum {
	SL_HELLO_ANSWER = 1, /* answer it */
	SL_HELLO_RESET = 2,
	SL_HELLO_FINISHED = 4,
	SL_HELLO_KNOWS_FINISHED = 8,
	SL_HELLO_CANNOT = 16,
	SL_HELLO_NOTHING = 32,
	SL_HELLO_UNSETTLED = 64, /* it takes no frames yet */
	SL_HELLO_HASH = 128,     /* say the hash of your copy of me */
	SL_HELLO_FLAGS = 255
};
/* False: malformed. */
bool sl_hello_parse(const struct sl_plan *, struct sl_hello *, struct sl_reader);
void sl_hello_send(struct sl_peer *, struct sl_edge *, unsigned flags);
void sl_greet(struct sl_peer *, struct sl_edge *, bool answer);
/* … and reports that the requested data is no longer held: the neighbour needs a new epoch. */
void sl_greet_cannot(struct sl_peer *, struct sl_edge *);
/* The answer to a request when there is nothing to send yet: the neighbour should wait before it asks
 * again. */
void sl_greet_nothing(struct sl_peer *, struct sl_edge *);
void sl_greet_all(struct sl_peer *, bool answer);

/* greeting.c */
void sl_receive_hello(struct sl_peer *, struct sl_edge *, const struct sl_frame *);
/* A greeting of another run: records which settings differ, and ignores the rest. */
void sl_receive_stranger(struct sl_peer *, struct sl_edge *, const struct sl_frame *);

/* recovery.c */
/* Continues once every neighbour has answered or timed out. */
void sl_greeting_check(struct sl_peer *);
void sl_recovery_check(struct sl_peer *);
/* A neighbour's copy of this peer is complete, in its staging place. */
void sl_recovery_received(struct sl_peer *, struct sl_edge *);

/* epoch.c */
/* The newest epoch of this peer that any neighbour knows, at least `least`. */
uint32_t sl_epoch_newest(const struct sl_peer *, uint32_t least);
/* Whether an epoch is too high for this peer to have had it. */
bool sl_epoch_is_made_up(const struct sl_peer *, uint32_t epoch);
/* Starts an epoch above `least` and all epochs that neighbours know: the upper 24 bits count, the lower 8
 * distinguish starts of a peer that did not know of each other. */
void sl_start_epoch(struct sl_peer *, uint32_t least, const char *why);

/* edge.c */
/* Resets an edge, keeping its buffers, to the state in which its steps are unknown. */
void sl_edge_clear(const struct sl_peer *, struct sl_edge *);
/* Initialises a new edge, before any message. */
void sl_edge_begin(struct sl_peer *, struct sl_edge *, const struct sl_peer_neighbour *);
/* NULL: no neighbour. */
struct sl_edge *sl_peer_edge(struct sl_peer *, uint32_t neighbour);
/* The version tagged for `step`; false if the ring no longer has it. */
bool sl_edge_tag_version(const struct sl_peer *, const struct sl_edge *, uint32_t step, uint32_t *version);
/* The own copy at the last tag. */
const uint8_t *sl_edge_mine(const struct sl_peer *, const struct sl_edge *);
/* Records that the neighbour holds this peer's journal up to `version`. */
void sl_edge_acknowledge(struct sl_peer *, struct sl_edge *, uint32_t version);

/* membership.c */
/* Sets the edges from a roster. New edges are empty; with `reset` their steps are unknown too. */
void sl_membership_set(struct sl_peer *, const struct sl_peer_roster *, bool reset);
/* False: it is no newer than the one in force. */
bool sl_membership_change(struct sl_peer *, const struct sl_peer_roster *);

/* join.c */
/* Begins to fetch the neighbours' copies, from whose mean a late joiner starts; false: no neighbour is
 * ahead. */
bool sl_join_begin(struct sl_peer *);
void sl_join_check(struct sl_peer *);

/* Compares the neighbour's settings, from its greeting, with own ones; event rows. */
void sl_edge_compare(struct sl_peer *, struct sl_edge *, uint32_t rounds, uint64_t differs);
void sl_edge_note_stranger(struct sl_peer *, const struct sl_edge *, const char *sent);
/* No step of this edge is left: it ends with the lower run.rounds of its two ends. */
bool sl_edge_is_over(const struct sl_peer *, const struct sl_edge *);
/* The largest round, step or number that a frame of that neighbour may name. */
uint32_t sl_edge_rounds_most(const struct sl_peer *, const struct sl_edge *);
/* rates.c: after loading a checkpoint written with those step sizes; before the first round. */
void sl_rates_resume(struct sl_peer *, const struct sl_rates *saved);
void sl_rates_settle(struct sl_peer *);

/* lag.c: rounds since the open tag was sent; why the edge waits, as text, empty if it does not; event
 * rows. */
uint32_t sl_edge_lag(const struct sl_peer *, const struct sl_edge *);
const char *sl_edge_why(const struct sl_peer *, const struct sl_edge *);
void sl_edge_watch_lag(struct sl_peer *, struct sl_edge *);
/* Reports a neighbour that has had a newer roster for a while: this one may be an old one restored. */
void sl_edge_watch_roster(struct sl_peer *, struct sl_edge *);

/* receive.c */
void sl_receive(struct sl_peer *, struct sl_edge *, const uint8_t *bytes, size_t length);

/* copy.c */
void sl_edge_believe(struct sl_edge *, const struct sl_frame *);
/* A DIFFERENCE or a TAG. */
void sl_receive_journal(struct sl_peer *, struct sl_edge *, const struct sl_frame *);
void sl_edge_drain(struct sl_peer *, struct sl_edge *);

/* absorb.c: how a difference is applied to a copy. One decoded body: an update per channel. */
struct sl_absorption {
	struct sl_absorb_rule rule[SL_CHANNELS_MAX];
	struct sl_update update[SL_CHANNELS_MAX];
	struct sl_dense
	    whole[SL_CHANNELS_MAX];         /* where changed > 0: instead of the update; all sums are known */
	float scalar[SL_ALGORITHM_SCALARS]; /* sent beside the channels */
	uint64_t digest;                    /* of the copy after it */
	bool beyond;                        /* a value over limits.value */
};
/* The algorithm's rule for a channel of frame `version` of a peer. */
struct sl_absorb_rule sl_absorb_rule(const struct sl_plan *, uint32_t peer, uint32_t version,
                                     unsigned channel);
/* Decodes a body against a copy state without changing it. False: malformed, or a value would not stay within
 * limits.value. */
bool sl_absorb_decode(const struct sl_peer *, uint32_t sender, uint32_t version, struct sl_reader body,
                      uint8_t *copy_state, uint64_t digest, struct sl_absorption *out);
/* Encodes the algorithm's outgoing vectors as the body of frame p->version + 1. False: the model is no longer
 * finite. */
bool sl_absorb_encode(struct sl_peer *, struct sl_writer *, struct sl_absorption *out);
/* Applies the update decoded just before, including the coder's memory. */
void sl_absorb_apply(const struct sl_peer *, const struct sl_absorption *, uint8_t *copy_state, bool decoded);
/* The digest after an update; false if a value would not stay within limits.value. */
bool sl_absorb_digest(const struct sl_peer *, const uint8_t *copy_state, uint64_t digest,
                      struct sl_absorption *);

/* durable.c: frames kept for the checkpoints of neighbours, and the content of own ones */
/* Whether own tags on the edge set `wants`: this end soon has no room for the frames that the neighbour's
 * older checkpoint needs. */
bool sl_edge_wants_checkpoint(const struct sl_peer *, const struct sl_edge *);
/* Drops frames that no neighbour can request any longer: all neighbours hold them, and so do the older
 * checkpoints of those that write checkpoints. */
void sl_durable_trim(struct sl_peer *);
/* Room for the next frame. Reports it if that drops a frame that a neighbour's checkpoint needs. */
uint8_t *sl_durable_room(struct sl_peer *);
/* Drops the data for that version, and reports it if a neighbour's checkpoint needs it. */
void sl_durable_lost(struct sl_peer *, struct sl_edge *, uint32_t version);
/* The version of the neighbour's journal after which this end needs frames if it restarts. */
uint32_t sl_edge_durable(const struct sl_peer *, const struct sl_edge *);
/* All rounds are done and durable, as reported to neighbours. */
bool sl_is_final(const struct sl_peer *);

/* checkpoint.c: own checkpoints */
void sl_checkpoint_now(struct sl_peer *);
/* The checkpoint being written becomes the newest, the newest becomes the older. */
void sl_edge_checkpointed(struct sl_edge *);
/* Between two rounds: begins a checkpoint if one is due. */
void sl_checkpoint_if_due(struct sl_peer *);
/* Between two rounds: whether the next round has to wait for checkpoints; begins them if so. */
bool sl_checkpoint_holds(struct sl_peer *);
void sl_checkpointed(struct sl_peer *, bool ok);
void sl_checkpoint_check(struct sl_peer *);
struct sl_time sl_checkpoint_deadline(const struct sl_peer *);
/* All rounds are done: begins the last checkpoints. */
void sl_checkpoint_final(struct sl_peer *);
/* The last state is durable. If all neighbours have finished and know that this peer has, that is durable
 * too: if started again, the peer exits at once. */
bool sl_may_leave(const struct sl_peer *);

/* request.c */
enum { SL_WANT_FRAMES, SL_WANT_SNAPSHOT, SL_WANT_SELF, SL_WANTS };
void sl_request(struct sl_peer *, struct sl_edge *, uint8_t what, uint32_t version, uint32_t offset);
/* Requests what the edge is missing; rate-limited. */
void sl_edge_ask(struct sl_peer *, struct sl_edge *);
/* When a request follows that sl_edge_ask put off; SL_TIME_NEVER: none was. */
struct sl_time sl_edge_asks_soon(const struct sl_edge *);
void sl_ask_self(struct sl_peer *, struct sl_edge *);

/* resend.c */
/* The neighbour accepts frames now: sends those held back. */
void sl_edge_settled(struct sl_peer *, struct sl_edge *);
void sl_receive_request(struct sl_peer *, struct sl_edge *, const struct sl_frame *);
void sl_receive_snapshot(struct sl_peer *, struct sl_edge *, const struct sl_frame *);

/* step.c: the edge's own counter */
/* Opens step + 1 at the present version if allowed, and sends the frames and tag for it. */
void sl_edge_open(struct sl_peer *, struct sl_edge *);
/* Whether any link takes a frame of this round. */
bool sl_edges_take(const struct sl_peer *);
/* Whether another frame would cost some neighbour a snapshot that a short wait may spare. */
bool sl_edges_fill_up(struct sl_peer *);
/* Call before the public copy advances: keeps the data that open tags still need. */
void sl_edges_keep(struct sl_peer *);
/* With both tags present: adds the term, once. */
void sl_edge_complete(struct sl_peer *, struct sl_edge *);
/* … on every edge that can complete its step; then the last operation of the round, and what its row counts. */
void sl_edges_complete(struct sl_peer *);
bool sl_edge_can_complete(const struct sl_edge *);

/* schedule.c */
/* The weight of a step under that serial; for serials before all known ones, the oldest weight. */
double sl_edge_weight(const struct sl_edge *, uint32_t serial);
/* The same for γ. */
double sl_peer_gamma(const struct sl_peer *, uint32_t serial);
void sl_peer_set_gammas(struct sl_peer *, const struct sl_gammas *);
/* c = (float)(γ·w_ij), the same at both ends. */
float sl_edge_coefficient(const struct sl_peer *, const struct sl_edge *, uint32_t serial);
void sl_edge_set_weights(struct sl_edge *, const struct sl_peer_neighbour *);
void sl_edge_schedule(struct sl_edge *, const struct sl_peer_neighbour *);
/* Whether the edge takes part in the round in hand. */
bool sl_edge_active(const struct sl_peer *, const struct sl_edge *);
/* The round of a step in the regular schedule. */
uint32_t sl_edge_round_of(const struct sl_peer *, const struct sl_edge *, uint32_t step);
/* Neighbour and weights of a step, without the copies. */
struct sl_mixing sl_edge_mixing(const struct sl_peer *, const struct sl_edge *, uint32_t step,
                                uint32_t serial);
/* Payload bytes: a frame was made; a link took it for the first time. */
void sl_count_payload(struct sl_peer *, size_t bytes);
void sl_count_handed(struct sl_peer *, struct sl_edge *, size_t bytes);

/* watch.c */
/* After a round: checks its loss and disagreement; event rows, and the action of run.on_divergence. */
void sl_watch_round(struct sl_peer *);
/* The model is no longer finite or within limits. */
void sl_watch_broken(struct sl_peer *);

/* round.c */
/* For peer.c; others set round_wished. */
void sl_round_begin(struct sl_peer *);
void sl_round_exchange(struct sl_peer *);
void sl_round_check(struct sl_peer *);
void sl_round_evaluated(struct sl_peer *);
/* When the end of the round no longer waits for the byte budget. */
struct sl_time sl_round_held_until(const struct sl_peer *);
bool sl_edge_awaited(const struct sl_peer *, const struct sl_edge *);
/* Whether a peer that hears nobody waits for this edge among others. */
bool sl_edge_missed(const struct sl_peer *, const struct sl_edge *);
/* When the round in hand goes on without anybody; SL_TIME_NEVER: it does not wait for that. */
struct sl_time sl_alone_ends(const struct sl_peer *);
void sl_serve(struct sl_peer *, struct sl_edge *);
void sl_serve_check(struct sl_peer *);

#endif
