/* sim_state.h — the simulator's state, for the files of lib/sim only. */
#ifndef SL_SIM_SIM_STATE_H
#define SL_SIM_SIM_STATE_H

#include "gossip/generations.h"
#include "gossip/inspect.h"
#include "gossip/outbox.h"
#include "sim/sim.h"

enum sl_happening {
	SL_HAPPENS_START,
	SL_HAPPENS_TIMER,
	SL_HAPPENS_RECEIVE,
	SL_HAPPENS_JOB_DONE,
	SL_HAPPENS_CHECKPOINTED,
	SL_HAPPENS_ROSTER,
	SL_HAPPENS_LINK,
	SL_HAPPENS_DRAIN, /* bytes have left a link's queue: no peer sees this, nor the next */
	SL_HAPPENS_PACED, /* the budget lets a message leave */
	SL_HAPPENS_MOVE   /* bytes of an incomplete message have moved */
};

/* Events are ordered by time, then by the peer that caused them, then by that peer's own count of them. This order
 * does not depend on which of two peers was served first, nor on the thread that served them. */
struct sl_sim_event {
	struct sl_time at;
	uint64_t number;
	uint32_t source;
	enum sl_happening what;
	uint32_t peer, link,
	    starts;          /* link: the way back to the sender; starts: events of a killed peer's former
	                              lives are void */
	uint32_t connection; /* RECEIVE, LINK, DRAIN, MOVE: void unless it is still the link's; 0: of none */
	enum sl_link_change change; /* LINK */
	uint8_t *bytes;             /* owned */
	size_t length;
	uint64_t message; /* its number; 0: injected, or not numbered */
};

struct sl_sim_heap {
	struct sl_sim_event *event;
	size_t length, capacity;
};

struct sl_sim_trouble {
	struct sl_time at;
	uint32_t peer;
	char text[256]; /* empty: none */
};

/* A checkpoint's position in a neighbour's journal: after a restart it needs the frames that follow. */
struct sl_sim_hold {
	uint32_t number, step;
};
enum { SL_SIM_PENDING, SL_SIM_NEWEST, SL_SIM_OLDER, SL_SIM_HOLDS };

struct sl_sim_node {
	struct sl_peer *peer;
	uint8_t *block; /* its arena: `room` bytes */
	size_t room;
	uint32_t part;                 /* that it belongs to */
	uint64_t events, caused, rows; /* its own; that it caused; that it wrote */
	uint32_t starts;
	bool alive, halted, ok;
	bool absent;                      /* not a member: never started, or removed */
	bool joins;                       /* a member since after the start */
	const struct sl_topology *roster; /* the one on its disk: it takes effect when the peer is notified */
	uint32_t serial;
	struct sl_time timer;   /* the pending timer event, in the simulator's time */
	uint8_t *checkpoint[2]; /* newest, older */
	size_t checkpoint_length[2];
	uint32_t checkpoint_round[2];
	struct sl_sim_hold *holds[SL_SIM_HOLDS]; /* of each of its links */
	uint32_t links;
	uint8_t *pending;
	size_t pending_length;
	uint32_t pending_round, written; /* written: checkpoints since the disk was new */
	uint64_t wire_tx, wire_rx;
	struct sl_outbox *outbox; /* of a byte budget; NULL: none */
	struct sl_time paced_at;  /* the pending event of it */
	struct sl_time free_at;   /* its wire has sent all that it was given */
	bool opens_or_ends;       /* links of it, at the end of this window */

	/* faults in force */
	int64_t skew_us; /* offset of its clock from the simulator's */
	struct sl_time paused_until;
	int64_t slow;                  /* factor on the duration of its jobs */
	int64_t disk_us, disk_base_us; /* additional time of a checkpoint: during a fault; always */
	bool disk_fails;

	struct sl_sim_poisoner poisoner;
	bool distrusted;

	/* what the invariants remember */
	uint64_t *digest; /* of the public copy at each number of log_epoch; 0: not seen */
	uint32_t digests, log_epoch, last_round;
	bool unsure;
	bool touched;            /* it had an event in this window */
	uint64_t checked_digest; /* of the public copy that was compared with its digest last */
	bool checked;
};

/* The message of a connection that brought a frame or a tag. */
enum { SL_SIM_SENT = 64 };
struct sl_sim_sent {
	uint32_t number;
	uint64_t message;
	struct sl_time arrives;
};
struct sl_sim_sent_all {
	struct sl_sim_sent frame[SL_SIM_SENT], tag[SL_SIM_SENT]; /* by version and by step */
};

/* A frame or a tag that was sent again, until the window is over. */
struct sl_sim_resent {
	uint32_t link, from;
	uint32_t epoch, number; /* version or step */
	bool is_frame, on_its_way;
	uint64_t before; /* the message that brought it before */
};

/* One direction of an edge, indexed as topology->neighbour is. */
struct sl_sim_link {
	uint32_t reverse; /* index of the other direction */
	struct sl_time last;
	uint64_t messages;
	bool cut;

	/* of a connection (links.c) */
	enum { SL_SIM_CLOSED, SL_SIM_CONNECTING, SL_SIM_UP } state;
	uint32_t connection; /* rises with each, and with each end of one */
	uint64_t queued;     /* bytes that have not left yet */
	unsigned waiting;    /* number of messages that wait */
	bool moving;         /* peers hear every now and then that bytes move, until moves_until */
	struct sl_time moves_until;
	bool told_up, full, told_full, told_busy;
	/* what its rows say: bytes; while it had something to send; a message's time in the queue, and there and
	 * back, smoothed as TCP does */
	int64_t wire_tx, busy_us, queue_us, srtt_us;
	struct sl_time busy_until;
	/* what the invariants remember */
	bool disturbed; /* it was cut, or full, or … */
	uint64_t handed,
	    arrived;  /* messages of this connection; of the reverse one, which the peer has seen */
	bool checked; /* the sender's copy of the receiver was compared, when it was this one: */
	uint32_t checked_epoch, checked_version;
	uint64_t checked_digest;
	uint32_t epoch;               /* of the newest that was sent */
	struct sl_sim_sent_all *sent; /* NULL: nothing yet */
};

/* Of the models x of a part's peers in a round that not all peers have done yet. */
struct sl_sim_sum {
	uint32_t round, peers;
	float *origin; /* the first of them */
	double *sum;   /* Σ (x − origin) */
	double square; /* Σ ‖x − origin‖² */
};

/* Peers are shared out to parts, which do not depend on the number of threads. In a window one thread at a time serves
 * a part; what its peers cause in other parts waits in boxes until the next window, which is early enough: no message
 * takes less time than a window. */
enum { SL_SIM_PARTS_MAX = 64 };
struct sl_sim_part {
	uint32_t index, first, end; /* peers first … end − 1 */
	struct sl_sim_heap heap;
	struct sl_sim_heap
	    box[2][SL_SIM_PARTS_MAX]; /* events from each part: of this window, of the one before */
	uint64_t posted; /* a bit for each part that has events from this one in the window's boxes */
	struct sl_time posted_for; /* the earliest of them */
	struct sl_time now;
	struct sl_sim_totals totals;
	struct sl_sim_trouble trouble;
	uint8_t *rows; /* of the window: rows.c */
	size_t rows_length, rows_capacity, rows_count;
	struct sl_sim_sum *sums;
	size_t sums_length;
	bool summed;       /* in this window */
	uint32_t *touched; /* peers with an event in this window */
	uint32_t touches;
	bool opens_or_ends;           /* one of its peers does */
	struct sl_sim_resent *resent; /* in this window */
	size_t resents, resents_capacity;
};

struct sl_sim {
	struct sl_sim_setup setup;
	struct sl_scratch *scratch; /* one per thread */
	uint8_t **scratch_block;
	uint32_t threads;
	uint8_t *room; /* of all peers */
	size_t peer_bytes;
	struct sl_sim_node *node;
	struct sl_sim_link *link;
	struct sl_sim_part *part;
	uint32_t parts;
	bool parallel;        /* threads are serving parts: what is not of one's own part is out of bounds */
	bool windowed;        /* rows wait for the end of the window */
	unsigned turn;        /* of the boxes that are written: 0 or 1 */
	struct sl_time until; /* the end of the window */
	struct sl_time now;   /* parallel: of the last window; a part's own time is in the part */
	struct sl_time free_at; /* of the wire that all share */
	uint32_t poisoners;     /* peers */
	uint64_t messages;
	/* All rosters so far, by ascending serial: the weights under each. */
	struct sl_sim_roster {
		uint32_t serial;
		const struct sl_topology *topology;
		double gamma;
	} * roster;
	size_t rosters;
	struct sl_sim_trouble trouble;
	struct sl_sim_watch watch;
};

/* What a peer's actions and rows refer to. */
struct sl_sim_acting {
	struct sl_sim *sim;
	uint32_t peer;
};

/* parts.c */
void sl_sim_parts_make(struct sl_sim *);
void sl_sim_parts_free(struct sl_sim *);
struct sl_sim_totals *sl_sim_totals_of(struct sl_sim *, uint32_t peer);
/* The time at which the event of that peer happens that is being processed. */
struct sl_time sl_sim_now_of(const struct sl_sim *, uint32_t peer);
/* Schedules an event of event.peer that another or the same peer causes. */
void sl_sim_push(struct sl_sim *, uint32_t source, struct sl_sim_event);
/* Takes the next event of all; false: there is none. Not while threads are at work. */
bool sl_sim_pop(struct sl_sim *, struct sl_sim_event *out);
/* Takes the next event of a part that happens before the end of the window. */
bool sl_sim_pop_part(struct sl_sim *, struct sl_sim_part *, struct sl_sim_event *out);
/* Boxes that were written can be read from now on; a bit for each part that has some. */
uint64_t sl_sim_turn(struct sl_sim *);
/* Takes what other parts have sent to this one before that. */
void sl_sim_unpack(struct sl_sim *, struct sl_sim_part *);
/* The time of the next event of all; SL_TIME_NEVER: there is none. */
struct sl_time sl_sim_next(const struct sl_sim *);
/* Records a violation that a peer shows; the run then ends. Of several the earliest counts. */
__attribute__((format(printf, 3, 4))) void sl_sim_broken(struct sl_sim *, uint32_t peer, const char *format,
                                                         ...);
/* Looks for the first of all parts. */
void sl_sim_gather_trouble(struct sl_sim *);

/* rows.c: in a window, rows wait until it is over, and are then written in the order of time, peer, and issue. */
enum sl_sim_row_kind {
	SL_SIM_ROUND_ROW,
	SL_SIM_LINK_ROW,
	SL_SIM_SKETCH_ROW,
	SL_SIM_EVENT_ROW,
	SL_SIM_METRIC_ROW
};
void sl_sim_row(struct sl_sim *, uint32_t peer, enum sl_sim_row_kind, const void *row, size_t size);
/* Adds the model of a peer to the sum of a round. */
void sl_sim_sum(struct sl_sim *, uint32_t peer, uint32_t round);
void sl_sim_rows_write(struct sl_sim *);

/* drive.c: an event, all that it leads to at once, and what must hold of its peer. `full`: all that must hold;
 * otherwise the peer is noted for the end of the window. */
void sl_sim_process(struct sl_sim *, struct sl_sim_event *, const struct sl_scratch *, bool full);

/* node.c */
/* The edge of a peer that uses a link; SL_NO_EDGE: the link is unused now. */
uint32_t sl_sim_edge(const struct sl_sim *, uint32_t peer, uint32_t link);
/* … and its present state; false: there is none. */
bool sl_sim_view(const struct sl_sim *, uint32_t peer, uint32_t link, struct sl_edge_view *out);
/* The link on which a peer sends to a neighbour. */
uint32_t sl_sim_link_to(const struct sl_sim *, uint32_t peer, uint32_t neighbour);
/* Neighbours as a peer's roster lists them; `out` has room for SL_DEGREE_MAX. */
uint32_t sl_sim_listed(const struct sl_sim *, uint32_t peer, struct sl_peer_neighbour *out);
/* γ under the rosters that a peer may know. */
struct sl_gammas sl_sim_gammas(const struct sl_sim *, uint32_t peer);
/* For all peers as their rosters are now; false: no memory. */
bool sl_sim_make_room(struct sl_sim *);
void sl_sim_make_peer(struct sl_sim *, uint32_t i);
void sl_sim_start_peer(struct sl_sim *, uint32_t i);
/* Writes an event row of the simulator, for an acting peer; an sl_generations_tell. */
void sl_sim_note(void *acting_now, enum sl_level, const char *kind, const char *detail);

/* The bytes of a handshake between two peers. */
void sl_sim_count_handshake(struct sl_sim *, uint32_t a, uint32_t b);

/* links.c. Where links are connections: looks at those of a peer after anything that may open or end them; in a window,
 * when it is over. */
void sl_sim_links_review(struct sl_sim *, uint32_t peer);
/* … which is now. */
void sl_sim_links_follow(struct sl_sim *);
/* Whether the sender on a link is to be told of the change, which takes effect. */
bool sl_sim_link_hears(struct sl_sim *, const struct sl_sim_event *);
/* A message was dropped for lack of room before it reached the link. */
void sl_sim_link_overflows(struct sl_sim *, uint32_t link, uint32_t from);
/* What the sender is to be told of how long messages wait; false: nothing new. */
bool sl_sim_link_waits(struct sl_sim *, uint32_t link, uint32_t from, enum sl_link_change *);
void sl_sim_link_drained(struct sl_sim *, const struct sl_sim_event *);
void sl_sim_link_moves(struct sl_sim *, const struct sl_sim_event *);
/* Whether a message of that length is on its way now, and when it arrives. */
bool sl_sim_link_takes(struct sl_sim *, uint32_t link, uint32_t from, size_t message,
                       struct sl_time *arrives);
/* A message has arrived. */
void sl_sim_link_arrives(struct sl_sim *, const struct sl_sim_event *);
/* Fills in what the driver knows of a link's row. */
void sl_sim_link_measure(const struct sl_sim *, uint32_t link, struct sl_link_row *);
/* Nothing is asked of the link any more, nor of the way back. */
void sl_sim_disturb(struct sl_sim *, uint32_t link);
/* Nothing is sent twice over a link that nothing disturbed: looks at a message that was just handed over, in a window when it
 * is over. */
void sl_sim_check_sent(struct sl_sim *, uint32_t link, uint32_t from, const struct sl_action *,
                       struct sl_time arrives);
/* … which is now. */
void sl_sim_check_resent(struct sl_sim *, struct sl_sim_part *);

/* members.c */
void sl_sim_keep_roster(struct sl_sim *, const struct sl_topology *, uint32_t serial);

/* saved.c: a peer's state as a checkpoint, malloc'd; NULL with an error as from sl_peer_save. */
uint8_t *sl_sim_save(const struct sl_peer *, size_t *length, struct sl_error *error);
/* … and checks that loading it gives a peer with an identical state. */
void sl_sim_check_saved(struct sl_sim *, uint32_t peer);

/* kept.c: positions of checkpoints in the neighbours' journals, and checks that neighbours keep the frames
 * after them. */
void sl_sim_holds_make(struct sl_sim *, uint32_t peer);
void sl_sim_holds_note(struct sl_sim *, uint32_t peer);
/* Moves a generation to the next place; its own is empty then, as before the first checkpoint. */
void sl_sim_holds_move(struct sl_sim_node *, unsigned from, unsigned to);
/* Makes the checkpoint being written the newest. */
void sl_sim_keep_checkpoint(struct sl_sim_node *);
void sl_sim_check_kept(struct sl_sim *, uint32_t peer);

/* poison.c: replaces a poisoner's model after its local steps. */
void sl_sim_lie(struct sl_sim *, uint32_t peer);
/* Bytes that a message of that length is on a daemon's TCP connection. */
size_t sl_sim_on_wire(size_t message);
/* … and all that it makes pass over the link in its direction, headers of TCP, IP and Ethernet included. */
size_t sl_sim_occupies(size_t message);
/* Draws the fate of a message on a link and schedules its arrivals. */
/* outbox.c: the outbox of a peer; nothing happens without a byte budget */
void sl_sim_pace_begin(struct sl_sim *, uint32_t peer);
/* Bytes that no message accounts for. */
void sl_sim_pace_charge(struct sl_sim *, uint32_t peer, int64_t bytes);
/* What waits for a link, or for all, is lost. */
void sl_sim_pace_drop(struct sl_sim *, uint32_t peer, uint32_t link);
void sl_sim_pace_clear(struct sl_sim *, uint32_t peer);
/* paced.c */
/* Takes a message that the peer sends on that link, if it has an outbox. */
bool sl_sim_pace_takes(struct sl_sim *, uint32_t peer, uint32_t link, const struct sl_action *);
/* Sends what may leave; after each event of the peer, and when due. */
void sl_sim_pace_turn(struct sl_sim *, uint32_t peer);
void sl_sim_paced(struct sl_sim *, const struct sl_sim_event *);
/* The peer has halted: the greetings that wait leave, and nothing else. */
void sl_sim_pace_end(struct sl_sim *, uint32_t peer);

void sl_sim_send(struct sl_sim *, uint32_t link, uint32_t from, const struct sl_action *);

/* check.c */
/* After an event of a peer: what it shows by itself, at little cost. */
void sl_sim_check_event(struct sl_sim *, uint32_t peer);
/* What its vectors, its edges and its neighbours show. `changed`: only copies that have changed since the last time
 * are looked at; reads the neighbours, writes the peer's own node and links. */
void sl_sim_check_node(struct sl_sim *, uint32_t peer, bool changed);

#endif
