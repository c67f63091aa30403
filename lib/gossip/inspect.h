/* inspect.h — a peer's internal state, for invariant checks, traces and fault injection. For the simulator
 * and tests only: a driver needs gossip/peer.h alone.
 *
 * Views are read-only. Fill them in between two events (sl_peer_step) or during an action. Their pointers
 * belong to the peer and are valid until its next event. */
#ifndef SL_GOSSIP_INSPECT_H
#define SL_GOSSIP_INSPECT_H

#include "gossip/peer.h"

enum sl_phase {
	SL_PHASE_GREETING,   /* exchanging state with the neighbours */
	SL_PHASE_RECOVERING, /* fetching the neighbours' copy of this peer */
	SL_PHASE_SAVING, /* between two rounds: waiting for a checkpoint, before which the neighbours have no
	                    room */
	SL_PHASE_COMPUTING,  /* the local steps are out as a job */
	SL_PHASE_WAITING,    /* the difference is sent; neighbours' tags are awaited */
	SL_PHASE_EVALUATING, /* the test set is out as a job */
	SL_PHASE_SERVING,    /* all rounds done */
	SL_PHASE_HALTED,
	SL_PHASES
};

struct sl_peer_view {
	const struct sl_plan *plan;
	enum sl_phase phase;
	uint32_t round;       /* rounds done */
	uint32_t degree;      /* edges, numbered from 0 */
	uint32_t capacity;    /* most edges that a roster may bring */
	uint64_t incarnation; /* 0 before the start */
	const float *model;   /* plan->dimension floats */

	/* the public copy and its journal */
	uint32_t epoch, version;
	uint64_t digest;     /* of the floats of the copy */
	const uint8_t *copy; /* plan->copy_bytes: plan->copy_floats floats, then the coder's memory */
	uint32_t oldest;     /* version of the oldest frame kept; version + 1: none */
	bool full;           /* the journal had to drop a frame for the newest one, or may for the next */
};
void sl_peer_inspect(const struct sl_peer *, struct sl_peer_view *out);

/* One end of an edge. `mine`: of this peer, `their`: of the neighbour. */
struct sl_edge_view {
	uint32_t neighbour;
	uint32_t since;                /* serial of the roster that added the edge; 0: the first one */
	bool greeted;                  /* both ends know each other's incarnation */
	bool reset;                    /* the step counter is lost; the neighbour's is taken over */
	bool up, late;                 /* heard within link_timeout; not waited for until heard again */
	bool finished, knows_finished; /* the neighbour has finished; it knows that this peer has */
	bool tx_off;                   /* directed: the neighbour is sent no frames */

	/* steps */
	uint32_t step;               /* completed */
	uint32_t tagged;             /* newest step that this end has tagged: step + 1 while mine_open */
	bool mine_open, theirs_open; /* the tag of step + 1: sent by this end; received from the other */
	uint32_t limit;              /* version in this end's last tag */
	bool mine_saved;             /* the copy at `limit` is kept separately, since the public copy has
	                                advanced */
	double term_probe;           /* <plan->probe, the last term that was added to the model> */

	/* the neighbour's journal, as held here */
	uint32_t their_epoch, their_version;
	uint32_t known_epoch; /* newest known epoch of that journal; its copy may not have arrived yet */
	uint64_t their_digest;
	const uint8_t *theirs; /* copy at their_version, plan->copy_bytes */
	bool diverged;         /* it differs from the neighbour's: only a snapshot helps */
	size_t rx_held;        /* bytes of frames held until the open step is complete */

	/* this peer's journal, as the neighbour holds it */
	uint32_t acknowledged; /* version that the neighbour is known to hold */
	uint32_t sent;         /* newest version that was ever sent */
	size_t tx_kept;        /* bytes of frames kept separately for a lagging neighbour */

	uint32_t checkpoint_older; /* their_version in this peer's older checkpoint */
	bool quarantined;
	int64_t refused,
	    repeated; /* frames of the neighbour: malformed or forbidden; ignored as known or outdated */
};
void sl_peer_inspect_edge(const struct sl_peer *, uint32_t edge, struct sl_edge_view *out);

/* Whether this end can still send the tag of a step. */
bool sl_peer_knows_tag(const struct sl_peer *, uint32_t edge, uint32_t step);

/* A setup for a second peer that can load this one's saved state: with its present edges, not those of its
 * original setup. out->neighbours will point to `neighbours`, which has room for SL_DEGREE_MAX; the rest is
 * borrowed from the peer. */
void sl_peer_setup_now(const struct sl_peer *, struct sl_peer_setup *out,
                       struct sl_peer_neighbour *neighbours);

/* Fault injection. Call between two events only. */

/* The model, writable: plan->dimension floats, which must stay finite and never −0. Not while an evaluation
 * job is running. */
float *sl_peer_poison(struct sl_peer *);
/* A header as the peer would send it now to the neighbour at `edge`, valid in every field, for an adversary
 * to modify. `version`, `step`, `tag` and `digest` are 0: the caller sets them. */
struct sl_frame sl_peer_forge(const struct sl_peer *, uint32_t edge, enum sl_frame_kind);
/* Writes the full header, with no field left out, of a frame from this peer to that neighbour; returns its
 * length, 0 if it is not a neighbour. `length`: of the body. */
size_t sl_peer_whole_header(const struct sl_peer *, uint32_t neighbour, const struct sl_frame *,
                            uint32_t length, uint8_t out[static SL_FRAME_HEADER]);

#endif
